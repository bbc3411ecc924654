"""What on hand rests on: the one count or figure that rules a level, and which deltas come on top of it.

Of several periods the latest that was told the whole stock rules, and in it the latest count or the newest
figure. Does not change a level (levels.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from inventory_sync.domain.modes import Mode, Periods, Window
from inventory_sync.domain.reports import Count, Position, is_after


@dataclass(frozen=True, slots=True)
class Basis:
    """The report of the whole stock that on hand rests on: a count, a reading's figure, or nothing yet."""

    periods: Periods
    count: Count | None = None
    reading: int | None = None

    @classmethod
    def of(cls, count: Count | None, reading: int | None, periods: Periods) -> Basis:
        """Choose between the latest count and the newest figure: that of the later period rules."""
        if count is not None and reading is not None:
            if periods.at(count.at.occurred_at) > periods.of_reading(reading):
                return cls(periods, count=count)
            return cls(periods, reading=reading)
        return cls(periods, count, reading)

    @property
    def period(self) -> int:
        """The number of the period it belongs to; the first one where nothing was told."""
        if self.count is not None:
            return self.periods.at(self.count.at.occurred_at)
        return 0 if self.reading is None else self.periods.of_reading(self.reading)

    @property
    def is_current(self) -> bool:
        return self.period == self.periods.last

    def windows(self) -> tuple[Window, ...]:
        """Return the windows of time whose deltas on hand counts on top of what was found."""
        after = None if self.count is None else self.count.at
        return self.periods.movements_after(after, number=self.period)

    def counted_from(self) -> Position | None:
        """Return the position after which deltas of movements periods count; None: none does."""
        windows = self.windows()
        return windows[0][0] if windows else None

    def counts(self, at: Position) -> bool:
        """Say whether on hand counts a delta at that position."""
        number = self.periods.at(at.occurred_at)
        if self.periods.all[number].mode is Mode.FIGURES:
            return False
        if self.count is not None:
            return is_after(at, self.count.at)
        return self.reading is None or number > self.period
