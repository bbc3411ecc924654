"""What people see of cases: groups with what is at stake, filters, and how far a run is."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from inventory_sync.cases import services
from inventory_sync.cases.models import Case
from inventory_sync.cases.runs import freeze_run
from inventory_sync.cases.selectors import Filters, cases, groups, progress
from inventory_sync.domain.failures import Failure
from tests.factories import NOON

pytestmark = pytest.mark.django_db


def fail(
    subject: int, code: str = "push.refused", *, at: int = 0, connection: str = "shop", sku: str = ""
) -> None:
    failure = Failure(
        code,
        "listing",
        str(subject),
        "no",
        connection_code=connection,
        item_sku=sku,
        units_at_risk=Decimal(2) if sku else None,
    )
    services.open_cases([failure], now=NOON + timedelta(hours=at))


def test_a_group_says_how_many_of_what_and_since_when() -> None:
    fail(1, sku="TEA", at=-30)
    fail(2, sku="TEA", at=-1)
    fail(3, sku="CUP")
    fail(3, sku="CUP")
    fail(4, connection="mart")

    most, other = groups(Filters(), now=NOON)

    assert (most.connection_code, most.cases, most.times) == ("shop", 3, 4)
    assert (most.sku_count, most.skus, most.units_at_risk) == (2, ("CUP", "TEA"), Decimal(6))
    assert (most.first_seen, most.last_seen) == (NOON - timedelta(hours=30), NOON)
    assert (most.trend[-2:], sum(most.trend)) == ((1, 1), 2)
    assert (other.connection_code, other.units_at_risk) == ("mart", None)


def test_the_most_severe_group_stands_first_and_snoozed_ones_can_be_left_out() -> None:
    fail(1), fail(2)
    fail(3, "push.stuck")
    assert [each.code for each in groups(Filters(), now=NOON)] == ["push.stuck", "push.refused"]

    stuck = Case.objects.get(code="push.stuck")
    services.snooze([stuck.pk], until=NOON + timedelta(hours=1), actor="anna", reason="x", now=NOON)

    assert [each.code for each in groups(Filters(snoozed=False), now=NOON)] == ["push.refused"]
    assert [row.pk for row in cases(Filters(snoozed=True), now=NOON)] == [stuck.pk]
    assert not cases(Filters(snoozed=True), now=NOON + timedelta(hours=2)).exists()


def test_filters_bound_what_is_seen() -> None:
    fail(1, sku="TEA"), fail(2, connection="mart"), fail(3, "pick.short", connection="")

    assert cases(Filters(item_sku="TEA"), now=NOON).count() == 1
    assert cases(Filters(team="stock"), now=NOON).count() == 1
    assert cases(Filters(connection_code=""), now=NOON).count() == 1
    assert cases(Filters(connection_codes=["mart"]), now=NOON).count() == 1
    assert cases(Filters(assigned_to=""), now=NOON).count() == 3
    assert cases(Filters(opened_since=NOON + timedelta(seconds=1)), now=NOON).count() == 0


def test_progress_counts_every_line_of_a_run() -> None:
    fail(1), fail(2), fail(3)
    run = freeze_run(list(Case.objects.values_list("pk", flat=True)), actor="a", reason="r", now=NOON)
    run.lines.filter(pk=run.lines.all()[0].pk).update(state="failed")

    told = progress([run])[run.pk]

    assert (told.total, told.failed, told.waiting, told.over) == (3, 1, 2, 1)
