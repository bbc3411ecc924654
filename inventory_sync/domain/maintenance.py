"""Windows that come every week: on some days, from one time to another as the clocks of a place show it.

Pure. The windows themselves are kept as moments (connections/weekly.py), so that nobody who asks whether one
is open reckons with zones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Weekly:
    """days: on which it begins, 1 is Monday. One that does not end after it begins ends on the next day."""

    days: frozenset[int]
    begins: time
    ends: time
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if not self.days or not self.days <= set(range(1, 8)):
            raise ValueError("a weekly window has days, from 1 (Monday) to 7")

    @property
    def in_words(self) -> str:
        days = "daily" if len(self.days) == 7 else " ".join(DAYS[day - 1] for day in sorted(self.days))
        return f"{days} {self.begins:%H:%M}–{self.ends:%H:%M} {self.zone.key}"


def occurrences(weekly: Weekly, *, after: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield from when to when it is, in UTC: those not over at `after` that begin before `until`.

    When clocks go back, it ends at the second of two equal times; when they go forward, a time that is
    skipped counts as so long after the change as it would have been.
    """
    day = after.astimezone(weekly.zone).date() - 2 * DAY
    last = until.astimezone(weekly.zone).date() + DAY
    while day <= last:
        if day.isoweekday() in weekly.days:
            begins, ends = _moments(weekly, day)
            if ends > after and begins < until:
                yield begins, ends
        day += DAY


def _moments(weekly: Weekly, day: date) -> tuple[datetime, datetime]:
    last = day if weekly.ends > weekly.begins else day + DAY
    begins = datetime.combine(day, weekly.begins, tzinfo=weekly.zone)
    ends = datetime.combine(last, weekly.ends, tzinfo=weekly.zone)
    return begins.astimezone(UTC), max(ends.astimezone(UTC), ends.replace(fold=1).astimezone(UTC))
