"""Settle who is owed word of what happened. Sends nothing.

A happening is there because a transaction wrote it; here each becomes a notice per route that takes it, once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from inventory_sync.cases.models import Case
from inventory_sync.cases.models_telling import Happening, Message, Notice, Route
from inventory_sync.cases.telling.terms import fact_of, terms_of
from inventory_sync.domain.telling import Occasion, Terms, due_at, why_not

AT_ONCE = 5_000
TELLING = "telling."
FAILED = "telling.failed"
ROUTE = "route"


def tell(
    *, subject: str, team: str, severity: str, text: str, code: str, now: datetime, connection_code: str = ""
) -> None:
    """Leave word of something that is no case, in the caller's transaction.

    Who acknowledges a message of it acknowledges it.
    """
    Happening.objects.create(
        occasion=Occasion.ALERT.value,
        at=now,
        code=code,
        severity=severity,
        team=team,
        connection_code=connection_code,
        subject=subject[:200],
        text=text,
    )


def owe_notices(*, now: datetime, settle: timedelta) -> int:
    """Settle who is owed what of the oldest happenings; return how many were looked at.

    `settle` is how long a happening rests first: what heals by itself meanwhile is not told, and what comes
    in a storm is told together.
    """
    with transaction.atomic():
        rows = list(
            Happening.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("case")
            .filter(routed_at__isnull=True)
            .order_by("id")[:AT_ONCE]
        )
        routes = [(route, terms_of(route)) for route in Route.objects.filter(active=True)]
        told = _routes_told([row for row in rows if row.occasion == Occasion.CLOSED])
        owed = [
            Notice(
                happening=row,
                case_id=row.case_id,
                route=route,
                due_at=due_at(terms, row.severity, max(row.at + settle, now)),
            )
            for row in rows
            for route, terms in _takers(row, routes, told)
        ]
        Notice.objects.bulk_create(owed, batch_size=1_000, ignore_conflicts=True)
        Happening.objects.filter(pk__in=[row.pk for row in rows]).update(routed_at=now)
    return len(rows)


def _takers(
    row: Happening, routes: Iterable[tuple[Route, Terms]], told: dict[int, set[int]]
) -> list[tuple[Route, Terms]]:
    """Return the routes that are owed word of this. The end is for those who were owed the beginning."""
    if row.occasion == Occasion.CLOSED:
        knowing = told[row.case_id or 0]
        return [each for each in routes if each[0].pk in knowing and each[0].tells_closing]
    fact = fact_of(row)
    return [each for each in routes if not why_not(each[1], fact) and not _of_itself(row.case, each[0])]


def _of_itself(case: Case | None, route: Route) -> bool:
    """A route is not told that it does not work."""
    return case is not None and (case.code, case.subject_id) == (FAILED, str(route.pk))


def _routes_told(closed: list[Happening]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    rows = Notice.objects.filter(case__in=[row.case_id for row in closed])
    for case_id, route_id in rows.exclude(state=Notice.State.DROPPED).values_list("case_id", "route_id"):
        found[case_id].add(route_id)
    return found


def forget(*, before: datetime) -> int:
    """Delete what was told long ago; messages that wait to be sent, and what they tell, stay."""
    done, _ = Message.objects.filter(at__lt=before).exclude(state=Message.State.WAITING).delete()
    waiting = Notice.objects.filter(state=Notice.State.WAITING).values("happening_id")
    unsent = Notice.objects.filter(message__state=Message.State.WAITING).values("happening_id")
    old = Happening.objects.filter(at__lt=before, routed_at__isnull=False)
    gone, _ = old.exclude(pk__in=waiting).exclude(pk__in=unsent).delete()
    return done + gone
