"""Lanes in memory: the LaneStore of the simulation, same contract suite as PostgresLanes.

tests/propagation/ runs every rule against both. What a listing's row becomes is decided by domain.lane.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.availability.compute import listing_figure
from inventory_sync.domain import budget, lane
from inventory_sync.domain.lane import ListingState
from inventory_sync.domain.ports import ListingRef
from inventory_sync.domain.reports import ZERO
from inventory_sync.domain.units import SAME, Factor
from inventory_sync.domain.writing import Writing
from inventory_sync.propagation.ports import Attempt, Flight, News, Row, Sighting, Wanted
from tests.sim.stores.database import Database

MICRO = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class ListingRow:
    """One listing as kept; `row.fresh` is reckoned when it is read, never kept."""

    connection_id: int
    row: Row
    factor: Factor = SAME
    observed_stamp: str = ""


@dataclass(slots=True)
class LaneTables:
    """Committed rows, shared by the stores of a simulated installation."""

    listings: dict[int, ListingRow] = field(default_factory=dict)
    budgets: dict[int, budget.Bucket] = field(default_factory=dict)
    attempts: dict[int, Attempt] = field(default_factory=dict)
    writing: dict[int, Writing] = field(default_factory=dict)


class MemoryLanes:
    """See propagation.ports.LaneStore. `is_dirty` says of an item whether its figure is out of date."""

    def __init__(
        self,
        database: Database,
        tables: LaneTables,
        *,
        is_dirty: Callable[[int], bool],
        near_zero: Decimal = Decimal(2),
    ) -> None:
        self.database = database
        self.tables = tables
        self._is_dirty = is_dirty
        self.near_zero = near_zero

    def transaction(self) -> AbstractContextManager[None]:
        return self.database.transaction()

    def claim(
        self,
        connection_id: int,
        *,
        now: datetime,
        limit: int,
        calls: int,
        lease: timedelta,
        longest_life: timedelta,
    ) -> Flight:
        writing = self.writing(connection_id)
        if writing is Writing.READ_ONLY:
            return Flight()
        # Nobody is ever asked here, so nothing waits for an approval for long.
        stays = {"shadow"} if writing is Writing.SHADOW else set()
        owed = {
            each.row.state.key: number
            for number, each in self.tables.listings.items()
            if each.connection_id == connection_id and not each.row.failed and each.row.aside not in stays
        }
        states = [self.tables.listings[number].row.state for number in owed.values()]
        picked = sorted(owed[state.key] for state in lane.pick(states, limit, now=now, turn=1))
        if not picked:
            return Flight()
        with self.database.transaction():
            wait_s = self._room(connection_id, calls, now=now)
            if wait_s:
                return Flight(wait_s=wait_s)
            rows = [
                replace(
                    row,
                    state=lane.begin(row.state, now=now, lease=lease, longest_life=longest_life),
                    aside="",
                )
                for row in self.lock(picked)
            ]
            self.save(rows, now=now)
        return Flight(tuple(rows))

    def writing(self, connection_id: int) -> Writing:
        return self.tables.writing.get(connection_id, Writing.LIVE)

    def lock(self, listing_ids: Collection[int]) -> list[Row]:
        return [self._read(number) for number in sorted(listing_ids) if number in self.tables.listings]

    def save(self, rows: Sequence[Row], *, now: datetime) -> None:
        for row in rows:
            self._write(row)

    def record(self, attempts: Sequence[Attempt], *, now: datetime) -> None:
        for one in attempts:
            self.database.put(self.tables.attempts, len(self.tables.attempts) + 1, one)

    def note_news(self, news: Sequence[News], *, now: datetime) -> None:
        told: dict[tuple[int, int], list[Decimal]] = defaultdict(list)
        for one in news:
            told[one.connection_id, one.item_id].append(one.delta)
        numbers = list(self._of_items(told))
        listed = Counter(
            (kept.connection_id, kept.row.item_id) for kept in map(self.tables.listings.__getitem__, numbers)
        )
        for number in numbers:
            kept = self.tables.listings[number]
            deltas = told[kept.connection_id, kept.row.item_id]
            units = sum(deltas, ZERO) * kept.factor.denominator / kept.factor.numerator
            if listed[kept.connection_id, kept.row.item_id] > 1:
                units = min(units, ZERO)  # the news does not say which listing of the item was sold
            state = kept.row.state
            for nth in range(len(deltas)):
                lowered = units.quantize(MICRO) if nth == 0 else ZERO
                state = lane.note_news(state, now=now, lowered=lowered, near_zero=self.near_zero)
            self._write(replace(kept.row, state=state, aside=""))

    def observe(self, sightings: Sequence[Sighting], *, now: datetime) -> int:
        seen = {(one.connection_id, one.external_id): one for one in sightings if one.figure is not None}
        owed = 0
        for _, kept in sorted(self.tables.listings.items()):
            sighting = seen.get((kept.connection_id, kept.row.ref.external_id))
            if sighting is None or sighting.figure is None:
                continue
            state = lane.observe(kept.row.state, sighting.figure, now=now, near_zero=self.near_zero)
            owed += state is not kept.row.state
            seen_anew = state is not kept.row.state or sighting.stamp[:40] != kept.observed_stamp
            aside = "" if seen_anew else kept.row.aside
            self._write(replace(kept.row, state=state, aside=aside), stamp=sighting.stamp)
        return owed

    def owe(self, wanted: Sequence[Wanted], *, now: datetime) -> frozenset[int]:
        by_key = {(one.connection_id, one.item_id): one for one in wanted}
        owed = set()
        for number in self._of_items(by_key):
            kept = self.tables.listings[number]
            row, one = kept.row, by_key[kept.connection_id, kept.row.item_id]
            state = lane.owe(
                row.state,
                None if one.figure is None else listing_figure(one.figure, kept.factor),
                one.version,
                now=now,
                news=row.state.desired_news,
                near_zero=self.near_zero,
            )
            changed = state.desired != row.state.desired
            self._write(
                replace(
                    row,
                    state=state,
                    failed=row.failed and not changed,
                    aside=row.aside if state is row.state else "",
                    correlation_id=one.correlation_id if changed else row.correlation_id,
                )
            )
            if state.dirty_since is not None:
                owed.add(kept.connection_id)
        return frozenset(owed)

    def shut_budget(self, connection_id: int, *, now: datetime, until: datetime) -> None:
        with self.database.transaction():
            bucket = self.tables.budgets[connection_id]
            self.database.put(self.tables.budgets, connection_id, budget.shut(bucket, until))

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────────

    def add(self, connection_id: int, item_id: int, ref: ListingRef, *, factor: Factor = SAME) -> int:
        """Make a listing; inside the caller's transaction."""
        number = len(self.tables.listings) + 1
        row = Row(number, ref, item_id, ListingState(str(number)), factor=factor)
        self.database.put(self.tables.listings, number, ListingRow(connection_id, row, factor))
        return number

    def _room(self, connection_id: int, calls: int, *, now: datetime) -> float:
        """Return 0 when so many calls could be made, else the seconds until then; takes nothing."""
        bucket = budget.refill(self.tables.budgets[connection_id], now)
        if bucket.shut_until is not None and now < bucket.shut_until:
            return max((bucket.shut_until - now).total_seconds(), 0.05)
        missing = min(calls, int(bucket.capacity)) - bucket.tokens
        return max(float(missing / bucket.per_s), 0.05) if missing > 0 else 0.0

    def pay(self, connection_id: int, *, now: datetime) -> float:
        """Pay for one call; returns 0, or the seconds until it may be made. A transaction of its own."""
        with self.database.transaction():
            taken = budget.take(self.tables.budgets[connection_id], 1, now)
            self.database.put(self.tables.budgets, connection_id, taken.bucket)
        return 0.0 if taken.granted else max(float(taken.wait_s), 0.01)

    def _of_items(self, keys: Iterable[tuple[int, int]]) -> list[int]:
        wanted = set(keys)
        rows = self.tables.listings.items()
        return sorted(n for n, each in rows if (each.connection_id, each.row.item_id) in wanted)

    def _read(self, number: int) -> Row:
        row = self.tables.listings[number].row
        if self._is_dirty(row.item_id):
            return replace(row, fresh=False)
        if row.state.desired_news == row.state.news:
            return row
        return replace(row, state=replace(row.state, desired_news=row.state.news))

    def _write(self, row: Row, *, stamp: str | None = None) -> None:
        kept = self.tables.listings[row.id]
        observed_stamp = kept.observed_stamp if stamp is None else stamp[:40]
        row = row if row.fresh else replace(row, fresh=True)
        after = ListingRow(kept.connection_id, row, kept.factor, observed_stamp)
        self.database.put(self.tables.listings, row.id, after)
