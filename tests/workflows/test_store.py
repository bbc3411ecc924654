"""The store of copies keeps its promises, whether its rows are in PostgreSQL or in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from inventory_sync.connections.writers import Writer
from inventory_sync.domain.commands import CopyLine, CopySeen, CopyState, OrderCopy, SeenLine
from inventory_sync.domain.errors import FenceLost
from inventory_sync.domain.ports import Exchange
from inventory_sync.workflows.models import Attempt as AttemptRow
from inventory_sync.workflows.models import Copy
from inventory_sync.workflows.ports import Attempt, CopyStore, Made, Row, State
from inventory_sync.workflows.rows import lines_json
from inventory_sync.workflows.store import PostgresCopies
from tests.factories import NOON, make_connection, make_location
from tests.workflows.memory import Memory

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def a_copy(number: int, *quantities: int) -> OrderCopy:
    lines = tuple(CopyLine(str(line), "product:1", Decimal(each)) for line, each in enumerate(quantities))
    return OrderCopy("shop", f"o{number}", "warehouse:1", f"#{number}", lines)


class InMemory:
    connection_id = 1

    def __init__(self) -> None:
        self.store: Any = Memory()

    def owe(self, number: int) -> int:
        self.store.want(number, a_copy(number, 2), now=NOON)
        return number

    def want(self, copy_id: int) -> None:
        self.store.want(copy_id, a_copy(copy_id, 9), now=NOON)


class InPostgres:
    def __init__(self) -> None:
        self.store: Any = PostgresCopies()
        self.target = make_connection("odoo")
        self.shop = make_connection("shop")
        self.place = make_location("MAIN")
        self.connection_id = self.target.pk

    def owe(self, number: int) -> int:
        return Copy.objects.create(
            target=self.target, location=self.place, source=self.shop, order_ref=f"o{number}",
            order_id=number, location_ref="warehouse:1", number=f"#{number}", since=NOON, run_at=NOON,
            lines=lines_json(a_copy(number, 2).lines),
        ).pk  # fmt: skip

    def want(self, copy_id: int) -> None:
        row = Copy.objects.get(pk=copy_id)
        row.lines, row.wanted_version = lines_json(a_copy(1, 9).lines), 2
        row.save()


@pytest.fixture(params=[InMemory, InPostgres])
def world(request: pytest.FixtureRequest) -> Any:
    make: Callable[[], Any] = request.param
    return make()


def writer_of(world: Any) -> Writer:
    writer = world.store.claim_writer(world.connection_id, now=NOON, until=NOON + MINUTE)
    assert writer is not None
    return writer


def change(world: Any, copy_id: int, **values: Any) -> Row:
    store: CopyStore = world.store
    writer = writer_of(world)
    with store.transaction():
        (row,) = store.lock(writer, [copy_id])
        store.save([replace(row, **values)], now=NOON)
    store.release_writer(writer)
    with store.transaction():
        writer = writer_of(world)
        (row,) = store.lock(writer, [copy_id])
        store.release_writer(writer)
    return row


def due(world: Any, at: Any = NOON, limit: int = 50) -> list[int]:
    return [row.id for row in world.store.due(world.connection_id, now=at, limit=limit)]


def test_owed_copies_are_due_before_settled_ones_and_the_oldest_first(world: Any) -> None:
    one, two, three = world.owe(1), world.owe(2), world.owe(3)
    change(world, one, state=State.SETTLED, run_at=NOON - 3 * MINUTE)
    change(world, three, run_at=NOON - MINUTE)

    assert due(world) == [three, two, one]
    assert due(world, limit=2) == [three, two]


def test_what_may_still_land_is_not_due_nor_what_is_given_up_nor_what_waits(world: Any) -> None:
    armed, given_up, waits, never = (world.owe(number) for number in range(1, 5))
    change(world, armed, not_before=NOON + MINUTE)
    change(world, given_up, state=State.GIVEN_UP)
    change(world, waits, run_at=NOON + MINUTE)
    change(world, never, run_at=None)

    assert due(world) == []
    assert due(world, NOON + MINUTE) == [armed, waits]


def test_a_row_comes_back_as_it_was_saved(world: Any) -> None:
    copy_id = world.owe(1)
    seen = CopySeen(
        CopyState.CONFIRMED,
        "S00007",
        (SeenLine("0", "product:1", Decimal("2.5"), Decimal(1), Decimal("1.5")),),
    )

    row = change(
        world, copy_id, seen=seen, known=True, may_revive=True, step="write", attempts=3, failures=2,
        state=State.REFUSED, error_code="push.refused", error_detail="no", done_version=1,
        not_before=NOON + MINUTE, run_at=NOON + 2 * MINUTE,
    )  # fmt: skip

    assert row.seen == seen
    assert (row.known, row.may_revive, row.step, row.attempts, row.failures) == (True, True, "write", 3, 2)
    assert (row.state, row.error_code, row.error_detail, row.done_version) == (
        State.REFUSED, "push.refused", "no", 1,
    )  # fmt: skip
    assert (row.not_before, row.run_at) == (NOON + MINUTE, NOON + 2 * MINUTE)
    assert row.copy == a_copy(1, 2)


def test_saving_leaves_what_is_wanted_as_others_have_set_it(world: Any) -> None:
    store: CopyStore = world.store
    copy_id = world.owe(1)
    writer = writer_of(world)
    (row,) = store.due(world.connection_id, now=NOON, limit=1)
    world.want(copy_id)

    with store.transaction():
        store.save([replace(row, attempts=1)], now=NOON)
        (row,) = store.lock(writer, [copy_id])

    assert (row.version, row.copy.lines[0].quantity, row.attempts) == (2, Decimal(9), 1)


def test_who_was_overtaken_locks_nothing(world: Any) -> None:
    store: CopyStore = world.store
    copy_id = world.owe(1)
    first = writer_of(world)
    assert store.claim_writer(world.connection_id, now=NOON, until=NOON + MINUTE) is None
    second = store.claim_writer(world.connection_id, now=NOON + MINUTE, until=NOON + 2 * MINUTE)
    assert second is not None

    with pytest.raises(FenceLost), store.transaction():
        store.lock(first, [copy_id])
    with store.transaction():
        assert len(store.lock(second, [copy_id])) == 1


def test_the_calls_of_a_step_are_kept_once_for_all_its_copies() -> None:
    world = InPostgres()
    ids = [world.owe(1), world.owe(2)]
    exchange = Exchange("odoo", "POST", "/json/2", 200, "", "c", 1, 1, 1, "{}", "[]")

    world.store.record(
        world.connection_id,
        Made(tuple(Attempt(each, 1, "write", "done", NOON, NOON) for each in ids), (exchange,)),
    )

    rows = list(AttemptRow.objects.all())
    assert {row.copy_id for row in rows} == set(ids)
    assert len({row.call_id for row in rows}) == 1
    assert rows[0].call is not None
    assert rows[0].call.exchanges[0]["path"] == "/json/2"
