"""Slow and obviously right: what the rules of the domain must come to, worked out from everything at once.

An oracle sees all reports, sorts them and adds up. It shares no code with the rule it checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import combinations

from inventory_sync.domain.reports import BookFigure, Count, Counterpart, Delta

ZERO = Decimal(0)


def level_by_sorting(reports: Iterable[Delta | Count]) -> tuple[Decimal, dict[Counterpart, Decimal]]:
    """Return on hand and the totals per counterpart of a level in movements mode."""
    newest: dict[str, Delta] = {}
    counts: list[Count] = []
    for report in reports:
        if isinstance(report, Count):
            counts.append(report)
        elif report.key not in newest or newest[report.key].revision < report.revision:
            newest[report.key] = report

    counts.sort(key=lambda c: (c.at.occurred_at, c.at.sequence if c.at.sequence is not None else -1, c.key))
    on_hand = counts[-1].quantity if counts else ZERO
    totals: dict[Counterpart, Decimal] = dict.fromkeys(Counterpart, ZERO)
    for delta in newest.values():
        totals[delta.counterpart] += delta.quantity
        if not counts or _later(delta, counts[-1]):
            on_hand += delta.quantity
    totals[Counterpart.ADJUSTMENT] += on_hand - sum(totals.values(), ZERO)
    return on_hand, {name: total for name, total in totals.items() if total}


def _later(delta: Delta, count: Count) -> bool:
    if delta.at.occurred_at > count.at.occurred_at:
        return True
    if delta.at.occurred_at < count.at.occurred_at:
        return False
    if delta.at.sequence is None or count.at.sequence is None:
        return False
    return delta.at.sequence > count.at.sequence


def figure_by_sorting(figures: Sequence[BookFigure]) -> BookFigure | None:
    """Return the figure that rules a level in figures mode."""
    return max(figures, key=lambda figure: figure.reading) if figures else None


def can_all_be_served(lines: Sequence[tuple[Decimal, frozenset[str]]], stock: Mapping[str, Decimal]) -> bool:
    """Say by Hall's condition whether lines (quantity, locations) of one item fit into stock."""
    for size in range(1, len(lines) + 1):
        for some in combinations(lines, size):
            places = frozenset().union(*(where for _, where in some))
            if sum(quantity for quantity, _ in some) > sum(max(ZERO, stock.get(p, ZERO)) for p in places):
                return False
    return True
