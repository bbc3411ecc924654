"""Mirrored movements in Odoo: one picking per document under a name of ours, booked once or provably not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inventory_sync.domain.commands import DocumentState
from inventory_sync.domain.errors import (
    RemoteRefused,
)
from inventory_sync.domain.external import Reason
from tests.connectors.odoo.hall import Hall, document, id_of


@pytest.fixture(params=[18, 19])
def hall(request):
    return Hall(request.param)


def state(hall, name):
    return hall.client.read_documents([name])[name]


def usages(hall, name):
    """Return between what kinds of location a document was booked."""
    picking = hall.pickings(name)[0]
    kind = {row["id"]: row["usage"] for row in hall.rows("stock.location")}
    moves = hall.rows("stock.move", ("picking_id", "=", picking["id"]))
    return {(kind[move["location_id"]], kind[move["location_dest_id"]]) for move in moves}


def lots_of(hall, item):
    rows = hall.rows("stock.quant", ("product_id", "=", id_of(item)), ("location_id.usage", "=", "internal"))
    names = {row["id"]: row["name"] for row in hall.rows("stock.lot")}
    return {names.get(row["lot_id"], ""): row["quantity"] for row in rows if row["quantity"]}


# ── booking ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_document_is_booked_once_under_its_name(hall):
    mug = hall.product("MUG", stock=10)
    sale = document(hall, "SYNC-a-1", (mug, 2))

    first = hall.client.book_documents([sale])
    second = hall.client.book_documents([sale])

    assert [done.error for done in first + second] == [None, None]
    assert first[0].document == "SYNC-a-1"
    assert state(hall, "SYNC-a-1") is DocumentState.BOOKED
    assert hall.on_hand(mug) == 8
    assert hall.pickings("SYNC-a-1")[0]["origin"] == "what a person reads"


def test_a_batch_is_one_create_and_one_validation(hall):
    mug = hall.product("MUG", stock=500)
    documents = [document(hall, f"SYNC-a-{n}", (mug, 1)) for n in range(100)]

    results = hall.client.book_documents(documents)

    assert {done.error for done in results} == {None}
    assert hall.writes() == ["stock.picking.create", "stock.picking.button_validate"]
    assert hall.on_hand(mug) == 400


def test_what_is_booked_already_is_neither_looked_up_nor_sent(hall):
    mug = hall.product("MUG", stock=10)
    sale = document(hall, "SYNC-a-1", (mug, 2))
    hall.client.book_documents([sale])
    hall.calls.clear()

    hall.client.book_documents([sale])

    assert hall.calls == ["stock.picking.web_search_read"]


def test_stock_goes_below_zero_because_it_happened(hall):
    mug = hall.product("MUG", stock=1)

    hall.client.book_documents([document(hall, "SYNC-a-1", (mug, 3))])

    assert hall.on_hand(mug) == -2


def test_lines_of_one_product_are_one_move(hall):
    mug, cup = hall.product("MUG", stock=10), hall.product("CUP", stock=10)

    hall.client.book_documents([document(hall, "SYNC-a-1", (mug, 2), (cup, "0.5"), (mug, 3))])

    moves = hall.rows("stock.move", ("picking_id", "=", hall.pickings("SYNC-a-1")[0]["id"]))
    assert sorted(move["quantity"] for move in moves) == [0.5, 5]
    assert (hall.on_hand(mug), hall.on_hand(cup)) == (5, Decimal("9.5"))


@pytest.mark.parametrize(
    ("reason", "arrives", "ends"),
    [
        (Reason.SALE, False, ("internal", "customer")),
        (Reason.SHIPMENT, False, ("internal", "customer")),
        (Reason.RETURN, True, ("customer", "internal")),
        (Reason.RECEIPT, True, ("supplier", "internal")),
        (Reason.RECEIPT, False, ("internal", "supplier")),
        (Reason.TRANSFER_OUT, False, ("internal", "transit")),
        (Reason.TRANSFER_IN, True, ("transit", "internal")),
        (Reason.ADJUSTMENT, True, ("inventory", "internal")),
        (Reason.ADJUSTMENT, False, ("internal", "inventory")),
        (Reason.SCRAP, False, ("internal", "inventory")),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else str(value),
)
def test_a_reason_says_between_which_locations_it_is_booked(hall, reason, arrives, ends):
    mug = hall.product("MUG", stock=10)

    result = hall.client.book_documents(
        [document(hall, "SYNC-a-1", (mug, 4), reason=reason, arrives=arrives)]
    )[0]

    assert result.error is None
    assert usages(hall, "SYNC-a-1") == {ends}
    assert hall.on_hand(mug) == (14 if arrives else 6)


def test_scrap_goes_to_the_scrap_location_where_odoo_has_one_of_its_own(hall):
    mug = hall.product("MUG", stock=10)

    hall.client.book_documents([document(hall, "SYNC-a-1", (mug, 1), reason=Reason.SCRAP)])

    move = hall.rows("stock.move", ("picking_id", "=", hall.pickings("SYNC-a-1")[0]["id"]))[0]
    target = hall.rows("stock.location", ("id", "=", move["location_dest_id"]))[0]
    assert hall.version == 19 or target["scrap_location"] is True


def test_both_legs_of_a_transfer_leave_nothing_in_transit(hall):
    mug = hall.product("MUG", stock=10)
    east = hall.twin.call("stock.warehouse", "create", vals_list=[{"name": "East", "code": "EA"}])[0]
    legs = [
        document(hall, "SYNC-a-1", (mug, 4), reason=Reason.TRANSFER_OUT),
        document(
            hall, "SYNC-a-2", (mug, 4), reason=Reason.TRANSFER_IN, arrives=True, place=f"warehouse:{east}"
        ),
    ]

    hall.client.book_documents(legs)

    transit = hall.rows("stock.quant", ("location_id.usage", "=", "transit"))
    assert sum(row["quantity"] for row in transit) == 0
    assert hall.on_hand(mug) == 10


def test_a_place_outside_every_warehouse_is_booked_at_its_own_location(hall):
    mug = hall.product("MUG")
    with hall.twin.env() as env:
        depot = env.create("stock.location", {"name": "Depot", "usage": "internal"})

    hall.client.book_documents(
        [
            document(
                hall,
                "SYNC-a-1",
                (mug, 4),
                reason=Reason.ADJUSTMENT,
                arrives=True,
                place=f"location:{depot}",
            )
        ]
    )

    quants = hall.rows("stock.quant", ("location_id", "=", depot))
    assert [row["quantity"] for row in quants] == [4]


def test_the_internal_operation_serves_although_it_is_not_active(hall):
    mug = hall.product("MUG")
    kinds = hall.rows("stock.picking.type", ("code", "=", "internal"))
    hall.write("stock.picking.type", [row["id"] for row in kinds], active=False)

    result = hall.client.book_documents(
        [document(hall, "SYNC-a-1", (mug, 4), reason=Reason.ADJUSTMENT, arrives=True)]
    )[0]

    assert result.error is None
    assert hall.on_hand(mug) == 4


def test_an_archived_product_is_booked_because_it_still_lies_on_a_shelf(hall):
    mug = hall.product("MUG", stock=10)
    hall.archive(mug)

    assert hall.client.book_documents([document(hall, "SYNC-a-1", (mug, 1))])[0].error is None
    assert hall.on_hand(mug) == 9


# ── lots ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_lots_arrive_under_their_names_and_leave_from_them(hall):
    milk = hall.product("MILK", tracking="lot")
    hall.client.book_documents(
        [
            document(hall, "SYNC-a-1", (milk, 6, "L1"), (milk, 4, "L2"), reason=Reason.RECEIPT, arrives=True),
            document(hall, "SYNC-a-2", (milk, 1, "L1"), reason=Reason.ADJUSTMENT, arrives=True),
        ]
    )

    result = hall.client.book_documents([document(hall, "SYNC-a-3", (milk, 2, "L1"))])[0]

    assert result.error is None
    assert lots_of(hall, milk) == {"L1": 5, "L2": 4}


@pytest.mark.parametrize(
    ("lot", "word"), [("", "names none"), ("L9", "knows no lot")], ids=["no lot", "a lot Odoo does not know"]
)
def test_a_tracked_product_without_its_lot_is_refused_in_words(hall, lot, word):
    milk = hall.product("MILK", tracking="lot")

    result = hall.client.book_documents([document(hall, "SYNC-a-1", (milk, 2, lot))])[0]

    assert isinstance(result.error, RemoteRefused)
    assert word in result.error.detail
    assert state(hall, "SYNC-a-1") is DocumentState.ABSENT


def test_expired_goods_that_have_left_are_booked_without_asking_back(hall):
    milk = hall.product("MILK", tracking="lot")
    hall.client.book_documents(
        [document(hall, "SYNC-a-1", (milk, 6, "L1"), reason=Reason.RECEIPT, arrives=True)]
    )
    lot = hall.rows("stock.lot", ("name", "=", "L1"))[0]["id"]
    hall.write("stock.lot", [lot], expiration_date="2020-01-01 00:00:00")

    result = hall.client.book_documents([document(hall, "SYNC-a-2", (milk, 2, "L1"))])[0]

    assert result.error is None
    assert lots_of(hall, milk) == {"L1": 4}


def test_a_lot_that_19_has_archived_still_leaves():
    hall = Hall(19)
    milk = hall.product("MILK", tracking="lot")
    hall.client.book_documents(
        [document(hall, "SYNC-a-1", (milk, 6, "L1"), reason=Reason.RECEIPT, arrives=True)]
    )
    hall.write("stock.lot", [hall.rows("stock.lot")[0]["id"]], active=False)

    result = hall.client.book_documents([document(hall, "SYNC-a-2", (milk, 2, "L1"))])[0]

    assert result.error is None
    assert lots_of(hall, milk) == {"L1": 4}
