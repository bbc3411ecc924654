"""How a location's authority reports its stock, and since when: the tenures of a location's life.

A tenure is a stretch in which one authority reports in one mode. It begins by an act with a date and with a
reading number taken at that moment, and every report belongs to one tenure for good, whenever it arrives: a
delta or a count to the one in force at its own time, a book figure to the one its reading number falls into.

Does not say what a report does to a level (levels.py) or who may change a mode (catalog).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from inventory_sync.domain.reports import Position

# The smallest step of a time as it is stored: "from T on" is "after T less this".
INSTANT = timedelta(microseconds=1)


class Mode(StrEnum):
    """How a location's authority reports its stock."""

    MOVEMENTS = "movements"
    FIGURES = "figures"


@dataclass(frozen=True, slots=True)
class Tenure:
    """One authority in one mode, from a time on (None: the beginning) and for readings above a number."""

    mode: Mode
    starts_at: datetime | None = None
    after_reading: int = 0


Window = tuple[Position | None, Position | None]  # after the first, not after the second; None: no bound


@dataclass(frozen=True, slots=True)
class Tenures:
    """The tenures of one location, oldest first; the last one is in force now."""

    all: tuple[Tenure, ...]

    def __post_init__(self) -> None:
        if not self.all or self.all[0].starts_at is not None:
            raise ValueError("a location has a mode from the beginning")
        for one, next_one in pairwise(self.all):
            later = next_one.starts_at is not None and (
                one.starts_at is None or one.starts_at < next_one.starts_at
            )
            if not later or next_one.after_reading < one.after_reading:
                raise ValueError("each tenure begins later than the one before")

    @classmethod
    def only(cls, mode: Mode) -> Tenures:
        return cls((Tenure(mode),))

    @property
    def mode(self) -> Mode:
        """The mode in force now."""
        return self.all[-1].mode

    @property
    def last(self) -> int:
        return len(self.all) - 1

    def at(self, when: datetime) -> int:
        """Return the number of the tenure a delta or a count of that time belongs to."""
        number = self.last
        while number and (start := self.all[number].starts_at) is not None and when < start:
            number -= 1
        return number

    def of_reading(self, reading: int) -> int:
        """Return the number of the tenure a book figure of that reading belongs to."""
        number = self.last
        while number and reading <= self.all[number].after_reading:
            number -= 1
        return number

    def takes_count(self, when: datetime) -> bool:
        """Say whether a shelf count of that time is one of its location's reports."""
        return self.all[self.at(when)].mode is Mode.MOVEMENTS

    def takes_figure(self, reading: int) -> bool:
        """Say whether a book figure of that reading is one of its location's reports."""
        return self.all[self.of_reading(reading)].mode is Mode.FIGURES

    def begun(self, mode: Mode, *, at: datetime, after_reading: int) -> Tenures:
        """Return the tenures with one more, which begins at a time and above a reading number."""
        return Tenures((*self.all, Tenure(mode, at, after_reading)))

    def movements_after(self, after: Position | None, *, number: int) -> tuple[Window, ...]:
        """Return the windows of time whose deltas count on top of what was found at `after` in a tenure.

        `number` is that tenure; deltas of figures tenures never count. No window: nothing does.
        """
        windows: list[Window] = []
        for each in range(number, len(self.all)):
            if self.all[each].mode is Mode.FIGURES:
                continue
            start = after if each == number else _just_before(self.all[each].starts_at)
            end = _just_before(self.all[each + 1].starts_at) if each < self.last else None
            windows.append((start, end))
        return tuple(windows)


def _just_before(when: datetime | None) -> Position | None:
    return None if when is None else Position(when - INSTANT)
