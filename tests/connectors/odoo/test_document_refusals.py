"""Documents that cannot be booked, or that people touched: alone, in words, and provably not booked twice."""

from __future__ import annotations

import pytest

from connectors.odoo.twin_seed import add_company
from connectors.odoo.twin_users import add_key, add_user
from inventory_sync.domain.commands import DocumentState
from inventory_sync.domain.errors import (
    CancelledThere,
    LeftOpen,
    NotApplied,
    OutcomeUnknown,
    RemoteRefused,
    Unsupported,
)
from tests.connectors.odoo.hall import Hall, book, document, id_of


@pytest.fixture(params=[18, 19])
def hall(request):
    return Hall(request.param)


def state(hall, name):
    return hall.client.read_documents([name])[name]


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("item", "quantity", "word"),
    [
        ("product:4711", 1, "no product 4711"),
        ("service", 1, "keeps no stock"),
        ("mug", "0.001", "does not fit its unit"),
        ("mug", 0, "cannot be booked"),
    ],
    ids=["gone", "not kept in stock", "finer than its unit", "nothing"],
)
def test_what_cannot_be_booked_is_refused_in_words_before_anything_is_sent(hall, item, quantity, word):
    items = {"mug": hall.product("MUG"), "service": hall.product("WRAP", is_storable=False)}
    hall.calls.clear()

    result = hall.client.book_documents([document(hall, "SYNC-a-1", (items.get(item, item), quantity))])[0]

    assert isinstance(result.error, RemoteRefused)
    assert word in result.error.detail
    assert hall.writes() == []


def test_a_place_that_odoo_does_not_have_is_refused(hall):
    mug = hall.product("MUG")

    results = hall.client.book_documents(
        [
            document(hall, "SYNC-a-1", (mug, 1), place="warehouse:99"),
            document(hall, "SYNC-a-2", (mug, 1), place="shop"),
        ]
    )

    assert isinstance(results[0].error, RemoteRefused)
    assert isinstance(results[1].error, Unsupported)


@pytest.mark.parametrize("method", ["create", "button_validate"])
def test_a_document_that_odoo_itself_refuses_fails_alone_and_nothing_of_it_is_booked(hall, method):
    """The product is made tracked by lot between our look and the call."""
    mug, milk = hall.product("MUG", stock=100), hall.product("MILK", stock=100)
    documents = [document(hall, f"SYNC-a-{n}", (mug, 1), (milk if n == 3 else mug, 1)) for n in range(8)]
    spoil(hall, f"stock.picking.{method}", milk)

    results = hall.client.book_documents(documents)

    assert [n for n, done in enumerate(results) if done.error] == [3]
    assert isinstance(results[3].error, RemoteRefused)
    assert state(hall, "SYNC-a-3") is DocumentState.ABSENT
    assert hall.on_hand(mug) == 100 - 14
    assert hall.on_hand(milk) == 100


def test_a_refused_document_is_booked_under_the_same_name_once_the_reason_is_gone(hall):
    milk = hall.product("MILK", stock=100)
    spoil(hall, "stock.picking.button_validate", milk)
    sale = document(hall, "SYNC-a-1", (milk, 1))
    refused = hall.client.book_documents([sale])[0]
    set_tracking(hall, milk, "none")

    booked = hall.client.book_documents([sale])[0]

    assert (refused.error is None, booked.error) == (False, None)
    assert hall.on_hand(milk) == 99


def test_an_ordinary_user_of_inventory_cancels_what_it_may_not_delete_and_gives_the_name_back(hall):
    milk, mug = hall.product("MILK", stock=100), hall.product("MUG", stock=100)
    key = "0123456789abcdef0123456789abcdef01234567"
    with hall.twin.env() as env:
        groups = ("stock.group_stock_user", "sales_team.group_sale_salesman_all_leads")
        add_key(env, add_user(env, "sync", groups, [1], email="sync@example.com"), "test", days=90, key=key)
    client = hall.new_client(login="sync", api_key=key)
    spoil(hall, "stock.picking.button_validate", milk)
    documents = [document(hall, "SYNC-a-1", (milk, 1)), document(hall, "SYNC-a-2", (mug, 1))]

    refused, booked = client.book_documents(documents)

    assert isinstance(refused.error, RemoteRefused)
    assert booked.error is None
    assert state(hall, "SYNC-a-1") is DocumentState.ABSENT
    assert {row["state"] for row in hall.rows("stock.picking", ("name", "like", "SYNC-a-1"))} == {"cancel"}
    set_tracking(hall, milk, "none")
    assert client.book_documents(documents[:1])[0].error is None
    assert (hall.on_hand(milk), hall.on_hand(mug)) == (99, 99)


def test_what_is_refused_and_cannot_be_removed_is_said_to_stand_open(hall):
    milk = hall.product("MILK", stock=100)
    spoil(hall, "stock.picking.button_validate", milk)
    write = hall.client.odoo.write

    def keeps(model, method, **named):
        if method in ("unlink", "action_cancel"):
            raise RemoteRefused("A rule of this database forbids it.")
        return write(model, method, **named)

    hall.client.odoo.write = keeps
    result = hall.client.book_documents([document(hall, "SYNC-a-1", (milk, 1))])[0]

    assert isinstance(result.error, LeftOpen)
    assert state(hall, "SYNC-a-1") is DocumentState.OPEN
    assert hall.on_hand(milk) == 100


def test_a_window_instead_of_the_work_is_no_booking(hall):
    """Staff take away part of the quantity between our two calls: Odoo asks whether to make a backorder."""
    mug = hall.product("MUG", stock=10)

    def lower(what, made):
        if what == "stock.picking.button_validate":
            hall.before_call = None
            move = hall.rows("stock.move", ("picking_id.name", "=", "SYNC-a-1"))[0]
            hall.write("stock.move", [move["id"]], quantity=1, picked=True)

    hall.before_call = lower
    result = hall.client.book_documents([document(hall, "SYNC-a-1", (mug, 4))])[0]

    assert isinstance(result.error, NotApplied)
    assert "stock.backorder.confirmation" in result.error.detail
    assert state(hall, "SYNC-a-1") is DocumentState.ABSENT
    assert hall.on_hand(mug) == 10


def test_a_window_after_the_work_is_a_booking(hall):
    """A database may print slips or show a reception report once the transfer is done."""
    mug = hall.product("MUG", stock=10)
    write = hall.client.odoo.write

    def prints(model, method, **named):
        result = write(model, method, **named)
        report = {"type": "ir.actions.client", "tag": "do_multi_print"}
        return report if method == "button_validate" else result

    hall.client.odoo.write = prints

    assert hall.client.book_documents([document(hall, "SYNC-a-1", (mug, 4))])[0].error is None
    assert hall.on_hand(mug) == 6


# ── what staff did to a document ─────────────────────────────────────────────────────────────────────────


def test_a_document_cancelled_in_odoo_is_said_to_be_cancelled_and_its_neighbours_are_booked(hall):
    mug = hall.product("MUG", stock=10)
    sale = document(hall, "SYNC-a-1", (mug, 2))
    leave_open(hall, sale)
    hall.twin.call("stock.picking", "action_cancel", [hall.pickings("SYNC-a-1")[0]["id"]])

    results = hall.client.book_documents([sale, document(hall, "SYNC-a-2", (mug, 1))])

    assert isinstance(results[0].error, CancelledThere)
    assert results[1].error is None
    assert state(hall, "SYNC-a-1") is DocumentState.CANCELLED
    assert hall.on_hand(mug) == 9


def test_an_open_document_is_validated_as_it_stands(hall):
    mug = hall.product("MUG", stock=10)
    sale = document(hall, "SYNC-a-1", (mug, 2))
    leave_open(hall, sale)
    hall.calls.clear()

    hall.client.book_documents([sale])

    assert hall.writes() == ["stock.picking.button_validate"]
    assert hall.on_hand(mug) == 8


def test_an_open_document_that_was_edited_is_written_again_as_it_happened(hall):
    mug = hall.product("MUG", stock=10)
    sale = document(hall, "SYNC-a-1", (mug, 2))
    leave_open(hall, sale)
    move = hall.rows("stock.move", ("picking_id.name", "=", "SYNC-a-1"))[0]
    hall.write("stock.move", [move["id"]], quantity=5)

    result = hall.client.book_documents([sale])[0]

    assert result.error is None
    assert hall.on_hand(mug) == 8
    assert len(hall.pickings("SYNC-a-1")) == 1


def test_the_same_name_in_another_company_is_not_ours(hall):
    mug = hall.product("MUG", stock=10)
    with hall.twin.env() as env:
        other = add_company(env, "Other Company")
        house = env.create("stock.warehouse", {"name": "Other", "code": "OT", "company_id": other})
        kind = env.rows("stock.warehouse", [("id", "=", house)])[0]["int_type_id"]
        ends = {"location_id": hall.stock, "location_dest_id": hall.stock}
        env.create(
            "stock.picking",
            {"name": "SYNC-a-1", "picking_type_id": kind, "company_id": other, **ends},
        )

    before = state(hall, "SYNC-a-1")
    result = hall.client.book_documents([document(hall, "SYNC-a-1", (mug, 2))])[0]

    assert (before, result.error) == (DocumentState.ABSENT, None)
    assert hall.on_hand(mug) == 8
    assert len(hall.pickings("SYNC-a-1")) == 2


def set_tracking(hall, item, tracking):
    row = hall.rows("product.product", ("id", "=", id_of(item)))[0]
    with hall.twin.env() as env:
        env.write("product.template", [row["product_tmpl_id"]], {"tracking": tracking})


def spoil(hall, call, item):
    """Have a product tracked by lot just before this call, so that Odoo refuses what names none."""

    def act(what, made):
        if what == call:
            hall.before_call = None
            set_tracking(hall, item, "lot")

    hall.before_call = act


def leave_open(hall, sale):
    """Have a document created and not validated, as a lost answer or a killed worker leaves it."""

    def away(what, made):
        if what == "stock.picking.button_validate":
            hall.before_call = None
            hall.twin.faults.inject("timeout_lost", count=1, only="write")

    hall.before_call = away
    with pytest.raises(OutcomeUnknown):
        hall.client.book_documents([sale])
    assert hall.client.read_documents([sale.name])[sale.name] is DocumentState.OPEN


def test_what_the_hub_does_after_a_refusal_ends(hall):
    """The loop of reading and booking ends with a refusal as well as with a booking."""
    milk = hall.product("MILK", tracking="lot")

    results = book(hall, [document(hall, "SYNC-a-1", (milk, 1))])

    assert isinstance(results[0].error, RemoteRefused)
