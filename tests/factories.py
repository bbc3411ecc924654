"""Make rows for tests, with plain functions and believable defaults.

Audited tables refuse a change without an audit entry, so every function here writes one. Quantities of
stock are not made here: they are reports, and go through the ledger. Nothing here calls a vendor.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models, transaction

from inventory_sync.access.models import ApiKey
from inventory_sync.audit import services as audit
from inventory_sync.availability.models import ChannelFigure, FigureHistory, Policy
from inventory_sync.catalog.models import (
    Authority,
    Item,
    ItemMapping,
    ItemUnit,
    KitComponent,
    Location,
    LocationMapping,
    Tenure,
)
from inventory_sync.connections.models import Budget, Connection
from inventory_sync.intake.models import Delivery, ParkedLine
from inventory_sync.propagation.models import Listing

ACTOR = "tests"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_numbers = count(1)


def saved(row: models.Model, action: str) -> None:
    """Insert or update the row together with the audit entry that explains it."""
    with transaction.atomic():
        row.save()
        audit.record(actor=ACTOR, action=action, subject=row, after=audit.snapshot(row), reason="a test")


def change(row: models.Model, **values: Any) -> None:
    """Set columns of an audited row, with an entry."""
    for name, value in values.items():
        setattr(row, name, value)
    saved(row, "row.changed")


def make_connection(
    code: str = "",
    *,
    connector: str = "woocommerce",
    sells: bool = True,
    config: Mapping[str, Any] | None = None,
    budget: bool = True,
    **values: Any,
) -> Connection:
    code = code or f"shop-{next(_numbers)}"
    values.setdefault("label", code.replace("-", " ").title())
    row = Connection(code=code, connector=connector, sells=sells, config=dict(config or {}), **values)
    saved(row, "connection.created")
    if budget:
        Budget.objects.create(connection=row, tokens=100, refilled_at=NOON, rate_per_s=100, burst=100)
    return row


def make_channel(code: str = "", **values: Any) -> Connection:
    return make_connection(code, sells=True, **values)


def make_till(code: str = "", **values: Any) -> Connection:
    return make_connection(code or f"till-{next(_numbers)}", connector="till", sells=False, **values)


def make_item(sku: str = "", *, name: str = "", unit: str = "C62", **values: Any) -> Item:
    sku = sku or f"SKU-{next(_numbers):04}"
    row = Item(sku=sku, name=name or sku.replace("-", " ").capitalize(), base_unit_id=unit, **values)
    saved(row, "item.created")
    return row


def make_kit(sku: str, components: Mapping[Item, int | Decimal], **values: Any) -> Item:
    kit = make_item(sku, kind=Item.Kind.KIT, **values)
    for component, quantity in components.items():
        saved(KitComponent(kit=kit, component=component, quantity=Decimal(quantity)), "kit.component_added")
    return kit


def make_pack(
    item: Item, unit: str = "CT", numerator: int = 12, denominator: int = 1, gtin: str = ""
) -> ItemUnit:
    row = ItemUnit(item=item, unit_id=unit, numerator=numerator, denominator=denominator, gtin=gtin)
    saved(row, "item.pack_added")
    return row


def make_location(
    code: str = "",
    *,
    kind: str = Location.Kind.WAREHOUSE,
    authority: Connection | None = None,
    mode: str = Location.Mode.MOVEMENTS,
    parent: Location | None = None,
    **values: Any,
) -> Location:
    code = code or f"WH-{next(_numbers)}"
    row = Location(code=code, name=values.pop("name", code), kind=kind, mode=mode, parent=parent, **values)
    saved(row, "location.created")
    if authority is not None:
        make_authority(row, authority)
    return row


def make_store(code: str = "", **values: Any) -> Location:
    return make_location(code or f"ST-{next(_numbers)}", kind=Location.Kind.STORE, **values)


def make_authority(location: Location, connection: Connection, **values: Any) -> Authority:
    row = Authority(location=location, connection=connection, **values)
    saved(row, "authority.assigned")
    return row


def make_tenure(location: Location, mode: str, **values: Any) -> Tenure:
    row = Tenure(location=location, mode=mode, was=location.mode, **values)
    saved(row, "tenure.begun")
    change(location, mode=mode, complete_since=None)
    return row


def virtual(kind: str) -> Location:
    """Return the seeded virtual location of a kind, e.g. Location.Kind.CUSTOMER."""
    return Location.objects.get(kind=kind)


def map_item(
    connection: Connection,
    item: Item | None,
    external_id: str = "",
    *,
    numerator: int = 1,
    denominator: int = 1,
    **values: Any,
) -> ItemMapping:
    values.setdefault("state", ItemMapping.State.CONFIRMED if item else ItemMapping.State.PROPOSED)
    row = ItemMapping(
        connection=connection,
        item=item,
        external_id=external_id or (item.sku if item else f"product:{next(_numbers)}"),
        numerator=numerator,
        denominator=denominator,
        **values,
    )
    saved(row, "mapping.created")
    return row


def map_location(
    connection: Connection, location: Location, external_id: str = "", **roles: bool
) -> LocationMapping:
    """Join a place of the connection to ours; roles: counts_from, sells_for, fulfils."""
    row = LocationMapping(connection=connection, location=location, external_id=external_id, **roles)
    saved(row, "mapping.created")
    return row


def make_policy(connection: Connection, item: Item | None = None, **values: Any) -> Policy:
    row = Policy(connection=connection, item=item, **values)
    saved(row, "policy.created")
    return row


def make_declared(model: type[models.Model], **values: Any) -> models.Model:
    """A safety stock, an allotment or an age of reports, as if staff had declared it."""
    row = model(**values)
    saved(row, "row.declared")
    return row


def make_figure(
    connection: Connection, item: Item, figure: int | Decimal | None, *terms: list[Any], **values: Any
) -> ChannelFigure:
    """A figure as if computed at noon, with its line of history; terms as steps.py stores them."""
    values = {"verdict": "unknown" if figure is None else "known", "policy_version": 0} | values
    values = {"version": 1, "unknown": [], "computed_at": NOON, "correlation_id": ""} | values
    kept = {**values, "unknown": values["unknown"] or None, "terms": list(terms)}
    kept.pop("last_known", None)
    FigureHistory.objects.create(connection=connection, item=item, figure=figure, **kept)
    return ChannelFigure.objects.create(connection=connection, item=item, figure=figure, **values)


def make_api_key(consumer: str = "a partner", **values: Any) -> ApiKey:
    """A row only; a key that opens something comes from access.services.create_key."""
    number = next(_numbers)
    values.setdefault("prefix", f"test{number:08}")
    values.setdefault("key_hash", "0" * 64)
    row = ApiKey(consumer=consumer, **values)
    saved(row, "api_key.created")
    return row


def make_delivery(
    connection: Connection, *, topic: str = "order.updated", body: bytes = b"{}", **values: Any
) -> Delivery:
    number = next(_numbers)
    values.setdefault("shard", 0)
    values.setdefault("received_at", NOON)
    values.setdefault("run_at", NOON)
    values.setdefault("correlation_id", f"{number:016x}")
    return Delivery.objects.create(connection=connection, topic=topic, body=body, **values)


def park_line(
    delivery: Delivery, waits_on: str = "item:product:1", *, code: str = "mapping.item_unknown", **values: Any
) -> ParkedLine:
    values.setdefault("event_key", f"line-{next(_numbers)}")
    values.setdefault("detail", f"Waits on {waits_on}.")
    return ParkedLine.objects.create(
        delivery=delivery, connection=delivery.connection, waits_on=waits_on, code=code, **values
    )


def make_listing(mapping: ItemMapping, **values: Any) -> Listing:
    return Listing.objects.create(
        connection=mapping.connection,
        mapping=mapping,
        external_id=mapping.external_id,
        external_parent=mapping.external_parent,
        **values,
    )


def make_user(
    name: str = "", *, password: str | None = None, staff: bool = True, superuser: bool = False, **values: Any
) -> Any:
    """Make somebody; without a password they come in by client.force_login only, which costs no hashing."""
    return get_user_model().objects.create_user(
        username=name or f"user-{next(_numbers)}",
        password=password,
        is_staff=staff,
        is_superuser=superuser,
        **values,
    )
