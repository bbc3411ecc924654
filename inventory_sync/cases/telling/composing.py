"""Make messages of what is due: what is over by now is dropped, the rest conflated, the hourly limit kept.

Quiet hours are looked at again here: what a limit held back, a worker came late to, or was owed before the
hours were set, must not be told in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import OuterRef, Subquery

from inventory_sync.cases.models import Case
from inventory_sync.cases.models_telling import Message, Notice, Route
from inventory_sync.cases.telling import wording
from inventory_sync.cases.telling.again import SWITCHED_OFF
from inventory_sync.cases.telling.escalating import who_saw
from inventory_sync.cases.telling.terms import terms_of
from inventory_sync.domain.telling import URGENT, Digest, Occasion, Owed, bundles, out_of_quiet, rank
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

HOUR = timedelta(hours=1)
AFTER_A_FAULT = timedelta(minutes=5)


def compose(*, now: datetime, new_id: Callable[[], str], hub: str) -> int:
    """Put all that is due into messages, one route after the other; return how many were made."""
    due = Notice.objects.filter(state=Notice.State.WAITING, due_at__lte=now)
    made = 0
    for route_id in sorted(set(due.values_list("route_id", flat=True))):
        try:
            made += _of_route(route_id, now=now, new_id=new_id, hub=hub)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # a route whose words cannot be written must not keep the others from being told
            log.exception("route.failed", route=route_id)
            due.filter(route_id=route_id).update(due_at=now + AFTER_A_FAULT)
    return made


def _of_route(route_id: int, *, now: datetime, new_id: Callable[[], str], hub: str) -> int:
    """Compose one route's messages; it is locked meanwhile, so that nothing is in two of them.

    The lock leaves the row's key alone: whoever owes the route something new names it, and need not wait.
    """
    with transaction.atomic():
        route = Route.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=route_id).first()
        if route is None:  # another worker composes for it
            return 0
        rows = list(
            Notice.objects.select_related("happening", "case")
            .filter(route=route, state=Notice.State.WAITING, due_at__lte=now)
            .order_by("id")
        )
        live = _out_of_quiet_hours(route, _still_worth_telling(route, rows, now=now), now=now)
        live, left = _within_the_limit(route, live, now=now)
        by_id = {row.pk: row for row in live}
        parted = bundles([_owed(row) for row in live], left=left, digest=Digest(route.digest))
        for bundle in parted:
            _write(route, [by_id[each.id] for each in bundle], now=now, key=f"msg_{new_id()}", hub=hub)
        return len(parted)


def _owed(row: Notice) -> Owed:
    told = row.happening
    return Owed(
        id=row.pk,
        code=told.code,
        connection=told.connection_code,
        over=told.occasion == Occasion.CLOSED,
        escalated=row.step > 0,
        urgent=told.severity == URGENT,
    )


def _out_of_quiet_hours(route: Route, rows: list[Notice], *, now: datetime) -> list[Notice]:
    """Return what may be told at this hour; the rest waits for the end of the quiet hours."""
    terms, may = terms_of(route), []
    later: dict[datetime, list[int]] = {}
    for row in rows:
        moment = out_of_quiet(terms, row.happening.severity, now)
        if moment > now:
            later.setdefault(moment, []).append(row.pk)
        else:
            may.append(row)
    for moment, ids in later.items():
        Notice.objects.filter(pk__in=ids).update(due_at=moment)
    return may


def _within_the_limit(route: Route, rows: list[Notice], *, now: datetime) -> tuple[list[Notice], int]:
    """Return what the hour has room for, and how many messages; the rest waits until there is room.

    What is urgent has as many messages of its own: an hour full of small things holds none of it back.
    """
    recent = Message.objects.filter(route=route, is_test=False, at__gt=now - HOUR).order_by("at")
    sent = list(recent.values_list("at", "severity"))
    every, urgent = [at for at, _ in sent], [at for at, severity in sent if severity == URGENT]
    left = route.per_hour - len(every)
    if left > 0 or not rows:
        return rows, max(0, left)
    _hold_back([row for row in rows if row.happening.severity != URGENT], every[-route.per_hour] + HOUR)
    rows = [row for row in rows if row.happening.severity == URGENT]
    left = route.per_hour - len(urgent)
    if left > 0:
        return rows, left
    _hold_back(rows, urgent[-route.per_hour] + HOUR)
    return [], 0


def _hold_back(rows: list[Notice], until: datetime) -> None:
    Notice.objects.filter(pk__in=[row.pk for row in rows]).update(due_at=until, held_back=True)


def _still_worth_telling(route: Route, rows: list[Notice], *, now: datetime) -> list[Notice]:
    """Return what is still news; the others are dropped, each with its reason."""
    told = _told_of(route, (row.case_id for row in rows if row.happening.occasion == Occasion.CLOSED))
    dropped: dict[str, list[int]] = {}
    live = []
    for row in rows:
        why = _no_news(row, told, now=now) if route.active else SWITCHED_OFF
        if why:
            dropped.setdefault(why, []).append(row.pk)
        else:
            live.append(row)
    for why, ids in dropped.items():
        Notice.objects.filter(pk__in=ids).update(state=Notice.State.DROPPED, why=why)
    return live


def _told_of(route: Route, case_ids: Iterable[int | None]) -> set[int]:
    """Return the cases whose last word to the route was that they are open. What nobody took is no word."""
    told = Notice.objects.filter(route=route, state=Notice.State.TOLD)
    told = told.exclude(message__state=Message.State.FAILED, message__accepted=[])
    last = told.filter(case=OuterRef("case")).order_by("-happening_id").values("happening__occasion")[:1]
    found = told.filter(case__in=list(case_ids))
    rows = found.annotate(last=Subquery(last)).exclude(last=Occasion.CLOSED.value)
    return {case_id for case_id in rows.values_list("case_id", flat=True) if case_id is not None}


def _no_news(row: Notice, told: set[int], *, now: datetime) -> str:
    case, occasion = row.case, row.happening.occasion
    if case is None:
        return who_saw(row) if row.step else ""
    if occasion == Occasion.CLOSED:
        if case.state == Case.State.OPEN:
            return "it was opened again"
        return "" if case.pk in told else "its beginning was not told either"
    if case.state != Case.State.OPEN:
        return "it was over before it was told"
    known = row.step > 0 or occasion == Occasion.OPENED
    if known and case.acknowledged_at is not None:
        return f"{case.acknowledged_by or 'somebody'} had it already"
    if known and case.snoozed_until is not None and case.snoozed_until > now:
        return "it was snoozed"
    return ""


def _write(route: Route, rows: list[Notice], *, now: datetime, key: str, hub: str) -> None:
    """Freeze one message, and note with what it tells when it would be escalated."""
    urgency = max((row.happening.severity for row in rows), key=rank)
    words = wording.compose(route, rows, key=key, severity=urgency, now=now, hub=hub)
    message = Message.objects.create(
        route=route,
        key=key,
        at=now,
        severity=urgency,
        cases=len({row.case_id for row in rows if row.case_id}),
        held_back=sum(row.held_back for row in rows),
        subject=words.subject,
        text=words.text,
        html=words.html,
        payload=words.payload,
        run_at=now,
    )
    mine = Notice.objects.filter(pk__in=[row.pk for row in rows])
    mine.update(state=Notice.State.TOLD, message=message)
    if route.escalate_to_id is not None and route.escalate_after_min is not None:
        news = mine.exclude(happening__occasion=Occasion.CLOSED.value)
        news.update(escalate_at=now + timedelta(minutes=route.escalate_after_min))
