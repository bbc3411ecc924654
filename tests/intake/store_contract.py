"""Two stores of deliveries with the same few verbs, so that every rule is checked on both.

What a test asks of a row it asks through the world, never of a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from django.db import connection, transaction

from inventory_sync.connections.models import Cursor
from inventory_sync.intake.models import Delivery, ParkedLine, ReadDue
from inventory_sync.intake.ports import Claim, IntakeStore, NewDelivery
from inventory_sync.intake.store import PostgresIntake
from inventory_sync.pipeline.wiring import Cursors
from tests import factories
from tests.sim.stores.books import MemoryCursors
from tests.sim.stores.database import Database
from tests.sim.stores.intake import CursorRow, MemoryIntake

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
SHARDS = 16


@dataclass(frozen=True)
class Kept:
    """A delivery as a test looks at it."""

    state: str
    attempts: int
    run_at: datetime
    finished_at: datetime | None
    error_code: str


class World(Protocol):
    shop: int
    till: int

    @property
    def store(self) -> IntakeStore: ...

    def begin_reading(self) -> int: ...
    def kept(self, delivery_id: int) -> Kept: ...
    def parked(self, delivery_id: int) -> Mapping[str, bool]: ...
    def reads(self) -> Mapping[tuple[int, str, str], int]: ...
    def cursor(self, connection_id: int, stream: str) -> None: ...
    def finds(self, connection_id: int, stream: str) -> int: ...
    def due_at(self, connection_id: int, stream: str) -> datetime | None: ...


@dataclass
class MemoryWorld:
    database: Database = field(default_factory=Database)
    shop: int = 1
    till: int = 2

    def __post_init__(self) -> None:
        self.store = MemoryIntake(self.database, shards=SHARDS)
        self.tables = self.store.tables
        self.tables.connections = {self.shop: ("shop", "woocommerce"), self.till: ("till", "till")}

    def begin_reading(self) -> int:
        return MemoryCursors(self.database, self.tables).next_reading()

    def kept(self, delivery_id: int) -> Kept:
        row = self.tables.deliveries[delivery_id]
        return Kept(row.state, row.attempts, row.run_at, row.finished_at, row.error_code)

    def parked(self, delivery_id: int) -> Mapping[str, bool]:
        rows = self.tables.parked.items()
        return {key: row.resolved_at is None for (number, key), row in rows if number == delivery_id}

    def reads(self) -> Mapping[tuple[int, str, str], int]:
        return {key: row.version for key, row in self.tables.reads.items()}

    def cursor(self, connection_id: int, stream: str) -> None:
        with self.database.transaction():
            self.database.put(self.tables.cursors, (connection_id, stream), CursorRow())

    def finds(self, connection_id: int, stream: str) -> int:
        return self.tables.cursors[connection_id, stream].finds

    def due_at(self, connection_id: int, stream: str) -> datetime | None:
        return self.tables.cursors[connection_id, stream].run_at


class PostgresWorld:
    def __init__(self) -> None:
        self.store = PostgresIntake(shards=SHARDS)
        self.shop = factories.make_connection("shop").pk
        self.till = factories.make_till("till").pk
        with transaction.atomic(), connection.cursor() as cursor:
            for tier in ("critical", "standard"):
                for number in range(SHARDS):
                    cursor.execute(
                        "INSERT INTO intake_shard (tier, number, token) VALUES (%s, %s, 0)"
                        " ON CONFLICT DO NOTHING",
                        [tier, number],
                    )

    def begin_reading(self) -> int:
        return Cursors().next_reading()

    def kept(self, delivery_id: int) -> Kept:
        row = Delivery.objects.get(pk=delivery_id)
        return Kept(row.state, row.attempts, row.run_at, row.finished_at, row.error_code)

    def parked(self, delivery_id: int) -> Mapping[str, bool]:
        rows = ParkedLine.objects.filter(delivery_id=delivery_id)
        return {row.event_key: row.resolved_at is None for row in rows}

    def reads(self) -> Mapping[tuple[int, str, str], int]:
        return {(row.connection_id, row.kind, row.ref): row.version for row in ReadDue.objects.all()}

    def cursor(self, connection_id: int, stream: str) -> None:
        Cursor.objects.create(connection_id=connection_id, stream=stream)

    def finds(self, connection_id: int, stream: str) -> int:
        return int(Cursor.objects.get(connection_id=connection_id, stream=stream).finds)

    def due_at(self, connection_id: int, stream: str) -> datetime | None:
        return Cursor.objects.get(connection_id=connection_id, stream=stream).run_at


def message(connection_id: int, key: str = "", *, about: str = "order:1", **values: Any) -> NewDelivery:
    """Return a message about an object; without a key it is always new."""
    return NewDelivery(
        connection_id=connection_id,
        topic=values.pop("topic", "order.updated"),
        headers={"x-note": "kept"},
        body=values.pop("body", b"{}"),
        dedupe_key=key,
        object_key=about,
        tier=values.pop("tier", "critical"),
        source="webhook",
        received_at=values.pop("received_at", NOON),
        correlation_id="c0ffee00",
        **values,
    )


def keep(world: World, *messages: NewDelivery) -> tuple[int | None, ...]:
    with world.store.transaction():
        return world.store.store(messages).ids


def take(world: World, *, after_s: float = 1, tier: str = "critical", **values: Any) -> Claim | None:
    """Claim a shard some seconds after noon."""
    return world.store.claim(
        tier, now=NOON + timedelta(seconds=after_s), lease=LEASE, limit=values.pop("limit", 100), **values
    )


def ids_of(claim: Claim | None) -> list[int]:
    assert claim is not None, "nothing was claimed"
    return [one.id for one in claim.deliveries]
