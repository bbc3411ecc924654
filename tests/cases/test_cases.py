"""A failure seen often is one case; seen again after its end it is a new one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from inventory_sync.audit.models import Entry
from inventory_sync.cases import services as cases
from inventory_sync.cases.models import Case, RetryRun
from inventory_sync.cases.runs import cancel_run, freeze_run
from inventory_sync.cases.selectors import is_hidden
from inventory_sync.cases.services import Acted
from inventory_sync.domain.failures import Failure
from tests.factories import NOON

pytestmark = pytest.mark.django_db


def seen(**values: Any) -> Case:
    usual: dict[str, Any] = {
        "code": "push.refused",
        "subject_kind": "listing",
        "subject_id": 7,
        "summary": "no",
        "now": NOON,
    }
    return cases.open_case(**(usual | values))


def test_the_same_failure_of_the_same_subject_is_one_case_counted() -> None:
    first = seen(summary="refused")
    again = seen(summary="refused again", now=NOON + timedelta(hours=1))

    assert again.pk == first.pk
    assert (again.times, again.summary, again.last_seen_at) == (2, "refused again", NOON + timedelta(hours=1))


def test_another_code_or_subject_is_another_case() -> None:
    seen()
    seen(code="push.not_applied")
    seen(subject_id=8)

    assert Case.objects.filter(state="open").count() == 3


def test_resolving_closes_only_what_was_meant_and_says_how() -> None:
    seen()
    seen(code="push.not_applied")

    closed = cases.resolve_cases(
        subject_kind="listing", subject_ids=["7"], code="push.refused", resolution="settled", now=NOON
    )

    assert closed == 1
    assert Case.objects.get(code="push.refused").resolution == "settled"
    assert Case.objects.get(code="push.not_applied").state == "open"


def test_a_failure_after_its_case_was_closed_opens_a_new_one() -> None:
    old = seen()
    cases.resolve_cases(subject_kind="listing", subject_ids=["7"], resolution="settled", now=NOON)

    new = seen()

    assert new.pk != old.pk
    assert new.times == 1


def test_many_failures_are_opened_in_one_statement_and_counted_by_subject(
    django_assert_num_queries: Any,
) -> None:
    failures = [Failure("mapping.item_unknown", "parked", f"1:item:{n % 3}", "?") for n in range(10)]

    with django_assert_num_queries(1):
        noted = cases.open_cases(failures, now=NOON)

    assert [each.new for each in noted] == [True] * 3
    assert sorted(Case.objects.values_list("times", flat=True)) == [3, 3, 4]
    assert [each.new for each in cases.open_cases(failures[:1], now=NOON)] == [False]


def test_team_and_severity_come_from_the_code_unless_the_step_knows_better() -> None:
    assert (seen(code="push.stuck").severity, seen(code="pick.short").owner_team) == ("urgent", "stock")
    assert seen(code="push.not_applied", severity="low", owner_team="shop").owner_team == "shop"


def test_a_snoozed_case_wakes_when_it_is_seen_again_and_is_worse() -> None:
    case = seen(severity="low")
    cases.snooze([case.pk], until=NOON + timedelta(days=1), actor="anna", reason="later", now=NOON)

    [same] = cases.open_cases([Failure("push.refused", "listing", "7", "no", severity="low")], now=NOON)
    case.refresh_from_db()
    assert (same.worse, is_hidden(case, now=NOON)) == (False, True)

    [worse] = cases.open_cases([Failure("push.refused", "listing", "7", "no", severity="urgent")], now=NOON)
    case.refresh_from_db()
    assert (worse.worse, case.severity, is_hidden(case, now=NOON)) == (True, "urgent", False)


def test_a_case_never_grows_milder_and_keeps_the_item_and_the_order_it_knew() -> None:
    seen(severity="urgent", item_sku="TEA", order_ref="100", units_at_risk=Decimal(3))
    again = seen(severity="low")

    assert (again.severity, again.item_sku, again.order_ref, again.units_at_risk) == (
        "urgent",
        "TEA",
        "100",
        Decimal(3),
    )


def test_a_case_that_closed_itself_names_the_run_and_nobody() -> None:
    case = seen()
    cases.resolve_cases(
        subject_kind="listing", subject_ids=["7"], resolution="A push succeeded.", run="abc", now=NOON
    )

    case.refresh_from_db()
    assert (case.resolution, case.closed_by) == ("A push succeeded. (run abc)", "")


@pytest.mark.parametrize("act", [cases.resolve, cases.discard])
def test_an_end_says_who_and_why_and_is_audited_once(act: Any) -> None:
    case = seen()

    assert act([case.pk], actor="anna", reason="seen to", now=NOON) == Acted((case.pk,))
    assert act([case.pk], actor="bert", reason="too late", now=NOON) == Acted((), (case.pk,))

    case.refresh_from_db()
    assert (case.closed_by, case.resolution, case.resolved_at) == ("anna", "seen to", NOON)
    assert [entry.actor_name for entry in Entry.objects.filter(subject_table="cases_case")] == ["anna"]


def test_who_acknowledged_first_is_kept() -> None:
    case = seen()
    cases.acknowledge([case.pk], actor="anna", reason="", now=NOON)

    assert cases.acknowledge([case.pk], actor="bert", reason="", now=NOON).left == (case.pk,)
    case.refresh_from_db()
    assert case.acknowledged_by == "anna"


def test_what_is_assigned_is_written_down_with_who_had_it_before() -> None:
    case = seen()
    cases.assign([case.pk], to="anna", actor="chief", reason="knows it", now=NOON)
    cases.assign([case.pk], to="bert", actor="chief", reason="away", now=NOON)

    entry = Entry.objects.order_by("-pk")[0]
    assert (entry.before, entry.after) == ({"assigned_to": "anna"}, {"assigned_to": "bert"})


def test_a_run_holds_what_was_open_at_the_click_and_nothing_twice() -> None:
    mine, over, late = seen(), seen(subject_id=8), 999_999
    cases.resolve([over.pk], actor="anna", reason="done", now=NOON)

    run = freeze_run([mine.pk, over.pk, late], actor="anna", reason="mapped", now=NOON)
    second = freeze_run([mine.pk], actor="bert", reason="me too", now=NOON)
    seen(subject_id=9)

    assert [line.case_id for line in run.lines.all()] == [mine.pk]
    assert (second.state, second.lines.count()) == ("done", 0)


def test_a_cancelled_run_begins_nothing_more() -> None:
    run = freeze_run([seen().pk, seen(subject_id=8).pk], actor="anna", reason="go", now=NOON)
    run.lines.filter(pk=run.lines.all()[0].pk).update(state="begun")

    assert cancel_run(run.pk, actor="anna", reason="wrong", now=NOON) == 1
    assert cancel_run(run.pk, actor="anna", reason="wrong", now=NOON) == 0
    assert sorted(run.lines.values_list("state", flat=True)) == ["begun", "cancelled"]


def test_old_ends_are_forgotten_and_open_cases_never() -> None:
    old, young, still = seen(), seen(subject_id=8), seen(subject_id=9)
    run = freeze_run([old.pk], actor="anna", reason="go", now=NOON)
    cancel_run(run.pk, actor="anna", reason="no", now=NOON)
    cases.resolve([old.pk], actor="anna", reason="done", now=NOON)
    cases.resolve([young.pk], actor="anna", reason="done", now=NOON + timedelta(days=5))

    assert cases.forget_over(before=NOON + timedelta(days=1)) == 1
    assert set(Case.objects.values_list("pk", flat=True)) == {young.pk, still.pk}
    assert not RetryRun.objects.exists()
