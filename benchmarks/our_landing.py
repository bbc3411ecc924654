"""Our side of landing: a store's changes through the ledger, booked in Odoo by the platform's own step."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from benchmarks import world
from benchmarks.world import STORES, TILL
from inventory_sync.catalog.mappings import save_location_mapping
from inventory_sync.catalog.models import Item, ItemMapping, Location, LocationMapping
from inventory_sync.connections import registry
from inventory_sync.connections.models import Connection
from inventory_sync.connections.services import create_connection
from inventory_sync.domain.external import Reason
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.types import EventKind, StockEvent
from inventory_sync.pipeline import steps, wiring
from inventory_sync.propagation.mirror_places import settle_places
from inventory_sync.propagation.models import MirrorDocument, MirrorLevel, MirrorPlace

WHY = "A measured run"
PLACE = "warehouse:1"
KEY = "5ca1ab1e0ddba11c0ffee0facade0decade0f00d"  # the twin's
LONGEST_S = 120
_MOVED = """
SELECT i.sku, sum(CASE WHEN m.destination_id = %(place)s THEN m.quantity ELSE -m.quantity END)::text
FROM ledger_movement m JOIN catalog_item i ON i.id = m.item_id
WHERE m.id > %(after)s AND %(place)s IN (m.source_id, m.destination_id) GROUP BY i.sku
"""


def land(
    url: str, version: int, products: dict[str, int], changes: int, items: int, first: int
) -> dict[str, Any]:
    """Post so many changes of so many items and book them; returns the seconds, and what moved by item."""
    odoo = _mirrored(url, version, products)
    place = MirrorPlace.objects.get(connection=odoo, until=None)
    after = _newest_movement()
    events = _events(changes, items, first=first)
    ports = wiring.ports()
    began = time.perf_counter()
    now = datetime.now(UTC)
    with transaction.atomic():
        apply_batch(events, [], store=ports.ledger, now=now)
        ports.note_moved({(each.item_id, each.location_id) for each in events}, now=now)
    while _owed(odoo.pk):
        steps.mirror_connection(odoo.pk)
        if time.perf_counter() - began > LONGEST_S:
            raise ValueError(
                f"still owed: {list(MirrorDocument.objects.values('state', 'error_detail')[:3])}"
            )
        time.sleep(0.02)
    seconds = time.perf_counter() - began
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, {"place": place.location_id, "after": after})
        return {"seconds": seconds, "moved": dict(cursor.fetchall())}


def _mirrored(url: str, version: int, products: dict[str, int]) -> Connection:
    """Make the connection once, and begin its mirror of the first store."""
    settings.INVENTORY_SYNC["EGRESS_ALLOWED_HOSTS"] = ["127.0.0.1"]
    now = datetime.now(UTC)
    odoo = Connection.objects.filter(code=f"odoo-{version}").first()
    if odoo is None:
        odoo = create_connection(
            connector=registry.connector("odoo"), code=f"odoo-{version}", label=f"Odoo {version}",
            values={
                "base_url": url, "database": "odoo", "login": "syncbot", "api_key": KEY,
                "allow_insecure": True,
            },
            actor="bench", reason=WHY, now=now,
        )  # fmt: skip
        ids = dict(Item.objects.filter(sku__in=products).values_list("sku", "id"))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            ItemMapping.objects.bulk_create(
                ItemMapping(
                    connection=odoo, external_id=f"product:{number}", item_id=ids[code], publishes=False
                )
                for code, number in products.items()
            )
        store = Location.objects.get(code=STORES[0])
        role = LocationMapping(connection=odoo, location=store, external_id=PLACE, mirrors=True)
        save_location_mapping(role, actor="bench", reason=WHY)
    settle_places({odoo.pk}, now=now, new_id=wiring.ports().new_id)
    return odoo


def _events(changes: int, items: int, *, first: int) -> list[StockEvent]:
    """Return changes of the first store: two sales, then a receipt, over so many items in turn."""
    till, store = Connection.objects.get(code=TILL).pk, Location.objects.get(code=STORES[0]).pk
    ids = dict(Item.objects.filter(sku__lte=world.sku(items)).values_list("sku", "id"))
    now = datetime.now(UTC)
    return [
        StockEvent(
            connection_id=till,
            key=f"landing-{first + nth}",
            kind=EventKind.DELTA,
            item_id=ids[world.sku(nth % items + 1)],
            location_id=store,
            quantity=Decimal(3) if nth % 3 == 2 else Decimal(-1),
            occurred_at=now,
            reason=Reason.RECEIPT if nth % 3 == 2 else Reason.SALE,
        )
        for nth in range(changes)
    ]


def _owed(connection_id: int) -> bool:
    if MirrorLevel.objects.filter(place__connection_id=connection_id, due_since__isnull=False).exists():
        return True
    return MirrorDocument.objects.filter(connection_id=connection_id, state__in=MirrorDocument.OPEN).exists()


def _newest_movement() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM ledger_movement")
        row = cursor.fetchone()
    return int(row[0]) if row else 0
