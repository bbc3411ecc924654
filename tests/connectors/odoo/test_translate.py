"""What readings and lines of Odoo come to as external events."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.odoo.translate import translate
from inventory_sync.domain.errors import MalformedPayload, Unsupported
from inventory_sync.domain.external import (
    Extent,
    HeldRef,
    ObjectHinted,
    OrderLineRef,
    Reason,
    SnapshotReceived,
    SnapshotRow,
    StockMoved,
)
from tests.connectors.odoo.readings import NOW, delivery, line, reading, row


def test_a_reading_is_complete_for_its_items_at_all_its_places():
    (found,) = translate(delivery("figures.read", reading(), reading_number=7))

    assert found == SnapshotReceived(
        key="reading:7:product:17",
        extent=Extent.COMPLETE,
        location_refs=("warehouse:1", "location:42"),
        item_refs=("product:17", "product:18"),
        rows=(
            SnapshotRow(
                "product:17", "warehouse:1", Decimal("12.5"), Decimal(3), Decimal(1), Decimal(2),
                held=(HeldRef(OrderLineRef("woo", "482", "91"), Decimal(3), Decimal(1)),),
            ),
        ),
        occurred_at=NOW,
    )  # fmt: skip


def test_a_product_that_is_gone_holds_nothing_anywhere():
    (found,) = translate(delivery("item.gone", reading(items=["product:9"], rows=[]), reading_number=8))

    assert isinstance(found, SnapshotReceived)
    assert (found.extent, found.item_refs, found.rows) == (Extent.COMPLETE, ("product:9",), ())


def test_a_reading_of_nothing_says_nothing():
    assert translate(delivery("figures.read", reading(items=[], rows=[]))) == []


def test_odoo_may_reserve_less_than_nothing_and_be_owed_stock():
    (found,) = translate(delivery("figures.read", reading(rows=[row(quantity="-4", reserved="-1")])))

    assert isinstance(found, SnapshotReceived)
    assert (found.rows[0].quantity, found.rows[0].reserved) == (Decimal(-4), Decimal(0))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rows": [row(item="product:99")]}, "of what it does not cover"),
        ({"rows": [row(), row()]}, "twice of the same item"),
        ({"rows": [row(held=[["woo", "482", "91", "1", "2"]])]}, "more delivered than contained"),
        ({"rows": [row(held=[["woo", "482", "91"]])]}, "a line without its quantities"),
        ({"places": ["elsewhere"]}, "a place that is none"),
        ({"items": ["sku:1"]}, "an item that is none"),
        ({"at": "2026-11-23 05:00:00"}, "a time without its zone"),
    ],
)
def test_a_reading_that_contradicts_itself_is_refused(changes: dict[str, Any], reason: str):
    with pytest.raises(MalformedPayload):
        translate(delivery("figures.read", reading(**changes)))


def test_a_transfer_between_places_is_two_legs():
    leaves, comes = translate(delivery("lines.read", {"lines": [line()]}))

    assert isinstance(leaves, StockMoved)
    assert isinstance(comes, StockMoved)
    assert (leaves.key, leaves.location_ref, leaves.quantity, leaves.reason) == (
        "line:12:warehouse:1", "warehouse:1", Decimal(-4), Reason.TRANSFER_OUT,
    )  # fmt: skip
    assert (comes.key, comes.location_ref, comes.quantity, comes.reason) == (
        "line:12:warehouse:2", "warehouse:2", Decimal(4), Reason.TRANSFER_IN,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "quantity", "reason"),
    [
        ({"to": "", "is": "customer"}, -4, Reason.SALE),
        ({"to": "", "is": "supplier"}, -4, Reason.RECEIPT),
        ({"to": "", "is": "inventory"}, -4, Reason.ADJUSTMENT),
        ({"to": "", "is": "scrap"}, -4, Reason.SCRAP),
        ({"to": "", "is": "production"}, -4, Reason.ADJUSTMENT),
        ({"to": "", "is": "transit"}, -4, Reason.TRANSFER_OUT),
        ({"from": "", "was": "customer"}, 4, Reason.RETURN),
        ({"from": "", "was": "supplier"}, 4, Reason.RECEIPT),
        ({"from": "", "was": "inventory"}, 4, Reason.ADJUSTMENT),
        ({"from": "", "was": "transit"}, 4, Reason.TRANSFER_IN),
    ],
)
def test_the_other_end_of_a_line_says_why_stock_moved(changes: Any, quantity: int, reason: Reason):
    (found,) = translate(delivery("lines.read", {"lines": [line(**changes)]}))

    assert isinstance(found, StockMoved)
    assert (found.quantity, found.reason) == (Decimal(quantity), reason)


def test_a_line_that_was_changed_afterwards_is_a_higher_revision_under_its_key():
    (first, _), (second, _) = (
        translate(delivery("lines.read", {"lines": [line(write_date=when)]}))
        for when in ("2026-11-23 02:30:01", "2026-11-23 09:00:00")
    )

    assert isinstance(first, StockMoved)
    assert isinstance(second, StockMoved)
    assert first.key == second.key
    assert first.revision < second.revision < 2**31


def test_a_webhook_names_what_to_read_and_nothing_else():
    (found,) = translate(delivery("hint", {"_model": "stock.quant", "_id": 39, "product_id": 17}, number=5))

    assert found == ObjectHinted("hint:item:product:17:5", "item", "product:17", "stock.quant 39 changed", 2)


def test_a_topic_of_nobody_is_unsupported():
    with pytest.raises(Unsupported):
        translate(delivery("orders.read", {}))
