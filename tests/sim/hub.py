"""The hub in memory: the real steps on in-memory stores, each port call a switch point.

Transactions commit, are rolled back, or commit without telling (DatabaseLost). Nothing in here decides
anything about stock.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from greenlet import getcurrent

from inventory_sync.domain.ports import Connector
from inventory_sync.intake.ports import Claim, Outcome, Waiting
from inventory_sync.pipeline.ports import Account, Limits, Ports
from tests.sim.faults import Faults
from tests.sim.scheduler import Scheduler
from tests.sim.stores.availability import AvailabilityTables, LedgerDirty, LedgerStock, MemoryAvailability
from tests.sim.stores.books import MemoryCases, MemoryCursors, MemoryTurns
from tests.sim.stores.catalog import CatalogTables, MemoryCatalog
from tests.sim.stores.database import Database, DatabaseLost
from tests.sim.stores.intake import MemoryIntake
from tests.sim.stores.lanes import LaneTables, MemoryLanes
from tests.sim.stores.ledger import Dirty, KeptEvent, MemoryLedger, Tables

LIMITS = Limits(
    batch_rows=20,
    lease=timedelta(seconds=5),
    max_attempts=8,
    dirty_items=10,
    push_lease=timedelta(seconds=15),
)


class LedgerMember:
    """The ledger as a member of transactions: its tables are copied when a transaction first touches it."""

    def __init__(self, ledger: MemoryLedger, *, poison: str = "poison") -> None:
        self._ledger = ledger
        self._poison = poison
        self._before: Tables | None = None

    def begin(self) -> None:
        self._before = None

    commit = begin

    def rollback(self) -> None:
        if self._before is not None:
            self._ledger.tables = self._before
        self._before = None

    def lock_orders(self, keys: Any, **values: Any) -> Any:
        if any(ref.startswith(self._poison) for _, ref in keys):
            raise ZeroDivisionError("a row the ledger chokes on")
        return self.__getattr__("lock_orders")(keys, **values)

    def __getattr__(self, name: str) -> Any:
        if self._before is None:
            self._before = copied(self._ledger.tables)
        return getattr(self._ledger, name)


def copied(tables: Tables) -> Tables:
    return Tables(
        connections=tables.connections,
        places=tables.places,
        recipes=tables.recipes,
        events={name: KeptEvent(row.recorded, row.effective) for name, row in tables.events.items()},
        counting=dict(tables.counting),
        movements=list(tables.movements),
        levels=dict(tables.levels),
        orders=dict(tables.orders),
        dirty={
            item: Dirty(row.version, row.since, row.urgent, row.correlation_id)
            for item, row in tables.dirty.items()
        },
    )


class AvailabilityMember:
    """Availability as a member of transactions: one MemoryAvailability each."""

    def __init__(self, make: Callable[[], MemoryAvailability]) -> None:
        self._make = make
        self._store = make()

    def begin(self) -> None:
        self._store = self._make()

    def commit(self) -> None:
        self._store.commit()

    def rollback(self) -> None:
        self._store.rollback()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Stepped:
    """A store whose own transactions, and the calls outside of any, are switch points."""

    def __init__(self, hub: Hub, store: Any, *, own: tuple[str, ...]) -> None:
        self._hub = hub
        self._store = store
        for name in own:
            setattr(self, name, self._alone(name))

    def transaction(self) -> Any:
        return self._hub.transaction()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def heard(self, result: Any) -> None:
        """Told what a call of its own gave, before it may be lost."""

    def _alone(self, name: str) -> Callable[..., Any]:
        """Make a call that is its own transaction: it may be done and its answer lost."""
        call = getattr(self._store, name)

        def stepped(*args: Any, **values: Any) -> Any:
            self._hub.scheduler.step(name)
            draw = self._hub.rng.random
            if draw() < self._hub.faults.commit_lost:
                raise DatabaseLost(name)
            result = call(*args, **values)
            self.heard(result)
            if draw() < self._hub.faults.commit_unknown:
                raise DatabaseLost(name)
            self._hub.scheduler.step(f"{name} done")
            return result

        return stepped


class SteppedIntake(Stepped):
    """Knows who claimed a shard last: whoever finishes a delivery of it must be that one."""

    def heard(self, result: Any) -> None:
        if isinstance(result, Claim):
            self._hub.owners[result.tier, result.shard] = getcurrent()

    def finish(self, outcomes: Sequence[Outcome], *, now: datetime) -> set[Waiting]:
        tables = self._hub.intake.tables
        for one in outcomes:
            row = tables.deliveries[one.delivery_id]
            if self._hub.owners[row.new.tier, row.shard] is not getcurrent():
                self._hub.trespasses.append(f"delivery {row.id} was finished by who had lost its shard")
        return self._store.finish(outcomes, now=now)


@dataclass
class Hub:
    """Everything the hub keeps, and the ports the steps are given."""

    scheduler: Scheduler
    rng: random.Random
    faults: Faults
    catalog: CatalogTables
    connectors: dict[str, Connector]
    accounts: Callable[[int], Account]
    database: Database = field(default_factory=Database)
    lane_tables: LaneTables = field(default_factory=LaneTables)
    misconfigured: list[str] = field(default_factory=list)
    owners: dict[tuple[str, int], Any] = field(default_factory=dict)
    trespasses: list[str] = field(default_factory=list)
    _ids: int = 0

    def __post_init__(self) -> None:
        self.intake = MemoryIntake(self.database, shards=4)
        self.ledger = MemoryLedger()
        self.lanes = MemoryLanes(self.database, self.lane_tables, is_dirty=self.is_dirty)
        self.cases = MemoryCases(self.database)
        self.cursors = MemoryCursors(self.database, self.intake.tables)
        self.turns = MemoryTurns()
        self.figures = AvailabilityTables(dirty=LedgerDirty(self.ledger))
        stock = LedgerStock(self.ledger)
        ledger = LedgerMember(self.ledger)
        availability = AvailabilityMember(lambda: MemoryAvailability(self.figures, self.catalog, stock))
        self.database.members = [ledger, availability]
        self.ports = Ports(
            intake=SteppedIntake(self, self.intake, own=("claim", "release", "any_pending", "newest")),
            ledger=ledger,  # type: ignore[arg-type]
            availability=availability,  # type: ignore[arg-type]
            lanes=Stepped(self, self.lanes, own=("claim", "shut_budget")),
            catalog=MemoryCatalog(self.catalog),
            cases=self.cases,
            cursors=self.cursors,
            turns=self.turns,
            account=self.accounts,
            misconfigured=lambda _, why: self.misconfigured.append(why),
            connector=lambda code: self.connectors[code],
            config=lambda _: None,
            clock=self.scheduler.clock,
            jitter=self.rng.random,
            new_id=self.new_id,
            pause=self.scheduler.sleep,
            limits=LIMITS,
        )

    def new_id(self) -> str:
        self._ids += 1
        return f"c{self._ids:07}"

    def is_dirty(self, item_id: int) -> bool:
        dirty = self.ledger.tables.dirty
        return item_id in dirty or any(part in dirty for part in self.catalog.items[item_id].recipe)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction with its fate: committed, rolled back, or committed without telling."""
        self.scheduler.step("begin")
        refuse = self.rng.random() < self.faults.commit_lost
        with self.database.transaction(refuse=refuse):
            yield
        if self.rng.random() < self.faults.commit_unknown:
            self.scheduler.say("committed without telling")
            raise DatabaseLost("The connection broke after the commit.")
        self.scheduler.step("committed")
