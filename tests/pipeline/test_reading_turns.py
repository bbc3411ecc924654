"""One reading at a time: the higher number is the later reading, whoever reads, however it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections

from inventory_sync.cases.models import Case
from inventory_sync.connections.models import Cursor
from inventory_sync.domain.errors import MalformedPayload, NotOurTurn, RemoteUnavailable
from inventory_sync.intake.models import Delivery, ReadDue
from inventory_sync.intake.ports import NewDelivery, ReadWanted
from inventory_sync.pipeline import reading
from inventory_sync.pipeline.ports import Ports, Turns
from inventory_sync.pipeline.sweep import read_object, sweep
from inventory_sync.pipeline.turns import SPACE, SessionTurns
from tests.pipeline.books import CHANGES, STOCK, BookHub, open_books
from tests.sim.stores.books import MemoryTurns

QUICK = SessionTurns(patience_s=0.05)


@pytest.fixture
def hub(transactional_db: None) -> BookHub:
    return open_books()


@pytest.fixture
def other(lone_session: None) -> Iterator[Session]:
    session = Session()
    yield session
    session.end()


class Session:
    """A second worker with a database session of its own; does one thing after the other."""

    def __init__(self) -> None:
        self.pid = 0
        self.do(self._begin)

    def _begin(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self.pid = int(cursor.fetchone()[0])

    def do(self, work: Any) -> Any:
        """Do it in a thread that has this session; returns what it returned or raised."""
        kept: list[Any] = []

        def run() -> None:
            connections["default"] = self._connection()
            try:
                kept.append(work())
            except Exception as error:
                kept.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(timeout=20)
        return kept[0]

    def _connection(self) -> Any:
        if not hasattr(self, "_kept"):
            self._kept = connections.create_connection("default")
            self._kept.inc_thread_sharing()
        return self._kept

    def end(self) -> None:
        self._kept.close()


def kill(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def take(turns: Turns, connection_id: int) -> Any:
    """Take a turn for good; returns the turn, to be asked whether it is still held, or the refusal."""
    stack = ExitStack()
    try:
        return stack.enter_context(turns.take(connection_id)), stack
    except NotOurTurn as error:
        return error


# ── the turn, in PostgreSQL and in memory ──


@pytest.fixture(params=["session", "memory"])
def turns(request: pytest.FixtureRequest, other: Session) -> tuple[Turns, Any]:
    """Return a store of turns and a way to act in another session."""
    if request.param == "memory":
        return MemoryTurns(), _outcome
    return QUICK, other.do


def _outcome(work: Any) -> Any:
    try:
        return work()
    except NotOurTurn as error:
        return error


def test_who_comes_second_does_not_get_the_turn_until_the_first_lets_go(turns: tuple[Turns, Any]) -> None:
    store, elsewhere = turns

    with store.take(7) as turn:
        assert turn.held()
        assert isinstance(elsewhere(lambda: take(store, 7)), NotOurTurn)

    assert not isinstance(elsewhere(lambda: take(store, 7)), NotOurTurn)


def test_a_reading_that_fails_lets_go_too(turns: tuple[Turns, Any]) -> None:
    store, elsewhere = turns

    with pytest.raises(RemoteUnavailable), store.take(7):
        raise RemoteUnavailable("no answer")

    assert not isinstance(elsewhere(lambda: take(store, 7)), NotOurTurn)


def test_connections_have_turns_of_their_own(turns: tuple[Turns, Any]) -> None:
    store, elsewhere = turns

    with store.take(7):
        assert not isinstance(elsewhere(lambda: take(store, 8)), NotOurTurn)


def test_a_turn_goes_with_its_session(hub: BookHub, other: Session) -> None:
    other.do(lambda: take(QUICK, 7))
    assert isinstance(take(QUICK, 7), NotOurTurn)

    kill(other.pid)

    with QUICK.take(7) as turn:
        assert turn.held()


def test_a_lost_turn_says_so_in_both_stores(hub: BookHub) -> None:
    memory = MemoryTurns()
    with memory.take(7) as turn:
        memory.end_session(7)
        assert not turn.held()

    with QUICK.take(7) as session:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [SPACE, 7])
        assert not session.held()


# ── readings ──


def quick(hub: BookHub) -> Ports:
    """Return the hub's ports with less patience."""
    return replace(hub.ports, turns=QUICK)


def read_mug(hub: BookHub) -> None:
    read_object(hub.account, "item", "MUG", correlation_id="", ports=quick(hub))


def test_the_later_number_holds_what_was_read_later_whoever_reads(hub: BookHub, other: Session) -> None:
    """While the first reading is under way stock falls, and a second worker wants to read the same."""
    hub.has("MUG", 10)
    refused: list[Any] = []

    def meanwhile() -> None:
        hub.books.between = lambda: None
        hub.books.stock["MUG"] = 4
        refused.append(other.do(lambda: read_mug(hub)))

    hub.books.between = meanwhile
    read_mug(hub)
    assert isinstance(refused[0], NotOurTurn)

    assert other.do(lambda: read_mug(hub)) is None
    hub.drain()

    first, second = Delivery.objects.order_by("reading")
    assert [one.id for one in (first, second)] == sorted((first.id, second.id))
    assert hub.level("MUG").on_hand == 4
    assert hub.level("MUG").reading == second.reading


def test_a_reading_whose_turn_was_lost_is_not_stored_and_is_read_again(
    hub: BookHub, caplog: pytest.LogCaptureFixture
) -> None:
    hub.has("MUG", 10)

    def lose() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [SPACE, hub.erp.pk])

    hub.books.between = lose
    with caplog.at_level("WARNING"):
        assert reading.sweep_due(hub.erp.pk, "stock", ports=hub.ports) == (0, "standard")

    row = Cursor.objects.get(stream="stock")
    assert not Delivery.objects.exists()
    assert "reading.discarded" in caplog.text
    assert (row.value, row.error_code, row.lease_until) == ("", "", None)
    assert row.run_at == hub.clock() + timedelta(seconds=1)


def test_a_session_killed_while_it_reads_stores_nothing_and_frees_the_turn(
    hub: BookHub, other: Session
) -> None:
    hub.has("MUG", 10)

    def dies() -> None:
        hub.books.between = lambda: killer.do(lambda: kill(other.pid))
        read_mug(hub)

    killer = Session()
    outcome = other.do(dies)
    killer.end()

    assert isinstance(outcome, Exception)
    assert not Delivery.objects.exists()
    hub.books.between = lambda: None
    read_mug(hub)
    assert Delivery.objects.count() == 1


def test_a_worker_that_does_not_get_the_turn_leaves_the_rows_due(hub: BookHub, other: Session) -> None:
    hub.has("MUG", 10)
    want(hub, "MUG")
    other.do(lambda: take(QUICK, hub.erp.pk))

    assert reading.read_due(hub.erp.pk, ports=quick(hub), until=lambda: False) == 0
    assert reading.sweep_due(hub.erp.pk, "stock", ports=quick(hub)) == (0, "standard")

    row, swept = ReadDue.objects.get(), Cursor.objects.get(stream="stock")
    assert (row.attempts, row.lease_until, row.run_at) == (0, None, hub.clock() + timedelta(seconds=1))
    assert (swept.failures, swept.lease_until, swept.run_at) == (0, None, hub.clock() + timedelta(seconds=1))
    assert hub.books.asked == []


def test_a_second_worker_does_not_even_wait_while_items_are_being_read(hub: BookHub) -> None:
    hub.has("MUG", 10)
    want(hub, "MUG")
    ReadDue.objects.create(
        connection=hub.erp,
        kind="item",
        ref="BOWL",
        run_at=hub.clock(),
        lease_until=hub.clock() + reading.LEASE,
    )

    assert reading.read_due(hub.erp.pk, ports=hub.ports, until=lambda: False) == 0

    assert hub.books.asked == []


# ── many items, one call ──


def want(hub: BookHub, *refs: str) -> None:
    wanted = [ReadWanted(hub.erp.pk, "item", ref, "a test") for ref in refs]
    hub.ports.intake.want_reads(wanted, now=hub.clock())


def read(hub: BookHub) -> int:
    done = reading.read_due(hub.erp.pk, ports=hub.ports, until=lambda: False)
    hub.drain()
    return done


def test_due_items_are_read_as_many_in_a_call_as_the_client_takes(hub: BookHub) -> None:
    for number in range(5):
        hub.has(f"I-{number}", number)
    want(hub, *hub.items)

    assert read(hub) == 5

    assert sorted(len(refs) for refs in hub.books.asked) == [2, 3]
    assert [hub.level(ref).on_hand for ref in sorted(hub.items)] == [0, 1, 2, 3, 4]
    assert not ReadDue.objects.exists()


def test_one_item_that_cannot_be_read_fails_alone_and_its_neighbours_are_read(hub: BookHub) -> None:
    for ref in ("A", "B", "C"):
        hub.has(ref, 1)
    hub.books.broken = {"B"}
    want(hub, "A", "B", "C")

    assert read(hub) == 0, "nobody knows yet which of them it was"
    hub.clock.advance(2)
    assert read(hub) == 2

    assert [row.ref for row in ReadDue.objects.all()] == ["B"]


def test_what_the_source_refuses_of_many_is_read_one_by_one_at_once(hub: BookHub) -> None:
    for ref in ("A", "B", "C"):
        hub.has(ref, 1)
    hub.books.broken, hub.books.failure = {"B"}, lambda: MalformedPayload("it makes no sense")
    want(hub, "A", "B", "C")

    assert read(hub) == 2

    assert not ReadDue.objects.exists()


def test_an_item_whose_reading_keeps_failing_is_unknown_until_one_succeeds(hub: BookHub) -> None:
    hub.has("A", 5)
    hub.has("B", 7)
    want(hub, "A", "B")
    read(hub)
    hub.books.broken = {"B"}
    want(hub, "B")

    for _ in range(reading.DOUBT_AFTER):
        assert hub.level("B").known
        read(hub)
        hub.clock.now = ReadDue.objects.get().run_at

    assert (hub.level("A").known, hub.level("B").known) == (True, False)

    hub.books.broken = set()
    assert read(hub) == 1
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
    reading.sweep_due(hub.erp.pk, "stock", ports=hub.ports)
    hub.drain()

    assert hub.level("C").known
    assert Case.objects.get(code="stream.page_skipped").state == "resolved"


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
