"""What is still to come of an announcement, and how what arrived differs from it.

A pure function of the newest version of the announcement and of everything that arrived for it, so it does
not matter in which order they became known. Nothing here moves stock: arrivals are movements of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from inventory_sync.domain.external import ExpectationStatus
from inventory_sync.domain.reports import ZERO

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Announced:
    """One line of an announcement, in base units of its item."""

    line: str
    item: int
    quantity: Decimal
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """What arrived of an item. paper: what the sender's paper said would come, None when it said nothing.

    final: whoever received it says that nothing more will come of this announcement.
    """

    item: int
    quantity: Decimal
    damaged: bool = False
    paper: Decimal | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """How what arrived of one item differs from what was announced. received includes the damaged."""

    item: int
    expected: Decimal
    received: Decimal
    damaged: Decimal
    over: Decimal
    short: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an announcement stands. arrived: per line; open: what is still to come, per line."""

    arrived: dict[str, Decimal]
    open: dict[str, Decimal]
    differences: tuple[Difference, ...]
    over: bool


def stand(
    lines: Sequence[Announced], arrivals: Iterable[Arrival], *, status: ExpectationStatus | None
) -> Standing:
    """Return where an announcement stands; status None: nobody has announced it, something just arrived.

    Arrivals name items, not lines: they fill the lines of their item in the order they are due. Too much and
    damage are differences at once, too little only when nothing more will come.
    """
    arrived: dict[int, Decimal] = defaultdict(Decimal)
    damaged: dict[int, Decimal] = defaultdict(Decimal)
    paper: dict[int, Decimal] = {}
    final = False
    for each in arrivals:
        arrived[each.item] += each.quantity
        damaged[each.item] += each.quantity if each.damaged else ZERO
        final = final or each.final
        if each.paper is not None:
            paper[each.item] = paper.get(each.item, ZERO) + each.paper
    over = final or status in (ExpectationStatus.CLOSED, ExpectationStatus.CANCELLED)
    expected: dict[int, Decimal] = defaultdict(Decimal)
    if status is None:
        expected.update(paper)
    elif status is not ExpectationStatus.CANCELLED:
        for line in lines:
            expected[line.item] += line.quantity

    filled: dict[str, Decimal] = {}
    left = dict(arrived)
    for line in sorted(lines, key=lambda each: (each.due_at or NEVER, each.line)):
        taken = min(line.quantity, max(ZERO, left.get(line.item, ZERO)))
        left[line.item] = left.get(line.item, ZERO) - taken
        filled[line.line] = taken
    differences = tuple(
        found
        for item in sorted(expected.keys() | arrived.keys())
        if (status is not None or item in paper)
        and (
            found := _difference(
                item, expected[item], arrived[item], damaged[item], complete=over or status is None
            )
        )
        is not None
    )
    return Standing(
        arrived=filled,
        open={line.line: ZERO if over else line.quantity - filled[line.line] for line in lines},
        differences=differences,
        over=over,
    )


def _difference(
    item: int, expected: Decimal, received: Decimal, damaged: Decimal, *, complete: bool
) -> Difference | None:
    over = max(ZERO, received - expected)
    short = max(ZERO, expected - received) if complete else ZERO
    if not over and not short and not damaged:
        return None
    return Difference(item, expected, received, damaged, over, short)
