"""What a stockroom says, through the real drain on PostgreSQL: from the till's body to levels and cases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inventory_sync.cases.models import Case
from inventory_sync.intake.models import ParkedLine
from inventory_sync.ledger import selectors, selectors_goods
from inventory_sync.ledger.models import Expectation, Movement, Reservation, StockLevel
from tests.factories import change, make_location, make_store, map_location
from tests.pipeline.hub import Hub, open_hub

pytestmark = pytest.mark.django_db


@pytest.fixture
def hub() -> Hub:
    hub = open_hub()
    hub.stocked("MUG", 10, "product:101")
    return hub


def says(hub: Hub, kind: str, *lines: dict[str, Any], **more: Any) -> int:
    """Have the till say something with lines of its own shape; MUG unless a line says otherwise."""
    full = [{"line": number, "sku": "MUG", "uom": "C62", **line} for number, line in enumerate(lines, 1)]
    return hub.till_says(kind, lines=full, **more)


def level(hub: Hub) -> StockLevel:
    return StockLevel.objects.get(item=hub.items["MUG"], location=hub.store)


def state(hub: Hub, number: int) -> tuple[str, str]:
    row = hub.delivery(number)
    return row.state, row.error_code


def test_damaged_goods_arrive_against_an_announcement_and_a_case_says_what_is_missing(hub: Hub) -> None:
    about = {"key": "PO-1", "version": 1, "kind": "purchase", "status": "open", "due": "2026-12-01"}
    says(hub, "expectation", {"quantity": "12"}, expectation=about)
    hub.drain()
    assert selectors_goods.incoming(item_id=hub.items["MUG"].pk) == {hub.store.pk: 12}

    answer = {"expectation": {"key": "PO-1"}, "final": True}
    came = says(hub, "receipt", {"quantity": "11", "damaged": "2"}, **answer)
    hub.drain()

    assert state(hub, came) == ("done", "")
    assert (level(hub).on_hand, level(hub).unavailable) == (21, 2)
    assert selectors_goods.incoming(item_id=hub.items["MUG"].pk) == {}
    case = Case.objects.get(code="goods.receipt_discrepancy")
    assert "11 of 12" in case.summary
    assert "1 missing, 2 damaged" in case.summary


def test_a_corrected_receipt_closes_the_case(hub: Hub) -> None:
    about = {"key": "PO-1", "version": 1, "kind": "purchase", "status": "open"}
    says(hub, "expectation", {"quantity": "12"}, expectation=about)
    says(hub, "receipt", {"quantity": "11"}, expectation={"key": "PO-1"}, final=True)
    hub.drain()
    first = f"ST-1-{hub.sequence}"

    says(hub, "receipt", {"quantity": "12"}, expectation={"key": "PO-1"}, corrects=first, revision=1)
    hub.drain()

    assert Case.objects.get(code="goods.receipt_discrepancy").state == Case.State.RESOLVED
    assert level(hub).on_hand == 22


def test_a_transfer_is_in_transit_until_the_other_store_reports_it(hub: Hub) -> None:
    other = make_store("ST-2", authority=hub.till)
    map_location(hub.till, other, "ST-2", counts_from=True)
    paper = {"document": {"kind": "transfer", "number": "T-1"}}

    says(hub, "transfer", {"quantity": "4"}, to_store="ST-2", **paper)
    hub.drain()
    item = hub.items["MUG"].pk
    assert selectors_goods.in_transit(item_id=item) == {other.pk: 4}
    assert (selectors_goods.incoming(item_id=item), hub.on_hand("MUG")) == ({}, 6)

    says(hub, "receipt", {"quantity": "4"}, store="ST-2", **paper)
    hub.drain()
    assert selectors_goods.in_transit(item_id=item) == {}
    assert StockLevel.objects.get(item_id=item, location=other).on_hand == 4
    assert Movement.objects.filter(kind="transfer_in").count() == 1


def test_returned_goods_cannot_be_sold_until_somebody_decides(hub: Hub) -> None:
    says(hub, "return", {"quantity": "3", "condition": "returned"})
    hub.drain()
    assert (level(hub).on_hand, level(hub).unavailable) == (13, 3)

    decided = [{"quantity": "1", "disposition": what} for what in ("restock", "quarantine", "scrap")]
    says(hub, "disposition", *decided)
    hub.drain()

    assert (level(hub).on_hand, level(hub).unavailable) == (12, 1)
    assert [(part.condition, part.quantity) for part in selectors_goods.parts_of(level(hub))] == [
        ("", 11),
        ("quarantine", 1),
    ]
    assert selectors.verify() == []


def test_a_pick_moves_the_line_on_and_a_short_one_opens_a_case(hub: Hub) -> None:
    hub.order(482, (91, 101, 2))
    hub.drain()
    order = {"source": hub.shop.code, "number": "482"}

    says(hub, "pick", {"quantity": "1", "short": "1", "order_line": "91"}, order=order)
    hub.drain()
    assert Reservation.objects.get().state == "committed"
    assert "1 of item" in Case.objects.get(code="pick.short").summary

    says(hub, "pick", {"quantity": "1", "order_line": "91"}, order=order)
    hub.drain()
    assert Reservation.objects.get().state == "picked"
    assert hub.on_hand("MUG") == 10


def test_lot_and_owner_are_kept_where_a_place_tracks_them_and_asked_for(hub: Hub) -> None:
    change(hub.store, tracks_lots=True)

    silent = says(hub, "sale", {"quantity": "1"})
    named = says(hub, "sale", {"quantity": "2", "lot": "L-7", "owner": "brand"})
    hub.drain()

    assert state(hub, silent) == ("parked", "report.attribute_missing")
    assert state(hub, named) == ("done", "")
    movement = Movement.objects.latest("id")
    assert (movement.lot, movement.owner) == ("L-7", "")
    parts = {(part.lot, part.quantity) for part in selectors_goods.parts_of(level(hub))}
    assert parts == {("", 10), ("L-7", -2)}
    assert sum(part.quantity for part in selectors_goods.parts_of(level(hub))) == level(hub).on_hand == 8


def test_a_line_nobody_knows_leaves_the_rest_of_an_announcement_standing(hub: Hub) -> None:
    about = {"key": "PO-1", "version": 1, "kind": "advice", "status": "open"}
    parked = says(hub, "expectation", {"quantity": "5"}, {"sku": "??", "quantity": "7"}, expectation=about)
    hub.drain()

    assert state(hub, parked) == ("parked", "mapping.item_unknown")
    assert [line.open for line in Expectation.objects.get().lines.all()] == [5]
    assert ParkedLine.objects.get().waits_on == "item:??"


# ── readings ─────────────────────────────────────────────────────────────────────────────────────────


def reading(hub: Hub, number: int, rows: list[dict[str, str]], **more: Any) -> int:
    body = {
        "extent": "complete", "stores": ["WH-F"], "items": ["MUG"], "rows": rows,
        "time": hub.clock().isoformat(), **more,
    }  # fmt: skip
    stored = hub.receive(
        hub.till, json.dumps(body).encode(), topic="snapshot.read", source="read", reading=number
    )
    assert stored is not None
    return stored


@pytest.fixture
def shelf(hub: Hub) -> Any:
    place = make_location("WH-F", mode="figures", authority=hub.till)
    map_location(hub.till, place, "WH-F", counts_from=True)
    return place


def test_a_complete_reading_says_0_of_what_it_does_not_name_and_a_partial_one_nothing(
    hub: Hub, shelf: Any
) -> None:
    def figures() -> tuple[Any, ...]:
        row = StockLevel.objects.filter(item=hub.items["MUG"], location=shelf).first()
        return () if row is None else (row.on_hand, row.known, row.reserved)

    reading(hub, 1, [], extent="partial")
    hub.drain()
    assert figures() == ()

    reading(hub, 2, [{"store": "WH-F", "sku": "MUG", "quantity": "7", "reserved": "2"}])
    hub.drain()
    assert figures() == (7, True, 2)

    reading(hub, 4, [])
    hub.drain()
    assert figures() == (0, True, 0)


def test_a_cut_reading_says_nothing_and_makes_what_it_covers_unknown(hub: Hub, shelf: Any) -> None:
    reading(hub, 2, [{"store": "WH-F", "sku": "MUG", "quantity": "7"}])
    hub.drain()
    reading(hub, 3, [{"store": "WH-F", "sku": "MUG", "quantity": "1"}], extent="cut")
    hub.drain()

    row = StockLevel.objects.get(item=hub.items["MUG"], location=shelf)
    assert (row.on_hand, row.known) == (7, False)
