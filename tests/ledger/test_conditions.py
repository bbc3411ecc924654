"""Stock that is there and cannot be sold, per lot, owner and condition, in both ledgers."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

from inventory_sync.domain.external import Reason
from inventory_sync.ledger.types import StockEvent
from tests.ledger.goods import applied, conditioned, level, lines, parts
from tests.ledger.reports import count, delta
from tests.ledger.worlds import MemoryWorld, World


def there(world: World, item: int, place: int) -> tuple[Decimal, Decimal]:
    found = level(world, item, place)
    return found.on_hand, found.unavailable


def test_damaged_goods_are_on_hand_and_cannot_be_sold(world: World) -> None:
    item, place = world.item("MUG"), world.place("ST")

    applied(world, delta("a", item, place, 10), delta("b", item, place, 2, condition="damaged"))

    assert there(world, item, place) == (12, 2)
    assert parts(world, place) == {("", "", ""): 10, ("", "", "damaged"): 2}


def test_a_change_of_condition_leaves_on_hand_alone_and_is_posted_twice(world: World) -> None:
    item, place = world.item("MUG"), world.place("ST")
    applied(world, delta("a", item, place, 10))

    applied(world, conditioned("c", item, place, 3, "", "quarantine"))

    assert there(world, item, place) == (10, 3)
    assert parts(world, place) == {("", "", ""): 7, ("", "", "quarantine"): 3}
    assert [line[3] for line in lines(world)] == ["receipt", "condition", "condition"]
    assert world.sums() == {(item, place): 10}


def test_goods_that_are_scrapped_or_restocked_are_no_longer_unavailable(world: World) -> None:
    item, place = world.item("MUG"), world.place("ST")
    applied(world, delta("r", item, place, 5, condition="returned", reason=Reason.RETURN))

    applied(
        world,
        conditioned("restock", item, place, 2, "returned", ""),
        delta("scrap", item, place, -1, condition="returned", reason=Reason.SCRAP),
    )

    assert there(world, item, place) == (4, 2)
    assert parts(world, place) == {("", "", ""): 2, ("", "", "returned"): 2}


def test_a_correction_takes_back_exactly_what_it_corrects(world: World) -> None:
    item, place = world.item("MUG"), world.place("ST")
    applied(
        world,
        delta("a", item, place, 4, condition="damaged", lot="L1"),
        conditioned("c", item, place, 3, "damaged", "quarantine", lot="L1"),
    )

    applied(
        world,
        delta("a", item, place, 4, condition="", lot="L2", revision=1),
        conditioned("c", item, place, 0, "damaged", "quarantine", revision=1),
    )

    assert there(world, item, place) == (4, 0)
    assert parts(world, place) == {("L2", "", ""): 4}


def test_a_change_of_condition_may_turn_out_to_have_been_a_departure(world: World) -> None:
    item, place = world.item("MUG"), world.place("ST")
    applied(world, delta("a", item, place, 5, condition="returned"))
    applied(world, conditioned("d", item, place, 2, "returned", ""))

    scrapped = delta("d", item, place, -2, condition="returned", reason=Reason.SCRAP, revision=1)
    applied(world, scrapped)

    assert there(world, item, place) == (3, 3)
    assert parts(world, place) == {("", "", "returned"): 3}


def test_a_count_finds_everything_and_says_nothing_of_conditions(world: World) -> None:
    item, place = world.item("MUG"), world.place("ST")
    applied(world, count("n", item, place, 10, at=10))

    applied(world, delta("late", item, place, 2, at=5, condition="damaged"))

    assert there(world, item, place) == (10, 2)
    assert parts(world, place) == {("", "", ""): 8, ("", "", "damaged"): 2}


def test_any_order_and_any_repetition_lead_to_the_same_parts(world: World) -> None:
    def story(item: int, place: int) -> list[StockEvent]:
        return [
            delta("in", item, place, 10, at=1, lot="L1", owner="brand"),
            conditioned("c", item, place, 4, "", "damaged", at=2, lot="L1", owner="brand"),
            conditioned("c", item, place, 2, "", "damaged", at=2, lot="L1", owner="brand", revision=1),
            delta("gone", item, place, -1, at=3, condition="damaged", lot="L1", owner="brand"),
        ]

    place, found = world.place("ST"), set()
    for number, order in enumerate(permutations(range(4))):
        item = world.item(f"MUG-{number}")
        told = [story(item, place)[index] for index in order]
        by = 100 + number
        for event in [*told, *told]:
            applied(world, _by(event, by))
        found.add(there(world, item, place))

    assert found == {(Decimal(9), Decimal(1))}
    repeats = 24
    assert parts(world, place) == {
        ("L1", "brand", ""): 8 * repeats,
        ("L1", "brand", "damaged"): 1 * repeats,
    }
    assert isinstance(world, MemoryWorld) or sum(world.sums().values()) == 9 * repeats


def _by(event: StockEvent, connection_id: int) -> StockEvent:
    from dataclasses import replace

    return replace(event, connection_id=connection_id)
