"""Broker, workers and dispatcher of the simulation: who runs which step when.

The broker loses, doubles and reorders wake-ups and is down at times; workers die at switch points and are
replaced; the dispatcher finds every debt in the rows. The steps themselves are the real ones; what frames
them in production is bound to Django (pipeline/steps.py, reading.py) and retold here in few lines.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from inventory_sync.domain import lane
from inventory_sync.domain.errors import SyncError
from inventory_sync.domain.lane import retry_after
from inventory_sync.intake.ports import ReadWanted
from inventory_sync.ledger.orders import expire_holds
from inventory_sync.pipeline.compute import compute
from inventory_sync.pipeline.drain import drain
from inventory_sync.pipeline.push import push
from inventory_sync.pipeline.sweep import read_object, stream_named, sweep
from tests.sim.faults import Faults
from tests.sim.hub import Hub
from tests.sim.scheduler import Process, Scheduler
from tests.sim.stores.database import DatabaseLost
from tests.sim.stores.intake import CursorRow, ReadRow

Task = tuple[str, ...]
SLOTS = 3
TICK_S = 2.0
LEASE = timedelta(seconds=20)
PUSHES = 4
HOUSE_EVERY_S = 15.0
RECHECK_AFTER_S = 20.0


@dataclass(slots=True)
class Crew:
    """Three workers, a broker between them and the dispatcher."""

    hub: Hub
    scheduler: Scheduler
    rng: random.Random
    faults: Faults
    rechecked_s: dict[str, float]
    queue: list[Task] = field(default_factory=list)
    free: int = SLOTS
    broker_down_until_s: float = 0.0
    house_at_s: float = 0.0
    done: int = 0

    # ── broker ───────────────────────────────────────────────────────────────────────────────────────
    def publish(self, *task: str) -> None:
        """Send a wake-up; the broker may lose it, double it, or give it out much later."""
        if self.scheduler.now_s < self.broker_down_until_s:
            return
        draw = self.rng.random
        if draw() < self.faults.wake_lost:
            return
        for _ in range(2 if draw() < self.faults.wake_doubled else 1):
            self.scheduler.after(self.rng.choice((0.0, 0.01, 0.3)), lambda: self._arrive(task))

    def _arrive(self, task: Task) -> None:
        if task not in self.queue:
            self.queue.append(task)
        self._feed()

    def _feed(self) -> None:
        while self.free and self.queue:
            task = self.queue.pop(self.rng.randrange(len(self.queue)))
            self.free -= 1
            self.scheduler.spawn(
                Process(":".join(task), partial(self.run, task), mortal=True, when_over=self._over)
            )

    def _over(self, died: bool) -> None:
        def back() -> None:
            self.free += 1
            self._feed()

        self.scheduler.after(1.0 if died else 0.0, back)

    # ── dispatcher ───────────────────────────────────────────────────────────────────────────────────
    def start(self) -> None:
        self.scheduler.spawn(
            Process("dispatcher", self._dispatch_for_ever, mortal=True, when_over=lambda _: self._restart())
        )

    def _restart(self) -> None:
        self.scheduler.after(1.0, self.start)

    def _dispatch_for_ever(self) -> None:
        while True:
            self.scheduler.sleep(TICK_S)
            self.scheduler.step("dispatch")
            if self.rng.random() < self.faults.broker_down * TICK_S:
                self.broker_down_until_s = self.scheduler.now_s + self.rng.uniform(5, 20)
            inline = self.scheduler.now_s < self.broker_down_until_s
            for task in self.debts():
                if inline:
                    self.run(task)
                else:
                    self.publish(*task)

    def debts(self) -> list[Task]:
        """Return a task for everything that is due by the rows."""
        now, hub = self.scheduler.clock(), self.hub
        tables = hub.intake.tables
        waiting = [tables.deliveries[number] for number in tables.pending]
        tasks: list[Task] = [
            ("drain", tier) for tier in sorted({row.new.tier for row in waiting if row.run_at <= now})
        ]
        if hub.ledger.tables.dirty:
            tasks.append(("compute",))
        owed = {
            each.connection_id
            for each in hub.lane_tables.listings.values()
            if not each.row.failed and lane.is_due(each.row.state, now)
        }
        tasks += [("push", str(connection_id)) for connection_id in sorted(owed)]
        tasks += [
            ("read", str(connection_id))
            for connection_id in sorted({key[0] for key, row in tables.reads.items() if _due(row, now)})
        ]
        for connection_id, (_, code) in sorted(tables.connections.items()):
            for stream in hub.connectors[code].capabilities.streams:
                cursor = tables.cursors.get((connection_id, stream.name), CursorRow())
                if _due(cursor, now):
                    tasks.append(("sweep", str(connection_id), stream.name))
        if self.scheduler.now_s >= self.house_at_s:
            self.house_at_s = self.scheduler.now_s + HOUSE_EVERY_S
            tasks.append(("house",))
        return tasks

    # ── tasks ────────────────────────────────────────────────────────────────────────────────────────
    def run(self, task: Task) -> None:
        """Run one step; a database that is lost ends it, as it ends a task of Celery."""
        name, *arguments = task
        work: dict[str, Callable[..., None]] = {
            "drain": self._drain,
            "compute": self._compute,
            "push": self._push,
            "sweep": self._sweep,
            "read": self._read,
            "house": self._house,
        }
        self.scheduler.say(f"runs {' '.join(task)}")
        self.done += 1
        try:
            work[name](*arguments)
        except DatabaseLost as error:
            self.scheduler.say(f"{name}: {error}")

    def _drain(self, tier: str) -> None:
        counts = drain(tier, ports=self.hub.ports)
        if counts.get("events") or counts.get("orders"):
            self.publish("compute")

    def _compute(self) -> None:
        _, owed = compute(ports=self.hub.ports)
        for connection_id in sorted(owed):
            self.publish("push", str(connection_id))

    def _push(self, connection: str) -> None:
        account = self.hub.ports.account(int(connection))
        for _ in range(PUSHES):
            counts = push(account, ports=self.hub.ports)
            if counts:
                self.scheduler.say(f"push {counts}")
            if not counts or "waits_for_budget_ms" in counts:
                return

    def _sweep(self, connection: str, name: str) -> None:
        ports, key = self.hub.ports, (int(connection), name)
        account = ports.account(int(connection))
        stream = stream_named(account, name)
        token = self._lease(key)
        if token is None:
            return
        try:
            new = sweep(account, stream, ports=ports).new
        except SyncError as error:
            self.scheduler.say(f"sweep {name}: {error!r}")
            self._give_back(key, token, wait_s=5.0)
            return
        self._give_back(key, token, wait_s=float(stream.every_s))
        if new:
            self.publish("drain", stream.tier)

    def _lease(self, key: tuple[int, str]) -> int | None:
        table, now = self.hub.intake.tables.cursors, self.scheduler.clock()
        with self.hub.transaction():
            row = table.get(key, CursorRow())
            if not _due(row, now):
                return None
            row = replace(row, lease_until=now + LEASE, token=row.token + 1)
            self.hub.database.put(table, key, row)
        return row.token

    def _give_back(self, key: tuple[int, str], token: int, *, wait_s: float) -> None:
        table = self.hub.intake.tables.cursors
        with self.hub.transaction():
            row = table[key]
            if row.token == token:
                run_at = self.scheduler.clock() + timedelta(seconds=wait_s)
                self.hub.database.put(table, key, replace(row, lease_until=None, run_at=run_at))

    def _read(self, connection: str) -> None:
        ports, table = self.hub.ports, self.hub.intake.tables.reads
        account = ports.account(int(connection))
        now = self.scheduler.clock()
        taken: dict[tuple[int, str, str], ReadRow] = {}
        with self.hub.transaction():
            for key, row in sorted(table.items()):
                if key[0] == int(connection) and _due(row, now):
                    row = replace(
                        row, lease_until=now + LEASE, token=row.token + 1, attempts=row.attempts + 1
                    )
                    self.hub.database.put(table, key, row)
                    taken[key] = row
        for key, row in taken.items():
            wait = None
            try:
                read_object(account, key[1], key[2], correlation_id="", ports=ports)
            except SyncError:
                wait = retry_after(row.attempts, ports.jitter())
            with self.hub.transaction():
                kept = table.get(key)
                if kept is None or kept.token != row.token:
                    continue
                if wait is None and kept.version == row.version:
                    self.hub.database.drop(table, key)
                else:
                    run_at = kept.run_at if wait is None else self.scheduler.clock() + wait
                    self.hub.database.put(table, key, replace(kept, lease_until=None, run_at=run_at))
        if taken:
            self.publish("drain", "critical")

    def _house(self) -> None:
        ports = self.hub.ports
        with ports.intake.transaction():
            expired = expire_holds(store=ports.ledger, now=ports.clock(), limit=50)
        if expired.applied:
            self.publish("compute")
        now_s = self.scheduler.now_s
        wanted = [
            ReadWanted(connection_id, "order", ref, "open for long")
            for (connection_id, ref), order in sorted(self.hub.ledger.tables.orders.items())
            if any(each.open for line in order.lines.values() for each in line.allocations)
            and now_s - self.rechecked_s.get(ref, 0.0) > RECHECK_AFTER_S
        ]
        if wanted:
            with ports.intake.transaction():
                ports.intake.want_reads(wanted, now=ports.clock())
            for read in wanted:
                self.rechecked_s[read.ref] = now_s


def _due(row: CursorRow | ReadRow, now: datetime) -> bool:
    leased = row.lease_until is not None and row.lease_until >= now
    return not leased and (row.run_at is None or row.run_at <= now)
