"""Book figures in memory: the part of MemoryLedger that rows_figures.py is of PostgresLedger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from inventory_sync.domain.reports import ZERO, Position
from inventory_sync.ledger.holdings import Holding, Told
from inventory_sync.ledger.ports import OpenGap, Recorded
from inventory_sync.ledger.types import EventKind, LevelKey, LineHeld, OrderKey, StockEvent

LineAt = tuple[str, str, str, int, int]  # source, order, line, item, location


@dataclass(frozen=True, slots=True)
class Kept:
    """One row of holdings."""

    contained: Decimal = ZERO
    delivered: Decimal = ZERO


class MemoryFigures:
    """The store's calls about figures and what they hold."""

    tables: Any

    def share_gates(self, location_ids: Collection[int]) -> None:
        """One transaction runs at a time: nothing to wait for."""

    def hold_gates(self, location_ids: Collection[int]) -> None:
        """One transaction runs at a time: nothing to wait for."""

    def hold_figures(self, location_ids: Collection[int]) -> None:
        """One transaction runs at a time: nothing to wait for."""

    def note_observations(self, events: Sequence[StockEvent], *, now: datetime) -> None:
        for each in events:
            self.tables.observations.setdefault((each.connection_id, each.key, each.revision), each)

    def originals(self, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], StockEvent]:
        counting = self.tables.counting
        return {
            key: self.tables.events[*key, counting[key]].recorded.event for key in keys if key in counting
        }

    def newest_figures(self, keys: Collection[LevelKey]) -> dict[LevelKey, Recorded]:
        newest: dict[LevelKey, Recorded] = {}
        for row in self.tables.events.values():
            event = row.recorded.event
            level = (event.item_id, event.location_id)
            if not row.effective or event.kind is not EventKind.FIGURE or level not in keys:
                continue
            if not self.tables.places[event.location_id].lived.takes_figure(event.reading):
                continue
            if level not in newest or newest[level].event.reading < event.reading:
                newest[level] = row.recorded
        return newest

    def told_since(self, keys: Collection[LevelKey], *, at: datetime, above: int) -> set[LevelKey]:
        found: set[LevelKey] = set()
        for row in self.tables.events.values():
            event = row.recorded.event
            is_figure = event.kind is EventKind.FIGURE
            since = (event.reading or 0) > above if is_figure else event.occurred_at >= at
            if row.effective and since:
                found.add((event.item_id, event.location_id))
        return found & set(keys)

    def latest_events(self, keys: Collection[LevelKey]) -> dict[LevelKey, Recorded]:
        latest: dict[LevelKey, Recorded] = {}
        for row in self.tables.events.values():
            event = row.recorded.event
            level = (event.item_id, event.location_id)
            if row.effective and level in keys:
                known = latest.get(level)
                if known is None or known.event.occurred_at <= event.occurred_at:
                    latest[level] = row.recorded
        return latest

    def conditions_after(self, positions: Mapping[LevelKey, Position | None]) -> dict[LevelKey, Decimal]:
        sums = dict.fromkeys(positions, ZERO)
        for row in self.tables.events.values():
            event = row.recorded.event
            level = (event.item_id, event.location_id)
            if not row.effective or level not in sums:
                continue
            after = positions[level]
            if after is not None and event.occurred_at <= after.occurred_at:
                continue
            if event.kind is EventKind.DELTA and event.condition:
                sums[level] += event.quantity
            elif event.kind is EventKind.CONDITION:
                sums[level] += event.quantity * (bool(event.condition) - bool(event.was))
        return sums

    def level_keys(
        self, location_ids: Collection[int], item_ids: Collection[int] | None = None
    ) -> list[LevelKey]:
        return sorted(
            (item, place)
            for item, place in self.tables.levels
            if place in location_ids and (item_ids is None or item in item_ids)
        )

    def lower_last_known(self, falls: Mapping[LevelKey, Decimal]) -> None:
        levels = self.tables.levels
        for key, fall in falls.items():
            if key in levels and (ceiling := levels[key].last_known_free) is not None:
                levels[key] = replace(levels[key], last_known_free=ceiling - fall)

    def open_gaps(self, location_ids: Collection[int]) -> list[OpenGap]:
        gaps: dict[tuple[int, int, int], OpenGap] = self.tables.gaps
        return [gap for gap in gaps.values() if gap.location_id in location_ids and gap.id not in self.closed]

    @property
    def closed(self) -> set[int]:
        found: set[int] = self.tables.closed_gaps
        return found

    def levels_marked(self, marks: Sequence[int]) -> dict[LevelKey, int]:
        levels = self.tables.levels.items()
        return {key: level.unknown_since for key, level in levels if level.unknown_since in marks}

    def close_gaps(self, gap_ids: Collection[int], *, state: str, now: datetime, reason: str = "") -> None:
        self.closed.update(gap_ids)

    def missed(self, connection_id: int, location_id: int, numbers: Collection[int]) -> set[int]:
        return {each for each in numbers if (connection_id, location_id, each) in self.tables.gaps}

    def note_gaps(
        self, connection_id: int, location_id: int, numbers: Mapping[int, int], *, now: datetime
    ) -> None:
        events = [row.recorded.event for row in self.tables.events.values()]
        came = {(event.connection_id, event.location_id, event.sequence) for event in events}
        for number, since in numbers.items():
            feed = (connection_id, location_id, number)
            if feed not in came and feed not in self.tables.gaps:
                self.tables.gaps[feed] = OpenGap(len(self.tables.gaps) + 1, *feed, since)

    def highest_numbers(self, connection_id: int, location_id: int, *, above: int) -> dict[LevelKey, int]:
        found: dict[LevelKey, int] = {}
        for row in self.tables.events.values():
            event = row.recorded.event
            of_feed = (event.connection_id, event.location_id) == (connection_id, location_id)
            if row.effective and of_feed and event.kind is EventKind.DELTA and (event.sequence or 0) > above:
                key = (event.item_id, event.location_id)
                found[key] = max(found.get(key, 0), event.sequence)
        return found

    def orders_held_at(self, keys: Collection[LevelKey], *, shipped: bool) -> set[OrderKey]:
        ids = self.tables.connections
        found = {
            (ids[source], order)
            for (source, order, _, item, place), kept in self.tables.holdings.items()
            if (item, place) in keys and kept.contained > 0 and source in ids
        }
        if shipped:
            for row in self.tables.events.values():
                event = row.recorded.event
                line = event.fulfils
                if (
                    row.effective
                    and line
                    and (event.item_id, event.location_id) in keys
                    and line.source in ids
                ):
                    found.add((ids[line.source], line.order_ref))
        return found

    def save_holdings(self, told: Told) -> None:
        rows: dict[LineAt, Kept] = self.tables.holdings
        for at, kept in rows.items():
            if at[3:] in told.newest:
                rows[at] = Kept(ZERO, kept.delivered)
        for is_newest, said in ((True, told.newest), (False, told.delivered)):
            for level, lines in said.items():
                for each in lines:
                    self._say(level, each, is_newest=is_newest)

    def holdings(self, orders: Collection[OrderKey]) -> Mapping[OrderKey, tuple[Holding, ...]]:
        found: dict[OrderKey, list[Holding]] = defaultdict(list)
        for (source, order, line, item, place), kept in sorted(self.tables.holdings.items()):
            key = (self.tables.connections.get(source), order)
            if key in orders:
                lived, level = self.tables.places[place].lived, self.tables.levels.get((item, place))
                tenure = lived.of_reading(level.reading) if level and level.reading is not None else 0
                counted = lived.at(level.count.at.occurred_at) if level and level.count else -1
                held = Holding(line, item, place, kept.contained, kept.delivered, tenure, counted <= tenure)
                found[key].append(held)
        return {key: tuple(holdings) for key, holdings in found.items()}

    def _say(self, level: LevelKey, each: LineHeld, *, is_newest: bool) -> None:
        at = (each.source, each.order_ref, each.line_ref, *level)
        kept = self.tables.holdings.get(at, Kept())
        contained = each.contained if is_newest else kept.contained
        self.tables.holdings[at] = Kept(contained, max(kept.delivered, each.delivered))
