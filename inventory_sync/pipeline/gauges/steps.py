"""How the steps do: attempts by outcome, webhooks lost, requests refused, cases, retries, signs of life."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inventory_sync.pipeline import models
from inventory_sync.pipeline.gauges.rows import rows
from inventory_sync.pipeline.models_tallies import Sample

_FLIGHTS = """
SELECT c.code, t.outcome, t.count FROM pipeline_flighttally t
JOIN connections_connection c ON c.id = t.connection_id ORDER BY 1, 2
"""
_SOURCES = """
SELECT c.id, c.code, c.label, s.stream, s.swept_at, s.reads, s.finds FROM connections_cursor s
JOIN connections_connection c ON c.id = s.connection_id ORDER BY 2, 4
"""
_PARKED = """
SELECT c.code, p.code, count(*), min(p.created_at) FROM intake_parkedline p
JOIN connections_connection c ON c.id = p.connection_id
WHERE p.resolved_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
"""
_CASES = """
SELECT code, owner_team, severity, count(*), min(created_at), count(*) FILTER (WHERE assigned_to <> ''),
    count(*) FILTER (WHERE acknowledged_at IS NOT NULL)
FROM cases_case WHERE state = 'open' GROUP BY 1, 2, 3 ORDER BY 2, 1, 3
"""
_RUNS = """
SELECT r.id, r.code, r.connection_code, r.asked_by, r.created_at,
    count(l.id) FILTER (WHERE l.state IN ('waiting', 'begun')), count(l.id)
FROM cases_retryrun r LEFT JOIN cases_retryline l ON l.run_id = r.id
WHERE r.state = 'running' GROUP BY r.id ORDER BY r.id
"""


@dataclass(frozen=True, slots=True)
class Flights:
    """How many attempts of a connection ended so, since the beginning."""

    connection: str
    outcome: str
    count: int


@dataclass(frozen=True, slots=True)
class Source:
    """One stream: what a sweep has read, and found that no webhook had announced."""

    connection_id: int
    connection: str
    label: str
    stream: str
    swept_at: datetime | None
    reads: int
    finds: int


@dataclass(frozen=True, slots=True)
class Parked:
    """The lines of one connection and code that wait for a person."""

    connection: str
    code: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Cases:
    """The open cases of one code, team and severity."""

    code: str
    team: str
    severity: str
    count: int
    oldest: datetime
    assigned: int
    acknowledged: int


@dataclass(frozen=True, slots=True)
class Run:
    """A group of cases that is being retried: how many of it are left."""

    id: int
    code: str
    connection: str
    asked_by: str
    begun_at: datetime
    left: int
    total: int


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests to reserve stock since the beginning, and how many got none of it."""

    asked: int
    refused: int


@dataclass(frozen=True, slots=True)
class Sign:
    """When the dispatcher, or a queue's canary, last gave a sign of life."""

    name: str
    at: datetime
    detail: dict[str, Any]


def flights() -> tuple[Flights, ...]:
    return tuple(Flights(*row) for row in rows(_FLIGHTS))


def sources() -> tuple[Source, ...]:
    return tuple(Source(*row) for row in rows(_SOURCES))


def parked() -> tuple[Parked, ...]:
    return tuple(Parked(*row) for row in rows(_PARKED))


def cases() -> tuple[Cases, ...]:
    return tuple(Cases(*row) for row in rows(_CASES))


def runs() -> tuple[Run, ...]:
    return tuple(Run(*row) for row in rows(_RUNS))


def signs() -> tuple[Sign, ...]:
    return tuple(Sign(row.name, row.at, row.detail or {}) for row in models.Sign.objects.order_by("name"))


def refusals() -> dict[str, int]:
    """Return how many requests the webhook door refused, by error code, since the beginning."""
    return dict(models.DoorTally.objects.order_by("code").values_list("code", "count"))


def requests(newest: Sample | None) -> Requests:
    """Return what the newest sample counted."""
    found = newest.figures.get("requests", {}) if newest is not None else {}
    return Requests(found.get("asked", 0), found.get("refused", 0))
