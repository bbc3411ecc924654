"""The catalog in memory: items, recipes, places and names, behind the same port as PostgreSQL's.

Passes tests/catalog/test_resolve.py beside it. Keeps no history and checks no constraint that no test needs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from inventory_sync.catalog.resolve import (
    CONFIRMED,
    AuthoritySpan,
    ComponentRow,
    MappingRow,
    PlaceRow,
    UnitRow,
)
from inventory_sync.domain.modes import Mode, Tenures
from inventory_sync.domain.units import SAME, Factor

Row = TypeVar("Row")


@dataclass(slots=True)
class ItemEntry:
    sku: str
    base_unit: str = "C62"
    is_kit: bool = False
    recipe: dict[int, Decimal] = field(default_factory=dict)
    pooled: bool = False
    units: dict[str, Factor] = field(default_factory=dict)


@dataclass(slots=True)
class LocationEntry:
    code: str
    mode: Mode = Mode.MOVEMENTS
    rank: int = 100
    active: bool = True
    complete_since: datetime | None = None
    authority: int | tuple[AuthoritySpan, ...] | None = None
    tenures: Tenures | None = None
    tracks_lots: bool = False
    tracks_owners: bool = False


@dataclass(slots=True)
class ConnectionEntry:
    code: str
    sells: bool = True


@dataclass(slots=True)
class MappingEntry:
    connection_id: int
    external_id: str
    item_id: int | None
    factor: Factor = SAME
    state: str = CONFIRMED
    label: str = ""


@dataclass(slots=True)
class PlaceEntry:
    connection_id: int
    external_id: str
    location_id: int
    counts_from: bool = False
    sells_for: bool = False
    fulfils: bool = False
    observes: bool = False


@dataclass(slots=True)
class CatalogTables:
    """The rows themselves, shared by every store of a simulated installation; ids are counted up."""

    items: dict[int, ItemEntry] = field(default_factory=dict)
    locations: dict[int, LocationEntry] = field(default_factory=dict)
    connections: dict[int, ConnectionEntry] = field(default_factory=dict)
    mappings: dict[int, MappingEntry] = field(default_factory=dict)
    places: list[PlaceEntry] = field(default_factory=list)

    @staticmethod
    def add(table: dict[int, Row], row: Row) -> int:
        table[len(table) + 1] = row
        return len(table)


@dataclass(slots=True)
class MemoryCatalog:
    """The CatalogReader of the simulation."""

    tables: CatalogTables

    def mappings(self, connection_ids: Collection[int], refs: Collection[str]) -> Iterator[MappingRow]:
        for mapping_id, row in self.tables.mappings.items():
            if row.connection_id not in connection_ids or row.external_id not in refs:
                continue
            item = self.tables.items[row.item_id] if row.item_id is not None else None
            yield MappingRow(
                mapping_id=mapping_id,
                connection_id=row.connection_id,
                external_id=row.external_id,
                state=row.state,
                label=row.label,
                factor=row.factor,
                item_id=row.item_id,
                sku=item.sku if item else "",
                base_unit=item.base_unit if item else "",
                is_kit=item.is_kit if item else False,
            )

    def units(self, item_ids: Collection[int]) -> Iterator[UnitRow]:
        for item_id in item_ids:
            for unit, factor in self.tables.items[item_id].units.items():
                yield UnitRow(item_id, unit, factor)

    def components(self, kit_ids: Collection[int]) -> Iterator[ComponentRow]:
        for kit_id in kit_ids:
            for item_id, quantity in sorted(self.tables.items[kit_id].recipe.items()):
                yield ComponentRow(kit_id, item_id, quantity)

    def places(self, connection_ids: Collection[int], refs: Collection[str]) -> Iterator[PlaceRow]:
        for row in self.tables.places:
            place = self.tables.locations[row.location_id]
            named = row.external_id in refs or row.fulfils or row.sells_for
            if row.connection_id in connection_ids and named:
                yield PlaceRow(
                    connection_id=row.connection_id,
                    external_id=row.external_id,
                    location_id=row.location_id,
                    code=place.code,
                    mode=place.mode,
                    rank=place.rank,
                    active=place.active,
                    counts_from=row.counts_from,
                    sells_for=row.sells_for,
                    fulfils=row.fulfils,
                    authorities=_spans(place.authority),
                    tenures=place.tenures,
                    observes=row.observes,
                    tracks_lots=place.tracks_lots,
                    tracks_owners=place.tracks_owners,
                )

    def connection_codes(self, codes: Collection[str]) -> Collection[str]:
        return {row.code for row in self.tables.connections.values() if row.code in codes}


def _spans(authority: int | tuple[AuthoritySpan, ...] | None) -> tuple[AuthoritySpan, ...]:
    if authority is None:
        return ()
    return (AuthoritySpan(authority),) if isinstance(authority, int) else authority
