"""Who is told, when, and how much at a time: the rules by themselves."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.telling import (
    MOST_AT_ONCE,
    MOST_ATTEMPTS,
    NEVER,
    Digest,
    Fact,
    Owed,
    Quiet,
    Terms,
    bundles,
    due_at,
    next_wall,
    retry_at,
    why_not,
)

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Quiet(time(22), time(7))
FACT = Fact("support", "normal", "push.refused", "shop-de")


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("why", "terms", "taken"),
    [
        ("no terms take all", Terms(), True),
        ("the team", Terms(team="support"), True),
        ("another team", Terms(team="stock"), False),
        ("as severe as asked", Terms(least="normal"), True),
        ("not severe enough", Terms(least="urgent"), False),
        ("the beginning of the code", Terms(code_prefix="push."), True),
        ("another code", Terms(code_prefix="mapping."), False),
        ("the connection", Terms(connection="shop-de"), True),
        ("another connection", Terms(connection="shop-fr"), False),
    ],
)
def test_a_route_takes_what_fits_all_its_terms(why: str, terms: Terms, taken: bool) -> None:
    assert (why_not(terms, FACT) == "") is taken, why


@pytest.mark.parametrize(
    ("why", "moment", "severity", "told"),
    [
        ("by day at once", "2026-11-23T12:00", "normal", "2026-11-23T12:00"),
        ("in the evening when they end", "2026-11-23T23:00", "normal", "2026-11-24T07:00"),
        ("after midnight the same morning", "2026-11-24T03:00", "normal", "2026-11-24T07:00"),
        ("what breaks through at once", "2026-11-24T03:00", "urgent", "2026-11-24T03:00"),
        ("at their end they are over", "2026-11-24T07:00", "normal", "2026-11-24T07:00"),
        ("at their beginning they hold", "2026-11-23T22:00", "normal", "2026-11-24T07:00"),
    ],
)
def test_quiet_hours_hold_what_does_not_break_through(
    why: str, moment: str, severity: str, told: str
) -> None:
    assert due_at(Terms(zone=BERLIN, quiet=NIGHT), severity, at(moment)) == at(told), why


def test_nothing_breaks_through_where_staff_say_so() -> None:
    terms = Terms(zone=BERLIN, quiet=Quiet(time(22), time(7), NEVER))

    assert due_at(terms, "urgent", at("2026-11-24T03:00")) == at("2026-11-24T07:00")


def test_the_night_the_clocks_go_forward_is_an_hour_shorter() -> None:
    told = due_at(Terms(zone=BERLIN, quiet=NIGHT), "normal", at("2026-03-28T23:00"))

    assert told == datetime(2026, 3, 29, 5, 0, tzinfo=UTC)  # 07:00 of summer time
    assert told - at("2026-03-28T23:00") == timedelta(hours=7)


def test_the_night_the_clocks_go_back_is_an_hour_longer() -> None:
    told = due_at(Terms(zone=BERLIN, quiet=NIGHT), "normal", at("2026-10-24T23:00"))

    assert told == datetime(2026, 10, 25, 6, 0, tzinfo=UTC)  # 07:00 of winter time
    assert told - at("2026-10-24T23:00") == timedelta(hours=9)


def test_quiet_hours_that_end_at_a_time_that_is_skipped_end_as_if_it_were_there() -> None:
    terms = Terms(zone=BERLIN, quiet=Quiet(time(22), time(2, 30)))

    assert due_at(terms, "normal", at("2026-03-29T01:00")) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_quiet_hours_that_end_at_a_time_that_comes_twice_end_each_time() -> None:
    terms = Terms(zone=BERLIN, quiet=Quiet(time(22), time(2, 30)))
    first, second = at("2026-10-25T02:30"), at("2026-10-25T02:30", fold=1)

    assert due_at(terms, "normal", at("2026-10-25T01:00")) == first
    assert due_at(terms, "normal", at("2026-10-25T02:10", fold=1)) == second
    assert second - first == timedelta(hours=1)


@given(
    moment=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    begins=st.times(),
    ends=st.times(),
    zone=st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
    ),
    digest=st.sampled_from(list(Digest)),
    severity=st.sampled_from(["low", "normal", "urgent"]),
)
def test_whatever_the_clocks_do_it_is_told_within_three_days_and_never_before(
    moment: datetime, begins: time, ends: time, zone: str, digest: Digest, severity: str
) -> None:
    now = moment.replace(tzinfo=UTC)
    terms = Terms(zone=ZoneInfo(zone), quiet=Quiet(begins, ends), digest=digest)

    told = due_at(terms, severity, now)

    assert now <= told <= now + timedelta(days=3)
    assert severity != "urgent" or told == now


def test_a_daily_digest_waits_for_its_hour_an_hourly_one_for_the_next_and_urgent_for_none() -> None:
    moment = at("2026-11-23T12:20")
    daily = Terms(zone=BERLIN, digest=Digest.DAILY, digest_at=time(8))

    assert due_at(daily, "normal", moment) == at("2026-11-24T08:00")
    assert due_at(Terms(zone=BERLIN, digest=Digest.HOURLY), "low", moment) == at("2026-11-23T13:00")
    assert due_at(daily, "urgent", moment) == moment


def test_the_next_time_a_clock_shows_an_hour_is_never_now() -> None:
    moment = at("2026-11-23T08:00")

    assert next_wall(BERLIN, time(8), moment) == at("2026-11-24T08:00")


OWED = st.builds(
    Owed,
    id=st.integers(1, 10**9),
    code=st.sampled_from(["push.refused", "push.stuck", "line.parked", "mapping.item_unknown"]),
    connection=st.sampled_from(["shop-de", "shop-fr", ""]),
    over=st.booleans(),
    escalated=st.booleans(),
    urgent=st.booleans(),
)


@given(
    owed=st.lists(OWED, max_size=60, unique_by=lambda each: each.id),
    left=st.integers(0, 12),
    digest=st.sampled_from(list(Digest)),
)
def test_everything_owed_is_in_one_message_alone_and_there_are_few(
    owed: list[Owed], left: int, digest: Digest
) -> None:
    made = bundles(owed, left=left, digest=digest)

    told = Counter(each.id for bundle in made for each in bundle)
    if owed and left:
        assert told == Counter(each.id for each in owed)
        assert len(made) <= min(left, MOST_AT_ONCE)
    else:
        assert made == []


def test_a_storm_of_one_group_is_one_message() -> None:
    storm = [Owed(id=each, code="push.refused", connection="shop-de") for each in range(5_000)]

    [message] = bundles(storm, left=12, digest=Digest.AT_ONCE)

    assert len(message) == 5_000


def test_what_is_over_is_not_mixed_with_what_is_wrong() -> None:
    owed = [Owed(1, "push.refused", "shop-de"), Owed(2, "push.refused", "shop-de", over=True)]

    assert [[each.id for each in bundle] for bundle in bundles(owed, left=12, digest=Digest.AT_ONCE)] == [
        [1],
        [2],
    ]


def test_pauses_grow_and_end() -> None:
    now = at("2026-11-23T12:00")
    waits = [retry_at(tries, now=now, jitter=0.5) for tries in range(1, MOST_ATTEMPTS)]

    assert [(each - now).total_seconds() for each in waits if each][:4] == [30, 60, 120, 240]
    assert max(each - now for each in waits if each) == timedelta(minutes=30)
    assert retry_at(MOST_ATTEMPTS, now=now, jitter=0.5) is None
    assert retry_at(1, now=now, jitter=0.5, asked_s=900) == now + timedelta(minutes=15)
