"""Write the catalog: items with packs and components, and the tree of places. Every write is audited.

Rows come in as staff filled them in, are checked as a whole and saved with the reason. What vendors call
things is written in mappings.py. Each function returns the Effect of the change; acting on it (figures
worked out anew, parked lines replayed) is for the rooms above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.catalog.models import Item, ItemMapping, ItemUnit, KitComponent, Location

GTIN_LENGTHS = (8, 12, 13, 14)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change asks of the rooms above.

    `items`: their figures are to be worked out anew. `waits`: (connection id, key) of parked lines that may
    be answered now. `channels`: connections whose set of listings may have changed. `mappings`: those whose
    listings must be told their figure again, because its meaning changed. `places`: locations whose levels
    must be worked out again, because a tenure began there.
    """

    items: frozenset[int] = frozenset()
    waits: tuple[tuple[int, str], ...] = ()
    channels: frozenset[int] = frozenset()
    mappings: frozenset[int] = frozenset()
    places: frozenset[int] = frozenset()

    def __or__(self, other: Effect) -> Effect:
        return Effect(
            self.items | other.items,
            (*self.waits, *other.waits),
            self.channels | other.channels,
            self.mappings | other.mappings,
            self.places | other.places,
        )


def save_item(item: Item, *, actor: audit.Actor, reason: str) -> Effect:
    """Insert or change an item. Its base unit never changes: every quantity of it is in that unit."""
    with transaction.atomic():
        before = _locked_snapshot(item)
        check_item(item)
        item.full_clean()
        item.save()
        _record(item, before, actor=actor, noun="item", reason=reason)
    return Effect(items=frozenset({item.pk}) if before else frozenset())


def check_item(item: Item) -> None:
    """Raise ValidationError when the item as filled in contradicts itself or what it was."""
    was = Item.objects.filter(pk=item.pk).values_list("base_unit_id", flat=True).first() if item.pk else None
    if was is not None and was != item.base_unit_id:
        raise ValidationError({"base_unit": "The base unit of an item cannot change: make a new item."})
    if item.kind == Item.Kind.STOCKED and item.pk and item.components.exists():
        raise ValidationError({"kind": "It has components: remove them first."})
    if item.kind == Item.Kind.KIT and item.pk and item.used_in.exists():
        raise ValidationError({"kind": "It is a component of a kit; kits do not hold kits."})
    check_gtin(item.gtin)


def set_packs(
    item: Item, packs: Mapping[str, tuple[int, int, str]], *, actor: audit.Actor, reason: str
) -> Effect:
    """Make `packs` the packs of the item: unit → (numerator, denominator, GTIN)."""
    with transaction.atomic():
        Item.objects.select_for_update().get(pk=item.pk)
        there = {row.unit_id: row for row in item.units.all()}
        for unit in there.keys() - packs.keys():
            audit.record_deleted(there[unit], actor=actor, action="item.pack_removed", reason=reason)
            there[unit].delete()
        for unit, (numerator, denominator, gtin) in packs.items():
            if unit == item.base_unit_id:
                raise ValidationError(f"{unit} is the base unit of {item.sku}; a pack has another unit.")
            row = there.get(unit) or ItemUnit(item=item, unit_id=unit)
            before = audit.snapshot(row) if row.pk else None
            row.numerator, row.denominator, row.gtin = numerator, denominator, gtin
            check_gtin(gtin)
            row.full_clean()
            if before is None or before != audit.snapshot(row):
                row.save()
                _record(row, before, actor=actor, noun="item.pack", reason=reason, joiner="_")
    connections = ItemMapping.objects.filter(item=item).values_list("connection_id", flat=True).distinct()
    waits = tuple((connection, f"unit:{item.sku}:{unit}") for connection in connections for unit in packs)
    return Effect(items=frozenset({item.pk}), waits=waits)


def save_location(location: Location, *, actor: audit.Actor, reason: str) -> Effect:
    """Insert or change a place. Its mode changes by an act of its own (authorities.py)."""
    with transaction.atomic():
        before = _locked_snapshot(location)
        check_location(location)
        location.full_clean()
        location.save()
        _record(location, before, actor=actor, noun="location", reason=reason)
    return Effect(channels=_channels_selling_from(location))


def check_location(location: Location) -> None:
    """Raise ValidationError when the place as filled in contradicts what it was, or stands below itself."""
    was = Location.objects.filter(pk=location.pk).first() if location.pk else None
    if was is not None and was.mode != location.mode:
        raise ValidationError(
            {"mode": "Reports of two modes do not add up: change the mode as an act of its own."}
        )
    if was is not None and was.kind != location.kind and {was.kind, location.kind} & set(Location.VIRTUAL):
        raise ValidationError({"kind": "A virtual location stays one, and a real one stays real."})
    above = location.parent
    while above is not None:
        if location.pk is not None and above.pk == location.pk:
            raise ValidationError({"parent": "A location cannot stand below itself."})
        above = above.parent


def check_gtin(gtin: str) -> None:
    """Raise ValidationError unless it is empty or a GTIN-8, -12, -13 or -14 with its check digit."""
    if not gtin:
        return
    if not (gtin.isascii() and gtin.isdigit() and len(gtin) in GTIN_LENGTHS):
        raise ValidationError({"gtin": "A GTIN has 8, 12, 13 or 14 digits."})
    weighted: Sequence[int] = [
        int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(gtin[:-1]))
    ]
    if (10 - sum(weighted) % 10) % 10 != int(gtin[-1]):
        raise ValidationError({"gtin": "The check digit of this GTIN is wrong."})


def _locked_snapshot(row: Item | Location) -> dict[str, object] | None:
    """Return the row as it stands in the database, locked; None when it is new."""
    if row.pk is None:
        return None
    return audit.snapshot(type(row)._default_manager.select_for_update().get(pk=row.pk))


def _record(
    row: Item | ItemUnit | KitComponent | Location,
    before: dict[str, object] | None,
    *,
    actor: audit.Actor,
    noun: str,
    reason: str,
    joiner: str = ".",
) -> None:
    if before is None:
        action = f"{noun}{joiner}{'created' if joiner == '.' else 'added'}"
        audit.record_created(row, actor=actor, action=action, reason=reason)
    else:
        audit.record_changed(row, before, actor=actor, action=f"{noun}{joiner}changed", reason=reason)


def _channels_selling_from(location: Location) -> frozenset[int]:
    return frozenset(location.mappings.filter(sells_for=True).values_list("connection_id", flat=True))
