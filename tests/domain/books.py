"""A ledger small enough to read: what stands around fold() in the tests.

It records what is new, hands fold() what it asks for, and keeps every posting.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from inventory_sync.domain.basis import Basis
from inventory_sync.domain.levels import Fold, LevelState, Mode, Posting, fold, rest_anew, sift, state_hash
from inventory_sync.domain.modes import Tenures
from inventory_sync.domain.reports import (
    BookFigure,
    Count,
    Counterpart,
    Delta,
    Position,
    Report,
    effective,
    is_after,
    latest_count,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def minute(number: float, sequence: int | None = None) -> Position:
    """Return a place in a source's history, in minutes after noon."""
    return Position(NOON + timedelta(minutes=number), sequence)


class SmallLedger:
    """One level with everything that was ever reported of it."""

    def __init__(self, mode: Mode) -> None:
        self.state = LevelState(mode)
        self.tenures = Tenures.only(mode)
        self.postings: list[Posting] = []
        self.parked: list[Report] = []
        self._deltas: dict[tuple[str, int], Delta] = {}
        self._others: dict[tuple[str, int], Count | BookFigure] = {}

    def record(self, *batch: Report) -> Fold:
        """Fold what is new of a batch, as one transaction of the real ledger does."""
        before = effective(self._deltas.values())
        new = list(self._new(batch))
        superseded = {r.key: before[r.key] for r in new if isinstance(r, Delta) and r.key in before}
        return self._took(
            fold(
                self.state,
                new,
                deltas_after=self._deltas_after,
                superseded=superseded,
                tenures=self.tenures,
            )
        )

    def offer(self, *batch: Report) -> Fold:
        """Record what belongs to its tenure and park the rest, as the drain does."""
        late = minute(10**6).occurred_at
        sifted = sift(self.state, batch, now=late, tolerance=timedelta(), tenures=self.tenures)
        self.parked += [refusal.report for refusal in sifted.refused]
        return self.record(*sifted.accepted)

    def change(self, mode: Mode, *, at: Position, after_reading: int) -> Fold:
        """Begin another tenure, work the level out again, and offer what was parked once more."""
        self.tenures = self.tenures.begun(mode, at=at.occurred_at, after_reading=after_reading)
        others = self._others.values()
        counts = [r for r in others if isinstance(r, Count) and self.tenures.takes_count(r.at.occurred_at)]
        figures = [r for r in others if isinstance(r, BookFigure) and self.tenures.takes_figure(r.reading)]
        count = latest_count(counts)
        figure = max(figures, key=lambda each: each.reading, default=None)
        windows = Basis.of(count, None if figure is None else figure.reading, self.tenures).windows()
        deltas = sum(
            (self._sum(start) - (self._sum(end) if end else 0) for start, end in windows), Decimal(0)
        )
        changed = self._took(
            rest_anew(
                self.state,
                count=count,
                figure=figure,
                deltas=deltas,
                tenures=self.tenures,
                unavailable=Decimal(0) if figure is None else figure.unavailable,
                key="change",
            )
        )
        waiting, self.parked = self.parked, []
        self.offer(*waiting)
        return changed

    def totals(self) -> dict[Counterpart, Decimal]:
        sums: dict[Counterpart, Decimal] = {}
        for posting in self.postings:
            sums[posting.counterpart] = sums.get(posting.counterpart, Decimal(0)) + posting.quantity
        return {name: total for name, total in sums.items() if total}

    def hash(self) -> str:
        totals = {("item", "here", name): total for name, total in self.totals().items()}
        return state_hash({("item", "here"): self.state}, totals)

    def _took(self, folded: Fold) -> Fold:
        self.state = folded.state
        self.postings += folded.postings
        return folded

    def _deltas_after(self, position: Position) -> Decimal:
        number = self.tenures.at(position.occurred_at)
        windows = self.tenures.movements_after(position, number=number)
        return sum((self._sum(start) - (self._sum(end) if end else 0) for start, end in windows), Decimal(0))

    def _sum(self, after: Position | None) -> Decimal:
        known = effective(self._deltas.values()).values()
        return sum((d.quantity for d in known if after is None or is_after(d.at, after)), Decimal(0))

    def _new(self, batch: Iterable[Report]) -> Iterable[Report]:
        for report in batch:
            if isinstance(report, Delta):
                if (report.key, report.revision) not in self._deltas:
                    self._deltas[report.key, report.revision] = report
                    yield report
                continue
            name = (report.key, report.reading if isinstance(report, BookFigure) else 0)
            if name not in self._others:
                self._others[name] = report
                yield report


def delta(
    key: str,
    quantity: int | str,
    at: Position,
    *,
    revision: int = 0,
    counterpart: Counterpart = Counterpart.CUSTOMER,
) -> Delta:
    return Delta(key, revision, Decimal(quantity), at, counterpart)


def count(key: str, quantity: int | str, at: Position) -> Count:
    return Count(key, Decimal(quantity), at)


def figure(reading: int, quantity: int | str, *, reserved: int = 0, unavailable: int = 0) -> BookFigure:
    return BookFigure(
        f"reading:{reading}",
        reading,
        Decimal(quantity),
        Decimal(reserved),
        unavailable=Decimal(unavailable),
    )
