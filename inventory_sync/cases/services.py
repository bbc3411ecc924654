"""Open a case for what failed and someone must own; close it when it is over.

A subject has at most one open case per code: seeing the failure again counts it. Subjects are kind and
id, so every room can name its own. Does not tell anybody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import F

from inventory_sync.cases.models import Case


def open_case(
    *,
    code: str,
    subject_kind: str,
    subject_id: object,
    summary: str,
    connection_code: str = "",
    owner_team: str = "support",
    correlation_id: str = "",
    now: datetime,
) -> Case:
    """Return the open case of this code and subject, new or seen once more."""
    with transaction.atomic():
        case, new = Case.objects.get_or_create(
            code=code,
            subject_kind=subject_kind,
            subject_id=str(subject_id),
            state=Case.State.OPEN,
            defaults={
                "summary": summary,
                "connection_code": connection_code,
                "owner_team": owner_team,
                "correlation_id": correlation_id,
                "last_seen_at": now,
            },
        )
        if not new:
            Case.objects.filter(pk=case.pk).update(
                times=F("times") + 1, last_seen_at=now, summary=summary, updated_at=now
            )
            case.refresh_from_db()
    return case


def open_summaries(code: str) -> dict[str, str]:
    """Return what the open cases of a code say, by subject id."""
    found = Case.objects.filter(code=code, state=Case.State.OPEN)
    return dict(found.values_list("subject_id", "summary"))


def resolve_cases(
    *,
    subject_kind: str,
    subject_ids: Collection[str],
    resolution: str,
    now: datetime,
    code: str | None = None,
) -> int:
    """Close the open cases of these subjects, all or those of one code; return how many there were."""
    found = Case.objects.filter(subject_kind=subject_kind, subject_id__in=subject_ids, state=Case.State.OPEN)
    if code is not None:
        found = found.filter(code=code)
    return found.update(state=Case.State.RESOLVED, resolution=resolution, resolved_at=now, updated_at=now)


def resolve_case(*, case_id: int, resolution: str, now: datetime) -> int:
    """Close one case; 0 when it was closed already."""
    return _close([case_id], resolution=resolution, now=now)


def _close(case_ids: Iterable[int], *, resolution: str, now: datetime) -> int:
    return Case.objects.filter(pk__in=case_ids, state=Case.State.OPEN).update(
        state=Case.State.RESOLVED, resolution=resolution, resolved_at=now, updated_at=now
    )
