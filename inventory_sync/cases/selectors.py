"""Cases as people look at them: groups by code and connection, filtered pages, runs. Writes nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum, Window
from django.db.models.functions import DenseRank, TruncHour

from inventory_sync.cases.models import Case, RetryLine, RetryRun
from inventory_sync.cases.owners import RANK

TREND_HOURS = 24
SKUS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Filters:
    """What a page of cases shows; "" and None leave a column open.

    `snoozed`: None shows all, False what is not hidden, True what is. `connection_codes` bounds what the
    caller may see at all.
    """

    state: str = Case.State.OPEN
    code: str = ""
    connection_code: str | None = None
    team: str = ""
    severity: str = ""
    assigned_to: str | None = None
    item_sku: str = ""
    order_ref: str = ""
    subject_kind: str = ""
    correlation_id: str = ""
    snoozed: bool | None = None
    opened_since: datetime | None = None
    connection_codes: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The open cases of one code at one connection. `trend`: opened per hour, the oldest of 24 first,
    whether still open or not. `skus` are the first few of `sku_count`. `hidden` of `cases` are snoozed.
    """

    code: str
    connection_code: str
    cases: int
    hidden: int
    times: int
    severity: str
    teams: tuple[str, ...]
    sku_count: int
    skus: tuple[str, ...]
    order_count: int
    units_at_risk: Decimal | None
    first_seen: datetime
    last_seen: datetime
    trend: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: its lines by state."""

    total: int
    waiting: int
    begun: int
    succeeded: int
    failed: int
    skipped: int
    cancelled: int

    @property
    def over(self) -> int:
        return self.total - self.waiting - self.begun


def cases(filters: Filters, *, now: datetime) -> QuerySet[Case]:
    """Return the cases the filters let through, newest first."""
    rows = Case.objects.order_by("-id")
    exact = {
        "state": filters.state,
        "code": filters.code,
        "owner_team": filters.team,
        "severity": filters.severity,
        "item_sku": filters.item_sku,
        "order_ref": filters.order_ref,
        "subject_kind": filters.subject_kind,
        "correlation_id": filters.correlation_id,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if filters.connection_code is not None:
        rows = rows.filter(connection_code=filters.connection_code)
    if filters.assigned_to is not None:
        rows = rows.filter(assigned_to=filters.assigned_to)
    if filters.opened_since is not None:
        rows = rows.filter(created_at__gte=filters.opened_since)
    if filters.connection_codes is not None:
        rows = rows.filter(connection_code__in=filters.connection_codes)
    if filters.snoozed is not None:
        hidden = Q(snoozed_until__gt=now)
        rows = rows.filter(hidden) if filters.snoozed else rows.exclude(hidden)
    return rows


def groups(filters: Filters, *, now: datetime) -> list[Group]:
    """Return the cases by code and connection: the most severe first, then the most."""
    rows = cases(filters, now=now).order_by()
    named = ~Q(item_sku="")
    found = list(
        rows.values("code", "connection_code").annotate(
            cases=Count("pk"),
            hidden=Count("pk", filter=Q(snoozed_until__gt=now)),
            seen=Sum("times"),
            severities=ArrayAgg("severity", distinct=True),
            teams=ArrayAgg("owner_team", distinct=True),
            sku_count=Count("item_sku", filter=named, distinct=True),
            order_count=Count("order_ref", filter=~Q(order_ref=""), distinct=True),
            units=Sum("units_at_risk"),
            first_seen=Min("created_at"),
            last_seen=Max("last_seen_at"),
        )
    )
    skus = _first_skus(rows)
    trends = _trends(filters, now=now)
    shown = [
        Group(
            code=row["code"],
            connection_code=row["connection_code"],
            cases=row["cases"],
            hidden=row["hidden"],
            times=row["seen"],
            severity=max(row["severities"], key=lambda each: RANK[each]),
            teams=tuple(row["teams"]),
            sku_count=row["sku_count"],
            skus=skus[row["code"], row["connection_code"]],
            order_count=row["order_count"],
            units_at_risk=row["units"],
            first_seen=row["first_seen"],
            last_seen=row["last_seen"],
            trend=trends[row["code"], row["connection_code"]],
        )
        for row in found
    ]
    return sorted(shown, key=lambda one: (-RANK[one.severity], -one.cases, one.code, one.connection_code))


def progress(runs: Collection[RetryRun]) -> dict[int, Progress]:
    """Return how far each run is."""
    counted: dict[int, Counter[str]] = defaultdict(Counter)
    lines = RetryLine.objects.filter(run__in=runs).order_by().values_list("run_id", "state")
    for run_id, state, count in lines.annotate(count=Count("pk")):
        counted[run_id][state] = count
    return {
        run.pk: Progress(
            total=counted[run.pk].total(),
            **{state: counted[run.pk][state] for state in RetryLine.State.values},
        )
        for run in runs
    }


def runs(*, code: str = "", connection_code: str | None = None) -> QuerySet[RetryRun]:
    rows = RetryRun.objects.all()
    if code:
        rows = rows.filter(code=code)
    if connection_code is not None:
        rows = rows.filter(connection_code=connection_code)
    return rows


def age(case: Case, *, now: datetime) -> timedelta:
    """Return how long it has been a case: until now, or until its end."""
    return (case.resolved_at or now) - case.created_at


def is_hidden(case: Case, *, now: datetime) -> bool:
    return case.state == Case.State.OPEN and case.snoozed_until is not None and case.snoozed_until > now


def teams_open() -> list[str]:
    """Return the teams that have an open case."""
    rows = Case.objects.filter(state=Case.State.OPEN).order_by("owner_team")
    return list(rows.values_list("owner_team", flat=True).distinct())


def _first_skus(rows: QuerySet[Case]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the first few SKUs of each group; a group of a hundred thousand hands over no more of them."""
    place = Window(DenseRank(), partition_by=[F("code"), F("connection_code")], order_by=F("item_sku").asc())
    named = rows.exclude(item_sku="").annotate(place=place).filter(place__lte=SKUS_SHOWN)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for code, connection_code, sku in (
        named.values_list("code", "connection_code", "item_sku").distinct().order_by("item_sku")
    ):
        found[code, connection_code].append(sku)
    return defaultdict(tuple, {key: tuple(skus) for key, skus in found.items()})


def _trends(filters: Filters, *, now: datetime) -> dict[tuple[str, str], tuple[int, ...]]:
    """Return how many cases were opened in each of the last hours, this one last, by code and connection."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    first = this_hour - timedelta(hours=TREND_HOURS - 1)
    rows = Case.objects.filter(created_at__gte=first).order_by()
    if filters.code:
        rows = rows.filter(code=filters.code)
    if filters.connection_code is not None:
        rows = rows.filter(connection_code=filters.connection_code)
    opened = rows.annotate(hour=TruncHour("created_at")).values_list("code", "connection_code", "hour")
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * TREND_HOURS)
    for code, connection_code, hour, count in opened.annotate(count=Count("pk")):
        place = int((hour - first) / timedelta(hours=1))
        if 0 <= place < TREND_HOURS:
            found[code, connection_code][place] += count
    return defaultdict(lambda: (0,) * TREND_HOURS, {key: tuple(hours) for key, hours in found.items()})
