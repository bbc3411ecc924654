"""Safety stocks and ages of reports, as staff declare them for a location: audited, and felt at once."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from inventory_sync.audit import services as audit
from inventory_sync.availability.models import Freshness, SafetyStock
from inventory_sync.catalog.models import Item, Location
from inventory_sync.ledger.services import mark_items_dirty
from inventory_sync.support import correlation

Declared = SafetyStock | Freshness


@transaction.atomic
def declare_safety_stock(
    *,
    actor: audit.Actor,
    location: Location,
    quantity: Decimal,
    reason: str,
    now: datetime,
    item: Item | None = None,
) -> SafetyStock:
    """Keep a quantity of an item, or of each item, back at a location for every channel."""
    found = SafetyStock.objects.select_for_update(of=("self",)).filter(location=location, item=item).first()
    row = found or SafetyStock(location=location, item=item)
    before = audit.snapshot(row) if found else None
    row.quantity = quantity
    _save(row, before, actor=actor, action="safety_stock.declared", reason=reason)
    touch_location(location.pk, now=now, item_id=item.pk if item else None)
    return row


@transaction.atomic
def declare_freshness(
    *, actor: audit.Actor, location: Location, max_age_s: int, reason: str, now: datetime
) -> Freshness:
    """Say how old the newest report of a location may be; the clock judges it from its next round on."""
    found = Freshness.objects.select_for_update(of=("self",)).filter(location=location).first()
    row = found or Freshness(location=location)
    before = audit.snapshot(row) if found else None
    row.max_age_s = max_age_s
    _save(row, before, actor=actor, action="freshness.declared", reason=reason)
    return row


@transaction.atomic
def remove_declared(row: Declared, *, actor: audit.Actor, reason: str, now: datetime) -> None:
    """Take a safety stock or an age away."""
    noun = "safety_stock" if isinstance(row, SafetyStock) else "freshness"
    action = {"safety_stock": "safety_stock.removed", "freshness": "freshness.removed"}[noun]
    audit.record_deleted(row, actor=actor, action=action, reason=reason)
    item_id = row.item_id if isinstance(row, SafetyStock) else None
    touch_location(row.location_id, now=now, item_id=item_id)
    row.delete()


def touch_location(location_id: int, *, now: datetime, item_id: int | None = None) -> None:
    """Have an item, or every item with stock at the location, computed again."""
    items = [item_id] if item_id is not None else _items_at(location_id)
    mark_items_dirty(items, now=now, correlation_id=correlation.current())


def _items_at(location_id: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT item_id FROM ledger_stocklevel WHERE location_id = %s", [location_id])
        return [row[0] for row in cursor.fetchall()]


def _save(
    row: Declared, before: dict[str, object] | None, *, actor: audit.Actor, action: str, reason: str
) -> None:
    row.full_clean()
    row.save()
    if before is None:
        audit.record_created(row, actor=actor, action=action, reason=reason)
    else:
        audit.record_changed(row, before, actor=actor, action=action, reason=reason)
