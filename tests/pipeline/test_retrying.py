"""Runs of retries: at the pace asked for, each line once, every outcome told. Time is given."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.woocommerce.twin import WooTwin
from inventory_sync.audit.models import Entry
from inventory_sync.cases import services
from inventory_sync.cases.models import Case, RetryLine, RetryRun
from inventory_sync.cases.runs import cancel_run, freeze_run
from inventory_sync.cases.services import open_case, resolve_case
from inventory_sync.pipeline import retrying, wiring
from inventory_sync.pipeline.debts import find_debts
from inventory_sync.pipeline.inline import WORK
from inventory_sync.pipeline.ports import Ports
from inventory_sync.pipeline.remedies.pushes import PushRemedy
from inventory_sync.pipeline.remedies.types import Fate
from inventory_sync.pipeline.retrying import PATIENCE, any_due, retry_due
from inventory_sync.pipeline.wake import Waker
from inventory_sync.propagation.models import Listing
from tests.factories import NOON, make_item, make_listing, map_item
from tests.pipeline.hub import HandClock, Hub, open_hub

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """What kill -9 looks like to the code: nothing after it runs, nothing catches it."""


@pytest.fixture
def quiet() -> Waker:
    return Waker(lambda task, queue, arguments: None)


@pytest.fixture
def cases(clock: HandClock) -> list[Case]:
    """Ten pushes that failed."""
    hub = open_hub(clock=clock)
    rows = [
        make_listing(
            map_item(hub.shop, make_item(f"ITEM-{number}"), f"product:{1000 + number}"),
            state="failed", desired=Decimal(number), error_detail="The shop said no.",
        )
        for number in range(10)
    ]  # fmt: skip
    return [case_of(row, hub.shop.code) for row in rows]


def case_of(row: Listing, connection: str = "shop") -> Case:
    return opened("listing", row.pk, connection_code=connection)


def opened(kind: str, subject: int, **values: Any) -> Case:
    usual: dict[str, Any] = {"code": "push.refused", "summary": "The shop said no.", "now": NOON}
    return open_case(subject_kind=kind, subject_id=subject, **{**usual, **values})


def frozen(cases: list[Case], per_minute: int = 60) -> RetryRun:
    return freeze_run(
        [case.pk for case in cases], actor="ada", reason="the shop is back", now=NOON, per_minute=per_minute
    )


def lines(run: RetryRun) -> dict[str, int]:
    states = [line.state for line in run.lines.all()]
    return {state: states.count(state) for state in sorted(set(states))}


def seconds(clock: HandClock, count: int, quiet: Waker) -> Iterator[int]:
    """Let the task run once a second, as the dispatcher has it; yields the second."""
    for second in range(count):
        retry_due(clock=clock, wake=quiet)
        yield second
        clock.advance(1)


# ── the pace ──


@pytest.mark.parametrize("per_minute", [6, 60, 120])
def test_no_more_are_begun_in_any_minute_than_asked_for(
    per_minute: int, cases: list[Case], clock: HandClock, quiet: Waker
) -> None:
    run = frozen(cases, per_minute)

    begun_by = [10 - lines(run).get("waiting", 0) for _ in seconds(clock, 12, quiet)]

    expected = [min(10, 1 + second * per_minute // 60) for second in range(12)]
    assert begun_by == expected


def test_who_comes_late_makes_up_for_seconds_not_for_minutes(
    cases: list[Case], clock: HandClock, quiet: Waker
) -> None:
    run = frozen(cases, 60)
    retry_due(clock=clock, wake=quiet)
    clock.advance(600)

    retry_due(clock=clock, wake=quiet)

    assert lines(run) == {"begun": 3, "waiting": 7}


# ── once each ──


def test_a_line_is_begun_in_one_step_with_what_it_owes_or_not_at_all(
    cases: list[Case], clock: HandClock, quiet: Waker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = frozen(cases, 60)
    real = PushRemedy.begin
    begins: list[int] = []

    def dies(self: PushRemedy, case: Case, asked: Any) -> None:
        begins.append(case.pk)
        real(self, case, asked)
        if len(begins) == 1:
            raise Killed

    monkeypatch.setattr(PushRemedy, "begin", dies)
    with pytest.raises(Killed):
        retry_due(clock=clock, wake=quiet)

    assert Listing.objects.filter(state="owed").count() == 0, "rolled back with its line"
    assert lines(run) == {"waiting": 10}
    assert retry_due(clock=clock, wake=quiet) == {}, "its lease protects it until it has run out"
    clock.advance(retrying.LEASE.total_seconds() + 1)
    for _ in seconds(clock, 12, quiet):
        pass
    assert lines(run) == {"begun": 10}
    assert Entry.objects.filter(action="case.retried").count() == 10
    assert Entry.objects.filter(action="push.retried").count() == 10


def test_a_worker_that_was_given_up_on_begins_nothing_any_more(
    cases: list[Case], clock: HandClock, quiet: Waker
) -> None:
    run = frozen(cases)
    slow = retrying._claim(clock(), besides=set())
    assert slow is not None
    clock.advance(retrying.LEASE.total_seconds() + 1)
    retry_due(clock=clock, wake=quiet)

    with pytest.raises(retrying.Fenced):
        retrying._begin_next(slow, clock=clock, wake=quiet)

    assert lines(run) == {"begun": 1, "waiting": 9}


# ── outcomes ──


def test_every_line_ends_with_its_outcome_and_a_success_closes_its_case(
    cases: list[Case], clock: HandClock, quiet: Waker
) -> None:
    run = frozen(cases, 600)
    resolve_case(case_id=cases[0].pk, resolution="A later push succeeded.", now=NOON)
    Listing.objects.filter(pk=cases[1].subject_id).update(desired=None)
    for _ in seconds(clock, 4, quiet):
        pass
    ids = [int(case.subject_id) for case in cases]
    Listing.objects.filter(pk__in=ids[2:6]).update(state="settled", acknowledged=Decimal(5))
    Listing.objects.filter(pk__in=ids[6:9]).update(state="failed", error_detail="Still no.")
    for _ in seconds(clock, 4, quiet):
        pass
    assert run.lines.get(case=cases[9]).state == "begun"
    clock.advance(PATIENCE.total_seconds())
    retry_due(clock=clock, wake=quiet)

    told = {line.case_id: (line.state, line.outcome) for line in run.lines.all()}
    assert told[cases[0].pk] == ("skipped", "It was over already: A later push succeeded.")
    assert told[cases[1].pk][0] == "skipped"
    assert "unknown" in told[cases[1].pk][1]
    assert {told[case.pk][0] for case in cases[2:6]} == {"succeeded"}
    assert [told[case.pk] for case in cases[6:9]] == [("failed", "Still no.")] * 3
    assert told[cases[9].pk][1].startswith("No outcome within 15 minutes.")
    closed = Case.objects.filter(state="resolved", resolution__startswith="A retry succeeded")
    assert set(closed) == set(cases[2:6])
    run.refresh_from_db()
    assert (run.state, run.finished_at) == ("done", clock())
    assert not any_due(clock())


def test_what_cannot_be_begun_fails_with_its_reason_and_holds_up_no_other(
    cases: list[Case], clock: HandClock, quiet: Waker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = frozen(cases[:2], 600)
    real = PushRemedy.begin

    def odd(self: PushRemedy, case: Case, asked: Any) -> None:
        if case.pk == cases[0].pk:
            raise LookupError("what a surprise")
        real(self, case, asked)

    monkeypatch.setattr(PushRemedy, "begin", odd)
    for _ in seconds(clock, 2, quiet):
        pass

    first, second = run.lines.all()
    assert (first.state, "LookupError: what a surprise" in first.outcome) == ("failed", True)
    assert second.state == "begun"


def test_a_line_whose_end_nobody_can_tell_fails_and_holds_up_no_other(
    cases: list[Case], clock: HandClock, quiet: Waker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = frozen(cases[:2], 600)
    for _ in seconds(clock, 2, quiet):
        pass
    real = PushRemedy.fate

    def odd(self: PushRemedy, case: Case, *, since: datetime) -> Fate | None:
        if case.pk == cases[0].pk:
            raise LookupError("https://ada:hunter2@shop.example said no")
        return real(self, case, since=since)

    monkeypatch.setattr(PushRemedy, "fate", odd)
    Listing.objects.filter(pk=cases[1].subject_id).update(state="settled")
    clock.advance(2)
    retry_due(clock=clock, wake=quiet)

    first, second = run.lines.all()
    assert (first.state, second.state) == ("failed", "succeeded")
    assert "LookupError" in first.outcome
    assert "hunter2" not in first.outcome
    assert Case.objects.get(pk=cases[0].pk).state == "open"


def test_what_somebody_closed_while_it_was_under_way_is_no_success(
    cases: list[Case], clock: HandClock, quiet: Waker
) -> None:
    follow = opened("order_followed", 1, code="order.not_followed")
    run = frozen([cases[0], follow], 600)
    for _ in seconds(clock, 2, quiet):
        pass
    assert lines(run) == {"begun": 2}
    services.discard([cases[0].pk, follow.pk], actor="bert", reason="we sell it no more", now=clock())

    clock.advance(2)
    retry_due(clock=clock, wake=quiet)

    assert lines(run) == {"skipped": 2}
    assert {line.outcome for line in run.lines.all()} == {
        "bert closed it while it was under way: we sell it no more"
    }


def test_lines_that_hang_do_not_hide_the_outcomes_of_others(
    cases: list[Case], clock: HandClock, quiet: Waker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "FOLLOWED_AT_ONCE", 3)
    run = frozen(cases, 600)
    for _ in seconds(clock, 4, quiet):
        pass
    Listing.objects.filter(pk=cases[9].subject_id).update(state="settled")

    for _ in seconds(clock, 20, quiet):
        pass

    assert lines(run) == {"begun": 9, "succeeded": 1}


def test_a_cancelled_run_begins_no_more_and_still_tells_how_the_begun_ones_ended(
    cases: list[Case], clock: HandClock, quiet: Waker
) -> None:
    run = frozen(cases, 60)
    retry_due(clock=clock, wake=quiet)

    assert cancel_run(run.pk, actor="ada", reason="wrong group", now=clock()) == 9
    Listing.objects.filter(pk=cases[0].subject_id).update(state="settled")
    clock.advance(5)
    retry_due(clock=clock, wake=quiet)

    assert lines(run) == {"cancelled": 9, "succeeded": 1}
    assert not any_due(clock() + timedelta(hours=1))


# ── with a shop ──


def test_a_group_is_retried_against_the_shop_and_its_cases_close(
    hub: Hub, twin: WooTwin, quiet: Waker
) -> None:
    listing = hub.listing("MUG")
    Listing.objects.filter(pk=listing.pk).update(state="failed", error_detail="The shop said no.")
    case = case_of(listing, hub.shop.code)
    run = freeze_run([case.pk], actor="ada", reason="the shop is back", now=hub.clock())

    retry_due(clock=hub.clock, wake=quiet)
    assert run.lines.get().state == "begun"
    hub.settle()
    hub.clock.advance(3)
    retry_due(clock=hub.clock, wake=quiet)

    case.refresh_from_db()
    assert (run.lines.get().state, case.state) == ("succeeded", "resolved")
    assert RetryLine.objects.get().outcome.endswith("shows 10, read back.")


# ── found and paid ──


def test_the_dispatcher_finds_a_run_that_is_due_and_knows_how_to_pay_it(
    cases: list[Case], clock: HandClock
) -> None:
    ports = wiring.ports()
    assert "pipeline.retry_cases" in WORK
    assert not owed(clock, ports)

    run = frozen(cases)

    assert owed(clock, ports) == ["replay"]
    cancel_run(run.pk, actor="ada", reason="no", now=NOON)
    assert not owed(clock, ports)


def owed(clock: HandClock, ports: Ports) -> list[str]:
    return [debt.queue for debt in find_debts(clock(), ports=ports) if debt.task == "pipeline.retry_cases"]
