"""What time alone changes: leases end, reports grow too old, arrivals come near. Marks what that touches.

Called by the clock of the pipeline. Only what has become due is looked at, never every item.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from inventory_sync.availability.allotments import end_allotments
from inventory_sync.availability.declared import touch_location
from inventory_sync.availability.models import Allotment, Freshness
from inventory_sync.catalog.recipes import apply_due
from inventory_sync.ledger.services import mark_items_dirty
from inventory_sync.support import correlation

CLOCK = "the clock"
BATCH = 500
# A report is a level that was written, or a reading of its authority that found nothing new.
NEWEST = """
SELECT f.id, f.location_id, f.stale, f.max_age_s, greatest(
    (SELECT max(l.changed_at) FROM ledger_stocklevel l WHERE l.location_id = f.location_id AND l.known),
    (SELECT max(c.swept_at) FROM connections_cursor c
     JOIN catalog_authority a ON a.connection_id = c.connection_id
     WHERE a.location_id = f.location_id AND a.attribute = 'on_hand' AND a.valid_to IS NULL
        AND c.error_code = ''))
FROM availability_freshness f ORDER BY f.id
"""


@dataclass(frozen=True, slots=True)
class Due:
    """What had become due: leases ended, locations grown stale or fresh again, recipes come into force."""

    ended: int = 0
    stale: int = 0
    fresh: int = 0
    recipes: int = 0

    @property
    def any(self) -> bool:
        return bool(self.ended or self.stale or self.fresh or self.recipes)


def keep_time(*, now: datetime) -> Due:
    """End leases whose time has come, and tell locations that were silent too long from those that speak."""
    recipes = _apply_recipes(now)
    ended = _end_leases(now)
    stale, fresh = _judge_ages(now)
    return Due(ended, stale, fresh, recipes)


@transaction.atomic
def _apply_recipes(now: datetime) -> int:
    """Put recipes in force together with their dirty marks: nothing else would have their kits computed."""
    kits = apply_due(now=now).items
    mark_items_dirty(kits, now=now, correlation_id=correlation.current())
    return len(kits)


@transaction.atomic
def _end_leases(now: datetime) -> int:
    due = Allotment.objects.filter(ended_at__isnull=True, expires_at__lte=now)
    rows = list(due.select_for_update(of=("self",), skip_locked=True).order_by("pk")[:BATCH])
    if rows:
        end_allotments(rows, actor=CLOCK, action="allotment.expired", reason="Its lease has ended.", now=now)
    return len(rows)


@transaction.atomic
def _judge_ages(now: datetime) -> tuple[int, int]:
    stale = fresh = 0
    with connection.cursor() as cursor:
        cursor.execute(NEWEST)
        rows = cursor.fetchall()
    for row_id, location_id, was_stale, max_age_s, newest in rows:
        is_stale = newest is None or now - newest > timedelta(seconds=max_age_s)
        Freshness.objects.filter(pk=row_id).update(newest_report_at=newest, stale=is_stale)
        if is_stale != was_stale:
            stale, fresh = stale + is_stale, fresh + (not is_stale)
            touch_location(location_id, now=now)
    return stale, fresh
