"""What staff do to documents of a mirror that were refused: try again, or give up. Audited.

A document that its target cancelled, or knows although it was never sent from here, is not tried under its
old name: its lines go into a new one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.cases.services import resolve_cases
from inventory_sync.domain.errors import CancelledThere, NameTaken
from inventory_sync.propagation.mirror_names import replace_document
from inventory_sync.propagation.models import MirrorDocument

CASE_KIND = "mirror_document"
State = MirrorDocument.State


@dataclass(frozen=True, slots=True)
class Tried:
    """The documents that are owed again, and the connections that are to be woken."""

    documents: Sequence[MirrorDocument]
    connections: frozenset[int]


def retry(document_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> Tried:
    """Owe refused documents again, at once; others are left as they are."""
    with transaction.atomic():
        rows = _refused(document_ids)
        again: list[MirrorDocument] = []
        for row in rows:
            before = audit.snapshot(row)
            if row.error_code in (CancelledThere.code, NameTaken.code):
                again += replace_document(row, [list(row.lines.all())], now=now)
            else:
                row.state, row.run_at, row.error_code, row.error_detail = State.OWED, now, "", ""
                row.save(update_fields=["state", "run_at", "error_code", "error_detail"])
                again.append(row)
            audit.record_changed(row, before, actor=actor, action="mirror.retried", reason=reason)
        _close(rows, f"Tried again: {reason}", now=now)
    return Tried(again, frozenset(row.connection_id for row in rows))


def give_up(document_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> int:
    """Never book these refused documents: the copy stays different by their lines. Returns how many."""
    with transaction.atomic():
        rows = _refused(document_ids)
        for row in rows:
            before = audit.snapshot(row)
            row.state = State.GIVEN_UP
            row.save(update_fields=["state"])
            audit.record_changed(row, before, actor=actor, action="mirror.given_up", reason=reason)
        _close(rows, f"Given up: {reason}", now=now)
    return len(rows)


def _refused(document_ids: Collection[int]) -> list[MirrorDocument]:
    rows = MirrorDocument.objects.select_for_update().filter(pk__in=document_ids, state=State.REFUSED)
    return list(rows.order_by("pk"))


def _close(rows: Sequence[MirrorDocument], resolution: str, *, now: datetime) -> None:
    ids = [str(row.pk) for row in rows]
    if ids:
        resolve_cases(subject_kind=CASE_KIND, subject_ids=ids, resolution=resolution, now=now)
