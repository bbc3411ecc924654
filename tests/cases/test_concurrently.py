"""Two people, or a person and a worker, at the same cases at once: every order their statements can take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from inventory_sync.audit.models import Entry
from inventory_sync.cases import services as cases
from inventory_sync.cases.models import Case, RetryLine, RetryRun
from inventory_sync.cases.runs import freeze_run
from inventory_sync.cases.undoing import reopen
from inventory_sync.domain.failures import Failure
from inventory_sync.intake.ports import PARKED_KIND
from inventory_sync.pipeline import wiring
from inventory_sync.pipeline.inbox import own_waiting
from tests.factories import NOON
from tests.ledger.interleaving import Played, Session, play, schedules

pytestmark = pytest.mark.django_db(transaction=True)
CODE = "mapping.item_unknown"


@pytest.fixture
def sessions() -> Iterator[tuple[Session, Session]]:
    both = (Session("one"), Session("other"))
    yield both
    for each in both:
        each.close()


def waits_for(name: str) -> Failure:
    return Failure(CODE, PARKED_KIND, name, "Nobody knows it.")


def every_order(
    sessions: tuple[Session, Session],
    jobs: tuple[Callable[[], Any], Callable[[], Any]],
    scene: Callable[[], None],
) -> Iterator[Played]:
    """Play the jobs in every order with at most one preemption, each on a scene set anew."""

    def once(prefix: list[int]) -> Played:
        RetryRun.objects.all().delete()
        Case.objects.all().delete()
        scene()
        return play(sessions, jobs, prefix)

    yield from schedules(once, preemptions=1)


def test_the_house_and_a_batch_never_wait_for_each_other(sessions: tuple[Session, Session]) -> None:
    """The batch meets one name again and applies the last line of another; nothing waits for either."""
    ports = wiring.ports()

    def scene() -> None:
        for name in ("1:item:z", "1:item:a"):  # the newer case has the name that comes first
            cases.open_cases([waits_for(name)], now=NOON)

    def batch() -> None:
        cases.open_cases([waits_for("1:item:a")], now=NOON)
        cases.resolve_cases(
            subject_kind=PARKED_KIND, subject_ids=["1:item:z"], resolution="applied", now=NOON
        )

    played = list(every_order(sessions, (lambda: own_waiting(ports), batch), scene))

    assert any(each.waits for each in played), "they met"
    assert [error for each in played for error in each.errors] == []


def test_two_who_open_a_case_again_leave_one_open(sessions: tuple[Session, Session]) -> None:
    """Two cases of one subject, closed one after the other, each opened again by somebody."""

    def scene() -> None:
        for _ in range(2):
            cases.open_cases([waits_for("1:item:a")], now=NOON)
            open_now = Case.objects.get(state="open")
            cases.resolve([open_now.pk], actor="anna", reason="done", now=NOON)

    def again(place: int) -> Callable[[], int]:
        def job() -> int:
            pk = Case.objects.order_by("pk").values_list("pk", flat=True)[place]
            return len(reopen([pk], actor="anna", reason="not done", now=NOON).done)

        return job

    count = 0
    for played in every_order(sessions, (again(0), again(1)), scene):
        count += 1
        assert played.errors == []
        assert sorted(played.results) == [0, 1]
        assert Case.objects.filter(state="open").count() == 1
    assert count > 2


def test_two_who_retry_the_same_cases_at_once_have_each_begun_once(sessions: tuple[Session, Session]) -> None:
    def scene() -> None:
        cases.open_cases([waits_for("1:item:a"), waits_for("1:item:b")], now=NOON)

    def click() -> int:
        ids = list(Case.objects.order_by("pk").values_list("pk", flat=True))
        return freeze_run(ids, actor="anna", reason="put right", now=NOON).pk

    entries = Entry.objects.filter(action="retry_run.started")
    for played in every_order(sessions, (click, click), scene):
        assert played.errors == []
        assert RetryLine.objects.count() == 2
        assert sorted(RetryRun.objects.values_list("state", flat=True)) == ["done", "running"]
        assert set(entries.values_list("subject_id", flat=True)) >= {str(pk) for pk in played.results}
