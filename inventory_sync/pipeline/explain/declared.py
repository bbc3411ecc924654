"""What people declared and others announced, as documents: policies, allotments, what is still to come.

They decide a term and add nothing to it, so none of them has a quantity of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from inventory_sync.availability.models import Allotment, Policy, PolicyVersion
from inventory_sync.domain.reports import plain
from inventory_sync.ledger.models_incoming import ExpectationLine
from inventory_sync.pipeline.explain.types import Document

LISTED = 20
# What a policy says that differs from saying nothing: its name, in words, what it is without, its unit.
WORDS = (
    ("share_percent", "share", Decimal(100), " %"),
    ("buffer", "buffer", Decimal(0), ""),
    ("buffer_percent", "buffer", Decimal(0), " %"),
    ("cap", "cap", None, ""),
    ("threshold", "threshold", Decimal(0), ""),
    ("safety_stock", "safety stock", Decimal(0), ""),
    ("pack", "in packs of", None, ""),
    ("backorder_allowance", "backorders", Decimal(0), ""),
    ("preorder_allowance", "pre-orders", Decimal(0), ""),
)


def policy_document(
    connection_id: int, item_id: int | None, version: int, *, moment: datetime | None
) -> Document | None:
    """Return the policy an item had on a channel then, its own or the channel's, with who set it and why."""
    if not version:
        return None
    row = _own(connection_id, item_id, moment) or _latest(connection_id, None, moment)
    if row is None or row.version != version:
        same = PolicyVersion.objects.filter(connection_id=connection_id, version=version)
        row = same.filter(_of_item(item_id) | _of_item(None)).order_by("item_id").first()
    if row is None:
        return Document("policy", f"Policy version {version}", detail="no longer kept")
    subject = f"for {row.item.sku}" if row.item_id and row.item else "for all items"
    said = ", ".join(_said(row.values)) or "nothing is held back"
    policy = Policy.objects.filter(_of_item(row.item_id), connection_id=connection_id).first()
    return Document(
        "policy",
        f"Policy of {row.connection.code} {subject}, version {row.version}",
        at=row.valid_from,
        detail=f"{said} · set by {row.actor}: {row.reason}",
        model="availability_policy" if policy else "",
        pk=policy.pk if policy else None,
    )


def allotment_documents(item_id: int, channel: str, *, moment: datetime) -> tuple[Document, ...]:
    """Return what was set aside of an item for a channel at the moment."""
    rows = Allotment.objects.filter(item_id=item_id, connection__code=channel, granted_at__lte=moment).filter(
        Q(expires_at=None) | Q(expires_at__gt=moment), Q(ended_at=None) | Q(ended_at__gt=moment)
    )
    return tuple(
        Document(
            "allotment",
            f"{plain(row.quantity)} set aside for {channel}",
            at=row.granted_at,
            detail=f"until {row.expires_at:%Y-%m-%d %H:%M} UTC"
            if row.expires_at
            else "until it is withdrawn",
            model="availability_allotment",
            pk=row.pk,
        )
        for row in rows.order_by("granted_at")[:LISTED]
    )


def incoming_documents(item_id: int) -> tuple[Document, ...]:
    """Return what is announced of an item and still to come, the soonest first."""
    rows = ExpectationLine.objects.filter(item_id=item_id, open__gt=0).select_related(
        "expectation__connection", "expectation__location"
    )
    found = []
    for row in rows.order_by("due_at", "id")[:LISTED]:
        due = row.due_at or row.expectation.due_at
        place = row.expectation.location.code if row.expectation.location else "nobody knows where"
        when = f"due {due:%Y-%m-%d}" if due else "no date"
        found.append(
            Document(
                "expectation",
                f"{row.expectation}: {plain(row.open)} still to come",
                at=row.expectation.changed_at,
                detail=f"{row.expectation.connection.code} · to {place} · {when}",
                model="ledger_expectation",
                pk=row.expectation_id,
                correlation_id=row.expectation.correlation_id,
            )
        )
    return tuple(found)


def _own(connection_id: int, item_id: int | None, moment: datetime | None) -> PolicyVersion | None:
    """Return the item's own policy then; one that was taken away rules nothing."""
    row = _latest(connection_id, item_id, moment) if item_id is not None else None
    return row if row is not None and row.values else None


def _latest(connection_id: int, item_id: int | None, moment: datetime | None) -> PolicyVersion | None:
    rows = PolicyVersion.objects.filter(_of_item(item_id), connection_id=connection_id)
    if moment is not None:
        rows = rows.filter(valid_from__lte=moment)
    return rows.select_related("connection", "item").order_by("-version").first()


def _of_item(item_id: int | None) -> Q:
    return Q(item__isnull=True) if item_id is None else Q(item_id=item_id)


def _said(values: Mapping[str, Any]) -> list[str]:
    said = []
    for name, word, usual, unit in WORDS:
        value = values.get(name)
        if value is not None and Decimal(str(value)) != usual:
            said.append(f"{word} {plain(Decimal(str(value)))}{unit}")
    fallback = values.get("fallback")
    if fallback in Policy.Fallback.values:
        said.append(f"when unknown: {Policy.Fallback(fallback).label.lower()}")
    return said
