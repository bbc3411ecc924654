"""See to connections that are held or do not answer: end windows, pause what is drained, own long silences.

A chore of the house: safe at any moment. What is held and why is decided in connections.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from inventory_sync.cases.services import open_summaries
from inventory_sync.connections import holding, services
from inventory_sync.connections.breakers import ACTOR
from inventory_sync.connections.models import Breaker, Connection, Maintenance
from inventory_sync.connections.running import RUNNING, Errand
from inventory_sync.connections.weekly import plan_ahead
from inventory_sync.domain.errors import NotAnswering
from inventory_sync.domain.writing import Writing
from inventory_sync.pipeline.ports import Ports
from inventory_sync.propagation.models import Listing
from inventory_sync.propagation.models_mirror import MirrorDocument, MirrorLevel
from inventory_sync.support.logs import get_logger
from inventory_sync.workflows.models import Copy, DeliveryTold

log = get_logger(__name__)

KIND = "connection"


def tend(*, ports: Ports, case_after: timedelta) -> dict[str, int]:
    """Do what has come due; returns counts."""
    now = ports.clock()
    return {
        "windows_planned": plan_ahead(now),
        "windows_ended": _end_windows(now),
        "drained": _pause_drained(now),
        "silent": own_silent(ports=ports, after=case_after),
    }


def left_to_drain(row: Connection) -> dict[str, int]:
    """Return what a draining connection was owed when it began to drain and still will be paid, by kind.

    What its mode of writing keeps back waits for that, and the drain does not wait with it.
    """
    since = row.state_since
    if row.writing == Writing.READ_ONLY:
        return {}
    listings = Listing.objects.filter(connection=row, state=Listing.State.OWED, dirty_since__lte=since)
    copies = Copy.objects.filter(target=row, state=Copy.State.OWED, since__lte=since).exclude(location_ref="")
    told = DeliveryTold.objects.filter(channel=row, state=DeliveryTold.State.OWED, since__lte=since)
    # Documents made since are of movements that were owed by then (propagation/mirror_cut.py).
    documents = MirrorDocument.objects.filter(connection=row, state__in=MirrorDocument.OPEN)
    levels = MirrorLevel.objects.filter(place__connection=row, due_since__lte=since, error_code="")
    if row.writing == Writing.SHADOW:
        return {"figures": listings.count()} if listings else {}
    counts = {
        "figures": listings.count(),
        "orders": copies.count(),
        "deliveries": told.count(),
        "documents": documents.count(),
        "levels": levels.count(),
    }
    return {name: count for name, count in counts.items() if count}


def own_silent(*, ports: Ports, after: timedelta) -> int:
    """Have somebody own each connection that has not answered for long; returns how many cases changed.

    One that staff hold is not asked, and one whose window has just ended gets as long again to answer.
    """
    now = ports.clock()
    held = Maintenance.objects.filter(starts_at__lte=now, ends_at__gt=now - after).exclude(
        closed_at__lte=now - after
    )
    long_ago = Breaker.objects.exclude(phase=Breaker.Phase.CLOSED).filter(
        since__lte=now - after, connection__state__in=RUNNING[Errand.PAY]
    )
    silent = list(long_ago.exclude(connection__in=held.values("connection")).select_related("connection"))
    answering = Breaker.objects.filter(phase=Breaker.Phase.CLOSED).values_list("connection_id", flat=True)
    known = open_summaries(NotAnswering.code)
    new = [row for row in silent if str(row.connection_id) not in known]
    with ports.intake.transaction():
        for row in new:
            ports.cases.open(
                NotAnswering.code,
                KIND,
                str(row.connection_id),
                f"{row.connection.label} has not answered since {row.since:%Y-%m-%d %H:%M} UTC. "
                f"Last: {row.error_detail}",
                connection=row.connection.code,
            )
        over = [str(pk) for pk in answering if str(pk) in known]
        ports.cases.close(KIND, over, "It answers again.", code=NotAnswering.code)
    return len(new) + len(over)


def _end_windows(now: datetime) -> int:
    over = Maintenance.objects.filter(closed_at__isnull=True, ends_at__lte=now)
    return sum(
        holding.end_maintenance(window_id=pk, actor=ACTOR, reason="Its time is over.", now=now)
        for pk in over.values_list("pk", flat=True)
    )


def _pause_drained(now: datetime) -> int:
    done = 0
    for row in Connection.objects.filter(state=Connection.State.DRAINING):
        left = left_to_drain(row)
        if left:
            log.info("connection.drains", connection=row.code, **left)
            continue
        why = f"Drained: what it was owed is paid. {row.state_reason}".strip()
        paused = services.pause_drained(connection_id=row.pk, actor=ACTOR, reason=why)
        done += paused.state == Connection.State.PAUSED
    return done
