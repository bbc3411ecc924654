"""The dispatcher: finds every debt within a second or two and wakes its tier.

One leader by an advisory lock of PostgreSQL; others stand by. A leader whose round fails gives the lead up
for a while, so that one that can leads. When the broker takes no wake-ups, or a queue's canary does not sing,
it does the work itself, one step at a time (inline.py): an outage costs time only.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import close_old_connections, connection
from django.db.utils import DatabaseError, InterfaceError

from inventory_sync.pipeline.debts import Debt, find_debts, owed
from inventory_sync.pipeline.inline import Inline, database_answers
from inventory_sync.pipeline.models import Sign
from inventory_sync.pipeline.ports import Ports
from inventory_sync.pipeline.routes import QUEUES
from inventory_sync.pipeline.watch import Ear, Named, Watch, at_work, ears_of, songs, watch
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

LOCK = 0x1D15BA7C  # any number, the same everywhere
BROKER_REST = timedelta(seconds=10)
STAND_BACK_S = 3.0  # after a failed round: longer than any other takes to ask for the lead
KEEP_HOUSE_EVERY = timedelta(seconds=60)


@dataclass(slots=True)
class Dispatcher:
    """`send` publishes one wake-up and raises when the broker does not take it."""

    ports: Ports
    send: Callable[[str, str, dict[str, Any]], None]
    canary_every: timedelta = timedelta(seconds=5)
    flying_since: datetime | None = None
    broker_rests_until: datetime | None = None
    sang_at: datetime | None = None
    kept_house_at: datetime | None = None
    ears: dict[str, Ear] = field(default_factory=dict)
    told: frozenset[tuple[str, ...]] = frozenset()
    stands_by: bool = False
    inline: Inline = field(default_factory=Inline)

    def run(self, *, every_s: float, stop: Callable[[], bool]) -> None:
        """Lead until told to stop; a lost database costs the lead and is waited for."""
        keep_session()
        while not stop():
            started, rest_s = time.monotonic(), 0.0
            try:
                close_old_connections()
                if self.lead():
                    self.stands_by = False
                    self.dispatch()
                elif not self.stands_by:
                    self.stands_by = True
                    log.info("dispatcher.stands_by")
            except Exception as error:
                if isinstance(error, (DatabaseError, InterfaceError)) and not database_answers():
                    log.warning("dispatcher.database_lost", error=repr(error)[:200])
                else:
                    log.exception("dispatcher.failed")
                    rest_s = STAND_BACK_S
                connection.close()  # and the lead with it: another may know how to go on
            time.sleep(max(rest_s, every_s - (time.monotonic() - started)))

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
            self.flying_since = self.sang_at = None
            self.ears = {}
            log.info("dispatcher.leads")
        return got

    def dispatch(self) -> list[Debt]:
        """Find what is owed and wake its workers, or do it here; returns the debts found."""
        now = self.ports.clock()
        debts = find_debts(now, ports=self.ports)
        chores = [*debts, *self._house(now)]
        self._listen(now)
        heard = self._send_all(chores, now)
        self._sign(now, debts=len(debts), broker=heard)
        seen = watch(now)
        self._tell(seen)
        deaf = seen.deaf if heard else frozenset(QUEUES)
        if deaf:
            self.inline.work([debt for debt in chores if debt.queue in deaf])
            self._sign(now, debts=len(debts), broker=heard, deaf=sorted(deaf))
        return debts

    def _listen(self, now: datetime) -> None:
        """Judge every queue by its songs; a new leader begins with what the one before thought."""
        if not self.ears:
            kept = ears_of(Sign.objects.filter(name="dispatcher").first())
            self.ears = {queue: replace(ear, unanswered=None) for queue, ear in kept.items()}
        sung, busy = songs(), at_work(now)
        self.ears = {
            queue: ear.hear(sung[queue], now, at_work=queue in busy) for queue, ear in self.ears.items()
        }

    def _sign(self, now: datetime, *, debts: int, broker: bool, deaf: Sequence[str] = ()) -> None:
        detail = {
            "debts": debts,
            "broker": broker,
            "deaf": list(deaf),
            "flying_since": self.flying_since.isoformat() if self.flying_since else None,
            "ears": {queue: ear.to_json() for queue, ear in self.ears.items()},
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }
        Sign.objects.update_or_create(name="dispatcher", defaults={"at": now, "detail": detail})

    def _tell(self, seen: Watch) -> None:
        """Log what changed since it was told last: a queue or process once when it goes, once when back."""
        queues = {("queue", queue) for queue in seen.deaf}
        named = {_key(each): each for each in seen.named}
        for queue in sorted(seen.deaf):
            if ("queue", queue) not in self.told:
                log.warning("workers.deaf", queue=queue)
        for key, each in named.items():
            if key not in self.told:
                log.warning(
                    "worker.stuck", host=each.host, pid=each.pid, queues=each.queues, why=each.why,
                    at=each.at, since=each.since.isoformat(),
                )  # fmt: skip
        now_known = frozenset(queues) | frozenset(named)
        for gone in sorted(self.told - now_known):
            if gone[0] == "queue":
                log.info("workers.heard", queue=gone[1])
            else:
                log.info("worker.recovered", who=" ".join(gone[1:]))
        self.told = now_known

    def _house(self, now: datetime) -> list[Debt]:
        """Return the keeping of the house when it is due; its tick counts once, whoever else asks for it."""
        if self.kept_house_at is not None and now - self.kept_house_at < KEEP_HOUSE_EVERY:
            return []
        self.kept_house_at = now
        return [owed("pipeline.keep_house", at=now.isoformat())]

    def _send_all(self, debts: list[Debt], now: datetime) -> bool:
        """Send a wake-up per debt, and canaries; False when the broker does not take them."""
        if self.broker_rests_until is not None and now < self.broker_rests_until:
            return False
        try:
            for debt in debts:
                self.send(debt.task, debt.queue, debt.arguments)
            if self.sang_at is None or now - self.sang_at >= self.canary_every:
                self._send_canaries(now)
        except Exception as error:  # noqa: BLE001 - whatever ails the broker, the rows are worked off
            self.broker_rests_until = self.ports.clock() + BROKER_REST
            self.flying_since = self.sang_at = None
            self.ears = {queue: replace(ear, unanswered=None) for queue, ear in self.ears.items()}
            log.warning("wake.failed", error=repr(error), rests_s=BROKER_REST.total_seconds())
            return False
        self.broker_rests_until = None
        return True

    def _send_canaries(self, now: datetime) -> None:
        if self.sang_at is None or now - self.sang_at > 3 * self.canary_every:
            self.flying_since = now  # there was a break: nobody is to blame for what was not sent
        self.sang_at = now
        for queue in QUEUES:
            self.send("pipeline.canary", queue, {"queue": queue, "sent_at": now.isoformat()})
            self.ears[queue] = self.ears[queue].send(now)


def keep_session() -> None:
    """Have this process keep its session however old it gets: the lead is held by it."""
    connection.settings_dict["CONN_MAX_AGE"] = None
    connection.close_at = None


def _key(each: Named) -> tuple[str, ...]:
    return ("worker", each.host, str(each.pid), each.why, each.task_id)
