"""Announcements, picks and periods in memory, as rows_incoming.py keeps them in PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from inventory_sync.ledger.expectation_types import ExpectationKey, Pick
from inventory_sync.ledger.ports_incoming import (
    ArrivalRow,
    EventName,
    HeldExpectation,
    Late,
    OrderName,
    PickedOf,
)


@dataclass(slots=True)
class IncomingTables:
    """What is said about stock that is to come or about to go."""

    expectations: dict[ExpectationKey, HeldExpectation] = field(default_factory=dict)
    arrivals: dict[EventName, ArrivalRow] = field(default_factory=dict)
    picks: dict[EventName, Pick] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    late: dict[int, Late] = field(default_factory=dict)

    def copied(self) -> IncomingTables:
        return IncomingTables(
            dict(self.expectations), dict(self.arrivals), dict(self.picks), set(self.closed), dict(self.late)
        )


class MemoryIncoming:
    """An IncomingStore in memory."""

    @property
    def incoming(self) -> IncomingTables:
        raise NotImplementedError

    def connection_ids(self, codes: Collection[str]) -> Mapping[str, int]:
        raise NotImplementedError

    def arrivals_named(self, names: Collection[EventName]) -> dict[EventName, ArrivalRow]:
        return {name: self.incoming.arrivals[name] for name in names if name in self.incoming.arrivals}

    def lock_expectations(
        self, keys: Collection[ExpectationKey], *, now: datetime
    ) -> dict[ExpectationKey, HeldExpectation]:
        return {
            key: self.incoming.expectations.setdefault(key, HeldExpectation(*key)) for key in sorted(keys)
        }

    def save_arrivals(self, rows: Sequence[ArrivalRow]) -> None:
        for row in rows:
            old = self.incoming.arrivals.get(row.name)
            if old is None or old.revision < row.revision:
                self.incoming.arrivals[row.name] = row

    def arrivals_of(self, keys: Collection[ExpectationKey]) -> dict[ExpectationKey, list[ArrivalRow]]:
        found: dict[ExpectationKey, list[ArrivalRow]] = defaultdict(list)
        for _, row in sorted(self.incoming.arrivals.items()):
            if row.of in keys:
                found[row.of].append(row)
        return dict(found)

    def save_expectations(self, rows: Sequence[HeldExpectation], *, now: datetime) -> None:
        assert {row.key for row in rows} <= self.incoming.expectations.keys()
        self.incoming.expectations |= {row.key: row for row in rows}

    def record_picks(self, picks: Sequence[Pick]) -> list[Pick]:
        news: dict[EventName, Pick] = {}
        for pick in picks:
            name = (pick.connection_id, pick.key)
            old = self.incoming.picks.get(name)
            if old is None or old.revision < pick.revision:
                self.incoming.picks[name] = news[name] = pick
        return [news[name] for name in sorted(news)]

    def picked(self, keys: Collection[OrderName]) -> dict[OrderName, PickedOf]:
        found: dict[OrderName, dict[str, dict[int, Decimal]]] = defaultdict(dict)
        ids = self.connection_ids({pick.source for pick in self.incoming.picks.values()})
        for pick in self.incoming.picks.values():
            order = (ids.get(pick.source, 0), pick.order_ref)
            if order in keys:
                line = found[order].setdefault(pick.line_ref, {})
                line[pick.item_id] = line.get(pick.item_id, Decimal(0)) + pick.picked
        return dict(found)

    def closed_periods(self) -> frozenset[str]:
        return frozenset(self.incoming.closed)

    def note_late(self, rows: Sequence[Late], *, now: datetime) -> None:
        for row in rows:
            self.incoming.late.setdefault(row.event_id, row)
