"""Open a case for what failed and someone must own; see it through to its end.

A subject has at most one open case per code: seeing the failure again counts it. Subjects are kind and id, so
every room can name its own. Rows are locked in the order of their keys by all who change several. What people
do is audited and needs the permission named in PERMISSIONS; what a later run settles closes by itself, with
nobody in `closed_by`. Does not tell anybody, and retries nothing itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import QuerySet

from inventory_sync.audit import services as audit
from inventory_sync.cases.models import Case, RetryRun
from inventory_sync.cases.owners import is_worse, owner_of
from inventory_sync.domain.failures import Failure

PERMISSIONS: Final = MappingProxyType(
    {
        "assign": "cases.assign_case",
        "snooze": "cases.snooze_case",
        "acknowledge": "cases.acknowledge_case",
        "resolve": "console.resolve_case",
        "discard": "cases.discard_case",
        "retry": "cases.retry_case",
    }
)

_OPEN = """
WITH given AS (
    SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
        %s::numeric[], %s::text[], %s::text[], %s::text[], %s::int[])
        AS t(code, subject_kind, subject_id, summary, connection_code, item_sku, order_ref, units_at_risk,
             correlation_id, severity, owner_team, times)
), known AS (
    SELECT code, subject_kind, subject_id, c.severity FROM cases_case c
    JOIN given USING (code, subject_kind, subject_id) WHERE c.state = 'open'
), put AS (
    INSERT INTO cases_case AS c (code, subject_kind, subject_id, summary, connection_code, item_sku,
        order_ref, units_at_risk, correlation_id, severity, owner_team, times, state, last_seen_at,
        created_at, updated_at, assigned_to, acknowledged_by, resolution, closed_by)
    SELECT given.*, 'open', %s, %s, %s, '', '', '', '' FROM given ORDER BY code, subject_kind, subject_id
    ON CONFLICT (code, subject_kind, subject_id) WHERE state = 'open' DO UPDATE SET
        times = c.times + EXCLUDED.times, last_seen_at = GREATEST(c.last_seen_at, EXCLUDED.last_seen_at),
        summary = EXCLUDED.summary, updated_at = EXCLUDED.updated_at,
        severity = CASE WHEN array_position(ARRAY['low', 'normal', 'urgent'], EXCLUDED.severity::text)
            > array_position(ARRAY['low', 'normal', 'urgent'], c.severity::text)
            THEN EXCLUDED.severity ELSE c.severity END,
        snoozed_until = CASE WHEN array_position(ARRAY['low', 'normal', 'urgent'], EXCLUDED.severity::text)
            > array_position(ARRAY['low', 'normal', 'urgent'], c.severity::text)
            THEN NULL ELSE c.snoozed_until END,
        item_sku = CASE WHEN EXCLUDED.item_sku = '' THEN c.item_sku ELSE EXCLUDED.item_sku END,
        order_ref = CASE WHEN EXCLUDED.order_ref = '' THEN c.order_ref ELSE EXCLUDED.order_ref END,
        units_at_risk = COALESCE(EXCLUDED.units_at_risk, c.units_at_risk)
    RETURNING c.id, c.code, c.subject_kind, c.subject_id, c.severity, c.xmax = 0 AS new
)
SELECT put.id, put.code, put.subject_kind, put.subject_id, put.new, known.severity, put.severity
FROM put LEFT JOIN known USING (code, subject_kind, subject_id) ORDER BY 2, 3, 4
"""

_OVER = """
WITH over AS (
    SELECT id FROM cases_case
    WHERE subject_kind = %s AND subject_id = ANY(%s) AND state = 'open' AND (%s::text IS NULL OR code = %s)
    ORDER BY code, subject_kind, subject_id FOR UPDATE
)
UPDATE cases_case c SET state = 'resolved', resolution = %s, resolved_at = %s, updated_at = %s,
    snoozed_until = NULL
FROM over WHERE c.id = over.id
"""


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of one failure: a new case, or one seen again, perhaps worse than before."""

    case_id: int
    code: str
    subject_kind: str
    subject_id: str
    new: bool
    worse: bool = False


@dataclass(frozen=True, slots=True)
class Acted:
    """The cases that an act changed, and those it left: over already, gone, or as asked."""

    done: tuple[int, ...] = ()
    left: tuple[int, ...] = ()


def open_cases(failures: Collection[Failure], *, now: datetime) -> list[Noted]:
    """Open or count the cases of these failures in one statement, inside the caller's transaction."""
    given = _merged(failures)
    if not given:
        return []
    columns = list(zip(*(_row(each) for each in given), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [*(list(column) for column in columns), now, now, now])
        return [
            Noted(case_id, code, kind, subject, new, not new and was is not None and is_worse(severity, was))
            for case_id, code, kind, subject, new, was, severity in cursor.fetchall()
        ]


def open_case(
    *,
    code: str,
    subject_kind: str,
    subject_id: object,
    summary: str,
    connection_code: str = "",
    item_sku: str = "",
    order_ref: str = "",
    units_at_risk: Decimal | None = None,
    severity: str = "",
    owner_team: str = "",
    correlation_id: str = "",
    now: datetime,
) -> Case:
    """Return the open case of this code and subject, new or seen once more."""
    failure = Failure(
        code=code,
        subject_kind=subject_kind,
        subject_id=str(subject_id),
        summary=summary,
        connection_code=connection_code,
        item_sku=item_sku,
        order_ref=order_ref,
        units_at_risk=units_at_risk,
        severity=severity,
        owner_team=owner_team,
        correlation_id=correlation_id,
    )
    [noted] = open_cases([failure], now=now)
    return Case.objects.get(pk=noted.case_id)


def open_summaries(code: str) -> dict[str, str]:
    """Return what the open cases of a code say, by subject id."""
    found = Case.objects.filter(code=code, state=Case.State.OPEN)
    return dict(found.values_list("subject_id", "summary"))


def hold(*, subject_kind: str, subject_ids: Collection[str], code: str) -> None:
    """Lock the open cases of these subjects until the caller's transaction ends."""
    rows = Case.objects.select_for_update().filter(
        code=code, subject_kind=subject_kind, subject_id__in=subject_ids, state=Case.State.OPEN
    )
    list(rows.order_by("subject_id").values_list("pk"))


def locked(case_ids: Collection[int], among: QuerySet[Case] | None = None) -> list[Case]:
    """Lock the open ones of these cases; one that closed itself meanwhile is not among them."""
    rows = Case.objects.all() if among is None else among
    rows = rows.select_for_update().filter(pk__in=case_ids, state=Case.State.OPEN)
    return list(rows.order_by("code", "subject_kind", "subject_id"))


def resolve_cases(
    *,
    subject_kind: str,
    subject_ids: Collection[str],
    resolution: str,
    now: datetime,
    code: str | None = None,
    run: str = "",
) -> int:
    """Close the open cases of these subjects by themselves, all or those of one code; return how many.

    `run` is the correlation id of the run that succeeded, which the resolution names.
    """
    if not subject_ids:
        return 0
    words = f"{resolution} (run {run})" if run else resolution
    with connection.cursor() as cursor:
        cursor.execute(_OVER, [subject_kind, sorted(subject_ids), code, code, words, now, now])
        return cursor.rowcount


def close_these(case_ids: Collection[int], *, resolution: str, now: datetime) -> int:
    """Close these cases by themselves; return how many were open."""
    return Case.objects.filter(pk__in=case_ids, state=Case.State.OPEN).update(
        state=Case.State.RESOLVED,
        resolution=resolution,
        resolved_at=now,
        updated_at=now,
        snoozed_until=None,
    )


def resolve_case(*, case_id: int, resolution: str, now: datetime) -> int:
    """Close one case by itself; 0 when it was closed already."""
    return close_these([case_id], resolution=resolution, now=now)


# ── what people do ───────────────────────────────────────────────────────────────────────────────────


def assign(case_ids: Collection[int], *, to: str, actor: audit.Actor, reason: str, now: datetime) -> Acted:
    """Say who works on these cases; "" gives them back to their team."""
    return _change(case_ids, {"assigned_to": to}, action="case.assigned", actor=actor, reason=reason, now=now)


def acknowledge(case_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> Acted:
    """Say that somebody has seen these cases: nobody further up is told. The first to say so is kept."""
    values = {"acknowledged_at": now, "acknowledged_by": name_of(actor)}
    unseen = Case.objects.filter(acknowledged_at=None)
    return _change(
        case_ids, values, action="case.acknowledged", actor=actor, reason=reason, now=now, among=unseen
    )


def snooze(
    case_ids: Collection[int], *, until: datetime, actor: audit.Actor, reason: str, now: datetime
) -> Acted:
    """Hide these cases until then. One that is seen again and is worse is shown at once."""
    if until <= now:
        raise ValueError("A case is hidden until a moment to come.")
    return _change(
        case_ids, {"snoozed_until": until}, action="case.snoozed", actor=actor, reason=reason, now=now
    )


def resolve(case_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> Acted:
    """Close these cases: it was put right. Seen again, the failure opens a new one."""
    return _end(case_ids, Case.State.RESOLVED, action="case.resolved", actor=actor, reason=reason, now=now)


def discard(case_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> Acted:
    """Give these cases up on purpose: nothing was put right and nobody will."""
    return _end(case_ids, Case.State.DISCARDED, action="case.discarded", actor=actor, reason=reason, now=now)


def forget_over(*, before: datetime, at_once: int = 2_000) -> int:
    """Drop cases that ended before a moment, and runs with nothing left in them; return how many cases."""
    total = 0
    while True:
        old = (
            Case.objects.exclude(state=Case.State.OPEN).filter(resolved_at__lt=before).order_by("resolved_at")
        )
        with transaction.atomic():
            ids = list(old.values_list("pk", flat=True)[:at_once])
            Case.objects.filter(pk__in=ids).exclude(state=Case.State.OPEN).delete()
        total += len(ids)
        if len(ids) < at_once:
            break
    RetryRun.objects.filter(finished_at__lt=before, lines=None).delete()
    return total


def name_of(actor: audit.Actor) -> str:
    return actor.get_username() if isinstance(actor, AbstractBaseUser) else actor


def _end(
    case_ids: Collection[int],
    state: Case.State,
    action: str,
    *,
    actor: audit.Actor,
    reason: str,
    now: datetime,
) -> Acted:
    values = {
        "state": state,
        "resolution": reason,
        "resolved_at": now,
        "closed_by": name_of(actor),
        "snoozed_until": None,
    }
    return _change(case_ids, values, action, actor=actor, reason=reason, now=now)


def _change(
    case_ids: Collection[int],
    values: dict[str, Any],
    action: str,
    *,
    actor: audit.Actor,
    reason: str,
    now: datetime,
    among: QuerySet[Case] | None = None,
) -> Acted:
    """Write the same values to each open case, with an audit entry each."""
    with transaction.atomic():
        rows = locked(case_ids, among)
        changed = ((row, {name: getattr(row, name) for name in values}, values) for row in rows)
        audit.record_each(changed, actor=actor, action=action, reason=reason)
        done = [row.pk for row in rows]
        Case.objects.filter(pk__in=done).update(**values, updated_at=now)
    return Acted(tuple(done), tuple(sorted(set(case_ids) - set(done))))


def _merged(failures: Collection[Failure]) -> Sequence[Failure]:
    """Return one failure per code and subject, sorted: the last one's words, all of them counted."""
    kept: dict[tuple[str, str, str], Failure] = {}
    for each in failures:
        owner = owner_of(each.code)
        each = replace(
            each, severity=each.severity or owner.severity, owner_team=each.owner_team or owner.team
        )
        key = (each.code, each.subject_kind, each.subject_id)
        if known := kept.get(key):
            worst = known.severity if is_worse(known.severity, each.severity) else each.severity
            each = replace(each, times=each.times + known.times, severity=worst)
        kept[key] = each
    return [kept[key] for key in sorted(kept)]


def _row(each: Failure) -> tuple[Any, ...]:
    return (
        each.code,
        each.subject_kind,
        each.subject_id,
        each.summary.replace("\x00", ""),
        each.connection_code,
        each.item_sku[:120],
        each.order_ref[:120],
        each.units_at_risk,
        each.correlation_id,
        each.severity,
        each.owner_team,
        each.times,
    )
