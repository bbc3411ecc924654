"""Writes that people and setup ask for: listings made from mappings, failed pushes tried again.

A retry of a push is always computed anew: the figure sent is the one wanted then. Does not send.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.availability.compute import listing_figure
from inventory_sync.availability.models import ChannelFigure
from inventory_sync.catalog.models import Item, ItemMapping
from inventory_sync.domain.units import Factor
from inventory_sync.ledger.services import mark_items_dirty
from inventory_sync.propagation.models import Listing, PushAttempt, PushCall


def sync_listings(connection_id: int, *, now: datetime) -> int:
    """Make a listing for every confirmed mapping that publishes; take out those that no longer do.

    Returns how many were made. Their items are marked dirty, so figures follow by themselves.
    """
    with transaction.atomic():
        publishing = ItemMapping.objects.filter(
            connection_id=connection_id,
            connection__sells=True,
            state=ItemMapping.State.CONFIRMED,
            publishes=True,
        )
        Listing.objects.filter(connection_id=connection_id).exclude(mapping__in=publishing).delete()
        have = set(Listing.objects.filter(connection_id=connection_id).values_list("mapping_id", flat=True))
        missing = [mapping for mapping in publishing if mapping.pk not in have]
        Listing.objects.bulk_create(
            Listing(
                connection_id=connection_id,
                mapping=mapping,
                external_id=mapping.external_id,
                external_parent=mapping.external_parent,
            )
            for mapping in missing
        )
        owe_known_figures(connection_id, [mapping.pk for mapping in missing], now=now)
        mark_items_dirty([mapping.item_id for mapping in missing if mapping.item_id is not None], now=now)
        return len(missing)


def owe_known_figures(connection_id: int, mapping_ids: Collection[int], *, now: datetime) -> None:
    """Give listings of new or changed mappings the figure that stands: computing again tells only of changes.

    Without one nothing is wanted of them: what was wanted may belong to the item they named before. Their
    items are held first, so that no figure is computed and owed between reading it here and writing it.
    """
    listings = Listing.objects.filter(connection_id=connection_id, mapping_id__in=mapping_ids)
    items = set(listings.exclude(mapping__item=None).values_list("mapping__item_id", flat=True))
    list(Item.objects.filter(pk__in=items).order_by("pk").select_for_update(no_key=True))
    known = ChannelFigure.objects.filter(connection_id=connection_id, item_id__in=items)
    figures = {row.item_id: row for row in known}
    changed = []
    for listing in (
        listings.select_related("mapping").order_by("id").select_for_update(of=("self",), no_key=True)
    ):
        row = figures.get(listing.mapping.item_id or 0)
        if row is None or row.figure is None:
            listing.desired, listing.desired_version = None, row.version if row else 0
            listing.state, listing.dirty_since, listing.urgent = Listing.State.UNKNOWN, None, False
        else:
            factor = Factor(listing.mapping.numerator, listing.mapping.denominator)
            listing.desired, listing.desired_version = listing_figure(row.figure, factor), row.version
            listing.state, listing.dirty_since, listing.urgent = Listing.State.OWED, now, listing.desired == 0
        changed.append(listing)
    Listing.objects.bulk_update(
        changed, ["desired", "desired_version", "state", "dirty_since", "urgent"], batch_size=500
    )


def forget_history(*, before: datetime) -> int:
    """Drop what is kept of pushes older than a moment; returns how many attempts went."""
    gone, _ = PushAttempt.objects.filter(at__lt=before).delete()
    PushCall.objects.filter(at__lt=before, attempts__isnull=True).delete()
    return gone


def preview(listing: Listing) -> dict[str, Any]:
    """Return what a retry would send now, and what the channel was last seen to show."""
    return {
        "listing": str(listing),
        "would_send": listing.desired,
        "channel_shows": listing.observed,
        "acknowledged": listing.acknowledged,
        "attempts": listing.attempts,
        "error": listing.error_detail,
        "note": "The figure is computed anew when it is sent; the channel is read first and afterwards.",
    }


def retry(listing_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> int:
    """Owe failed or waiting listings again, at once; one audit entry each. Returns how many."""
    with transaction.atomic():
        rows = list(Listing.objects.select_for_update(no_key=True).filter(id__in=listing_ids).order_by("id"))
        for row in rows:
            before = {"state": row.state, "attempts": row.attempts, "error": row.error_code}
            if row.desired is not None:
                row.state = Listing.State.OWED
                row.dirty_since = row.dirty_since or now
            else:
                row.state = Listing.State.UNKNOWN
            row.attempts, row.run_at, row.error_code, row.error_detail = 0, now, "", ""
            audit.record(
                actor=actor,
                action="push.retried",
                subject=row,
                before=before,
                after={"state": row.state, "would_send": str(row.desired)},
                reason=reason,
            )
        Listing.objects.bulk_update(
            rows, ["state", "dirty_since", "attempts", "run_at", "error_code", "error_detail"]
        )
        return len(rows)
