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

from inventory_sync.connections.models import Cursor
from inventory_sync.domain.errors import NotOurTurn, RemoteUnavailable
from inventory_sync.intake.models import Delivery, ReadDue
from inventory_sync.pipeline import reading
from inventory_sync.pipeline.ports import Ports, Turns
from inventory_sync.pipeline.sweep import read_object
from inventory_sync.pipeline.turns import SPACE, SessionTurns
from tests.pipeline.books import BookHub, open_books
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
    hub.want("MUG")
    other.do(lambda: take(QUICK, hub.erp.pk))

    assert reading.read_due(hub.erp.pk, ports=quick(hub), until=lambda: False) == 0
    assert reading.sweep_due(hub.erp.pk, "stock", ports=quick(hub)) == (0, "standard")

    row, swept = ReadDue.objects.get(), Cursor.objects.get(stream="stock")
    assert (row.attempts, row.lease_until, row.run_at) == (0, None, hub.clock() + timedelta(seconds=1))
    assert (swept.failures, swept.lease_until, swept.run_at) == (0, None, hub.clock() + timedelta(seconds=1))
    assert hub.books.asked == []


def test_a_second_worker_does_not_even_wait_while_items_are_being_read(hub: BookHub) -> None:
    hub.has("MUG", 10)
    hub.want("MUG")
    ReadDue.objects.create(
        connection=hub.erp,
        kind="item",
        ref="BOWL",
        run_at=hub.clock(),
        lease_until=hub.clock() + timedelta(seconds=120),
    )

    assert reading.read_due(hub.erp.pk, ports=hub.ports, until=lambda: False) == 0

    assert hub.books.asked == []


# ── time limits ──


class TimeIsUp(Exception):
    """As Celery's soft time limit: raised by a signal, wherever the code is."""


def strike(where: str, *, before: bool) -> Any:
    """Return a wrapper of queries that lets the time be up at this one."""

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if where not in sql:
            return execute(sql, params, many, context)
        if not before:
            execute(sql, params, many, context)
        raise TimeIsUp

    return wrapper


@pytest.mark.parametrize(
    ("where", "before"),
    [("pg_advisory_lock", False), ("pg_advisory_unlock", True), ("pg_advisory_unlock", False)],
    ids=["as the turn is got", "before it is given back", "as it is given back"],
)
def test_a_time_limit_leaves_no_turn_behind_in_a_session_that_is_used_again(
    hub: BookHub, other: Session, where: str, before: bool
) -> None:
    with connection.execute_wrapper(strike(where, before=before)), pytest.raises(TimeIsUp), QUICK.take(7):
        pass

    assert not isinstance(other.do(lambda: take(QUICK, 7)), NotOurTurn)
