"""What a replay needs before it starts: a till connection of its own, its stores, items and mappings.

Each run has its own connection and stores, so that runs never see each other's events. Set-based.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.catalog.models import Authority, Item, ItemMapping, Location, LocationMapping
from inventory_sync.connections import registry
from inventory_sync.connections.models import Connection
from inventory_sync.connections.services import create_connection

ACTOR = "replay"
WHY = "Replay of recorded trade"
STORES = 4
CONNECTOR = "till"


@dataclass(frozen=True, slots=True)
class Stage:
    """A run's connection, its signing secret, and its stores' external ids."""

    connection: Connection
    secret: str
    stores: tuple[str, ...]

    def store_of(self, sku: str) -> str:
        """Return the store that trades a SKU; spread so that several workers have something to do."""
        return self.stores[sum(sku.encode()) % len(self.stores)]


def prepare(run: str, skus: Collection[str], *, now: datetime) -> Stage:
    """Make everything for one run. Raises ValueError when the run's name is taken."""
    code = f"replay-{run}"
    if Connection.objects.filter(code=code).exists():
        raise ValueError(f"A replay named {run!r} was run before; choose another name with --run.")
    secret = "whsec_" + b64encode(secrets.token_bytes(24)).decode()
    with transaction.atomic():
        connection = create_connection(
            connector=registry.connector(CONNECTOR),
            code=code,
            label=f"Replay {run}",
            values={
                "base_url": "https://replay.invalid",
                "signing_secret": secret,
                "token": secrets.token_hex(16),
            },
            actor=ACTOR,
            reason=WHY,
            now=now,
        )
        # Nothing answers at its address: paused, it is not swept, and the door takes its deliveries.
        audit.record(actor=ACTOR, action="connection.paused", subject=connection, reason=WHY)
        connection.state = Connection.State.PAUSED
        connection.save(update_fields=["state", "updated_at"])
        stores = _stores(run, connection)
        items = _items(skus)
        _mappings(connection, items)
    return Stage(connection, secret, stores)


def _bulk(table: str, action: str, rows: int) -> None:
    audit.bulk(actor=ACTOR, action=action, table=table, summary={"rows": rows}, reason=WHY)


def _stores(run: str, connection: Connection) -> tuple[str, ...]:
    codes = tuple(f"REPLAY-{run}-{number}".upper() for number in range(1, STORES + 1))
    locations = Location.objects.bulk_create(
        Location(code=code, name=f"Replay store {code}", kind=Location.Kind.STORE) for code in codes
    )
    _bulk("catalog_location", "location.imported", len(locations))
    Authority.objects.bulk_create(Authority(location=row, connection=connection) for row in locations)
    _bulk("catalog_authority", "authority.imported", len(locations))
    LocationMapping.objects.bulk_create(
        LocationMapping(connection=connection, external_id=row.code, location=row, counts_from=True)
        for row in locations
    )
    _bulk("catalog_locationmapping", "mapping.imported", len(locations))
    return codes


def _items(skus: Collection[str]) -> list[Item]:
    known = set(Item.objects.filter(sku__in=skus).values_list("sku", flat=True))
    missing = [Item(sku=sku, name=f"Article {sku}") for sku in sorted(set(skus) - known)]
    Item.objects.bulk_create(missing, batch_size=1000)
    _bulk("catalog_item", "item.imported", len(missing))
    return list(Item.objects.filter(sku__in=skus))


def _mappings(connection: Connection, items: Collection[Item]) -> None:
    ItemMapping.objects.bulk_create(
        (
            ItemMapping(connection=connection, external_id=item.sku, item=item, publishes=False)
            for item in items
        ),
        batch_size=1000,
    )
    _bulk("catalog_itemmapping", "mapping.imported", len(items))
