"""Months are there before they are needed, from whatever day one looks ahead."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, OperationalError

from inventory_sync.availability import partitions as availability
from inventory_sync.pipeline.partitions import keep_partitions
from inventory_sync.support.months import months_from


@pytest.mark.parametrize("day", [1, 28, 29, 30, 31])
def test_no_month_is_left_out_whatever_the_day(day: int) -> None:
    months = months_from(datetime(2026, 12, day, 23, 59, tzinfo=UTC), 4)

    assert [(each.year, each.month) for each in months] == [(2026, 12), (2027, 1), (2027, 2), (2027, 3)]


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError("no lock"), IntegrityError("a row came in between")])
def test_a_room_that_is_held_up_does_not_keep_the_others_from_theirs(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    now = datetime(2031, 1, 31, tzinfo=UTC)

    def held_up(_: object) -> int:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(availability, "make_months", held_up)
        first = keep_partitions(now=now)["partitions"]
    again = keep_partitions(now=now)["partitions"]

    assert first > 0
    assert again == len(months_from(now, 4)), "those of the figures, which were held up"
