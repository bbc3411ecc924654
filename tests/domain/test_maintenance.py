"""A weekly window is when the clocks of its place say so, whatever they do meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.maintenance import Weekly, occurrences

BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY = frozenset({7})
ZONES = ("Europe/Berlin", "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


def sunday(begins: time, ends: time, near: datetime) -> tuple[datetime, datetime]:
    weekly = Weekly(SUNDAY, begins, ends, BERLIN)
    (only,) = occurrences(weekly, after=near - timedelta(days=2), until=near + timedelta(days=2))
    return only


def utc(day: int, month: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("why", "day", "begins", "ends", "from_", "to"),
    [
        ("winter", utc(18, 1, 0), time(2), time(4), utc(18, 1, 1), utc(18, 1, 3)),
        ("summer", utc(19, 7, 0), time(2), time(4), utc(19, 7, 0), utc(19, 7, 2)),
        ("over midnight", utc(18, 1, 0), time(22), time(1, 30), utc(18, 1, 21), utc(19, 1, 0, 30)),
        ("a whole day", utc(18, 1, 0), time(0), time(0), utc(17, 1, 23), utc(18, 1, 23)),
        ("two o'clock is skipped", utc(29, 3, 0), time(2), time(4), utc(29, 3, 1), utc(29, 3, 2)),
        ("all of it is skipped", utc(29, 3, 0), time(2, 15), time(2, 45), utc(29, 3, 1, 15),
         utc(29, 3, 1, 45)),
        ("half past two comes twice", utc(25, 10, 0), time(1), time(2, 30), utc(24, 10, 23),
         utc(25, 10, 1, 30)),
    ],
)  # fmt: skip
def test_it_is_as_the_clocks_there_show(
    why: str, day: datetime, begins: time, ends: time, from_: datetime, to: datetime
) -> None:
    assert sunday(begins, ends, day) == (from_, to)


@given(
    days=st.sets(st.integers(1, 7), min_size=1),
    begins=st.times(timezones=st.none()),
    ends=st.times(timezones=st.none()),
    zone=st.sampled_from(ZONES),
    after=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
)
def test_each_week_has_each_day_once_and_none_lasts_longer_than_a_day_and_an_hour(
    days: set[int], begins: time, ends: time, zone: str, after: datetime
) -> None:
    weekly = Weekly(frozenset(days), begins, ends, ZoneInfo(zone))
    month = timedelta(days=28)

    found = list(occurrences(weekly, after=after, until=after + month))

    assert len(days) * 4 - 1 <= len(found) <= len(days) * 4 + 2
    assert {start.astimezone(weekly.zone).isoweekday() for start, _ in found} <= days
    assert all(timedelta(0) < end - start <= timedelta(hours=25) for start, end in found)
    assert [start for start, _ in found] == sorted({start for start, _ in found})


def test_one_that_is_open_now_is_among_them_and_one_that_is_over_is_not() -> None:
    weekly = Weekly(SUNDAY, time(2), time(4), ZoneInfo("UTC"))

    open_now = list(occurrences(weekly, after=utc(18, 1, 3), until=utc(20, 1, 0)))
    over = list(occurrences(weekly, after=utc(18, 1, 4), until=utc(20, 1, 0)))

    assert (len(open_now), len(over)) == (1, 0)


def test_it_says_in_words_when_it_is() -> None:
    assert Weekly(frozenset({6, 7}), time(22), time(1), BERLIN).in_words == (
        "Sat Sun 22:00–01:00 Europe/Berlin"
    )
    assert Weekly(frozenset(range(1, 8)), time(3), time(4), BERLIN).in_words.startswith("daily 03:00")
