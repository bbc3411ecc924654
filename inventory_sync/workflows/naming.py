"""What following orders asks of the catalog: who takes orders for which places, under which names."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from inventory_sync.catalog.models import Authority, Item, ItemMapping, KitComponent, LocationMapping
from inventory_sync.connections import registry
from inventory_sync.connections.models import Connection
from inventory_sync.domain.errors import Misconfigured
from inventory_sync.domain.units import Factor
from inventory_sync.workflows.deriving import Name, OrderFacts, Place, World

SEND_ORDERS = "send_orders"
TELL_DELIVERIES = "tell_deliveries"


def targets() -> dict[int, Connection]:
    """Return the connections that take copies of orders: able to, and switched on.

    A paused one is among them: what it is owed is written down, and sent when it runs again.
    """
    switched_on = Connection.objects.filter(config__contains={SEND_ORDERS: True})
    return {row.pk: row for row in switched_on if _can(row, "takes_orders")}


def channels_told(connection_ids: Collection[int]) -> dict[int, Connection]:
    """Return those of the connections that want to know what was delivered: able to, and switched on."""
    switched_on = Connection.objects.filter(pk__in=connection_ids, config__contains={TELL_DELIVERIES: True})
    return {row.pk: row for row in switched_on if _can(row, "takes_deliveries")}


def world(orders: Sequence[OrderFacts], takers: Mapping[int, Connection]) -> World:
    """Return what the catalog says of everything these orders name."""
    sold = {line.item_id for order in orders for line in order.lines}
    items = sold | {part.item_id for order in orders for line in order.lines for part in line.parts}
    locations = {part.location_id for order in orders for line in order.lines for part in line.parts}
    if not takers:
        return World({}, {}, {}, {})
    recipes: dict[int, dict[int, Decimal]] = defaultdict(dict)
    for kit, component, quantity in KitComponent.objects.filter(kit_id__in=sold).values_list(
        "kit_id", "component_id", "quantity"
    ):
        recipes[kit][component] = quantity
    return World(
        takers=_deciders(locations, takers),
        names=_names(items, takers),
        recipes=recipes,
        skus=dict(Item.objects.filter(pk__in=items).values_list("pk", "sku")),
    )


def place_names(takers: Collection[int]) -> dict[Place, str]:
    """Return what each target calls the places it counts; the first of several names."""
    rows = LocationMapping.objects.filter(connection_id__in=takers, counts_from=True).exclude(external_id="")
    found: dict[Place, str] = {}
    for row in rows.order_by("connection_id", "location_id", "id"):
        found.setdefault((row.connection_id, row.location_id), row.external_id)
    return found


def fingerprint(target: Connection) -> str:
    """Return a digest of what decides which copies a target should have, beside the orders themselves."""
    deciding = Authority.objects.filter(
        connection=target, attribute=Authority.Attribute.ON_HAND, valid_to__isnull=True
    ).order_by("location_id")
    places = place_names([target.pk])
    told = [*deciding.values_list("location_id", flat=True), *sorted(places.items())]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _deciders(locations: Collection[int], takers: Mapping[int, Connection]) -> dict[int, int]:
    rows = Authority.objects.filter(
        location_id__in=locations,
        connection_id__in=takers,
        attribute=Authority.Attribute.ON_HAND,
        valid_to__isnull=True,
    )
    return {row.location_id: row.connection_id for row in rows}


def _names(items: Collection[int], takers: Collection[int]) -> dict[tuple[int, int], list[Name]]:
    rows = ItemMapping.objects.filter(connection_id__in=takers, item_id__in=items).exclude(
        state=ItemMapping.State.IGNORED
    )
    found: dict[tuple[int, int], list[Name]] = defaultdict(list)
    for row in rows.order_by("id"):
        assert row.item_id is not None
        found[row.connection_id, row.item_id].append(
            Name(
                row.external_id,
                Factor(row.numerator, row.denominator),
                confirmed=row.state == ItemMapping.State.CONFIRMED,
            )
        )
    return found


def _can(row: Connection, capability: str) -> bool:
    try:
        return bool(getattr(registry.connector(row.connector).capabilities, capability))
    except Misconfigured:
        return False
