"""The dispatcher: finds every debt within a second or two and wakes its tier.

One leader by an advisory lock of PostgreSQL; others stand by. When the broker does not take wake-ups, or a
queue's canary does not sing, it does the work itself, one step at a time: an outage costs time only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import close_old_connections, connection
from django.db.utils import DatabaseError, InterfaceError

from inventory_sync.pipeline import schedule, steps
from inventory_sync.pipeline.debts import Debt, find_debts, owed
from inventory_sync.pipeline.models import Sign
from inventory_sync.pipeline.ports import Ports
from inventory_sync.pipeline.routes import QUEUES
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

LOCK = 0x1D15BA7C  # any number, the same everywhere
DEAF_AFTER = timedelta(seconds=30)
BROKER_REST = timedelta(seconds=10)
KEEP_HOUSE_EVERY = timedelta(seconds=60)


def keep_house(at: str) -> dict[str, int]:
    return schedule.once("keep_house", at, steps.keep_house)


WORK: dict[str, Callable[..., dict[str, int]]] = {
    "pipeline.drain_intake": steps.drain_intake,
    "pipeline.compute": steps.compute_availability,
    "pipeline.push": steps.push_connection,
    "pipeline.mirror": steps.mirror_connection,
    "pipeline.follow_orders": steps.follow_orders,
    "pipeline.send_orders": steps.send_orders,
    "pipeline.tell_deliveries": steps.tell_deliveries,
    "pipeline.sweep": steps.sweep_stream,
    "pipeline.read_again": steps.read_again,
    "pipeline.retry_cases": steps.retry_cases,
    "pipeline.keep_house": keep_house,
    "pipeline.verify": steps.verify,
    "pipeline.evidence": steps.seal_evidence,
}


@dataclass(slots=True)
class Dispatcher:
    """`send` publishes one wake-up and raises when the broker does not take it."""

    ports: Ports
    send: Callable[[str, str, dict[str, Any]], None]
    canary_every: timedelta = timedelta(seconds=5)
    leads_since: datetime | None = None
    broker_rests_until: datetime | None = None
    sang_at: datetime | None = None
    kept_house_at: datetime | None = None

    def run(self, *, every_s: float, stop: Callable[[], bool]) -> None:
        """Lead until told to stop; a lost database costs the lead and is waited for."""
        while not stop():
            started = time.monotonic()
            try:
                close_old_connections()
                if self.lead():
                    self.dispatch()
            except (DatabaseError, InterfaceError) as error:
                log.warning("dispatcher.database_lost", error=str(error).splitlines()[0])
                connection.close()
            except Exception:
                log.exception("dispatcher.failed")
            time.sleep(max(0.0, every_s - (time.monotonic() - started)))

    def lead(self) -> bool:
        """Say whether we lead: the lock is held by the session, and lost with it."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND granted"
                " AND pid = pg_backend_pid()",
                [LOCK],
            )
            if cursor.fetchone()[0]:
                return True
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            got = bool(cursor.fetchone()[0])
        if got:
            self.leads_since = None
            log.info("dispatcher.leads")
        return got

    def dispatch(self) -> list[Debt]:
        """Find what is owed and wake its workers, or do it here; returns the debts found."""
        now = self.ports.clock()
        debts = find_debts(now, ports=self.ports)
        self.leads_since = self.leads_since or now
        chores = [*debts, *self._house(now)]
        heard = self._send_all(chores, now)
        deaf = self._deaf_queues(now) if heard else frozenset(QUEUES)
        if deaf and heard:
            log.warning("workers.deaf", queues=sorted(deaf))
        self._work([debt for debt in chores if debt.queue in deaf])
        Sign.objects.update_or_create(
            name="dispatcher",
            defaults={"at": now, "detail": {"debts": len(debts), "broker": heard, "deaf": sorted(deaf)}},
        )
        return debts

    def _house(self, now: datetime) -> list[Debt]:
        """Return the keeping of the house when it is due; its tick counts once, whoever else asks for it."""
        if self.kept_house_at is not None and now - self.kept_house_at < KEEP_HOUSE_EVERY:
            return []
        self.kept_house_at = now
        return [owed("pipeline.keep_house", at=now.isoformat())]

    def _deaf_queues(self, now: datetime) -> frozenset[str]:
        """Return the queues whose workers are gone, or alive and not taking work: no canary sang of late."""
        sung = {sign.name: sign.at for sign in Sign.objects.filter(name__startswith="canary:")}
        since = self.leads_since or now
        oldest = now - 2 * self.canary_every - DEAF_AFTER
        return frozenset(queue for queue in QUEUES if max(since, sung.get(f"canary:{queue}", since)) < oldest)

    def _send_all(self, debts: list[Debt], now: datetime) -> bool:
        """Send a wake-up per debt, and canaries; False when the broker does not take them."""
        if self.broker_rests_until is not None and now < self.broker_rests_until:
            return False
        try:
            for debt in debts:
                self.send(debt.task, debt.queue, debt.arguments)
            if self.sang_at is None or now - self.sang_at >= self.canary_every:
                self.sang_at = now
                for queue in QUEUES:
                    self.send("pipeline.canary", queue, {"queue": queue, "sent_at": now.isoformat()})
        except Exception as error:  # noqa: BLE001 - whatever ails the broker, the rows are worked off
            self.broker_rests_until = self.ports.clock() + BROKER_REST
            log.warning("wake.failed", error=repr(error), rests_s=BROKER_REST.total_seconds())
            return False
        self.broker_rests_until = None
        return True

    def _work(self, debts: list[Debt]) -> None:
        """Do the work here, one step after the other, each bounded in time."""
        for debt in debts:
            work = WORK[debt.task]
            try:
                work(**debt.arguments)
            except (DatabaseError, InterfaceError):
                raise
            except Exception:
                log.exception("dispatcher.step_failed", task=debt.task)
