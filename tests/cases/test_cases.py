"""A failure seen often is one case; seen again after its end it is a new one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory_sync.cases import services as cases
from inventory_sync.cases.models import Case
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
