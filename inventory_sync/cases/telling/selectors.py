"""Read what there is to tell, and who would be told of what. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from inventory_sync.cases.models_telling import Happening, Notice, Route
from inventory_sync.cases.telling import sending
from inventory_sync.cases.telling.terms import terms_of
from inventory_sync.domain.telling import Fact, due_at, why_not


@dataclass(frozen=True, slots=True)
class Prospect:
    """What one route would do with a case. `why_not` is empty when it would be told, at `at`."""

    route: Route
    why_not: str
    at: datetime | None = None


def anything_due(now: datetime) -> bool:
    """Whether there is anything to route, to compose, to escalate or to send by now."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    return (
        Happening.objects.filter(routed_at__isnull=True).exists()
        or Notice.objects.filter(state=Notice.State.WAITING, due_at__lte=now).exists()
        or Notice.objects.filter(escalate_at__lte=now).exists()
        or sending.sendable().filter(free, run_at__lte=now).exists()
    )


def nobody_is_told() -> str:
    """Return a sentence when cases reach nobody; empty when at least one route is switched on."""
    if Route.objects.filter(active=True).exists():
        return ""
    if Route.objects.exists():
        return "Nobody is told of new cases: every route is switched off."
    return "Nobody is told of new cases: there is no route yet."


def prospects(fact: Fact, *, now: datetime, settle: timedelta) -> list[Prospect]:
    """Return what each route would do with a case like this that were opened now."""
    found = []
    for route in Route.objects.select_related("escalate_to"):
        terms = terms_of(route)
        why = why_not(terms, fact) if route.active else "it is switched off"
        moment = None if why else due_at(terms, fact.severity, now + settle)
        found.append(Prospect(route, why, moment))
    return sorted(found, key=lambda each: (bool(each.why_not), each.route.name))
