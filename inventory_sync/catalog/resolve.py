"""From the vendors' names to ours: items with their factors, places, and the pool of a channel.

One Directory answers for one batch of external events of one or several connections. It is loaded with one
query per kind inside the batch's own transaction and thrown away with it: a changed mapping is seen at once.
Plain code over a small port (CatalogReader); the PostgreSQL reader is in selectors.py.

Does not park, post or propose mappings: it only says what a name means, or raises a Parked error that does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from inventory_sync.domain import units
from inventory_sync.domain.errors import (
    QuantityInexact,
    UnknownChannel,
    UnknownUnit,
    UnmappedItem,
    UnmappedLocation,
)
from inventory_sync.domain.modes import Mode, Tenures
from inventory_sync.domain.units import SAME, Factor

CONFIRMED = "confirmed"
IGNORED = "ignored"
# What authority is given for.
ON_HAND = "on_hand"
UNAVAILABLE = "unavailable"
EXPECTATIONS = "expectations"
PIECES = frozenset({"C62", "H87", "EA"})  # one, piece, each: the same thing under three codes


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One item mapping as stored, joined to its item. item_id is None while nobody confirmed it."""

    mapping_id: int
    connection_id: int
    external_id: str
    state: str
    label: str
    factor: Factor
    item_id: int | None
    sku: str = ""
    base_unit: str = ""
    is_kit: bool = False


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One unit of an item: how many base units one of it holds."""

    item_id: int
    unit: str
    factor: Factor


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """A kit takes `quantity` base units of the component."""

    kit_id: int
    item_id: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class AuthoritySpan:
    """Which connection decides an attribute, from a time on and before another; None: without end."""

    connection_id: int
    attribute: str = ON_HAND
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    def covers(self, when: datetime) -> bool:
        after = self.valid_from is None or self.valid_from <= when
        return after and (self.valid_to is None or when < self.valid_to)


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One place of a connection joined to a location of ours, with its roles."""

    connection_id: int
    external_id: str
    location_id: int
    code: str
    mode: Mode
    rank: int
    active: bool
    counts_from: bool
    sells_for: bool
    fulfils: bool
    observes: bool = False
    authorities: tuple[AuthoritySpan, ...] = ()
    tenures: Tenures | None = None
    tracks_lots: bool = False
    tracks_owners: bool = False


class CatalogReader(Protocol):
    """What the directory is read from. Each method is one query, whatever the size of the batch."""

    def mappings(self, connection_ids: Collection[int], refs: Collection[str]) -> Iterable[MappingRow]: ...

    def units(self, item_ids: Collection[int]) -> Iterable[UnitRow]: ...

    def components(self, kit_ids: Collection[int]) -> Iterable[ComponentRow]: ...

    def places(self, connection_ids: Collection[int], refs: Collection[str]) -> Iterable[PlaceRow]:
        """Return the places named by refs, and every place the connections sell from or are served from."""

    def connection_codes(self, codes: Collection[str]) -> Collection[str]:
        """Return those of the codes that a connection has."""


@dataclass(frozen=True, slots=True)
class Component:
    """Part of a kit, in base units of the component per kit."""

    item_id: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class ItemTarget:
    """The item a vendor's name means. factor: base units in one unit of the reported quantity.

    components is empty for a stocked item, and for a kit whose recipe nobody wrote.
    """

    item_id: int
    sku: str
    factor: Factor
    mapping_id: int
    ref: str
    is_kit: bool = False
    components: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """Staff decided that this name is none of our business: the line is skipped and counted."""

    mapping_id: int
    ref: str


@dataclass(frozen=True, slots=True)
class LocationTarget:
    """The location a vendor's place is about, and whose reports move its stock when.

    observes: where the connection is not the authority, its reports are observations and no refusals.
    """

    location_id: int
    code: str
    mode: Mode
    authorities: tuple[AuthoritySpan, ...] = ()
    tenures: Tenures | None = None
    observes: bool = False
    tracks_lots: bool = False
    tracks_owners: bool = False

    @property
    def authority_connection_id(self) -> int | None:
        """Who decides what is on hand until further notice."""
        for span in self.authorities:
            if span.attribute == ON_HAND and span.valid_to is None:
                return span.connection_id
        return None

    def decider(self, when: datetime, attribute: str = ON_HAND) -> int | None:
        """Return the connection whose reports of that time count; None: nobody's.

        `when` is when it happened, or when the reading of a book figure began. Where nobody was named for the
        attribute, the authority for stock on hand decides it.
        """
        named = self.named(when, attribute)
        return self.named(when, ON_HAND) if named is None else named

    def named(self, when: datetime, attribute: str) -> int | None:
        """Return the connection named for exactly this attribute then, if one was."""
        for span in self.authorities:
            if span.attribute == attribute and span.covers(when):
                return span.connection_id
        return None

    def modes(self) -> Tenures:
        """Return the modes the location has been in."""
        return self.tenures or Tenures.only(self.mode)


@dataclass(frozen=True, slots=True)
class Directory:
    """What the names of one batch mean. Made by load(); never kept beyond its transaction."""

    _mappings: Mapping[tuple[int, str], MappingRow]
    _units: Mapping[tuple[int, str], Factor] = field(default_factory=dict)
    _components: Mapping[int, tuple[Component, ...]] = field(default_factory=dict)
    _places: Mapping[tuple[int, str], LocationTarget] = field(default_factory=dict)
    _fulfils: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    _sells: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    _codes: frozenset[str] = frozenset()

    def item(self, connection_id: int, ref: str, unit: str = "", *, label: str = "") -> ItemTarget | Ignored:
        """Return what the connection means by ref, or the marker that it is ignored on purpose.

        Raises UnmappedItem (also while proposed or suspended), UnknownUnit.
        """
        row = self._mappings.get((connection_id, ref))
        if row is not None and row.state == IGNORED:
            return Ignored(row.mapping_id, ref)
        if row is None or row.state != CONFIRMED or row.item_id is None:
            raise UnmappedItem(ref, label=label or (row.label if row else ""))
        return ItemTarget(
            item_id=row.item_id,
            sku=row.sku,
            factor=self._factor(row, row.item_id, unit),
            mapping_id=row.mapping_id,
            ref=ref,
            is_kit=row.is_kit,
            components=self._components.get(row.item_id, ()),
        )

    def location(self, connection_id: int, ref: str) -> LocationTarget:
        """Return the location that reports under ref are about, or raise UnmappedLocation."""
        target = self._places.get((connection_id, ref))
        if target is None:
            raise UnmappedLocation(ref)
        return target

    def channel(self, code: str) -> str:
        """Return the code of a connection whose orders a report names, or raise UnknownChannel."""
        if code not in self._codes:
            raise UnknownChannel(code)
        return code

    def pool(self, connection_id: int) -> tuple[int, ...]:
        """Return the locations an order of this channel may be routed to, preferred first.

        Where staff named none, those it sells from: what was sold is owed by somebody.
        """
        return self._fulfils.get(connection_id) or self.selling(connection_id)

    def selling(self, connection_id: int) -> tuple[int, ...]:
        """Return the locations whose stock is sold on this channel, preferred first."""
        return self._sells.get(connection_id, ())

    def _factor(self, row: MappingRow, item_id: int, unit: str) -> Factor:
        """Return base units per reported unit.

        No unit is the mapping's own. A piece is one of the vendor's article, so it is the mapping's factor
        when that is not 1; any other unit is the item's, whatever the article holds.
        """
        if not unit or (unit in PIECES and row.factor != SAME):
            return row.factor
        declared = self._units.get((item_id, unit))
        if declared is not None:
            return declared
        if unit == row.base_unit or (unit in PIECES and row.base_unit in PIECES):
            return SAME
        raise UnknownUnit(unit, row.sku)


def load(
    reader: CatalogReader,
    *,
    connection_ids: Collection[int],
    item_refs: Collection[str],
    location_refs: Collection[str],
    codes: Collection[str] = (),
) -> Directory:
    """Read what these connections mean by these names: at most five queries for the whole batch."""
    rows = list(reader.mappings(connection_ids, item_refs)) if item_refs else []
    item_ids = {row.item_id for row in rows if row.item_id is not None}
    kit_ids = {row.item_id for row in rows if row.item_id is not None and row.is_kit}

    components: dict[int, tuple[Component, ...]] = {}
    for part in reader.components(kit_ids) if kit_ids else ():
        components[part.kit_id] = (
            *components.get(part.kit_id, ()),
            Component(part.item_id, part.quantity),
        )
    places = sorted(reader.places(connection_ids, location_refs), key=lambda row: (row.rank, row.code))
    return Directory(
        _mappings={(row.connection_id, row.external_id): row for row in rows},
        _units={(row.item_id, row.unit): row.factor for row in reader.units(item_ids)} if item_ids else {},
        _components=components,
        _places={
            (row.connection_id, row.external_id): LocationTarget(
                row.location_id,
                row.code,
                row.mode,
                row.authorities,
                row.tenures,
                row.observes,
                row.tracks_lots,
                row.tracks_owners,
            )
            for row in places
            if row.counts_from
        },
        _fulfils=_ranked(row for row in places if row.fulfils and row.active),
        _sells=_ranked(row for row in places if row.sells_for and row.active),
        _codes=frozenset(reader.connection_codes(codes)) if codes else frozenset(),
    )


def to_base(quantity: Decimal, target: ItemTarget) -> Decimal:
    """Return the reported quantity in the item's base unit, exactly.

    Raises QuantityInexact (parked, waits for the mapping) when six places cannot hold it.
    """
    try:
        return units.to_base(quantity, target.factor)
    except units.InexactQuantity as error:
        raise QuantityInexact(quantity, target.ref) from error


def _ranked(rows: Iterable[PlaceRow]) -> dict[int, tuple[int, ...]]:
    """Return each connection's locations in the order given, each once."""
    pools: dict[int, dict[int, None]] = {}
    for row in rows:
        pools.setdefault(row.connection_id, {})[row.location_id] = None
    return {connection_id: tuple(pool) for connection_id, pool in pools.items()}
