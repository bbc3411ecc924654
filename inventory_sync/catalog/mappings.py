"""Write how vendors name our items and places. Every write is audited and says what it may set free.

One external id means one item; an item may be sold under many. Nothing is guessed here: a mapping is
confirmed, ignored or suspended by somebody. Reading mappings for a batch is resolve.py.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.catalog.authorities import hold_gate, is_decided_by
from inventory_sync.catalog.models import Item, ItemMapping, Location, LocationMapping
from inventory_sync.catalog.services import Effect
from inventory_sync.connections import registry
from inventory_sync.connections.models import Connection
from inventory_sync.domain.errors import Misconfigured


def confirm_item_mapping(
    *,
    connection: Connection,
    external_id: str,
    item: Item,
    numerator: int = 1,
    denominator: int = 1,
    kind: str | None = None,
    external_parent: str | None = None,
    label: str | None = None,
    external_sku: str | None = None,
    publishes: bool | None = None,
    actor: audit.Actor,
    reason: str,
) -> tuple[ItemMapping, Effect]:
    """Say what an external id means: one vendor unit is numerator/denominator base units of `item`.

    Works for an id never seen, a proposal, and a change of mind. None keeps what is there.
    """
    with transaction.atomic():
        row, before = _locked_mapping(connection, external_id)
        old_item = row.item_id
        row.item, row.state = item, ItemMapping.State.CONFIRMED
        row.numerator, row.denominator = numerator, denominator
        for name, value in (
            ("kind", kind),
            ("external_parent", external_parent),
            ("label", label),
            ("external_sku", external_sku),
            ("publishes", publishes),
        ):
            if value is not None:
                setattr(row, name, value)
        return row, _save_mapping(row, before, old_item, actor=actor, reason=reason)


def ignore_item_mapping(
    *, connection: Connection, external_id: str, label: str | None = None, actor: audit.Actor, reason: str
) -> tuple[ItemMapping, Effect]:
    """Say that an external id is none of our business: its lines are skipped and counted."""
    with transaction.atomic():
        row, before = _locked_mapping(connection, external_id)
        old_item = row.item_id
        row.state = ItemMapping.State.IGNORED
        row.publishes = False
        row.label = row.label if label is None else label
        return row, _save_mapping(row, before, old_item, actor=actor, reason=reason)


def suspend_item_mapping(*, mapping_id: int, actor: audit.Actor, reason: str) -> tuple[ItemMapping, Effect]:
    """Stop believing a mapping: from now on its lines are parked and its figures not pushed."""
    with transaction.atomic():
        row = ItemMapping.objects.select_for_update().get(pk=mapping_id)
        before = audit.snapshot(row)
        row.state = ItemMapping.State.SUSPENDED
        return row, _save_mapping(row, before, row.item_id, actor=actor, reason=reason)


def propose_item_mapping(
    *,
    connection: Connection,
    external_id: str,
    item: Item | None,
    label: str = "",
    external_sku: str = "",
    external_parent: str = "",
    actor: audit.Actor,
    reason: str,
) -> tuple[ItemMapping, bool]:
    """Keep a suggestion for a person to judge; what staff already decided is never touched."""
    with transaction.atomic():
        row, new = ItemMapping.objects.get_or_create(
            connection=connection,
            external_id=external_id,
            defaults={
                "item": item,
                "label": label,
                "external_sku": external_sku,
                "external_parent": external_parent,
                "state": ItemMapping.State.PROPOSED,
            },
        )
        if new:
            audit.record_created(row, actor=actor, action="mapping.proposed", reason=reason)
    return row, new


def save_location_mapping(row: LocationMapping, *, actor: audit.Actor, reason: str) -> Effect:
    """Join a place of a connection to one of ours, or change the roles it plays."""
    with transaction.atomic():
        # Nobody becomes its authority meanwhile, and a mirror begins and ends between two postings.
        hold_gate(row.location_id)
        before = None
        if row.pk:
            before = audit.snapshot(LocationMapping.objects.select_for_update().get(pk=row.pk))
        check_location_mapping(row)
        row.full_clean()
        row.save()
        if before is None:
            audit.record_created(row, actor=actor, action="location_mapping.created", reason=reason)
        else:
            audit.record_changed(row, before, actor=actor, action="location_mapping.changed", reason=reason)
    return _effect_of_place(row)


def check_location_mapping(row: LocationMapping) -> None:
    if row.location.kind in Location.VIRTUAL:
        raise ValidationError({"location": "A virtual location is no place a vendor knows."})
    if not (row.counts_from or row.sells_for or row.fulfils or row.mirrors):
        raise ValidationError("Give the place at least one role.")
    if row.counts_from and not row.external_id:
        raise ValidationError({"external_id": "A place that reports has an id at its vendor."})
    if row.mirrors:
        _check_mirror(row)


def _check_mirror(row: LocationMapping) -> None:
    """Refuse a copy that could be no copy: of what the connection itself decides, or cannot keep."""
    try:
        able = registry.connector(row.connection.connector).capabilities.mirrors_stock
    except Misconfigured as error:
        raise ValidationError({"connection": error.detail}) from error
    if not able:
        raise ValidationError(
            {"mirrors": f"{row.connection.label} cannot keep a copy of stock that others decide."}
        )
    if not row.external_id:
        raise ValidationError({"external_id": "A place that keeps a copy has an id at its vendor."})
    if is_decided_by(row.connection_id, row.location_id):
        raise ValidationError(
            {"mirrors": f"{row.connection.label} decides what is at {row.location.code}: that is no copy."}
        )


def remove_location_mapping(*, mapping_id: int, actor: audit.Actor, reason: str) -> Effect:
    with transaction.atomic():
        row = (
            LocationMapping.objects.select_for_update(of=("self",))
            .select_related("location")
            .get(pk=mapping_id)
        )
        effect = Effect(channels=frozenset({row.connection_id}))
        audit.record_deleted(row, actor=actor, action="location_mapping.removed", reason=reason)
        row.delete()
    return effect


def _locked_mapping(connection: Connection, external_id: str) -> tuple[ItemMapping, dict[str, object] | None]:
    row = (
        ItemMapping.objects.select_for_update(of=("self",))
        .filter(connection=connection, external_id=external_id)
        .first()
    )
    if row is None:
        return ItemMapping(connection=connection, external_id=external_id), None
    return row, audit.snapshot(row)


def _save_mapping(
    row: ItemMapping,
    before: dict[str, object] | None,
    old_item: int | None,
    *,
    actor: audit.Actor,
    reason: str,
) -> Effect:
    row.full_clean()
    row.save()
    if before is None:
        audit.record_created(row, actor=actor, action="mapping.created", reason=reason)
    else:
        audit.record_changed(row, before, actor=actor, action="mapping.changed", reason=reason)
    return Effect(
        items=frozenset({item for item in (old_item, row.item_id) if item is not None}),
        waits=((row.connection_id, f"item:{row.external_id}"),),
        channels=frozenset({row.connection_id}),
        mappings=frozenset({row.pk}),
    )


def _effect_of_place(row: LocationMapping) -> Effect:
    waits = ((row.connection_id, f"location:{row.external_id}"),) if row.external_id else ()
    return Effect(waits=waits, channels=frozenset({row.connection_id}))
