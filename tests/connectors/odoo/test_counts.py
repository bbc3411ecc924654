"""Absolute counts in Odoo: one atomic call, nothing that is equal, never below what is reserved unasked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inventory_sync.domain.errors import NotApplied, OutcomeUnknown, RemoteRefused, Unsupported
from inventory_sync.domain.ports import LevelWrite, ListingRef
from tests.connectors.odoo.hall import Hall, copy_of, id_of, settle


@pytest.fixture(params=[18, 19])
def hall(request):
    return Hall(request.param)


def at(hall, item, place=""):
    return ListingRef(item, location_ref=place or hall.place)


def count(hall, item, figure, **more):
    write = LevelWrite(at(hall, item), Decimal(figure), "count:2026-11-23", **more)
    return hall.client.write_levels([write])[0]


def figure(hall, item):
    return hall.client.read_levels([at(hall, item)])[0].figure


def shelf(hall, name="Shelf-A"):
    with hall.twin.env() as env:
        return env.create("stock.location", {"name": name, "usage": "internal", "location_id": hall.stock})


def test_a_place_shows_the_sum_of_all_its_locations(hall):
    mug, cup = hall.product("MUG", stock=10), hall.product("CUP")
    hall.put(mug, 5, shelf(hall))

    levels = hall.client.read_levels([at(hall, cup), at(hall, mug)])

    assert [level.figure for level in levels] == [0, 15]


@pytest.mark.parametrize(("before", "after"), [(10, 4), (4, 10), (0, 7), (7, 0)], ids=str)
def test_a_count_sets_what_is_there(hall, before, after):
    mug = hall.product("MUG", stock=before)

    result = count(hall, mug, after)

    assert (result.figure, result.error) == (after, None)
    assert hall.on_hand(mug) == after
    assert hall.writes() == ["stock.quant.create"]


def test_many_counts_are_one_call(hall):
    items = [hall.product(f"P{n}", stock=1) for n in range(40)]
    writes = [LevelWrite(at(hall, item), Decimal(n + 2), f"k{n}") for n, item in enumerate(items)]

    results = hall.client.write_levels(writes)

    assert [result.figure for result in results] == [n + 2 for n in range(40)]
    assert hall.writes() == ["stock.quant.create"]


def test_what_is_equal_is_not_written(hall):
    mug = hall.product("MUG", stock=10)

    result = count(hall, mug, 10)

    assert result.figure == 10
    assert hall.writes() == []


def test_the_count_goes_to_the_places_own_stock_and_shelves_stay(hall):
    mug = hall.product("MUG", stock=10)
    inner = shelf(hall)
    hall.put(mug, 5, inner)

    result = count(hall, mug, 12)

    assert result.figure == 12
    rows = hall.rows("stock.quant", ("product_id", "=", id_of(mug)), ("location_id", "=", inner))
    assert [row["quantity"] for row in rows] == [5]


def test_a_count_below_what_lies_on_the_shelves_is_refused(hall):
    mug = hall.product("MUG", stock=10)
    hall.put(mug, 5, shelf(hall))

    result = count(hall, mug, 3)

    assert isinstance(result.error, RemoteRefused)
    assert hall.on_hand(mug) == 15


def test_several_rows_of_one_key_are_counted_together(hall):
    mug = hall.product("MUG", stock=10)
    with hall.twin.env() as env:
        env.create("stock.quant", {"product_id": id_of(mug), "location_id": hall.stock, "quantity": 3.0})

    before = figure(hall, mug)
    result = count(hall, mug, 5)

    assert (before, result.figure) == (13, 5)
    assert hall.on_hand(mug) == 5


def test_a_count_below_what_is_reserved_is_refused_unless_told(hall):
    mug = hall.product("MUG", stock=10)
    settle(hall, copy_of(hall, "1", ("1", mug, 6)))
    write = LevelWrite(at(hall, mug), Decimal(4), "k")

    refused = hall.client.write_levels([write])[0]
    kept = hall.reserved(mug)
    told = hall.client.write_levels([write], below_reserved=True)[0]

    assert isinstance(refused.error, RemoteRefused)
    assert "reserved" in refused.error.detail
    assert kept == 6
    assert (told.figure, told.error) == (4, None)


def test_a_count_of_something_that_changed_since_it_was_compared_is_refused(hall):
    mug = hall.product("MUG", stock=10)

    result = count(hall, mug, 4, expected=Decimal(9))

    assert isinstance(result.error, NotApplied)
    assert hall.on_hand(mug) == 10


@pytest.mark.parametrize("figure", ["-1", "1.001"], ids=["less than nothing", "finer than its unit"])
def test_a_figure_that_no_shelf_can_have_is_refused(hall, figure):
    mug = hall.product("MUG", stock=10)

    assert isinstance(count(hall, mug, figure).error, RemoteRefused)
    assert hall.on_hand(mug) == 10


def test_a_product_tracked_by_lot_is_refused_and_its_neighbour_is_counted(hall):
    mug, milk = hall.product("MUG", stock=1), hall.product("MILK", tracking="lot")
    writes = [LevelWrite(at(hall, item), Decimal(5), item) for item in (milk, mug)]

    results = hall.client.write_levels(writes)

    assert isinstance(results[0].error, RemoteRefused)
    assert "lot by lot" in results[0].error.detail
    assert results[1].figure == 5


def test_what_odoo_has_no_word_for_is_refused_one_by_one(hall):
    mug = hall.product("MUG", stock=1)
    refs = [at(hall, "kit:1"), at(hall, mug, "warehouse:99"), ListingRef(mug), at(hall, mug)]

    read = hall.client.read_levels(refs)
    written = hall.client.write_levels([LevelWrite(ref, Decimal(2), "k") for ref in refs])

    for results in (read, written):
        kinds = [type(result.error) for result in results]
        assert kinds == [Unsupported, RemoteRefused, Unsupported, type(None)]
    assert hall.on_hand(mug) == 2


@pytest.mark.parametrize("kind", ["timeout_applied", "timeout_lost", "worker_killed"])
def test_a_count_whose_answer_is_lost_can_be_made_again(hall, kind):
    mug = hall.product("MUG", stock=10)
    hall.twin.faults.inject(kind, count=1, only="write", path="stock.quant")

    with pytest.raises(OutcomeUnknown):
        count(hall, mug, 4)
    again = count(hall, mug, 4)

    assert (again.figure, again.error) == (4, None)
    assert hall.on_hand(mug) == 4


def test_what_somebody_moved_right_after_the_count_is_shown(hall):
    mug = hall.product("MUG", stock=10)

    def receive(what, made):
        if what == "stock.quant.search_read" and "stock.quant.create" in hall.calls:
            hall.before_call = None
            hall.put(mug, 9)

    hall.before_call = receive

    assert count(hall, mug, 4).figure == 9


def test_19_keeps_the_name_of_the_count_on_the_movement(hall):
    mug = hall.product("MUG", stock=10)

    count(hall, mug, 4)

    moves = hall.rows("stock.move", ("product_id", "=", id_of(mug)), ("is_inventory", "=", True))
    names = [str(move["reference"]) for move in moves]
    assert any(name.startswith("count:2026-11-23") for name in names) is (hall.version == 19)
