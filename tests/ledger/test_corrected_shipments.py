"""A life the state machine found, and nobody has mended yet: what a corrected shipment takes off a line."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from inventory_sync.domain.routing import ReserveMode
from tests.ledger.acts_books import BooksActs
from tests.ledger.acts_orders import OrderActs
from tests.ledger.acts_requests import RequestActs
from tests.ledger.acts_stock import StockActs
from tests.ledger.stage import Stage


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="Known fault: a shipment corrected twice, for a line that had become another article, takes one "
    "unit too many off the line.",
)
@pytest.mark.django_db(transaction=True)
def test_a_shipment_corrected_twice_takes_off_its_line_what_it_says_last() -> None:
    class Machine(StockActs, OrderActs, RequestActs, BooksActs):
        stage = Stage()
        acts: Counter[str] = Counter()

        def correctable(self) -> list[Any]:
            return [each for each in self.facts.effective() if each.kind.value != "figure"]

    life: Any = Machine()
    life._initialize_rules_to_run = []  # as if the machine had begun by itself
    try:
        life.a_shelf_is_counted(earlier=0, found=0, pick=0, tie=None)
        life.a_shipment_comes_before_its_order(pick=0, quantity=1)
        life.a_kit_is_sold_beside_its_component(kits=1, loose=1, pick=0)
        life.a_line_becomes_another_article(pick=0)
        life.a_line_becomes_another_article(pick=0)
        life.the_authority_ships(earlier=0, pick=0, quantity=1, whole=False)
        life.a_shelf_is_counted(earlier=0, found=0, pick=0, tie=None)
        life.the_authority_ships(earlier=0, pick=0, quantity=1, whole=False)
        life.the_books_are_read(pick=0, quantity=0, reserved=0, slow=False)
        life.a_shelf_is_counted(earlier=0, found=0, pick=0, tie=None)
        life.an_application_reserves(hold=None, mode=ReserveMode.ALL_OR_NOTHING, wants=[(0, 1)])
        life.a_report_is_corrected(elsewhere=False, pick=65536, quantity=0)
        life.a_shelf_is_counted(earlier=0, found=0, pick=0, tie=None)
        life.a_report_is_corrected(elsewhere=False, pick=3672, quantity=2)
    finally:
        life._play.__exit__(None, None, None)
