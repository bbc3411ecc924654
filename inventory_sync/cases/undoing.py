"""Take back what people did about cases: hidden ones shown again, closed ones opened again. Audited."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from inventory_sync.audit import services as audit
from inventory_sync.cases.models import Case
from inventory_sync.cases.services import Acted

_OPEN_AGAIN: dict[str, Any] = {
    "state": Case.State.OPEN,
    "resolution": "",
    "resolved_at": None,
    "closed_by": "",
}


def show_again(case_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> Acted:
    """Take back that these cases were hidden."""
    with transaction.atomic():
        rows = _locked(case_ids).filter(state=Case.State.OPEN).exclude(snoozed_until=None)
        done = [
            _write(
                row, {"snoozed_until": None}, actor=actor, action="case.shown_again", reason=reason, now=now
            )
            for row in rows
        ]
    return _acted(case_ids, done)


def reopen(case_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> Acted:
    """Take back that people closed these cases.

    One that closed itself stays closed: its failure is over. So does one of which another is open by now.
    """
    done: list[int] = []
    with transaction.atomic():
        for row in _locked(case_ids).exclude(state=Case.State.OPEN).exclude(closed_by=""):
            try:
                with transaction.atomic():
                    action = "case.reopened"
                    done.append(_write(row, _OPEN_AGAIN, actor=actor, action=action, reason=reason, now=now))
            except IntegrityError:  # of one subject one is open, which the database alone can say for sure
                continue
    return _acted(case_ids, done)


def _locked(case_ids: Collection[int]) -> Any:
    rows = Case.objects.select_for_update().filter(pk__in=case_ids)
    return rows.order_by("code", "subject_kind", "subject_id")


def _write(
    row: Case, values: dict[str, Any], *, actor: audit.Actor, action: str, reason: str, now: datetime
) -> int:
    before = {name: getattr(row, name) for name in values}
    audit.record(actor=actor, action=action, subject=row, before=before, after=values, reason=reason)
    Case.objects.filter(pk=row.pk).update(**values, updated_at=now)
    return row.pk


def _acted(case_ids: Collection[int], done: Collection[int]) -> Acted:
    return Acted(tuple(done), tuple(sorted(set(case_ids) - set(done))))
