"""Books that are read: many items in a call, pages that fail, and movements that explain figures."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_sync.cases.models import Case
from inventory_sync.connections.models import Cursor
from inventory_sync.domain.errors import MalformedPayload
from inventory_sync.intake.models import ReadDue
from inventory_sync.intake.ports import NewDelivery
from inventory_sync.pipeline import reading
from inventory_sync.pipeline.sweep import read_object, sweep
from tests.pipeline.books import CHANGES, STOCK, BookHub, open_books

pytestmark = pytest.mark.django_db


@pytest.fixture
def hub() -> BookHub:
    return open_books()


# ── many items, one call ──


def test_due_items_are_read_as_many_in_a_call_as_the_client_takes(hub: BookHub) -> None:
    for number in range(5):
        hub.has(f"I-{number}", number)
    hub.want(*hub.items)

    assert hub.read() == 5

    assert sorted(len(refs) for refs in hub.books.asked) == [2, 3]
    assert [hub.level(ref).on_hand for ref in sorted(hub.items)] == [0, 1, 2, 3, 4]
    assert not ReadDue.objects.exists()


def test_one_item_that_cannot_be_read_fails_alone_and_its_neighbours_are_read(hub: BookHub) -> None:
    for ref in ("A", "B", "C"):
        hub.has(ref, 1)
    hub.books.broken = {"B"}
    hub.want("A", "B", "C")

    assert hub.read() == 0, "nobody knows yet which of them it was"
    hub.clock.advance(2)
    assert hub.read() == 2

    assert [row.ref for row in ReadDue.objects.all()] == ["B"]


def test_what_the_source_refuses_of_many_is_read_one_by_one_at_once(hub: BookHub) -> None:
    for ref in ("A", "B", "C"):
        hub.has(ref, 1)
    hub.books.broken, hub.books.failure = {"B"}, lambda: MalformedPayload("it makes no sense")
    hub.want("A", "B", "C")

    assert hub.read() == 2

    assert not ReadDue.objects.exists()


def test_an_item_whose_reading_keeps_failing_is_unknown_until_one_succeeds(hub: BookHub) -> None:
    hub.has("A", 5)
    hub.has("B", 7)
    hub.want("A", "B")
    hub.read()
    hub.books.broken = {"B"}
    hub.want("B")

    for _ in range(reading.DOUBT_AFTER):
        assert hub.level("B").known
        hub.read()
        hub.clock.now = ReadDue.objects.get().run_at

    assert (hub.level("A").known, hub.level("B").known) == (True, False)

    hub.books.broken = set()
    assert hub.read() == 1
    assert (hub.level("B").known, hub.level("B").on_hand) == (True, 7)


# ── pages that fail ──


def test_a_page_that_fails_is_passed_by_and_what_it_left_out_is_unknown(hub: BookHub) -> None:
    for ref in ("A", "B", "C", "D", "E", "F"):
        hub.has(ref, 1)
    sweep(hub.account, STOCK, ports=hub.ports)
    hub.drain()
    hub.books.broken = {"C"}
    hub.books.stock |= {"D": 4, "E": 5}

    for _ in range(reading.SKIP_AFTER):
        reading.sweep_due(hub.erp.pk, "stock", ports=hub.ports)
        assert Cursor.objects.get(stream="stock").value == "B"
        hub.clock.advance(60)
    reading.sweep_due(hub.erp.pk, "stock", ports=hub.ports)
    hub.drain()

    row = Cursor.objects.get(stream="stock")
    assert (row.value, row.failures, row.error_code, row.swept_at) == ("", 0, "", hub.clock())
    assert [hub.level(ref).on_hand for ref in "DE"] == [4, 5], "those on its page and behind it"
    assert (hub.level("C").known, hub.level("B").known) == (False, True)
    assert Case.objects.get(code="stream.page_skipped").state == "open"

    hub.books.broken = set()
    hub.clock.advance(3600)
    reading.sweep_due(hub.erp.pk, "stock", ports=hub.ports)
    hub.drain()

    assert hub.level("C").known
    assert Case.objects.get(code="stream.page_skipped").state == "resolved"


def test_after_an_outage_nothing_was_left_out_and_nobody_is_told_so(hub: BookHub) -> None:
    for ref in ("A", "B", "C"):
        hub.has(ref, 1)
    hub.books.broken = {"A", "B", "C"}
    for _ in range(reading.SKIP_AFTER):
        reading.sweep_due(hub.erp.pk, "stock", ports=hub.ports)
        hub.clock.advance(60)
    assert Cursor.objects.get(stream="stock").failures == reading.SKIP_AFTER
    hub.books.broken = set()

    reading.sweep_due(hub.erp.pk, "stock", ports=hub.ports)
    hub.drain()

    assert [hub.level(ref).on_hand for ref in "ABC"] == [1, 1, 1]
    assert not Case.objects.exists()


def test_changes_are_read_on_while_the_whole_stock_waits(hub: BookHub) -> None:
    for ref in ("A", "B"):
        hub.has(ref, 1)
    hub.books.broken = {"A"}
    reading.sweep_due(hub.erp.pk, "stock", ports=hub.ports)
    hub.books.stock["B"], hub.books.moves = 3, [("m1", "B", 2)]

    reading.sweep_due(hub.erp.pk, "changes", ports=hub.ports)
    hub.drain()

    assert hub.level("B").on_hand == 3
    assert Cursor.objects.get(stream="stock").error_code == "remote.unavailable"
    assert Cursor.objects.get(stream="changes").error_code == ""


def test_a_long_sweep_stops_in_time_and_goes_on_where_it_stood(hub: BookHub) -> None:
    for ref in ("A", "B", "C"):
        hub.has(ref, 1)

    reading.sweep_due(hub.erp.pk, "stock", ports=hub.ports, until=lambda: True)
    stopped = Cursor.objects.get(stream="stock")
    assert (stopped.value, stopped.run_at, stopped.swept_at) == ("B", hub.clock(), None)

    reading.sweep_due(hub.erp.pk, "stock", ports=hub.ports, until=lambda: True)
    ended = Cursor.objects.get(stream="stock")
    assert (ended.value, ended.run_at) == ("", hub.clock() + timedelta(seconds=3600))
    assert hub.books.asked == [("A", "B"), ("C",)]


# ── movements that explain ──


def test_a_movement_read_together_with_its_figure_asks_for_nothing_more(hub: BookHub) -> None:
    hub.has("MUG", 8)
    hub.books.moves = [("m1", "MUG", 2)]

    sweep(hub.account, CHANGES, ports=hub.ports)
    hub.drain()

    assert hub.level("MUG").on_hand == 8
    assert not ReadDue.objects.exists()


def test_a_movement_read_after_the_figure_has_the_item_read_again(hub: BookHub) -> None:
    hub.has("MUG", 8)
    read_object(hub.account, "item", "MUG", correlation_id="", ports=hub.ports)
    hub.drain()
    hub.books.moves, found = [("m1", "MUG", 2)], hub.books._found
    hub.books._found = lambda refs, moves=(), cut=(): found([], moves)  # type: ignore[method-assign]

    sweep(hub.account, CHANGES, ports=hub.ports)
    hub.drain()

    assert ReadDue.objects.get().ref == "MUG"


def test_a_movement_that_came_unasked_has_the_item_read_again_whatever_was_read(hub: BookHub) -> None:
    hub.has("MUG", 8)
    hub.books.moves = [("m1", "MUG", 2)]
    page = hub.books.sweep("changes", "", now=hub.clock())
    read_object(hub.account, "item", "MUG", correlation_id="", ports=hub.ports)
    hub.drain()

    store_unasked(hub, page.found[0].body)
    hub.drain()

    assert ReadDue.objects.get().ref == "MUG"


def store_unasked(hub: BookHub, body: bytes) -> None:
    moves_only = body.replace(b'"items": {"MUG": "8"}', b'"items": {}')
    told = NewDelivery(
        hub.erp.pk, "reading", {}, moves_only, "", "page", "standard", "webhook", hub.clock(), "c1"
    )
    with hub.ports.intake.transaction():
        hub.ports.intake.store([told])
