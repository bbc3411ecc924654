"""Copies of orders that Odoo cannot keep: refused one by one, in words for people."""

from __future__ import annotations

import pytest

from connectors.odoo.twin_seed import add_company
from inventory_sync.domain.commands import CopyState
from inventory_sync.domain.errors import Misconfigured, RemoteRefused, Unsupported
from tests.connectors.odoo.hall import Hall, copy_of, id_of


@pytest.fixture(params=[18, 19])
def hall(request):
    return Hall(request.param)


def test_an_archived_product_is_refused_in_words_and_its_neighbours_are_written(hall):
    mug, gone = hall.product("MUG"), hall.product("GONE")
    hall.archive(gone)
    good, bad = copy_of(hall, "1", ("1", mug, 1)), copy_of(hall, "2", ("1", mug, 1), ("2", gone, 1))

    results = hall.client.write_copies([good, bad])

    assert results[0].error is None
    assert isinstance(results[1].error, RemoteRefused)
    assert "archived" in results[1].error.detail
    assert [copy.state for copy in hall.client.read_copies([good, bad])] == [
        CopyState.DRAFT,
        CopyState.ABSENT,
    ]


def test_a_product_of_another_company_is_refused_in_words(hall):
    theirs = hall.product("THEIRS")
    with hall.twin.env() as env:
        company = add_company(env, "Other Company")
    template = hall.rows("product.product", ("id", "=", id_of(theirs)))[0]["product_tmpl_id"]
    with hall.twin.env() as env:
        env.write("product.template", [template], {"company_id": company})

    error = hall.client.write_copies([copy_of(hall, "1", ("1", theirs, 1))])[0].error

    assert isinstance(error, RemoteRefused)
    assert "another company" in error.detail


def test_a_product_that_is_gone_is_refused_in_words(hall):
    error = hall.client.write_copies([copy_of(hall, "1", ("1", "product:4711", 1))])[0].error

    assert isinstance(error, RemoteRefused)
    assert "4711" in error.detail


@pytest.mark.parametrize(
    ("place", "item"), [("location:8", "product:1"), ("shelf", "product:1"), ("", "kit:1")], ids=str
)
def test_what_odoo_has_no_word_for_is_unsupported(hall, place, item):
    copy = copy_of(hall, "1", ("1", item, 1), place=place or hall.place)

    assert isinstance(hall.client.write_copies([copy])[0].error, Unsupported)


def test_without_a_customer_in_the_settings_nothing_is_written(hall):
    copy = copy_of(hall, "1", ("1", hall.product("MUG"), 1))
    hall.client = hall.new_client(order_customer_id=0)

    with pytest.raises(Misconfigured, match="customer"):
        hall.client.write_copies([copy])
    assert hall.orders() == []


def test_an_order_that_odoo_refuses_fails_alone(hall):
    """The product is deleted between our look and the call, so `load` itself refuses the batch."""
    mug, gone = hall.product("MUG"), hall.product("GONE")
    copies = [copy_of(hall, str(n), ("1", gone if n == 5 else mug, 1)) for n in range(8)]

    def delete(what, made):
        if what == "sale.order.load":
            hall.before_call = None
            with hall.twin.env() as env:
                env.delete("product.product", [id_of(gone)])

    hall.before_call = delete
    results = hall.client.write_copies(copies)

    assert [number for number, result in enumerate(results) if result.error] == [5]
    assert isinstance(results[5].error, RemoteRefused)
    assert len(hall.orders()) == 7


def test_a_batch_of_fifty_orders_is_one_load(hall):
    mug, cup = hall.product("MUG"), hall.product("CUP")
    copies = [copy_of(hall, str(n), ("1", mug, 1), ("2", cup, 2)) for n in range(50)]

    hall.client.write_copies(copies)

    assert hall.calls.count("sale.order.load") == 1
    assert all(len(each.lines) == 2 for each in hall.client.read_copies(copies))
