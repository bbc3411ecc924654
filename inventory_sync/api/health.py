"""Whether this process lives, and whether the platform can take work: which part is missing, if one is.

The database is needed. The broker is not: without it the dispatcher drains by itself, more slowly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache

import redis
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.connection import Connection as BrokerConnection
from redis.backoff import NoBackoff
from redis.retry import Retry

from inventory_sync.pipeline.models import Sign
from inventory_sync.support.clock import utc_now
from inventory_sync.support.logs import get_logger

BROKER_TIMEOUT_S = 0.5
DEAF_AFTER = timedelta(minutes=2)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """One thing the platform stands on. `needed` ones decide whether it is ready."""

    name: str
    ok: bool
    needed: bool
    detail: str = ""


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Say that this process answers; looks at nothing else, so that no restart cures a sick database."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when every needed part is there, else 503; name the parts that are missing."""
    parts = look(now=utc_now())
    missing = [part.name for part in parts if not part.ok]
    is_ready = all(part.ok for part in parts if part.needed)
    status = "ready" if not missing else "degraded" if is_ready else "unready"
    body = {
        "status": status,
        "missing": missing,
        "parts": [asdict(part) for part in parts],
    }
    response = JsonResponse(body, status=200 if is_ready else 503)
    if not is_ready:
        response.headers["Retry-After"] = "5"
    return response


def look(*, now: datetime, broker: Callable[[], Part] | None = None) -> list[Part]:
    database = _database()
    parts = [database]
    if database.ok:
        parts += [_schema(), _dispatcher(now)]
    return [*parts, (broker or _broker)()]


def _database() -> Part:
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except Error as error:
        log.warning("health.failed", part="database", error=type(error).__name__)
        return Part("database", ok=False, needed=True, detail="It does not answer.")
    return Part("database", ok=True, needed=True)


def _schema() -> Part:
    try:
        _assert_migrated()
    except _NotMigrated as error:
        return Part("schema", ok=False, needed=True, detail=str(error))
    except Error:
        return Part("schema", ok=False, needed=True, detail="It cannot be read.")
    return Part("schema", ok=True, needed=True)


class _NotMigrated(Exception):
    pass


@cache
def _assert_migrated() -> None:
    """Return once and for all when every migration is applied; raises are not remembered."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        raise _NotMigrated(f"{len(plan)} migrations are not applied yet; run ./manage.py migrate.")


def _dispatcher(now: datetime) -> Part:
    """The dispatcher finds debts no message announced; without it a lost wake-up is found by nobody."""
    sign = Sign.objects.filter(name="dispatcher").first()
    if sign is None:
        return Part("dispatcher", ok=False, needed=False, detail="It has never given a sign of life.")
    silent = now - sign.at
    if silent > DEAF_AFTER:
        detail = f"Its last sign of life is {int(silent.total_seconds())} s old."
        return Part("dispatcher", ok=False, needed=False, detail=detail)
    return Part("dispatcher", ok=True, needed=False)


def _broker() -> Part:
    try:
        _ping(settings.BROKER_URL)
    except Exception as error:  # noqa: BLE001 - every broker's client has its own family of errors
        log.warning("health.failed", part="broker", error=type(error).__name__)
        return Part(
            "broker",
            ok=False,
            needed=False,
            detail="It does not answer; the dispatcher drains by itself meanwhile.",
        )
    return Part("broker", ok=True, needed=False)


def _ping(url: str) -> None:
    """Return when the broker answers, raise when it does not within half a second; ask once only."""
    if url.startswith(("redis://", "rediss://")):
        with redis.Redis.from_url(
            url,
            socket_timeout=BROKER_TIMEOUT_S,
            socket_connect_timeout=BROKER_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            client.ping()
    else:
        with BrokerConnection(url, connect_timeout=BROKER_TIMEOUT_S) as connection:
            connection.connect()
