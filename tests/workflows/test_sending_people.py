"""What people do to a copy at the target is not undone: it becomes a case, or is put right there."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from inventory_sync.domain.commands import CopyState
from inventory_sync.workflows.ports import State
from tests.workflows.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_what_people_cancelled_there_becomes_a_case_and_is_not_made_again(world: World) -> None:
    world.want(1, 2)
    world.work()
    world.erp.documents["shop", "o1", "warehouse:1"].state = CopyState.CANCELLED
    world.wait(3600)

    world.work()
    world.want(1, 3)
    world.work()

    assert world.there()[0] == "cancelled"
    assert world.row().state is State.REFUSED
    assert [code for code, _ in world.store.cases] == ["copy.cancelled_there"]


def test_an_order_taken_up_there_just_as_the_hub_cancelled_it_is_cancelled_again(world: World) -> None:
    world.want(1, 2)
    world.work()
    world.want(1, 2, cancelled=True)
    world.work()
    world.erp.documents["shop", "o1", "warehouse:1"].state = CopyState.CONFIRMED
    world.wait(3600)

    world.work()

    assert world.there()[0] == "cancelled"


def test_what_people_deleted_there_becomes_a_case_too(world: World) -> None:
    world.want(1, 2)
    world.work()
    del world.erp.documents["shop", "o1", "warehouse:1"]
    world.wait(3600)

    world.work()

    assert world.erp.documents == {}
    assert world.row().error_code == "copy.cancelled_there"


@pytest.mark.parametrize("deed", ["cancel", "delete"])
def test_what_people_end_there_between_a_reading_and_a_writing_is_not_made_again(
    world: World, deed: str
) -> None:
    world.want(1, 2)
    world.work()
    world.want(1, 3)
    name = ("shop", "o1", "warehouse:1")

    def meanwhile(step: str) -> str:
        if step == "write" and name in world.erp.documents:
            if deed == "cancel":
                world.erp.documents[name].state = CopyState.CANCELLED
            else:
                del world.erp.documents[name]
        return ""

    world.erp.fault = meanwhile
    world.work()
    world.settle()

    assert world.there()[0] == {"cancel": "cancelled", "delete": "absent"}[deed]
    assert world.row().error_code == "copy.cancelled_there"


def test_what_people_changed_there_is_put_right_at_the_next_look(world: World) -> None:
    world.want(1, 2)
    world.work()
    world.erp.documents["shop", "o1", "warehouse:1"].lines["1", "product:1"] = Decimal(9)
    world.wait(3600)

    world.work()

    assert world.there() == ("confirmed", [2])


def test_a_case_closes_when_people_put_it_right_there(world: World) -> None:
    world.want(1, 2)
    world.work()
    document = world.erp.documents["shop", "o1", "warehouse:1"]
    document.state = CopyState.CANCELLED
    world.wait(3600)
    world.work()
    document.state = CopyState.CONFIRMED
    world.wait(3600)

    world.work()

    assert world.row().state is State.SETTLED
    assert world.store.cases == {}


def test_a_copy_given_up_while_a_call_was_under_way_stays_given_up_when_it_is_refused(world: World) -> None:
    world.want(1, 2)
    world.erp.bad = {"o1": "the customer is blocked"}

    def gives_up(step: str) -> str:
        if step == "write":
            world.store.rows[1] = replace(world.row(), state=State.GIVEN_UP, run_at=None)
        return ""

    world.erp.fault = gives_up
    world.work()

    assert world.row().state is State.GIVEN_UP
    assert world.store.cases == {}
