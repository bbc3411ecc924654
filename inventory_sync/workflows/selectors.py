"""What is owed to other systems now, for whoever works it off."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q, QuerySet

from inventory_sync.connections.models import Connection, WriterLease
from inventory_sync.workflows.models import Copy, DeliveryTold
from inventory_sync.workflows.store import due_now


def targets_due(now: datetime) -> list[int]:
    """Return the connections with copies a writer may take up now, unless one is writing there."""
    writing = WriterLease.objects.filter(lease_until__gt=now).values("connection_id")
    found = Copy.objects.filter(due_now(now)).exclude(location_ref="").exclude(target_id__in=writing)
    return sorted(set(found.values_list("target_id", flat=True)))


def channels_due(now: datetime) -> list[int]:
    """Return the channels that are owed word of a delivery now."""
    return sorted(set(deliveries_due(now).values_list("channel_id", flat=True)))


def deliveries_due(now: datetime) -> QuerySet[DeliveryTold]:
    """Return what is owed now and nobody is telling; who drains is told what it was owed when it began."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    begun = ~Q(channel__state=Connection.State.DRAINING) | Q(since__lte=F("channel__state_since"))
    return DeliveryTold.objects.filter(free, begun, state=DeliveryTold.State.OWED, run_at__lte=now)
