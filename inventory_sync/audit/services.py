"""Write the audit: who changed what, from what to what, and why.

Called by the services of the rooms, in the transaction of the change. Does not decide who may change
anything (the rooms and the console do), and never keeps a secret: hidden fields are named, not shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import models

from inventory_sync.audit.models import Entry
from inventory_sync.support import correlation

Actor = AbstractBaseUser | str
Subject = models.Model | tuple[str, object, str]
EVERY_ROW = "*"
HIDDEN = "(hidden)"
_DULL = frozenset({"created_at", "updated_at"})


def record(
    *,
    actor: Actor,
    action: str,
    subject: Subject,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Entry:
    """Write one entry about one row.

    `actor` is a user or the name of a program; `action` is noun.past_verb; `subject` is the row
    or its (table, id, label). Write it before the row is deleted: afterwards the id is gone.
    """
    entry = _entry(subject, before, after, actor=actor, act=action, reason=reason)
    entry.save()
    return entry


def record_each(
    changed: Iterable[tuple[Subject, Mapping[str, Any] | None, Mapping[str, Any] | None]],
    *,
    actor: Actor,
    action: str,
    reason: str = "",
) -> None:
    """Write one entry about each of many rows, given with what it was and is: a statement per thousand."""
    entries = [
        _entry(subject, before, after, actor=actor, act=action, reason=reason)
        for subject, before, after in changed
    ]
    Entry.objects.bulk_create(entries, batch_size=1_000)


def bulk(*, actor: Actor, action: str, table: str, summary: Mapping[str, Any], reason: str) -> Entry:
    """Write one entry that stands for every row of `table` changed in this transaction."""
    return record(
        actor=actor, action=action, subject=(table, EVERY_ROW, "many rows"), after=summary, reason=reason
    )


def snapshot(instance: models.Model) -> dict[str, Any]:
    """Return the columns of a row as plain values; secrets and hashes as "(hidden)"."""
    values: dict[str, Any] = {}
    for field in instance._meta.concrete_fields:
        if field.name in _DULL:
            continue
        value = getattr(instance, field.attname)
        values[field.name] = HIDDEN if _is_hidden(field) and value else _plain_value(value)
    return values


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what differs between two snapshots, as it was and as it is."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def record_created(instance: models.Model, *, actor: Actor, action: str, reason: str = "") -> Entry:
    return record(actor=actor, action=action, subject=instance, after=snapshot(instance), reason=reason)


def record_changed(
    instance: models.Model, before: Mapping[str, Any], *, actor: Actor, action: str, reason: str = ""
) -> Entry | None:
    """Write what changed since the snapshot `before`; nothing when nothing did."""
    old, new = changes(before, snapshot(instance))
    if not new:
        return None
    return record(actor=actor, action=action, subject=instance, before=old, after=new, reason=reason)


def record_deleted(instance: models.Model, *, actor: Actor, action: str, reason: str = "") -> Entry:
    """Write what is about to be deleted; call before the deletion."""
    return record(actor=actor, action=action, subject=instance, before=snapshot(instance), reason=reason)


def _entry(
    subject: Subject,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    actor: Actor,
    act: str,
    reason: str,
) -> Entry:
    table, identity, label = _named(subject)
    return Entry(
        **_by(actor),
        action=act,
        subject_table=table,
        subject_id=identity,
        subject_label=label,
        before=None if before is None else _plain(before),
        after=None if after is None else _plain(after),
        reason=reason,
        correlation_id=correlation.current(),
    )


def _by(actor: Actor) -> dict[str, Any]:
    if isinstance(actor, str):
        if not actor:
            raise ValueError("An audit entry needs an actor: a user or the name of the program.")
        return {"actor": None, "actor_name": actor}
    return {"actor": actor, "actor_name": actor.get_username()}


def _named(subject: Subject) -> tuple[str, str, str]:
    if isinstance(subject, tuple):
        table, identity, label = subject
        return table, str(identity), label[:200]
    if subject.pk is None:
        raise ValueError("An audit entry names a saved row.")
    return subject._meta.db_table, str(subject.pk), str(subject)[:200]


def _is_hidden(field: models.Field[Any, Any]) -> bool:
    return isinstance(field, models.BinaryField) or field.name.endswith("_hash") or field.name == "password"


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain_value(value) for name, value in values.items()}


def _plain_value(value: Any) -> Any:
    """Return a value as JSON holds it; quantities as text, so that none is rounded."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain_value(inner) for inner in value]
    return value
