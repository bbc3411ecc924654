"""Many items in one call, pages of which an item cannot be read, and lines handed on with their figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from connectors.odoo import streams
from connectors.odoo.database import Database
from connectors.odoo.readings import read_items
from inventory_sync.domain.errors import Misconfigured, RemoteUnavailable, SyncError
from inventory_sync.domain.external import Extent
from tests.connectors.odoo.books import foreign_order, ship, snapshot, snapshots, transfers
from tests.connectors.odoo.hall import NOW, Hall, id_of


@pytest.fixture(params=[18, 19])
def hall(request: pytest.FixtureRequest) -> Hall:
    return Hall(request.param)


def break_one(monkeypatch: pytest.MonkeyPatch, broken: set[int], error: SyncError) -> None:
    """Have every reading fail that holds one of these products."""

    def read(database: Database, products: Sequence[int], *, now: datetime) -> dict[str, Any]:
        if broken.intersection(products):
            raise error
        return read_items(database, products, now=now)

    monkeypatch.setattr(streams, "read_items", read)


def test_many_items_are_one_reading_and_those_that_are_gone_are_nothing(hall: Hall) -> None:
    mug, bowl = hall.product("MUG", stock=7), hall.product("BOWL", stock=3)
    (each,) = hall.client.read_objects("item", [bowl, mug, "product:99999"])

    found = snapshot(each)

    assert (found.extent, set(found.item_refs)) == (Extent.COMPLETE, {mug, bowl, "product:99999"})
    assert {row.item_ref: row.quantity for row in found.rows if row.quantity} == {mug: 7, bowl: 3}


def test_a_page_that_cannot_be_read_is_passed_by_and_names_what_it_left_out(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [hall.product(code, stock=5) for code in ("A", "B", "C", "D")]
    client = hall.new_client(page_size=2)
    break_one(monkeypatch, {id_of(items[1])}, RemoteUnavailable("500"))
    first = str(id_of(items[0]) - 1)

    with pytest.raises(RemoteUnavailable):
        client.sweep("stock", first, now=NOW)
    page = client.skip_page("stock", first, now=NOW)

    told = {each.extent: each.item_refs for each in snapshots(page)}
    assert told == {Extent.COMPLETE: (items[0],), Extent.CUT: (items[1],)}
    assert (page.cursor, page.done) == (str(id_of(items[1])), False)
    behind = client.sweep("stock", page.cursor, now=NOW)
    assert [each.item_refs for each in snapshots(behind)] == [(items[2], items[3])]


def test_a_page_of_which_nothing_can_be_read_is_no_matter_of_its_items(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [hall.product(code, stock=5) for code in ("A", "B")]
    client = hall.new_client(page_size=2)
    break_one(monkeypatch, {id_of(item) for item in items}, RemoteUnavailable("away"))

    with pytest.raises(RemoteUnavailable):
        client.skip_page("stock", str(id_of(items[0]) - 1), now=NOW)


def test_a_refused_key_skips_nothing(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [hall.product(code, stock=5) for code in ("A", "B")]
    client = hall.new_client(page_size=2)
    break_one(monkeypatch, {id_of(items[1])}, Misconfigured("the key has ended"))

    with pytest.raises(Misconfigured):
        client.skip_page("stock", str(id_of(items[0]) - 1), now=NOW)


def test_lines_and_the_figures_they_explain_are_applied_in_turn(hall: Hall) -> None:
    """One object key keeps messages in turn: the line comes first, and finds its figure beside it."""
    mug = hall.product("MUG", stock=7)
    (transfer,) = transfers(hall, foreign_order(hall, mug, 2))
    ship(hall, int(transfer["id"]))

    page = hall.client.sweep("changes", "", now=NOW)

    keys = {each.object_key for each in page.found}

    assert any(mug in each.item_refs for each in snapshots(page))
    assert {each.topic for each in page.found} == {"lines.read", "figures.read"}
    assert len(keys) == 1
