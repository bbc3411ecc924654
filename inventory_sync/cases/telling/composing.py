"""Make messages of what is due: what is over by now is dropped, the rest conflated, the hourly limit kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import OuterRef, Subquery

from inventory_sync.cases.models import Case
from inventory_sync.cases.models_telling import Message, Notice, Route
from inventory_sync.cases.telling import wording
from inventory_sync.domain.telling import Digest, Occasion, Owed, bundles, rank

HOUR = timedelta(hours=1)


def compose(*, now: datetime, new_id: Callable[[], str], hub: str) -> int:
    """Put all that is due into messages, one route after the other; return how many were made."""
    due = Notice.objects.filter(state=Notice.State.WAITING, due_at__lte=now)
    return sum(
        _of_route(route_id, now=now, new_id=new_id, hub=hub)
        for route_id in sorted(set(due.values_list("route_id", flat=True)))
    )


def _of_route(route_id: int, *, now: datetime, new_id: Callable[[], str], hub: str) -> int:
    """Compose one route's messages; it is locked meanwhile, so that nothing is in two of them."""
    with transaction.atomic():
        route = Route.objects.select_for_update(skip_locked=True).filter(pk=route_id).first()
        if route is None:  # another worker composes for it
            return 0
        rows = list(
            Notice.objects.select_related("happening", "case")
            .filter(route=route, state=Notice.State.WAITING, due_at__lte=now)
            .order_by("id")
        )
        live = _still_worth_telling(route, rows, now=now)
        recent = Message.objects.filter(route=route, is_test=False, at__gt=now - HOUR).order_by("at")
        sent = list(recent.values_list("at", flat=True))
        left = max(0, route.per_hour - len(sent))
        if live and not left:
            until = sent[-route.per_hour] + HOUR
            Notice.objects.filter(pk__in=[row.pk for row in live]).update(due_at=until, held_back=True)
            return 0
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
        urgent=told.severity == "urgent",
    )


def _still_worth_telling(route: Route, rows: list[Notice], *, now: datetime) -> list[Notice]:
    """Return what is still news; the others are dropped, each with its reason."""
    told = _told_of(route, (row.case_id for row in rows if row.happening.occasion == Occasion.CLOSED))
    dropped: dict[str, list[int]] = {}
    live = []
    for row in rows:
        why = _no_news(row, told, now=now) if route.active else "the route was switched off"
        if why:
            dropped.setdefault(why, []).append(row.pk)
        else:
            live.append(row)
    for why, ids in dropped.items():
        Notice.objects.filter(pk__in=ids).update(state=Notice.State.DROPPED, why=why)
    return live


def _told_of(route: Route, case_ids: Iterable[int | None]) -> set[int]:
    """Return the cases whose last word to the route was that they are open."""
    told = Notice.objects.filter(route=route, state=Notice.State.TOLD, case=OuterRef("case"))
    last = told.order_by("-happening_id").values("happening__occasion")[:1]
    found = Notice.objects.filter(route=route, state=Notice.State.TOLD, case__in=list(case_ids))
    rows = found.annotate(last=Subquery(last)).exclude(last=Occasion.CLOSED.value)
    return {case_id for case_id in rows.values_list("case_id", flat=True) if case_id is not None}


def _no_news(row: Notice, told: set[int], *, now: datetime) -> str:
    case, occasion = row.case, row.happening.occasion
    if case is None:
        return ""
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
        news = mine.exclude(happening__occasion=Occasion.CLOSED.value).filter(case__isnull=False)
        news.update(escalate_at=now + timedelta(minutes=route.escalate_after_min))
