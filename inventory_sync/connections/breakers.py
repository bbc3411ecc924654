"""The breaker of each connection as a row: opened and closed by how its calls end, and by nobody else.

Opening and closing are audited and logged; the probes between them are logged. The database's clock is
everybody's. Being open for long becomes a case (pipeline/tending.py). Lock order: after the budget, where
both are taken.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection as database
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.connections.looks import Look, database_now
from inventory_sync.connections.models import Breaker, Connection
from inventory_sync.domain import breaker as rule
from inventory_sync.domain.breaker import Phase, Rules
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

ACTOR = "pipeline"

_BEGIN = """
UPDATE connections_breaker SET phase = %(phase)s, next_at = %(next_at)s
WHERE connection_id = (
    SELECT connection_id FROM connections_breaker
    WHERE connection_id = %(connection)s AND xmin = %(stamp)s::xid FOR UPDATE SKIP LOCKED
)
"""


def rules() -> Rules:
    from_settings = settings.INVENTORY_SYNC
    return Rules(
        in_a_row=from_settings["BREAKER_FAILURES"],
        longest=timedelta(seconds=from_settings["BREAKER_LONGEST_S"]),
    )


def state_of(row: Breaker) -> rule.Breaker:
    return rule.Breaker(
        phase=Phase(row.phase),
        failures=row.failures,
        window_from=row.window_from,
        calls=row.calls,
        failed=row.failed,
        openings=row.openings,
        since=row.since,
        next_at=row.next_at,
    )


def begin(seen: Look) -> bool:
    """Note that the call just paid for is the probe of an open breaker; False when another began first."""
    after = rule.begin(seen.breaker, seen.at, rules())
    with database.cursor() as cursor:
        cursor.execute(
            _BEGIN,
            {
                "connection": seen.connection_id,
                "stamp": seen.breaker_stamp,
                "phase": after.phase.value,
                "next_at": after.next_at,
            },
        )
        begun = cursor.rowcount == 1
    if begun:
        log.info("breaker.probed", connection=seen.code, openings=after.openings)
    return begun


def note_failure(
    connection_id: int, *, code: str, detail: str, chance: float, now: datetime | None = None
) -> None:
    """Note a call that got no usable answer."""
    with transaction.atomic():
        Breaker.objects.bulk_create([Breaker(connection_id=connection_id)], ignore_conflicts=True)
        row = _locked(connection_id)
        now = now or database_now()
        before = state_of(row)
        row.error_code, row.error_detail = code, detail[:500]
        _save(row, rule.failed(before, now, rules(), chance))
        if before.phase is Phase.CLOSED and row.phase == Phase.OPEN:
            _tell(row, action="connection.breaker_opened", why=f"{detail} ({code})")
        elif before.phase is Phase.HALF_OPEN and row.phase == Phase.OPEN:
            log.info("breaker.stayed_open", connection=row.connection.code, code=code)


def note_answer(connection_id: int, *, now: datetime | None = None) -> bool:
    """Note an answered call, when the breaker remembers one that was not; True when that closed it."""
    with transaction.atomic():
        row = _locked(connection_id)
        before = state_of(row)
        after = rule.answered(before, now or database_now(), rules())
        if after == before:
            return False
        _save(row, after)
        closes = before.phase is not Phase.CLOSED and after.phase is Phase.CLOSED
        if closes:
            _tell(row, action="connection.breaker_closed", why="It answers again.")
    return closes


def _locked(connection_id: int) -> Breaker:
    return Breaker.objects.select_for_update(of=("self",)).select_related("connection").get(pk=connection_id)


def _save(row: Breaker, state: rule.Breaker) -> None:
    for name, value in asdict(state).items():
        setattr(row, name, str(value) if name == "phase" else value)
    row.save()


def _tell(row: Breaker, *, action: str, why: str) -> None:
    connection: Connection = row.connection
    shown = {"breaker": row.phase, "since": row.since, "next_try": row.next_at}
    audit.record(actor=ACTOR, action=action, subject=connection, after=shown, reason=why[:300])
    if row.phase == Phase.OPEN:
        log.warning("breaker.opened", connection=connection.code, code=row.error_code, failures=row.failures)
    else:
        log.info("breaker.closed", connection=connection.code)
