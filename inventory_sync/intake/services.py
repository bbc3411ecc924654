"""Writes that people and other rooms ask for: put deliveries back to be applied again.

Applying again is safe by construction: events count once, orders by version. Does not apply anything itself.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction

from inventory_sync.audit import services as audit
from inventory_sync.domain.errors import UnmappedItem, UnmappedLocation
from inventory_sync.intake.models import Delivery, ParkedLine

REPLAY_TIER = "replay"
_ANSWERED = """
SELECT DISTINCT p.connection_id, p.waits_on FROM intake_parkedline p
JOIN intake_delivery d ON d.id = p.delivery_id AND d.state = 'parked'
WHERE p.resolved_at IS NULL AND (
    p.code = %s AND EXISTS (SELECT FROM catalog_itemmapping m WHERE m.connection_id = p.connection_id
        AND m.external_id = substr(p.waits_on, length('item:') + 1)
        AND (m.state = 'ignored' OR m.state = 'confirmed' AND m.item_id IS NOT NULL))
    OR p.code = %s AND EXISTS (SELECT FROM catalog_locationmapping m WHERE m.counts_from
        AND m.connection_id = p.connection_id
        AND m.external_id = substr(p.waits_on, length('location:') + 1))
)
"""


def requeue(delivery_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> int:
    """Set deliveries pending again, with attempts forgotten; one audit entry each. Returns how many."""
    with transaction.atomic():
        chosen = Delivery.objects.select_for_update().filter(id__in=delivery_ids).order_by("id")
        rows = list(chosen.defer("body", "headers"))
        after = {"state": Delivery.State.PENDING, "attempts": 0}
        changed = ((row, {"state": row.state, "attempts": row.attempts}, after) for row in rows)
        audit.record_each(changed, actor=actor, action="delivery.requeued", reason=reason)
        return _set_pending([row.id for row in rows], now=now)


def hand_back(delivery_ids: Collection[int], *, now: datetime) -> int:
    """Set these deliveries pending on the replay tier, behind everything that is new; returns how many.

    Those that wait already are left as they are. Who asked and why is written down with the whole set.
    """
    with transaction.atomic():
        rows = Delivery.objects.select_for_update().filter(id__in=delivery_ids)
        ids = list(rows.exclude(state=Delivery.State.PENDING).order_by("id").values_list("id", flat=True))
        Delivery.objects.filter(id__in=ids).update(tier=REPLAY_TIER)
        return _set_pending(ids, now=now)


def store_copy(origin_id: int, body: bytes, *, actor: audit.Actor, reason: str, now: datetime) -> Delivery:
    """Store an edited copy of a delivery, in turn with its object; the origin stays as it came."""
    origin = Delivery.objects.get(pk=origin_id)
    copy = Delivery.objects.create(
        connection_id=origin.connection_id,
        topic=origin.topic,
        # What a sweep finds counts as told by no webhook; this was found by a person.
        source="edited" if origin.source == "sweep" else origin.source,
        tier=origin.tier,
        shard=origin.shard,
        object_key=origin.object_key,
        headers=origin.headers,
        body=body,
        reading=origin.reading,
        begun=origin.begun,
        received_at=now,
        correlation_id=origin.correlation_id,
        run_at=now,
    )
    audit.record(
        actor=actor,
        action="delivery.edited",
        subject=copy,
        before={"delivery": origin.pk, "bytes": len(origin.body)},
        after={"delivery": copy.pk, "bytes": len(body)},
        reason=reason,
    )
    return copy


def resolve_parked(line_ids: Collection[int], *, actor: audit.Actor, reason: str, now: datetime) -> int:
    """Close parked lines by a person's word, without applying them. Returns how many were open."""
    with transaction.atomic():
        rows = list(
            ParkedLine.objects.select_for_update()
            .filter(id__in=line_ids, resolved_at__isnull=True)
            .order_by("id")
        )
        for row in rows:
            audit.record(actor=actor, action="line.resolved", subject=row, reason=reason)
            row.resolved_at, row.resolution = now, reason[:200]
            row.save(update_fields=["resolved_at", "resolution", "updated_at"])
        done = {row.delivery_id for row in rows}
        still = ParkedLine.objects.filter(delivery_id__in=done, resolved_at__isnull=True)
        Delivery.objects.filter(id__in=done - set(still.values_list("delivery_id", flat=True))).update(
            state=Delivery.State.DONE
        )
        return len(rows)


def replace_delivery(delivery_id: int, *, by: int, actor: audit.Actor, reason: str, now: datetime) -> None:
    """Let a delivery that failed wait for nothing any more: an edited copy is applied instead."""
    lines = ParkedLine.objects.filter(delivery_id=delivery_id, resolved_at__isnull=True)
    said = f"Edited copy #{by} is applied instead. {reason}"
    with transaction.atomic():
        resolve_parked(list(lines.values_list("pk", flat=True)), actor=actor, reason=said, now=now)
        failed = Delivery.objects.filter(
            pk=delivery_id, state__in=(Delivery.State.PARKED, Delivery.State.REJECTED)
        )
        failed.update(state=Delivery.State.DONE)


def requeue_waiting(connection_id: int, waits_on: str, *, now: datetime) -> int:
    """Set every delivery pending whose line waited for this; called after the mapping was made."""
    waiting = ParkedLine.objects.filter(
        connection_id=connection_id, waits_on=waits_on, resolved_at__isnull=True
    ).values_list("delivery_id", flat=True)
    with transaction.atomic():
        ids = list(
            Delivery.objects.select_for_update()
            .filter(id__in=list(waiting))
            .order_by("id")
            .values_list("id", flat=True)
        )
        return _set_pending(ids, now=now)


def connections_waiting(waits_on: str) -> list[int]:
    """Return the connections with a line that waits for this."""
    rows = ParkedLine.objects.filter(waits_on=waits_on, resolved_at__isnull=True)
    return sorted(set(rows.values_list("connection_id", flat=True)))


def requeue_answered(*, now: datetime) -> int:
    """Set every delivery pending that waits for a name somebody explained while it was being parked."""
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERED, [UnmappedItem.code, UnmappedLocation.code])
        answered = cursor.fetchall()
    return sum(requeue_waiting(connection_id, waits_on, now=now) for connection_id, waits_on in answered)


def _set_pending(ids: Collection[int], *, now: datetime) -> int:
    return Delivery.objects.filter(id__in=ids).update(
        state=Delivery.State.PENDING, attempts=0, run_at=now, finished_at=None, error_code="", error_detail=""
    )
