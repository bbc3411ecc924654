"""What a stockroom says beyond movements: receipts, picks, conditions, decided returns, readings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.till.translate import translate
from inventory_sync.domain.errors import MalformedPayload, NegativeQuantity
from inventory_sync.domain.external import (
    ConditionChanged,
    Disposition,
    ExpectationChanged,
    ExpectationKind,
    ExpectationRef,
    ExpectationStatus,
    Extent,
    GoodsReceived,
    HeldRef,
    OrderLineRef,
    PickReported,
    ReturnDispositioned,
    SnapshotReceived,
    StockMoved,
)
from tests.connectors.till import goods
from tests.connectors.till.events import delivery, event, line

LINE = OrderLineRef("woo", "482", "91")


def only(document: dict[str, Any], kind: type[Any], **more: Any) -> Any:
    (one,) = translate(delivery(document, **more))
    assert isinstance(one, kind)
    return one


def test_a_receipt_counts_everything_that_arrived_and_says_what_of_it_is_damaged() -> None:
    one = only(goods.receipt(), GoodsReceived)

    assert (one.quantity, one.damaged, one.expected, one.final) == (11, 1, 12, True)
    assert one.expectation == ExpectationRef("erp", "PO-2001")
    assert (one.key, one.transfer, one.reference) == ("T1-000017/1", False, "delivery/D-1")


def test_a_receipt_out_of_transit_answers_the_transfer_of_its_paper() -> None:
    one = only(event("receipt", document={"kind": "transfer", "number": "TR-1"}), GoodsReceived)

    assert (one.transfer, one.expectation) == (True, ExpectationRef("", "transfer/TR-1"))
    assert (one.damaged, one.expected) == (0, None)


def test_a_transfer_moves_goods_out_and_announces_them_at_the_other_store() -> None:
    paper = {"kind": "transfer", "number": "TR-1"}
    body = event("transfer", to_store="BER-2", document=paper, due="2026-11-25")

    moved, announced = translate(delivery(body))

    assert isinstance(moved, StockMoved)
    assert isinstance(announced, ExpectationChanged)
    assert (moved.quantity, moved.location_ref) == (-2, "BER-1")
    assert (announced.ref, announced.kind) == ("transfer/TR-1", ExpectationKind.TRANSFER)
    assert (announced.location_ref, announced.origin_ref) == ("BER-2", "BER-1")
    assert announced.due_at == datetime(2026, 11, 25, tzinfo=UTC)
    assert [(one.item_ref, one.quantity) for one in announced.lines] == [("MUG-BLUE", 2)]
    assert announced.key != moved.key


def test_a_corrected_transfer_is_a_newer_version_of_what_is_on_its_way() -> None:
    body = event("transfer", id="T1-20", to_store="BER-2", corrects="T1-000017", revision=1)

    moved, announced = translate(delivery(body))

    assert isinstance(moved, StockMoved)
    assert isinstance(announced, ExpectationChanged)
    assert (moved.revision, announced.version) == (1, 1)


def test_an_announcement_is_whole_and_has_a_version() -> None:
    one = only(goods.expectation(), ExpectationChanged)

    assert (one.ref, one.version, one.kind, one.status) == (
        "PO-2001", 2, ExpectationKind.PURCHASE, ExpectationStatus.OPEN,
    )  # fmt: skip
    assert (one.location_ref, one.lines[0].quantity) == ("BER-1", 12)


def test_a_cancelled_announcement_may_name_nothing() -> None:
    one = only(goods.expectation(about={"status": "cancelled"}, lines=[]), ExpectationChanged)

    assert (one.status, one.lines) == (ExpectationStatus.CANCELLED, ())


def test_a_pick_says_what_was_found_and_what_was_not() -> None:
    one = only(goods.pick(), PickReported)

    assert (one.order, one.picked, one.short) == (LINE, 1, 1)


def test_stock_changes_its_condition_where_it_stands() -> None:
    one = only(goods.condition(), ConditionChanged)

    assert (one.was, one.condition, one.quantity) == ("", "damaged", 2)


def test_returned_goods_lie_apart_until_somebody_decides() -> None:
    moved = only(event("return", lines=[line(condition="returned")]), StockMoved)
    decided = only(goods.disposition(), ReturnDispositioned)

    assert (moved.quantity, moved.condition) == (2, "returned")
    assert (decided.disposition, decided.was) == (Disposition.RESTOCK, "returned")


def test_lot_and_owner_stand_on_the_line() -> None:
    one = only(event(lines=[line(lot="L-7", owner="brand")]), StockMoved)

    assert (one.lot, one.owner) == ("L-7", "brand")


def test_a_reading_covers_whole_items_and_says_what_its_figures_hold() -> None:
    one = only(goods.snapshot(), SnapshotReceived)

    assert (one.extent, one.location_refs, one.item_refs) == (
        Extent.COMPLETE, ("BER-1",), ("MUG-BLUE", "PEN-RED"),
    )  # fmt: skip
    assert (one.rows[0].quantity, one.rows[0].reserved, one.rows[0].unassigned) == (12, 2, 0)
    assert one.rows[0].held == (HeldRef(LINE, Decimal(2), Decimal(1)),)


def test_a_reading_the_hub_asked_for_is_known_by_its_number() -> None:
    asked = replace(delivery(goods.snapshot(), topic="snapshot.read"), reading=7014)

    (one,) = translate(asked)

    assert one.key == "snapshot:reading:7014"


@pytest.mark.parametrize(
    ("why", "document", "field", "error"),
    [
        ("more damaged than arrived", goods.receipt(lines=[line(damaged="3")]), "lines[0].damaged", None),
        ("less than none damaged", goods.receipt(lines=[line(damaged="-1")]), "lines[0].damaged",
         NegativeQuantity),
        ("nothing arrived", goods.receipt(lines=[line(quantity="0")]), "lines[0].quantity", None),
        ("final in words", goods.receipt(final="yes"), "final", None),
        ("an announcement without key", goods.receipt(expectation={}), "expectation.key", None),
        ("no such status", goods.expectation(about={"status": "late"}), "expectation.status", None),
        ("a day that is none", goods.expectation(about={"due": "2026-02-30"}), "expectation.due", None),
        ("a pick for nobody", goods.pick(order=...), "order", None),
        ("a pick of no line", goods.pick(lines=[line()]), "lines[0].order_line", None),
        ("no decision", goods.disposition(lines=[line()]), "lines[0].disposition", None),
        ("a refund is none", goods.disposition(lines=[line(disposition="refund")]), "lines[0].disposition",
         None),
        ("sellable goods", goods.disposition(lines=[line(disposition="scrap", was="")]), "lines[0].was",
         None),
        ("no change", goods.condition(lines=[line(was="damaged", condition="damaged")]),
         "lines[0].condition", None),
        ("of less than none", goods.condition(lines=[line(quantity="-1", condition="damaged")]),
         "lines[0].quantity", NegativeQuantity),
        ("a row outside", goods.snapshot(items=["PEN-RED"]), "rows[0]", None),
        ("a row twice", goods.snapshot(rows=goods.snapshot()["rows"] * 2), "rows[1]", None),
        ("nothing covered", goods.snapshot(stores=[]), "stores", None),
        ("a name twice", goods.snapshot(items=["A", "A"]), "items", None),
        ("a name that is none", goods.snapshot(items=["MUG-BLUE", 5]), "items.1", None),
        ("an extent that is none", goods.snapshot(extent="most"), "extent", None),
    ],
)  # fmt: skip
def test_a_malformed_event_names_the_path_of_its_field(
    why: str, document: dict[str, Any], field: str, error: type[MalformedPayload] | None
) -> None:
    with pytest.raises(error or MalformedPayload) as caught:
        translate(delivery(document))

    assert caught.value.field == field, why
