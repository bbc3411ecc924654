"""Whatever is told, in whatever order: the parts of a level add up to it, and those unsellable to what cannot
be sold. Histories are drawn; each is told twice, in two orders."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from inventory_sync.domain.external import Reason
from inventory_sync.ledger.types import StockEvent
from tests.ledger.goods import applied, conditioned, level, parts
from tests.ledger.reports import count, delta
from tests.ledger.worlds import MemoryWorld

CONDITIONS = ("", "damaged", "returned", "quarantine")


def history(chance: random.Random, item: int, place: int) -> list[StockEvent]:
    """Return a history with corrections that change kind, lot and condition, and counts in between."""
    told: list[StockEvent] = []
    for number in range(chance.randint(3, 9)):
        at, key = chance.randint(0, 50), f"{item}-{number}"
        if chance.random() < 0.2:
            told.append(count(key, item, place, chance.randint(0, 30), at, sequence=number))
            continue
        for revision in range(chance.choice((1, 1, 2, 3))):
            lot = chance.choice(("", "L1", "L2"))
            marks: dict[str, Any] = {"lot": lot, "sequence": number, "revision": revision}
            if chance.random() < 0.4:
                was, now = chance.sample(CONDITIONS, 2)
                told.append(conditioned(key, item, place, chance.randint(0, 9), was, now, at, **marks))
            else:
                signed = chance.choice((-1, 1)) * chance.randint(0, 9)
                told.append(
                    delta(
                        key, item, place, signed, at, condition=chance.choice(CONDITIONS),
                        reason=Reason.ADJUSTMENT, **marks,
                    )
                )  # fmt: skip
    return told


@pytest.mark.parametrize("seed", range(60))
def test_parts_add_up_and_order_and_repetition_do_not_matter(seed: int) -> None:
    chance = random.Random(seed)
    world = MemoryWorld()
    item, place = world.item("MUG"), world.place("ST")
    told = history(chance, item, place)
    seen = set()
    for _ in range(3):
        world = MemoryWorld()
        world.item("MUG"), world.place("ST")
        batch = [*told, *chance.sample(told, len(told) // 2)]
        chance.shuffle(batch)
        while batch:
            size = chance.randint(1, len(batch))
            applied(world, *batch[:size])
            del batch[:size]
        found, sums = level(world, item, place), parts(world, place)
        kept = sum((amount for marks, amount in sums.items() if marks[2]), Decimal(0))
        assert sum(sums.values(), Decimal(0)) == found.on_hand
        assert kept == found.unavailable
        by_condition = {
            condition: sum((amount for marks, amount in sums.items() if marks[2] == condition), Decimal(0))
            for condition in CONDITIONS
        }
        seen.add((found.on_hand, found.unavailable, tuple(by_condition.items())))
    assert len(seen) == 1
