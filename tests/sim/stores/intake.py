"""Deliveries in memory: the IntakeStore of the simulation, same contract suite as PostgresIntake.

tests/intake/ runs every rule against both.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from inventory_sync.domain.errors import FenceLost
from inventory_sync.domain.ports import Delivery
from inventory_sync.intake.ports import (
    Claim,
    Finds,
    NewDelivery,
    NumberUsed,
    Outcome,
    Parking,
    ReadWanted,
    Result,
    Stored,
    StoredDelivery,
    Waiting,
    waiting,
)
from inventory_sync.intake.sql import shard_of
from tests.sim.stores.database import Database

SUSPECT_ATTEMPTS = 2
PENDING = "pending"


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery as kept."""

    id: int
    new: NewDelivery
    shard: int
    run_at: datetime
    begun: int = 0
    state: str = PENDING
    attempts: int = 0
    finished_at: datetime | None = None
    events: int = 0
    error_code: str = ""
    error_detail: str = ""


@dataclass(frozen=True, slots=True)
class Shard:
    token: int = 0
    lease_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ParkedRow:
    line: Parking
    connection_id: int
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReadRow:
    """An object to be read again."""

    want: ReadWanted
    run_at: datetime
    version: int = 1
    attempts: int = 0
    token: int = 0
    lease_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CursorRow:
    """How far a stream was read; the cursor store of the simulation shares this table."""

    value: str = ""
    run_at: datetime | None = None
    swept_at: datetime | None = None
    lease_until: datetime | None = None
    token: int = 0
    reads: int = 0
    finds: int = 0
    skipped: int = 0


@dataclass(slots=True)
class IntakeTables:
    """Committed rows, shared by the stores of a simulated installation."""

    connections: dict[int, tuple[str, str]] = field(default_factory=dict)  # id → code, connector
    deliveries: dict[int, DeliveryRow] = field(default_factory=dict)
    pending: dict[int, None] = field(default_factory=dict)
    keys: dict[tuple[int, str], int] = field(default_factory=dict)
    shards: dict[tuple[str, int], Shard] = field(default_factory=dict)
    parked: dict[tuple[int, str], ParkedRow] = field(default_factory=dict)
    reads: dict[tuple[int, str, str], ReadRow] = field(default_factory=dict)
    cursors: dict[tuple[int, str], CursorRow] = field(default_factory=dict)
    numbers: dict[tuple[int, str, int], str] = field(default_factory=dict)
    sequence: int = 0
    readings: int = 0  # like a sequence of PostgreSQL: a number is never given twice, whatever rolls back


class MemoryIntake:
    """See intake.ports.IntakeStore."""

    def __init__(self, database: Database, tables: IntakeTables | None = None, *, shards: int = 16) -> None:
        self.database = database
        self.tables = tables or IntakeTables()
        self.shards = shards

    def transaction(self) -> AbstractContextManager[None]:
        return self.database.transaction()

    def store(self, deliveries: Sequence[NewDelivery]) -> Stored:
        ids: list[int | None] = []
        for place, one in enumerate(deliveries):
            key = (one.connection_id, one.dedupe_key)
            if one.dedupe_key and key in self.tables.keys:
                ids.append(None)
                continue
            self.tables.sequence += 1  # like a sequence of PostgreSQL: never given back
            number = self.tables.sequence
            if one.dedupe_key:
                self.database.put(self.tables.keys, key, number)
            shard = shard_of(one.connection_id, one.object_key or str(place), self.shards)
            self._put(
                DeliveryRow(number, one, shard, run_at=one.received_at, begun=max(1, self.tables.readings))
            )
            ids.append(number)
        return Stored(tuple(ids))

    def claim(
        self, tier: str, *, now: datetime, lease: timedelta, limit: int, connection_id: int | None = None
    ) -> Claim | None:
        due: dict[int, list[DeliveryRow]] = {}
        for number in self.tables.pending:
            row = self.tables.deliveries[number]
            mine = connection_id is None or row.new.connection_id == connection_id
            if row.new.tier == tier and row.run_at <= now and mine:
                due.setdefault(row.shard, []).append(row)
        free = [
            (shard.token, number)
            for number in due
            if (shard := self._shard(tier, number)).lease_until is None or shard.lease_until < now
        ]
        if not free:
            return None
        token, number = min(free)
        with self.database.transaction():
            self.database.put(self.tables.shards, (tier, number), Shard(token + 1, now + lease))
            rows = sorted(due[number], key=lambda row: row.id)
            alone = rows[0].attempts >= SUSPECT_ATTEMPTS
            taken = [replace(row, attempts=row.attempts + 1) for row in rows[: 1 if alone else limit]]
            for row in taken:
                self._put(row)
        return Claim(tier, number, token + 1, now + lease, tuple(self._stored(row) for row in taken))

    def check_fence(self, claim: Claim) -> None:
        if self._shard(claim.tier, claim.shard).token != claim.token:
            raise FenceLost(f"Shard {claim.tier}/{claim.shard} has another owner.")

    def renew(self, claim: Claim, *, until: datetime) -> Claim:
        with self.database.transaction():
            self.check_fence(claim)
            self.database.put(self.tables.shards, (claim.tier, claim.shard), Shard(claim.token, until))
        return replace(claim, lease_until=until)

    def finish(self, outcomes: Sequence[Outcome], *, now: datetime) -> set[Waiting]:
        waited: set[Waiting] = set()
        for one in outcomes:
            row = self.tables.deliveries[one.delivery_id]
            waits = one.result is Result.RETRY
            self._put(
                replace(
                    row,
                    state=PENDING if waits else one.result.value,
                    finished_at=None if waits else now,
                    events=one.events,
                    error_code=one.code,
                    error_detail=one.detail,
                    run_at=one.run_at or row.run_at,
                )
            )
            for key, parked in list(self.tables.parked.items()):
                if key[0] == row.id and parked.resolved_at is None and not waits:
                    self.database.put(self.tables.parked, key, replace(parked, resolved_at=now))
                    waited.add(one.waiting_of(parked.line))
            for line in one.parked:
                self.database.put(
                    self.tables.parked, (row.id, line.event_key), ParkedRow(line, one.connection_id)
                )
        return waited - {one.waiting_of(line) for one in outcomes for line in one.parked}

    def waiting(self) -> set[tuple[str, str, str]]:
        """Return the cases that open lines must have: kind, subject and code."""
        held = {
            waiting(row.line.code, row.connection_id, row.line.waits_on, key[0])
            for key, row in self.tables.parked.items()
            if row.resolved_at is None
        }
        return {(each.kind, each.subject, each.code) for each in held}

    def still(self, wanted: Collection[Waiting]) -> set[Waiting]:
        held = {
            waiting(row.line.code, row.connection_id, row.line.waits_on, key[0])
            for key, row in self.tables.parked.items()
            if row.resolved_at is None
        }
        return held & set(wanted)

    def release(self, claim: Claim) -> None:
        shard = self._shard(claim.tier, claim.shard)
        if shard.token == claim.token:
            with self.database.transaction():
                self.database.put(self.tables.shards, (claim.tier, claim.shard), Shard(shard.token))

    def want_reads(self, reads: Collection[ReadWanted], *, now: datetime) -> None:
        for read in (read for read in reads if read.kind == "stream"):
            soon = now + timedelta(seconds=read.delay_s)
            named = (read.connection_id, read.ref)
            for key, cursor in list(self.tables.cursors.items()):
                if key == named or (key[0] == read.connection_id and named not in self.tables.cursors):
                    run_at = soon if cursor.run_at is None else min(cursor.run_at, soon)
                    self.database.put(self.tables.cursors, key, replace(cursor, run_at=run_at))
        objects = {(r.connection_id, r.kind, r.ref): r for r in reads if r.kind != "stream"}
        for name, read in objects.items():
            row = self.tables.reads.get(name)
            due = now + timedelta(seconds=read.delay_s)
            new = (
                ReadRow(read, due)
                if row is None
                else replace(row, want=read, version=row.version + 1, run_at=min(row.run_at, due))
            )
            self.database.put(self.tables.reads, name, new)

    def count_finds(self, finds: Sequence[Finds]) -> None:
        for find in finds:
            key = (find.connection_id, find.stream)
            cursor = self.tables.cursors.get(key)
            if cursor is not None:
                self.database.put(self.tables.cursors, key, replace(cursor, finds=cursor.finds + find.count))

    def claim_numbers(self, used: Sequence[NumberUsed]) -> set[NumberUsed]:
        taken = set()
        for one in sorted(dict.fromkeys(used), key=lambda each: each.name):
            holder = self.tables.numbers.get(one.name)
            if holder is None:
                self.database.put(self.tables.numbers, one.name, one.said_by)
            elif holder != one.said_by:
                taken.add(one)
        return taken

    def numbers_come(self, connection_id: int, place: str, numbers: Collection[int]) -> set[int]:
        return {number for number in numbers if (connection_id, place, number) in self.tables.numbers}

    def newest(self) -> int:
        return max(self.tables.deliveries, default=0)

    def any_pending(self, connection_id: int, tier: str, *, up_to: int | None = None) -> bool:
        numbers = (number for number in self.tables.pending if up_to is None or number <= up_to)
        rows = (self.tables.deliveries[number].new for number in numbers)
        return any(new.connection_id == connection_id and new.tier == tier for new in rows)

    # ── what people and the simulation do ────────────────────────────────────────────────────────────

    def requeue(self, delivery_ids: Collection[int], *, now: datetime) -> None:
        """Set deliveries pending again, as intake.services does; inside the caller's transaction."""
        for number in delivery_ids:
            row = self.tables.deliveries[number]
            self._put(replace(row, state=PENDING, attempts=0, run_at=now, finished_at=None, error_code=""))

    def waiting_for(self, connection_id: int, waits_on: str) -> list[int]:
        """Return the deliveries with an open parked line that waits for this."""
        return sorted(
            {
                number
                for (number, _), row in self.tables.parked.items()
                if row.connection_id == connection_id
                and row.line.waits_on == waits_on
                and row.resolved_at is None
            }
        )

    def _put(self, row: DeliveryRow) -> None:
        self.database.put(self.tables.deliveries, row.id, row)
        if row.state == PENDING:
            self.database.put(self.tables.pending, row.id, None)
        elif row.id in self.tables.pending:
            self.database.drop(self.tables.pending, row.id)

    def _shard(self, tier: str, number: int) -> Shard:
        return self.tables.shards.get((tier, number), Shard())

    def _stored(self, row: DeliveryRow) -> StoredDelivery:
        code, connector = self.tables.connections[row.new.connection_id]
        return StoredDelivery(
            id=row.id,
            connection_id=row.new.connection_id,
            connection_code=code,
            connector=connector,
            delivery=Delivery(
                topic=row.new.topic,
                headers=row.new.headers,
                body=row.new.body,
                received_at=row.new.received_at,
                source=row.new.source,
                reading=row.new.reading,
                id=row.id,
                begun=row.begun,
            ),
            correlation_id=row.new.correlation_id,
            attempts=row.attempts,
            again=row.run_at > row.new.received_at,
        )
