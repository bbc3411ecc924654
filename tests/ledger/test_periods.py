"""What happens in a closed period is posted in the next open one or parked; stock is the same either way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from inventory_sync.domain.levels import RefusalReason
from inventory_sync.domain.periods import LatePolicy, next_period, period_of, posting_period
from inventory_sync.ledger.models import LatePosting
from inventory_sync.ledger.models import Period as PeriodRow
from tests.factories import saved
from tests.ledger.goods import applied, level, lines
from tests.ledger.reports import count, delta
from tests.ledger.worlds import MemoryWorld, World

PARK = LatePolicy.PARK


def close(world: World, *codes: str) -> None:
    for code in codes:
        if isinstance(world, MemoryWorld):
            world.store.incoming.closed.add(code)  # type: ignore[attr-defined]
        else:
            row = PeriodRow(
                code=code, state="closed", changed_by="tests", changed_at=datetime.now(UTC), reason="a test"
            )
            saved(row, "period.closed")


def late(world: World) -> list[tuple[str, str, str]]:
    if isinstance(world, MemoryWorld):
        rows = list(world.store.incoming.late.values())  # type: ignore[attr-defined]
    else:
        rows = list(LatePosting.objects.order_by("event_id"))
    return [(row.event_key, row.origin, row.period) for row in rows]


def test_a_late_movement_is_posted_in_the_first_open_period_and_noted(world: World) -> None:
    item, place = world.item("MUG"), world.place("ST")
    close(world, "2026-11", "2026-12")

    applied(world, delta("a", item, place, 5), now=datetime(2027, 1, 5, tzinfo=UTC))

    assert [line[4] for line in lines(world)] == ["2027-01"]
    assert late(world) == [("a", "2026-11", "2027-01")]
    assert level(world, item, place).on_hand == 5


def test_every_line_of_a_late_report_goes_there_with_it(world: World) -> None:
    item, place = world.item("MUG"), world.place("ST")
    applied(world, count("n", item, place, 10, at=60), delta("b", item, place, 1, at=70))
    close(world, "2026-11")

    applied(world, delta("a", item, place, 5, at=30), delta("b", item, place, 2, at=70, revision=1))

    kinds = {line[3]: line[4] for line in lines(world)[2:]}
    assert kinds == {
        "receipt": "2026-12", "absorption": "2026-12", "correction": "2026-12",
    }  # fmt: skip
    assert level(world, item, place).on_hand == 12


def test_where_policy_parks_nothing_of_it_is_posted_and_its_neighbours_are(world: World) -> None:
    item, place = world.item("MUG"), world.place("ST")
    close(world, "2026-11")
    old = delta("a", item, place, 5)
    new = delta("b", item, place, 1, at=60 * 24 * 20)

    done = applied(world, old, new, late=PARK)

    assert [(each.event.key, each.reason) for each in done.posted.refused] == [
        ("a", RefusalReason.PERIOD_CLOSED)
    ]
    assert level(world, item, place).on_hand == 1
    assert late(world) == []


def test_an_open_period_takes_what_happened_in_it_however_late(world: World) -> None:
    item, place = world.item("MUG"), world.place("ST")
    close(world, "2026-10")

    applied(world, delta("a", item, place, 5), late=PARK)

    assert [line[4] for line in lines(world)] == ["2026-11"]


@pytest.mark.parametrize(
    ("period", "closed", "posted"),
    [
        ("2026-11", set(), "2026-11"),
        ("2026-11", {"2026-11"}, "2026-12"),
        ("2026-12", {"2026-12", "2027-01"}, "2027-02"),
        ("2026-11", {"2026-12"}, "2026-11"),
    ],
)
def test_the_first_open_period_after_it_takes_what_is_late(
    period: str, closed: set[str], posted: str
) -> None:
    assert posting_period(period, closed) == posted


def test_a_period_is_a_month_of_utc() -> None:
    berlin = datetime(2026, 12, 1, 0, 30, tzinfo=UTC).astimezone() - timedelta(hours=1)

    assert period_of(datetime.fromisoformat("2026-12-01T00:30:00+01:00")) == "2026-11"
    assert period_of(berlin) == "2026-11"
    assert next_period("2026-12") == "2027-01"
    assert Decimal(period_of(datetime(2027, 1, 1, tzinfo=UTC)).replace("-", ".")) == Decimal("2027.01")
