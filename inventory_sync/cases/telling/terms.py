"""Read a route's row as the terms the rules of domain/telling.py take."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from inventory_sync.cases.models_telling import Happening, Route
from inventory_sync.domain.telling import Digest, Fact, Quiet, Terms


def terms_of(route: Route) -> Terms:
    quiet = None
    if route.quiet_begins is not None and route.quiet_ends is not None:
        quiet = Quiet(route.quiet_begins, route.quiet_ends, route.quiet_breaks)
    return Terms(
        team=route.team,
        least=route.least_severity,
        code_prefix=route.code_prefix,
        connection=route.connection_code,
        zone=ZoneInfo(route.time_zone),
        quiet=quiet,
        digest=Digest(route.digest),
        digest_at=route.digest_at,
    )


def fact_of(row: Happening) -> Fact:
    return Fact(row.team, row.severity, row.code, row.connection_code)
