"""Staff commit, approve, extend and release reservations: with permission and reason, written down."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from inventory_sync.audit.models import Entry
from inventory_sync.domain.requests import Act
from inventory_sync.ledger.models import Order
from inventory_sync.ledger.request_types import Request, RequestLine
from inventory_sync.ledger.requests import decide_requests
from inventory_sync.ledger.store import PostgresLedger
from inventory_sync.pipeline.terms import read_book
from inventory_sync.support.clock import utc_now
from tests.api.reserve.conftest import Shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def held() -> Order:
    """A reservation of two mugs, held for review."""
    shop = Shop()
    shop.count(5)
    asked = Request(
        Act.RESERVE,
        shop.channel.pk,
        "cart-1",
        lines=(RequestLine("1", shop.mug.pk, Decimal(2)),),
        review=True,
    )
    with transaction.atomic():
        decide_requests([asked], terms=read_book(now=utc_now()).terms, store=PostgresLedger(), now=utc_now())
    return Order.objects.get(order_ref="cart-1")


def deed(name: str, order: Order) -> str:
    return f"{reverse('admin:ledger_order_deed', args=[name])}?ids={order.pk}"


def state(order: Order) -> str:
    return str(order.reservations.get().state)


def test_an_approval_makes_a_sale_and_is_written_down(boss: Client, held: Order) -> None:
    boss.post(deed("approve", held), {"reason": "address checked"})

    assert state(held) == "committed"
    entry = Entry.objects.get(action="reservation.approved")
    assert (entry.actor_name, entry.reason) == ("boss", "address checked")


def test_a_release_gives_stock_back(boss: Client, held: Order) -> None:
    boss.post(deed("release", held), {"reason": "fraud"})

    assert state(held) == "released"
    assert held.reservations.get().reason == "fraud"


def test_what_the_rules_refuse_is_said_and_not_done(boss: Client, held: Order) -> None:
    answer = boss.post(deed("commit", held), {"reason": "hurry"}, follow=True)

    assert state(held) == "held"
    assert "approve" in answer.content.decode()
    assert not Entry.objects.filter(action="reservation.committed").exists()


def test_seeing_orders_is_not_enough_to_decide_them(signed_in, held: Order) -> None:
    client = signed_in("ledger.view_order")

    assert client.post(deed("release", held), {"reason": "let me"}).status_code == 403
    assert state(held) == "held"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("yes", True), ("held", True), ("review", True), ("short", False), ("expiring", False)],
)
def test_those_that_need_a_look_are_found(boss: Client, held: Order, wanted: str, found: bool) -> None:
    page = boss.get(reverse("admin:ledger_order_changelist"), {"asked": wanted}).content.decode()

    assert ("cart-1" in page) == found
