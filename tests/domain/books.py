"""A ledger small enough to read: what stands around fold() in the tests.

It records what is new, hands fold() what it asks for, and keeps every posting.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from inventory_sync.domain.levels import Fold, LevelState, Mode, Posting, fold, state_hash
from inventory_sync.domain.reports import (
    BookFigure,
    Count,
    Counterpart,
    Delta,
    Position,
    Report,
    effective,
    is_after,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def minute(number: float, sequence: int | None = None) -> Position:
    """Return a place in a source's history, in minutes after noon."""
    return Position(NOON + timedelta(minutes=number), sequence)


class SmallLedger:
    """One level with everything that was ever reported of it."""

    def __init__(self, mode: Mode) -> None:
        self.state = LevelState(mode)
        self.postings: list[Posting] = []
        self._deltas: dict[tuple[str, int], Delta] = {}
        self._others: set[tuple[str, int]] = set()

    def record(self, *batch: Report) -> Fold:
        """Fold what is new of a batch, as one transaction of the real ledger does."""
        before = effective(self._deltas.values())
        new = list(self._new(batch))
        superseded = {r.key: before[r.key] for r in new if isinstance(r, Delta) and r.key in before}
        folded = fold(self.state, new, deltas_after=self._deltas_after, superseded=superseded)
        self.state = folded.state
        self.postings += folded.postings
        return folded

    def totals(self) -> dict[Counterpart, Decimal]:
        sums: dict[Counterpart, Decimal] = {}
        for posting in self.postings:
            sums[posting.counterpart] = sums.get(posting.counterpart, Decimal(0)) + posting.quantity
        return {name: total for name, total in sums.items() if total}

    def hash(self) -> str:
        totals = {("item", "here", name): total for name, total in self.totals().items()}
        return state_hash({("item", "here"): self.state}, totals)

    def _deltas_after(self, position: Position) -> Decimal:
        known = effective(self._deltas.values()).values()
        return sum((delta.quantity for delta in known if is_after(delta.at, position)), Decimal(0))

    def _new(self, batch: Iterable[Report]) -> Iterable[Report]:
        for report in batch:
            if isinstance(report, Delta):
                if (report.key, report.revision) not in self._deltas:
                    self._deltas[report.key, report.revision] = report
                    yield report
                continue
            name = (report.key, report.reading if isinstance(report, BookFigure) else 0)
            if name not in self._others:
                self._others.add(name)
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


def figure(reading: int, quantity: int | str, *, reserved: int = 0) -> BookFigure:
    return BookFigure(f"reading:{reading}", reading, Decimal(quantity), Decimal(reserved))
