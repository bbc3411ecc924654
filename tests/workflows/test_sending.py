"""Copies of orders are worked off so that the target ends with one order per copy, as it is wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_sync.domain.commands import CopyState
from inventory_sync.workflows.ports import Row, State
from inventory_sync.workflows.sending import send
from tests.workflows.erp import LIFE, Killed
from tests.workflows.world import World


@pytest.fixture
def world() -> World:
    return World()


def once(step: str, fate: str) -> Callable[[str], str]:
    """Return the fault that strikes the first call of a step."""
    left = [fate]
    return lambda called: left.pop() if called == step and left else ""


def test_an_order_is_written_then_confirmed_and_read_before_and_after_each(world: World) -> None:
    world.want(1, 2, 3)

    world.work()

    assert world.there() == ("confirmed", [2, 3])
    assert [step for step, _ in world.erp.sizes] == ["read", "write", "read", "confirm", "read"]
    assert world.row().state is State.SETTLED
    assert world.row().done_version == world.row().version


def test_a_batch_goes_in_one_call_per_step(world: World) -> None:
    for number in range(1, 8):
        world.want(number, number)

    world.work()

    assert world.erp.sizes == [("read", 7), ("write", 7), ("read", 7), ("confirm", 7), ("read", 7)]


@pytest.mark.parametrize("step", ["write", "confirm", "cancel"])
@pytest.mark.parametrize(
    "fate", ["lost", "late", "killed", "killed_before", "killed_late", "away", "limited", "odd", "odd_late"]
)
def test_whatever_becomes_of_a_call_nothing_is_written_while_it_may_land_and_all_ends_well(
    world: World, step: str, fate: str
) -> None:
    world.want(1, 2)
    if step == "cancel":
        world.work()
        world.want(1, 2, cancelled=True)
    world.erp.fault = once(step, fate)

    world.work()
    world.wait(1)
    world.work()
    world.settle()

    assert world.erp.trespasses == []
    assert world.there()[0] == ("cancelled" if step == "cancel" else "confirmed")
    assert world.row().state is State.SETTLED


@pytest.mark.parametrize("fate", ["late", "killed_late", "lost"])
def test_a_cancel_waits_until_its_create_is_resolved(world: World, fate: str) -> None:
    world.want(1, 2)
    world.erp.fault = once("write", fate)
    world.work()
    world.want(1, 2, cancelled=True)

    for _ in range(7):
        world.wait(20)
        world.work()
    before = list(world.erp.sent)
    world.settle()

    assert before == [("write", "o1")]
    assert world.erp.trespasses == []
    assert world.there()[0] == "cancelled"


def test_a_cancelled_order_that_never_went_is_not_sent_at_all(world: World) -> None:
    world.want(1, 2, cancelled=True)

    world.work()

    assert world.erp.sent == []
    assert world.row().state is State.SETTLED


def test_a_changed_order_is_changed_there_and_stays_one(world: World) -> None:
    world.want(1, 2, 3)
    world.work()
    world.want(1, 5, 0)

    world.work()

    assert world.there() == ("confirmed", [5])
    assert len(world.erp.documents) == 1


def test_an_order_that_comes_back_after_the_hub_cancelled_it_is_made_again_without_a_person(
    world: World,
) -> None:
    world.want(1, 2)
    world.work()
    world.want(1, 2, cancelled=True)
    world.work()
    world.want(1, 4)

    world.work()

    assert world.there() == ("confirmed", [4])
    assert world.store.cases == {}


@pytest.mark.parametrize("whole", [False, True])
def test_one_bad_order_does_not_hold_up_its_neighbours(world: World, whole: bool) -> None:
    for number in range(1, 10):
        world.want(number, 1)
    world.erp.bad, world.erp.whole = {"o4": "the customer is blocked"}, whole

    world.work()

    assert world.row(4).state is State.REFUSED
    assert world.there(4)[0] == "absent"
    assert all(world.there(number) == ("confirmed", [1]) for number in range(1, 10) if number != 4)
    assert list(world.store.cases) == [("push.refused", "4")]


def test_a_refused_copy_is_tried_again_when_the_order_changes_and_its_case_closes(world: World) -> None:
    world.want(1, 1)
    world.erp.bad = {"o1": "the customer is blocked"}
    world.work()
    world.erp.bad = {}
    world.want(1, 2)

    world.work()

    assert world.there() == ("confirmed", [2])
    assert world.store.cases == {}


def test_a_copy_that_reads_otherwise_after_every_write_is_left_to_a_person_in_the_end(world: World) -> None:
    world.want(1, 2)
    world.want(2, 2)
    world.erp.alters = {"o1"}

    for _ in range(30):
        world.work()
        world.wait(61)

    assert world.there(2) == ("confirmed", [2])
    assert world.row(1).error_code == "copy.reads_otherwise"
    assert "wanted 2, has 1" in world.row(1).error_detail


def test_a_second_worker_does_nothing_while_the_first_one_writes(world: World) -> None:
    world.want(1, 2)
    assert world.store.claim_writer(1, now=world.now, until=world.now + LIFE) is not None

    assert send(world.worker(), until=lambda: False) == {"another_writes": 1}
    assert world.erp.sizes == []


def test_a_worker_that_was_overtaken_records_nothing(world: World) -> None:
    world.want(1, 2)
    told = []

    def fault(step: str) -> str:
        if step == "write":
            world.now += LIFE * 2
            told.append(world.store.claim_writer(1, now=world.now, until=world.now + LIFE))
        return ""

    world.erp.fault = fault
    world.work()

    assert told[0] is not None
    assert world.row().not_before is not None  # nobody disarmed it: the next one reads first
    world.wait(200)
    world.settle()
    assert world.there() == ("confirmed", [2])
    assert world.erp.sent.count(("write", "o1")) == 1


def test_what_is_wanted_otherwise_since_it_was_read_is_read_again_before_anything_is_written(
    world: World,
) -> None:
    world.want(1, 2)
    world.work()
    world.want(1, 2, cancelled=True)
    world.want(2, 5)

    def fault(step: str) -> str:
        if step == "cancel":  # of the first; the second was found missing by the same reading
            world.want(2, 5, cancelled=True)
        return ""

    world.erp.fault = fault
    world.work()

    assert ("write", "o2") not in world.erp.sent
    assert world.row(2).state is State.SETTLED


def test_who_stood_still_before_the_call_does_not_make_it(world: World) -> None:
    world.want(1, 2)
    save = world.store.save

    def slow(rows: Sequence[Row], *, now: datetime) -> None:
        save(rows, now=now)
        if any(row.not_before for row in rows):
            world.now += timedelta(seconds=31)

    world.store.save = slow
    world.work()
    assert world.erp.sent == []

    world.store.save = save
    world.wait(200)
    world.work()
    assert world.there() == ("confirmed", [2])


def test_an_erp_that_is_away_is_left_alone_for_longer_each_time(world: World) -> None:
    world.want(1, 2)
    world.erp.fault = lambda step: "away"

    for _ in range(600):
        world.work()
        world.wait(1)

    assert 5 < len(world.erp.sizes) < 40
    world.settle()
    assert world.there() == ("confirmed", [2])


FATES = [
    "",
    "",
    "",
    "lost",
    "late",
    "killed",
    "killed_before",
    "killed_late",
    "away",
    "limited",
    "odd",
    "odd_late",
]


@settings(max_examples=150)
@given(st.integers(min_value=0, max_value=2**32))
def test_after_any_schedule_the_target_has_one_order_per_copy_in_the_wanted_state(seed: int) -> None:
    world = World(seed)
    random = world.random
    world.erp.fault = lambda step: random.choice(FATES)
    world.store.die = lambda: random.random() < 0.02
    touched_by_staff = set()

    for _ in range(random.randint(5, 40)):
        number = random.randint(1, 3)
        act = random.random()
        if act < 0.35:
            world.want(number, *(random.randint(0, 3) for _ in range(2)), cancelled=random.random() < 0.3)
        elif act < 0.45 and (document := world.erp.documents.get(("shop", f"o{number}", "warehouse:1"))):
            row = world.store.rows[number]
            if row.copy.cancelled and row.state is State.SETTLED:
                continue  # nobody looks for good at what was cancelled on both sides
            document.state = random.choice([CopyState.CANCELLED, CopyState.CONFIRMED, CopyState.DRAFT])
            touched_by_staff.add(number)
        elif act < 0.7:
            world.wait(random.choice([1, 5, 31, 130, 160, 2000]))
        else:
            world.work(stop_after=random.randint(1, 6))
    world.settle()
    world.wait(3600)
    world.settle()

    assert world.erp.trespasses == []
    assert world.erp.late == []
    for number, row in world.store.rows.items():
        state, lines = world.there(number)
        if row.state is State.REFUSED:
            assert number in touched_by_staff
            assert (row.error_code, str(number)) in world.store.cases
            continue
        assert row.state is State.SETTLED
        assert not [key for key in world.store.cases if key[1] == str(number)]
        wanted = [int(line.quantity) for line in row.copy.lines if line.quantity]
        if row.copy.cancelled:
            assert state in ("absent", "cancelled")
        elif wanted or state != "absent":
            assert (state, lines) == ("confirmed", wanted)


def test_the_memory_store_forgets_what_a_killed_worker_did_not_commit(world: World) -> None:
    world.want(1, 2)
    row = world.row()

    def kill(at: datetime) -> None:
        with world.store.transaction():
            writer = world.store.claim_writer(1, now=at, until=at + LIFE)
            assert writer is not None
            world.store.save([replace(row, step="write")], now=at)
            raise Killed

    with pytest.raises(Killed):
        kill(world.now)
    assert world.row() == row
