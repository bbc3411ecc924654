"""Set stock aside for a channel, renew and withdraw it: audited, and never more than the pool has.

A lease that ends is ended by due.py. What an allotment does to figures is domain.availability; what fits is
domain.allotments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.availability.micro import exact
from inventory_sync.availability.models import Allotment
from inventory_sync.availability.ports import AvailabilityStore, Landscape
from inventory_sync.availability.terms import Terms
from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection
from inventory_sync.domain import availability as domain
from inventory_sync.domain.allotments import shortfall
from inventory_sync.domain.errors import AllotmentOver, AllotmentTooLarge
from inventory_sync.domain.reports import plain
from inventory_sync.ledger.services import mark_items_dirty
from inventory_sync.support import correlation


@transaction.atomic
def grant_allotment(
    *,
    actor: audit.Actor,
    connection: Connection,
    item: Item,
    quantity: Decimal,
    reason: str,
    now: datetime,
    store: AvailabilityStore,
    expires_at: datetime | None = None,
) -> Allotment:
    """Set a quantity aside for one channel; with expires_at as a lease.

    Raises AllotmentTooLarge when the pools concerned do not have it free beside what is set aside already,
    and ValidationError for what makes no sense.
    """
    parts = _locked(item, store)
    row = Allotment(
        connection=connection, item=item, quantity=quantity, granted_at=now, expires_at=expires_at
    )
    row.full_clean()
    row.save()
    audit.record_created(row, actor=actor, action="allotment.granted", reason=reason)
    _check(item, parts, store=store, now=now)
    mark_items_dirty([item.pk], now=now, correlation_id=correlation.current())
    return row


@transaction.atomic
def renew_allotment(
    *,
    actor: audit.Actor,
    allotment: Allotment,
    expires_at: datetime | None,
    reason: str,
    now: datetime,
    store: AvailabilityStore,
    quantity: Decimal | None = None,
) -> Allotment:
    """Have a standing allotment end later, or hold another quantity; what was used up of it stays used up."""
    parts = _locked(allotment.item, store)
    row = _standing(allotment, now)
    before = audit.snapshot(row)
    row.expires_at = expires_at
    row.quantity = row.quantity if quantity is None else quantity
    row.full_clean()
    row.save()
    audit.record_changed(row, before, actor=actor, action="allotment.renewed", reason=reason)
    _check(row.item, parts, store=store, now=now)
    mark_items_dirty([row.item_id], now=now, correlation_id=correlation.current())
    return row


@transaction.atomic
def withdraw_allotment(*, actor: audit.Actor, allotment: Allotment, reason: str, now: datetime) -> Allotment:
    """Give what is set aside back to everybody."""
    row = _standing(allotment, now)
    end_allotments([row], at=now, actor=actor, action="allotment.withdrawn", reason=reason, now=now)
    return row


def end_allotments(
    rows: Collection[Allotment],
    *,
    actor: audit.Actor,
    action: str,
    reason: str,
    now: datetime,
    at: datetime | None = None,
) -> None:
    """End allotments, each at its own time unless `at` says another, and have their items computed again."""
    for row in rows:
        before = audit.snapshot(row)
        row.ended_at = at or row.expires_at
        row.save()
        audit.record_changed(row, before, actor=actor, action=action, reason=reason)
    mark_items_dirty([row.item_id for row in rows], now=now, correlation_id=correlation.current())


@dataclass(frozen=True, slots=True)
class SetAside:
    """What a channel may still sell of an item that was set aside for it: a kit's, of its components."""

    connection_id: int
    item_id: int
    quantity: Decimal


def still_set_aside(*, store: AvailabilityStore, now: datetime) -> list[SetAside]:
    """Return every allotment that holds something back now, less what its channel has sold since."""
    standing = Allotment.objects.filter(ended_at__isnull=True)
    ids = set(standing.values_list("item_id", flat=True))
    if not ids:
        return []
    recipes = {each.kit_id: each.components for each in store.recipes(ids)}
    return [
        SetAside(each.connection_id, part, exact(each.quantity - each.consumed) * exact(per_unit))
        for item_id, allotments in store.landscape(ids, now=now).set_aside.items()
        for each in allotments
        if each.quantity > each.consumed
        for part, per_unit in recipes.get(item_id, ((item_id, 1_000_000),))
    ]


def check_grant(
    *,
    connection: Connection,
    item: Item,
    quantity: Decimal,
    now: datetime,
    store: AvailabilityStore,
    instead_of: Allotment | None = None,
) -> None:
    """Raise AllotmentTooLarge if such a grant would not fit now; grants nothing."""
    with transaction.atomic():
        parts = _locked(item, store)
        if instead_of is None:
            Allotment.objects.create(connection=connection, item=item, quantity=quantity, granted_at=now)
        else:
            _standing(instead_of, now)
            Allotment.objects.filter(pk=instead_of.pk).update(quantity=quantity)
        try:
            _check(item, parts, store=store, now=now)
        finally:
            transaction.set_rollback(True)


def _standing(allotment: Allotment, now: datetime) -> Allotment:
    row = Allotment.objects.select_for_update(of=("self",)).select_related("item").get(pk=allotment.pk)
    if row.ended_at is not None or (row.expires_at is not None and row.expires_at <= now):
        raise AllotmentOver("This allotment has ended: grant a new one.")
    return row


def _locked(item: Item, store: AvailabilityStore) -> dict[int, int]:
    """Lock the item, or a kit's components, in order; return what one unit takes of each, in millionths.

    Grants of one item wait for each other, so that two cannot each fit alone and not together.
    """
    recipe = next((each for each in store.recipes([item.pk]) if each.kit_id == item.pk), None)
    parts = dict(recipe.components) if recipe else {item.pk: 1_000_000}
    list(Item.objects.select_for_update(no_key=True).filter(pk__in=parts).order_by("pk").values_list("pk"))
    return parts


def _check(item: Item, parts: Iterable[int], *, store: AvailabilityStore, now: datetime) -> None:
    """Raise AllotmentTooLarge when what is set aside of a part, kits that take it included, does not fit."""
    for part in sorted(parts):
        recipes = (each for each in store.recipes([part]) if each.kit_id != part)
        kits = {each.kit_id: dict(each.components)[part] for each in recipes}
        ids = [part, *kits]
        landscape = store.landscape(ids, now=now)
        terms = Terms(items=store.items(ids), landscape=landscape, stock=store.stock([part]), now=now)
        aside = list(terms.allotments(part))
        for kit_id, per_kit in kits.items():
            aside += [
                domain.Allotment(
                    each.channel, each.quantity * exact(per_kit), each.consumed * exact(per_kit), each.pool
                )
                for each in terms.allotments(kit_id)
            ]
        if missing := shortfall(aside, _free(terms, landscape, part)):
            raise AllotmentTooLarge(
                f"{plain(missing)} of {terms.items[part].sku} more would be set aside than its pools have."
            )


def _free(terms: Terms, landscape: Landscape, item_id: int) -> dict[str, Decimal]:
    """Return what is free of the item at every known place; what is in doubt can be set aside for nobody."""
    free: dict[str, Decimal] = {}
    for channel in landscape.channels.values():
        for place in terms.locations(channel, item_id):
            if place.is_known:
                left = domain.free(place)
                free[place.location] = min(left, free.get(place.location, left))
    return free
