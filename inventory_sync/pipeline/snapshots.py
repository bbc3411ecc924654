"""A reading of the authority's books, from the vendor's names to book figures of ours.

A complete reading speaks of every item and place it covers: what it does not name is 0. A partial one speaks
only of what it names. A cut one says nothing, and what it covers is unknown. One that nobody asked for has no
reading number, so it cannot be told from an older one: its items are asked for. Part of resolve.py.

Books hold much that is none of ours: articles nobody mapped, other warehouses. What a reading says of them is
left out, not parked: it is read as soon as somebody maps it (replay.py), and with every sweep.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from inventory_sync.catalog.resolve import Directory, ItemTarget, to_base
from inventory_sync.domain.errors import NotTheAuthority, Parked, UnmappedItem, UnmappedLocation
from inventory_sync.domain.external import Extent, SnapshotReceived, SnapshotRow
from inventory_sync.intake.ports import ReadWanted, StoredDelivery
from inventory_sync.ledger.types import CutReading, EventKind, FigureFacts, LevelKey, LineHeld, StockEvent

READ_KIND = "item"
NOTHING = FigureFacts()


@dataclass(slots=True)
class ReadingFound:
    """What one reading comes to. `unknown`: (what it is about, why) of what a person must look at.

    `left_out`: how many of its items and places are mapped to nothing of ours.
    """

    figures: list[StockEvent] = field(default_factory=list)
    observations: list[StockEvent] = field(default_factory=list)
    cut: CutReading | None = None
    reads: list[ReadWanted] = field(default_factory=list)
    unknown: list[tuple[str, Parked]] = field(default_factory=list)
    left_out: int = 0


def figures_of(stored: StoredDelivery, event: SnapshotReceived, directory: Directory) -> ReadingFound:
    """Return the book figures of a reading, or what it asks for instead.

    Where movements decide, or somebody else, a book figure is an observation.
    """
    found = ReadingFound()
    places, observed = _places(stored, event, directory, found)
    items = _items(stored, event, directory, found)
    if not places:
        return found
    reading = stored.delivery.reading
    if not reading:
        why = "a reading came unasked"
        found.reads = [
            ReadWanted(stored.connection_id, READ_KIND, ref, why, stored.correlation_id) for ref in items
        ]
        return found
    covered_items = {target.item_id for target in items.values()}
    covered_places = set(places.values())
    if event.extent is Extent.CUT:
        if covered_items:
            found.cut = CutReading(
                stored.connection_id,
                reading,
                tuple(sorted(covered_items)),
                tuple(sorted(covered_places - observed)),
            )
        return found
    said: dict[LevelKey, tuple[Decimal, FigureFacts]] = defaultdict(lambda: (Decimal(0), NOTHING))
    if event.extent is Extent.COMPLETE:
        for item_id in covered_items:
            for location_id in covered_places:
                said[item_id, location_id] = (Decimal(0), NOTHING)
    spoilt: set[int] = set()
    for row in event.rows:
        if row.location_ref in places and row.item_ref in items:
            target = items[row.item_ref]
            try:
                quantity, facts = _row(row, target, directory)
            except Parked as error:
                found.unknown.append((f"{row.item_ref}@{row.location_ref}", error))
                spoilt.add(target.item_id)
                continue
            level = (target.item_id, places[row.location_ref])
            before, held = said[level]
            said[level] = (before + quantity, _together(held, facts))
    told = [
        StockEvent(
            connection_id=stored.connection_id,
            key=f"reading:{reading}:{item_id}:{location_id}",
            kind=EventKind.FIGURE,
            item_id=item_id,
            location_id=location_id,
            quantity=quantity,
            occurred_at=event.occurred_at,
            reading=reading,
            delivery_id=stored.id,
            correlation_id=stored.correlation_id,
            figure=facts,
        )
        for (item_id, location_id), (quantity, facts) in sorted(said.items())
        if item_id not in spoilt
    ]
    found.figures = [each for each in told if each.location_id not in observed]
    found.observations = [each for each in told if each.location_id in observed]
    return found


def _places(
    stored: StoredDelivery, event: SnapshotReceived, directory: Directory, found: ReadingFound
) -> tuple[dict[str, int], set[int]]:
    """Return the places of the reading, and those of them of which it is only an observation.

    Who decides is asked of the time the reading began; whether figures count, of its number.
    """
    places: dict[str, int] = {}
    observed: set[int] = set()
    for ref in event.location_refs:
        try:
            place = directory.location(stored.connection_id, ref)
            decides = place.decider(event.occurred_at) == stored.connection_id
            if not decides and not place.observes:
                raise NotTheAuthority(
                    f"{stored.connection_code} did not decide what is at {place.code} then; its figure moves "
                    "nothing.",
                    waits_on=f"authority:{place.code}",
                )
        except UnmappedLocation:
            found.left_out += 1
            continue
        except Parked as error:
            found.unknown.append((f"place {ref}", error))
            continue
        places[ref] = place.location_id
        if not decides or not place.modes().takes_figure(stored.delivery.reading):
            observed.add(place.location_id)
    return places, observed


def _items(
    stored: StoredDelivery, event: SnapshotReceived, directory: Directory, found: ReadingFound
) -> dict[str, ItemTarget]:
    items: dict[str, ItemTarget] = {}
    units = {row.item_ref: row.unit for row in event.rows}
    for ref in event.item_refs:
        try:
            target = directory.item(stored.connection_id, ref, units.get(ref, ""))
        except UnmappedItem:
            found.left_out += 1
            continue
        except Parked as error:
            found.unknown.append((ref, error))
            continue
        if isinstance(target, ItemTarget):
            items[ref] = target
    return items


def _row(row: SnapshotRow, target: ItemTarget, directory: Directory) -> tuple[Decimal, FigureFacts]:
    held = tuple(
        LineHeld(
            source=directory.channel(each.order.source),
            order_ref=each.order.order_ref,
            line_ref=each.order.line_ref,
            contained=to_base(each.contained, target),
            delivered=to_base(each.delivered, target),
        )
        for each in row.held
    )
    return to_base(row.quantity, target), FigureFacts(
        reserved=to_base(row.reserved, target),
        unassigned=to_base(row.unassigned, target),
        unavailable=to_base(row.unavailable, target),
        contained=held,
    )


def _together(one: FigureFacts, other: FigureFacts) -> FigureFacts:
    """Add what two names of one item say of it (the article and its pack)."""
    return FigureFacts(
        reserved=one.reserved + other.reserved,
        unassigned=one.unassigned + other.unassigned,
        unavailable=one.unavailable + other.unavailable,
        contained=(*one.contained, *other.contained),
    )
