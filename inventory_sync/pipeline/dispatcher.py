"""The dispatcher: finds every debt within a second or two and wakes its tier.

One leader by an advisory lock of PostgreSQL; others stand by. When the broker does not take wake-ups, or
they go unheeded, it does the work itself, one step at a time: an outage of the broker costs time only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import close_old_connections, connection
from django.db.utils import DatabaseError, InterfaceError

from inventory_sync.pipeline import steps
from inventory_sync.pipeline.debts import Debt, find_debts
from inventory_sync.pipeline.models import Sign
from inventory_sync.pipeline.ports import Ports
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

LOCK = 0x1D15BA7C  # any number, the same everywhere
UNHEEDED = timedelta(seconds=5)
BROKER_REST = timedelta(seconds=10)
QUEUES = ("critical", "standard", "bulk", "replay")

WORK: dict[str, Callable[..., dict[str, int]]] = {
    "pipeline.drain_intake": steps.drain_intake,
    "pipeline.compute": steps.compute_availability,
    "pipeline.push": steps.push_connection,
    "pipeline.sweep": steps.sweep_stream,
    "pipeline.read_again": steps.read_again,
}


@dataclass(slots=True)
class Dispatcher:
    """`send` publishes one wake-up and raises when the broker does not take it."""

    ports: Ports
    send: Callable[[str, str, dict[str, Any]], None]
    canary_every: timedelta = timedelta(seconds=30)
    owed_since: dict[str, datetime] = field(default_factory=dict)
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
            log.info("dispatcher.leads")
        return got

    def dispatch(self) -> list[Debt]:
        """Find what is owed and wake its workers, or do it here; returns the debts found."""
        now = self.ports.clock()
        debts = find_debts(now, ports=self.ports)
        self._remember(debts, now)
        unheeded = [debt for debt in debts if now - self.owed_since[_name(debt)] >= UNHEEDED]
        heard = self._send_all(debts, now)
        if not heard:
            self._work(debts)
        elif unheeded:
            log.warning("workers.deaf", tasks=[_name(debt) for debt in unheeded])
            self._work(unheeded)
        Sign.objects.update_or_create(
            name="dispatcher",
            defaults={"at": now, "detail": {"debts": len(debts), "broker": heard, "deaf": len(unheeded)}},
        )
        return debts

    def _remember(self, debts: list[Debt], now: datetime) -> None:
        names = {_name(debt) for debt in debts}
        self.owed_since = {name: self.owed_since.get(name, now) for name in names}

    def _send_all(self, debts: list[Debt], now: datetime) -> bool:
        """Send a wake-up per debt, and canaries; False when the broker does not take them."""
        if self.broker_rests_until is not None and now < self.broker_rests_until:
            return False
        try:
            for debt in debts:
                self.send(debt.task, debt.queue, debt.arguments)
            if self.kept_house_at is None or now - self.kept_house_at >= timedelta(seconds=60):
                self.kept_house_at = now
                self.send("pipeline.keep_house", "standard", {"at": now.isoformat()})
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


def _name(debt: Debt) -> str:
    return f"{debt.task} {sorted(debt.arguments.items())}"
