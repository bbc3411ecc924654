"""What on hand rests on: the one count or figure that rules a level, and which deltas come on top of it.

Of several tenures the latest that was told the whole stock rules, and in it the latest count or the newest
figure. Does not change a level (levels.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from inventory_sync.domain.modes import Mode, Tenures, Window
from inventory_sync.domain.reports import Count, Position, is_after


@dataclass(frozen=True, slots=True)
class Basis:
    """The report of the whole stock that on hand rests on: a count, a reading's figure, or nothing yet."""

    tenures: Tenures
    count: Count | None = None
    reading: int | None = None

    @classmethod
    def of(cls, count: Count | None, reading: int | None, tenures: Tenures) -> Basis:
        """Choose between the latest count and the newest figure: that of the later tenure rules."""
        if count is not None and reading is not None:
            if tenures.at(count.at.occurred_at) > tenures.of_reading(reading):
                return cls(tenures, count=count)
            return cls(tenures, reading=reading)
        return cls(tenures, count, reading)

    @property
    def tenure(self) -> int:
        """The number of the tenure it belongs to; the first one where nothing was told."""
        if self.count is not None:
            return self.tenures.at(self.count.at.occurred_at)
        return 0 if self.reading is None else self.tenures.of_reading(self.reading)

    @property
    def is_current(self) -> bool:
        return self.tenure == self.tenures.last

    def windows(self) -> tuple[Window, ...]:
        """Return the windows of time whose deltas on hand counts on top of what was found."""
        after = None if self.count is None else self.count.at
        return self.tenures.movements_after(after, number=self.tenure)

    def counted_from(self) -> Position | None:
        """Return the position after which deltas of movements tenures count; None: none does."""
        windows = self.windows()
        return windows[0][0] if windows else None

    def counts(self, at: Position) -> bool:
        """Say whether on hand counts a delta at that position."""
        number = self.tenures.at(at.occurred_at)
        if self.tenures.all[number].mode is Mode.FIGURES:
            return False
        if self.count is not None:
            return is_after(at, self.count.at)
        return self.reading is None or number > self.tenure
