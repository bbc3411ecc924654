"""What the authority's books hold of order lines: said by figures, done by shipments, brought together.

`contained` is what the newest figure of a level says, a line it does not name is held not at all; `delivered`
is the most any figure ever said, for what left does not come back undelivered. Kept also for lines nobody
has heard of yet. Plain values; the rows are in rows_figures.py, what is subtracted in domain/containment.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from inventory_sync.domain.reports import ZERO, LineContained
from inventory_sync.ledger.types import EventKind, FigureFacts, LevelKey, LineHeld, StockEvent

LineRef = tuple[str, str, str]  # connection code, order, line
NO_FACTS = FigureFacts()


@dataclass(frozen=True, slots=True)
class Holding:
    """What figures say of one line at one level, in base units of the level's item.

    tenure: number of the tenure the level's newest figure belongs to. rules: on hand rests on that figure;
    where a later count rules, what was merely assigned is open again.
    """

    line_ref: str
    item_id: int
    location_id: int
    contained: Decimal
    delivered: Decimal
    tenure: int = 0
    rules: bool = True


@dataclass(frozen=True, slots=True)
class InBooks:
    """How much of a line the books hold at one level, and how much of that has left."""

    contained: Decimal = ZERO
    delivered: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Told:
    """What the figures of one batch say of lines, by level, one entry a line.

    newest: all that the newest figure of a level holds. delivered: the most that any figure calls delivered.
    """

    newest: Mapping[LevelKey, tuple[LineHeld, ...]] = field(default_factory=dict)
    delivered: Mapping[LevelKey, tuple[LineHeld, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.newest) or bool(self.delivered)


def lines_of(facts: FigureFacts | None) -> tuple[LineHeld, ...]:
    """Return what a figure holds, one entry a line, in order: two names of one item are one line's parts."""
    sums: dict[LineRef, tuple[Decimal, Decimal]] = {}
    for each in (facts or NO_FACTS).contained:
        name = (each.source, each.order_ref, each.line_ref)
        contained, delivered = sums.get(name, (ZERO, ZERO))
        sums[name] = (contained + each.contained, delivered + each.delivered)
    return tuple(LineHeld(*name, *held) for name, held in sorted(sums.items()))


def contained_in(facts: FigureFacts | None) -> tuple[LineContained, ...]:
    """Return the same as the rules of a level want it."""
    return tuple(
        LineContained(f"{each.source}/{each.order_ref}/{each.line_ref}", each.contained, each.delivered)
        for each in lines_of(facts)
    )


def delivered_in(figures: Iterable[StockEvent]) -> dict[LevelKey, tuple[LineHeld, ...]]:
    """Return the most that any of these figures calls delivered of each line."""
    left: dict[LevelKey, dict[LineRef, LineHeld]] = defaultdict(dict)
    for event in figures:
        lines = left[event.item_id, event.location_id]
        for each in lines_of(event.figure):
            name = (each.source, each.order_ref, each.line_ref)
            if each.delivered > (lines[name].delivered if name in lines else ZERO):
                lines[name] = LineHeld(*name, ZERO, each.delivered)
    return {level: tuple(lines.values()) for level, lines in left.items() if lines}


def says_other(one: StockEvent, other: StockEvent) -> bool:
    """Say whether two figures of one key contradict each other: one reading says one thing."""
    return _content(one) != _content(other)


def figures_of(events: Iterable[StockEvent]) -> list[StockEvent]:
    return [event for event in events if event.kind is EventKind.FIGURE]


def books_of(
    shipped: Iterable[tuple[str, int, int, Decimal, int]], holdings: Iterable[Holding]
) -> dict[tuple[str, int, int], InBooks]:
    """Return what the books hold of each line (line, item, location).

    shipped: (line, item, location, quantity, number of the tenure it happened in) of the authority's own
    shipments. Those of tenures before the newest figure may be in it: the greater of the two counts, once.
    What was shipped in a later tenure comes on top. What came back where nothing left is taken off what left
    elsewhere; what came back beyond that was never the line's, which is owed no more than its demand.
    """
    before: dict[tuple[str, int, int], Decimal] = defaultdict(Decimal)
    later: dict[tuple[str, int, int], Decimal] = defaultdict(Decimal)
    told = {(each.line_ref, each.item_id, each.location_id): each for each in holdings}
    for line, item, location, quantity, tenure in shipped:
        key = (line, item, location)
        after = key in told and tenure > told[key].tenure
        (later if after else before)[key] += quantity
    books: dict[tuple[str, int, int], InBooks] = {}
    for key in sorted({*before, *later, *told}):
        left = (max(before[key], told[key].delivered) if key in told else before[key]) + later[key]
        assigned = told[key].contained + later[key] if key in told and told[key].rules else ZERO
        books[key] = InBooks(max(left, assigned), left)
    return _without_returns(books) if any(each.delivered < 0 for each in books.values()) else books


def _without_returns(books: Mapping[tuple[str, int, int], InBooks]) -> dict[tuple[str, int, int], InBooks]:
    """Take what came back at one place off what left at the others, the highest location first."""
    netted = dict(books)
    for back, returned in books.items():
        if returned.delivered >= 0:
            continue
        missing = -returned.delivered
        netted[back] = InBooks(max(ZERO, returned.contained), ZERO)
        for key in sorted(netted, reverse=True):
            taken = min(missing, netted[key].delivered) if key[:2] == back[:2] else ZERO
            if taken > 0:
                netted[key] = InBooks(netted[key].contained - taken, netted[key].delivered - taken)
                missing -= taken
    return netted


def _content(event: StockEvent) -> tuple[object, ...]:
    facts = event.figure or NO_FACTS
    return (
        event.item_id,
        event.location_id,
        event.reading,
        event.quantity,
        facts.reserved,
        facts.unassigned,
        facts.unavailable,
        lines_of(facts),
    )
