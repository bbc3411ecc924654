"""What the drain may rely on of the store for readings that are due, finds, and numbers of a source."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from inventory_sync.intake.ports import Finds, NumberUsed, ReadWanted
from tests.intake.store_contract import NOON, World, keep, message, take

# ── what came in before which reading ─────────────────────────────────────────────────────────────────


def test_a_delivery_notes_the_last_reading_that_had_begun_and_keeps_it_when_it_is_tried_again(
    world: World,
) -> None:
    """A reading begun later shows what the message tells, or newer, whatever the clocks say."""
    before = world.begin_reading()
    keep(world, message(world.shop, "a"))
    between = world.begin_reading()
    world.begin_reading()
    keep(world, message(world.shop, "b", reading=between))

    for after_s in (1, 3600):
        claim = take(world, after_s=after_s)
        assert claim is not None
        first, second = claim.deliveries
        assert before <= first.delivery.begun < between
        assert second.delivery.begun > second.delivery.reading == between


# ── reading again ────────────────────────────────────────────────────────────────────────────────────


def test_many_hints_at_one_object_make_one_row_that_knows_it_was_hinted_again(world: World) -> None:
    with world.store.transaction():
        world.store.want_reads(
            [ReadWanted(world.shop, "order", "1"), ReadWanted(world.shop, "order", "1", "again")], now=NOON
        )
    with world.store.transaction():
        world.store.want_reads([ReadWanted(world.shop, "order", "1")], now=NOON)

    assert world.reads() == {(world.shop, "order", "1"): 2}


def test_a_hint_at_a_stream_makes_the_streams_of_its_connection_due(world: World) -> None:
    world.cursor(world.till, "journal")
    world.cursor(world.shop, "orders")

    with world.store.transaction():
        world.store.want_reads([ReadWanted(world.till, "stream", "W1")], now=NOON)

    assert world.due_at(world.till, "journal") == NOON
    assert world.due_at(world.shop, "orders") is None
    assert world.reads() == {}


def test_a_hint_may_name_one_stream_and_say_when_it_can_be_seen(world: World) -> None:
    for stream in ("changes", "stock"):
        world.cursor(world.till, stream)

    with world.store.transaction():
        world.store.want_reads(
            [
                ReadWanted(world.till, "stream", "changes", delay_s=2),
                ReadWanted(world.till, "stream", "changes", delay_s=9),
            ],
            now=NOON,
        )

    assert world.due_at(world.till, "changes") == NOON + timedelta(seconds=2)
    assert world.due_at(world.till, "stock") is None


def test_finds_add_up_by_stream(world: World) -> None:
    world.cursor(world.shop, "orders")

    with world.store.transaction():
        world.store.count_finds([Finds(world.shop, "orders", 2), Finds(world.shop, "orders", 1)])

    assert world.finds(world.shop, "orders") == 3


# ── a source's own numbers ───────────────────────────────────────────────────────────────────────────


def test_a_number_belongs_to_the_message_that_said_it_first(world: World) -> None:
    def used(number: int, said_by: str, place: str = "ST-1", by: int = world.till) -> NumberUsed:
        return NumberUsed(by, place, number, said_by)

    def claim(*numbers: NumberUsed) -> set[NumberUsed]:
        with world.store.transaction():
            return world.store.claim_numbers(numbers)

    assert claim() == set()
    assert claim(used(1, "a"), used(2, "b"), used(1, "a")) == set()
    assert claim(used(1, "a"), used(2, "x"), used(3, "c")) == {used(2, "x")}
    assert claim(used(2, "b"), used(3, "c")) == set()
    assert claim(used(1, "z", place="ST-2"), used(1, "z", by=world.shop)) == set()
    assert claim(used(9, "b"), used(9, "a")) == {used(9, "a")}


@pytest.mark.parametrize("messages", list(permutations("abc")))
@pytest.mark.parametrize("first_batch", [0, 1, 2, 3])
def test_whose_a_number_is_does_not_depend_on_where_batches_end(
    world: World, messages: tuple[str, ...], first_batch: int
) -> None:
    used = [
        NumberUsed(world.till, "ST-1", number, said_by)
        for number, said_by in zip((7, 5, 7), messages, strict=True)
    ]
    taken: set[NumberUsed] = set()

    for batch in (used[:first_batch], used[first_batch:]):
        with world.store.transaction():
            taken |= world.store.claim_numbers(batch)

    assert taken == {used[2]}, "the number 7 belongs to the message that came first"
