"""Listings set aside: what a lane may rely on of its store, whichever store it is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from inventory_sync.domain.writing import Writing
from inventory_sync.propagation.ports import News, Sighting
from tests.propagation.store_contract import World, at, claim, look, want


@pytest.fixture
def mug(world: World) -> int:
    return world.item("MUG")


@pytest.fixture
def aside(world: World, mug: int) -> int:
    """A listing that was owed, worked out in shadow and set aside."""
    listing = world.listing(mug)
    want(world, mug, 5)
    world.writes(Writing.SHADOW)
    (row,) = claim(world).rows
    put_aside(world, row.id, "shadow")
    return listing


def put_aside(world: World, listing: int, why: str) -> None:
    with world.store.transaction():
        (row,) = world.store.lock([listing])
        state = replace(row.state, in_flight=None, run_at=None, observed=Decimal(9))
        world.store.save([replace(row, state=state, aside=why)], now=at(2))


def claimed(world: World, after_s: float = 3) -> list[int]:
    return [row.id for row in claim(world, after_s=after_s).rows]


def test_what_was_set_aside_is_kept_so_and_nobody_claims_it(world: World, aside: int) -> None:
    assert look(world, aside).aside == "shadow"
    assert look(world, aside).state.dirty_since is not None
    assert claimed(world) == []
    assert claimed(world, after_s=9_000) == []


def test_it_is_claimed_again_once_its_channel_is_live(world: World, aside: int) -> None:
    world.writes(Writing.LIVE)

    assert claimed(world) == [aside]
    assert look(world, aside).aside == ""


def test_it_stays_aside_while_nothing_is_written_at_all(world: World, aside: int) -> None:
    world.writes(Writing.READ_ONLY)
    assert claimed(world) == []

    world.writes(Writing.SHADOW)
    assert claimed(world) == [], "read-only was no reason to work it out again"


def test_a_new_figure_ends_it_and_an_old_one_does_not(world: World, aside: int, mug: int) -> None:
    want(world, mug, 4, 1)
    assert claimed(world) == []

    want(world, mug, 4, 2)

    assert claimed(world) == [aside]


def test_an_order_ends_it(world: World, aside: int, mug: int) -> None:
    with world.store.transaction():
        world.store.note_news([News(world.shop, mug, Decimal(1))], now=at(3))

    assert claimed(world, after_s=4) == [aside]


def test_a_sighting_that_is_news_ends_it_and_the_same_one_again_does_not(
    world: World, aside: int, mug: int
) -> None:
    def see(stamp: str) -> None:
        with world.store.transaction():
            sighting = Sighting(world.shop, f"item-{mug}", Decimal(9), stamp, managed=True)
            world.store.observe([sighting], now=at(3))

    see("s1")
    assert claimed(world, after_s=4) == [aside]
    put_aside(world, aside, "shadow")

    see("s1")

    assert claimed(world, after_s=5) == []


def test_what_is_settled_or_unknown_is_not_aside_whatever_was_said_of_it(
    world: World, aside: int, mug: int
) -> None:
    want(world, mug, None, 2)

    assert look(world, aside).aside == ""
    assert claimed(world) == []


def test_what_waits_for_an_approval_nobody_is_asked_for_is_claimed(world: World, aside: int) -> None:
    put_aside(world, aside, "waiting")

    assert claimed(world) == [aside]


def test_others_of_the_channel_are_claimed_beside_it(world: World, aside: int) -> None:
    cup = world.item("CUP")
    other = world.listing(cup)
    want(world, cup, 3)

    assert claimed(world) == [other]
