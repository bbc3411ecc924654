"""Load the demo retailer, set-based and in one transaction. What exists is left as staff made it.

Stock is not loaded: the till's twin counts every shelf and tells the hub through the front door, Odoo's books
are read. The mirror of a store begins here, before anything is counted there, so it is told all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from django.db import models, transaction

from inventory_sync.audit import services as audit
from inventory_sync.availability.models import Policy
from inventory_sync.availability.services import change_policy
from inventory_sync.catalog.models import (
    Authority,
    Item,
    ItemMapping,
    ItemUnit,
    KitComponent,
    Location,
    LocationMapping,
)
from inventory_sync.connections.models import Connection
from inventory_sync.console import demo_connections
from inventory_sync.console.demo_connections import ACTOR, ODOO, WHY, Accounts
from inventory_sync.domain.routing import Rule
from inventory_sync.ledger.services import mark_items_dirty
from inventory_sync.ledger.terms import set_terms
from inventory_sync.propagation.mirror_places import settle_places
from inventory_sync.propagation.services import sync_listings
from inventory_sync.support import correlation

Data = Mapping[str, Any]
Row = TypeVar("Row", bound=models.Model)
BUFFER = Decimal(1)


def load(data: Data, *, accounts: Accounts, now: datetime) -> dict[str, int]:
    """Return how many rows of each kind were made; nothing at a second time."""
    with transaction.atomic():
        woo, new_woo = demo_connections.ensure(demo_connections.WOO, accounts.woo, now=now)
        till, new_till = demo_connections.ensure(demo_connections.TILL, accounts.till, now=now)
        items, made_items = _items(data["items"])
        locations, made_locations = _locations(data["locations"])
        odoo, new_odoo = _odoo(data["odoo"], accounts, now=now)
        made = {
            "connections": new_woo + new_till + new_odoo,
            "items": made_items,
            "packs": _packs(data["items"], items),
            "kit components": _components(data["items"], items),
            "locations": made_locations,
            "authorities": _authorities(data, locations, till, odoo),
            "item mappings": _mappings(
                [
                    *_woo_mappings(data["woo"]["products"], items, woo),
                    *_till_mappings(data, items, till),
                    *_odoo_mappings(data["odoo"]["products"], items, odoo),
                ]
            ),
            "location mappings": _location_mappings(data, locations, woo, till, odoo),
        }
        settle_places([odoo.pk] if odoo else [], now=now, new_id=correlation.new_id)
        if not Policy.objects.filter(connection=woo).exists():
            change_policy(actor=ACTOR, connection=woo, values={"buffer": BUFFER}, reason=WHY, now=now)
        if new_woo:  # both warehouses have something to do: a line goes where there is most of it
            set_terms(connection_id=woo.pk, rules=(Rule.FEWEST_SPLITS, Rule.RANK), actor=ACTOR, reason=WHY)
        if any(made.values()):
            mark_items_dirty([item.pk for item in items.values()], now=now)
            sync_listings(woo.pk, now=now)
    return made


def _odoo(data: Data, accounts: Accounts, *, now: datetime) -> tuple[Connection | None, bool]:
    """Return Odoo's connection, or none where somebody else decides its warehouses: the demo before Odoo."""
    decides = [house["location"] for house in data["warehouses"] if house["decides"]]
    others = Authority.objects.filter(location__code__in=decides).exclude(connection__code=ODOO)
    if others.exists() and not Connection.objects.filter(code=ODOO).exists():
        return None, False
    return demo_connections.ensure(ODOO, accounts.odoo, now=now)


def _insert(rows: Iterable[Row], model: type[Row], key: Callable[[Row], Any], action: str) -> int:
    """Insert the rows whose key is not there yet, with one audit entry for all; return how many."""
    there = {key(row) for row in model._default_manager.all()}
    missing = [row for row in rows if key(row) not in there]
    if missing:
        model._default_manager.bulk_create(missing)
        audit.bulk(
            actor=ACTOR, action=action, table=model._meta.db_table, summary={"rows": len(missing)}, reason=WHY
        )
    return len(missing)


def _items(entries: Iterable[Data]) -> tuple[dict[str, Item], int]:
    rows = [
        Item(
            sku=entry["sku"],
            name=entry["name"],
            gtin=entry.get("gtin", ""),
            kind=entry.get("kind", Item.Kind.STOCKED),
            base_unit_id=entry.get("unit", "C62"),
        )
        for entry in entries
    ]
    made = _insert(rows, Item, lambda row: row.sku, "item.imported")
    return {item.sku: item for item in Item.objects.filter(sku__in=[row.sku for row in rows])}, made


def _packs(entries: Iterable[Data], items: Mapping[str, Item]) -> int:
    rows = [
        ItemUnit(
            item=items[entry["sku"]],
            unit_id=pack["unit"],
            gtin=pack.get("gtin", ""),
            **_factor(pack["factor"]),
        )
        for entry in entries
        for pack in entry.get("packs", ())
    ]
    return _insert(rows, ItemUnit, lambda row: (row.item_id, row.unit_id), "item.packs_imported")


def _components(entries: Iterable[Data], items: Mapping[str, Item]) -> int:
    rows = [
        KitComponent(
            kit=items[entry["sku"]], component=items[part["sku"]], quantity=Decimal(part["quantity"])
        )
        for entry in entries
        for part in entry.get("components", ())
    ]
    return _insert(rows, KitComponent, lambda row: (row.kit_id, row.component_id), "kit.components_imported")


def _locations(entries: Iterable[Data]) -> tuple[dict[str, Location], int]:
    """Insert the tree from the top down: a parent is there before its children."""
    made, waiting = 0, list(entries)
    known = {row.code: row for row in Location.objects.all()}
    while waiting:
        level = [entry for entry in waiting if not entry.get("parent") or entry["parent"] in known]
        if not level:
            raise ValueError(f"The parent of location {waiting[0]['code']!r} is nowhere.")
        rows = [
            Location(
                code=entry["code"],
                name=entry["name"],
                kind=entry["kind"],
                parent=known.get(entry.get("parent") or ""),
                mode=entry.get("mode", Location.Mode.MOVEMENTS),
                rank=10 if entry["kind"] == Location.Kind.WAREHOUSE else 50,
            )
            for entry in level
        ]
        made += _insert(rows, Location, lambda row: row.code, "location.imported")
        known = {row.code: row for row in Location.objects.all()}
        waiting = [entry for entry in waiting if entry not in level]
    return known, made


def _authorities(
    data: Data, locations: Mapping[str, Location], till: Connection, odoo: Connection | None
) -> int:
    rows = [
        Authority(location=locations[store["location"]], connection=till) for store in data["till"]["stores"]
    ]
    if odoo:
        rows += [
            Authority(location=locations[house["location"]], connection=odoo)
            for house in data["odoo"]["warehouses"]
            if house["decides"]
        ]
    return _insert(rows, Authority, lambda row: row.location_id, "authority.imported")


def _woo_mappings(products: list[Data], items: Mapping[str, Item], woo: Connection) -> Iterable[ItemMapping]:
    """Products without an item stay unmapped, so that the demo has lines that wait for a person.

    Only what the shop keeps a figure for is written; a variation that shares its parent's pool is
    named by orders, while the figure goes to the parent.
    """
    for product in products:
        is_variation = product["type"] == "variation"
        parent = f"product:{product['parent_id']}" if product.get("parent_id") else ""
        row = ItemMapping(
            connection=woo,
            external_id=f"{'variation' if is_variation else 'product'}:{product['id']}",
            external_parent=parent if is_variation else "",
            label=product["name"],
            external_sku=product.get("sku") or "",
            item=items[product["item"]] if product.get("item") else None,
            publishes=product["manage_stock"] is True,
            **_factor(product.get("factor") or "1"),
        )
        if product["type"] == "variable":
            row.kind = ItemMapping.Kind.PARENT_POOL
            row.publishes = row.item_id is not None
            row.state = ItemMapping.State.CONFIRMED if row.item_id else ItemMapping.State.IGNORED
        elif row.item_id is None:
            continue
        elif row.numerator != row.denominator:
            row.kind = ItemMapping.Kind.PACK
        yield row


def _till_mappings(data: Data, items: Mapping[str, Item], till: Connection) -> Iterable[ItemMapping]:
    for entry in data["till"]["items"]:
        yield ItemMapping(
            connection=till,
            external_id=entry["external_id"],
            external_sku=entry["external_id"],
            label=entry.get("name", ""),
            item=items[entry["item"]],
            publishes=False,
            **_factor(entry.get("factor") or "1"),
        )


def _odoo_mappings(
    products: Iterable[Data], items: Mapping[str, Item], odoo: Connection | None
) -> Iterable[ItemMapping]:
    """Odoo sells the parts of a gift set, so no set is named there."""
    for product in products if odoo else ():
        yield ItemMapping(
            connection=odoo,
            external_id=f"product:{product['id']}",
            external_sku=product["sku"],
            label=product["name"],
            item=items[product["sku"]],
            publishes=False,
        )


def _mappings(rows: Iterable[ItemMapping]) -> int:
    return _insert(rows, ItemMapping, lambda row: (row.connection_id, row.external_id), "mapping.imported")


def _location_mappings(
    data: Data,
    locations: Mapping[str, Location],
    woo: Connection,
    till: Connection,
    odoo: Connection | None,
) -> int:
    rows = [
        LocationMapping(
            connection=till,
            external_id=store["external_id"],
            location=locations[store["location"]],
            counts_from=True,
        )
        for store in data["till"]["stores"]
    ] + [
        LocationMapping(connection=woo, location=locations[code], sells_for=True, fulfils=True)
        for code in data["woo"]["sells_from"]
    ]
    if odoo:
        rows += [
            LocationMapping(
                connection=odoo,
                external_id=f"warehouse:{house['id']}",
                location=locations[house["location"]],
                counts_from=house["decides"],
                mirrors=not house["decides"],
            )
            for house in data["odoo"]["warehouses"]
        ]
    return _insert(
        rows,
        LocationMapping,
        lambda row: (row.connection_id, row.external_id, row.location_id),
        "location_mapping.imported",
    )


def _factor(text: str) -> dict[str, int]:
    exact = Fraction(text)
    return {"numerator": exact.numerator, "denominator": exact.denominator}
