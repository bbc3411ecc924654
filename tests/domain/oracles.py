"""Slow and obviously right: what the rules of the domain must come to, worked out from everything at once.

An oracle sees all reports, sorts them and adds up. It shares no code with the rule it checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import combinations

from inventory_sync.domain.reports import BookFigure, Count, Counterpart, Delta

ZERO = Decimal(0)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


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


def level_by_tenures(
    reports: Iterable[Delta | Count | BookFigure], tenures: Sequence[tuple[str, float, int]]
) -> tuple[Decimal, bool, Decimal, Decimal]:
    """Return on hand, known, reserved and the sum of all deltas of a level that lived through tenures.

    tenures: (mode, first minute since noon, reading above which figures belong to it). It goes through the
    tenures one after the other, the way a person with all the papers would.
    """
    newest: dict[str, Delta] = {}
    for report in reports:
        if isinstance(report, Delta) and (
            report.key not in newest or newest[report.key].revision < report.revision
        ):
            newest[report.key] = report
    on_hand, reserved, known = ZERO, ZERO, False
    for number, (mode, start, above) in enumerate(tenures):
        _, end, up_to = tenures[number + 1] if number + 1 < len(tenures) else ("", float("inf"), 10**9)
        if mode == "figures":
            figures = [r for r in reports if isinstance(r, BookFigure) and above < r.reading <= up_to]
            known = bool(figures)
            if figures:
                best = max(figures, key=lambda figure: figure.reading)
                on_hand, reserved = best.quantity, best.reserved
            continue
        deltas = [d for d in newest.values() if start <= _minute(d) < end]
        counts = [r for r in reports if isinstance(r, Count) and start <= _minute(r) < end]
        counts.sort(key=lambda c: (c.at.occurred_at, -1 if c.at.sequence is None else c.at.sequence, c.key))
        known = bool(counts)
        if counts:
            on_hand, reserved = counts[-1].quantity, ZERO
            deltas = [d for d in deltas if _later(d, counts[-1])]
        on_hand += sum((d.quantity for d in deltas), ZERO)
    return on_hand, known, reserved, sum((d.quantity for d in newest.values()), ZERO)


def _minute(report: Delta | Count) -> float:
    return (report.at.occurred_at - NOON).total_seconds() / 60


def can_all_be_served(lines: Sequence[tuple[Decimal, frozenset[str]]], stock: Mapping[str, Decimal]) -> bool:
    """Say by Hall's condition whether lines (quantity, locations) of one item fit into stock."""
    for size in range(1, len(lines) + 1):
        for some in combinations(lines, size):
            places = frozenset().union(*(where for _, where in some))
            if sum(quantity for quantity, _ in some) > sum(max(ZERO, stock.get(p, ZERO)) for p in places):
                return False
    return True
