"""Note every half minute how much waits and what was counted so far: rates and curves are read from that.

What leaves a queue is counted where it leaves. What arrived is that and what more waits, summed from sample
to sample, so that it never falls: what is taken away unapplied did arrive.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from inventory_sync.pipeline import tallies
from inventory_sync.pipeline.gauges import Look
from inventory_sync.pipeline.models_tallies import Sample

KEEP = timedelta(days=2)
SETTLED_DOWN = timedelta(seconds=10)  # an order is looked at when whoever took a lower id has committed too

_REQUESTS = """
SELECT count(*), count(*) FILTER (WHERE refused), max(id) FROM (
    SELECT o.id, NOT EXISTS (
        SELECT FROM ledger_reservation r WHERE r.order_id = o.id AND r.state <> 'rejected') AS refused
    FROM ledger_order o
    WHERE o.requested AND o.id > %(after)s AND o.first_seen_at < %(before)s ORDER BY o.id LIMIT 50000
) AS fresh
"""
_NEWEST = "SELECT coalesce(max(id), 0) FROM ledger_order WHERE requested"


def sample(*, now: datetime) -> dict[str, int]:
    """Write one sample and clear away old ones; returns counts."""
    look = Look(now)
    before = Sample.objects.order_by("-at").first()
    was: dict[str, Any] = before.figures if before is not None else {}
    figures = {
        "tiers": {
            tier.name: _step(was.get("tiers", {}).get(tier.name), tier.waiting, tier.drained)
            for tier in look.tiers
        },
        "lanes": {
            lane.code: _step(was.get("lanes", {}).get(lane.code), lane.owed, lane.acknowledged)
            for lane in look.lanes
        },
        "requests": _requests(was.get("requests"), now=now),
    }
    Sample.objects.update_or_create(at=now, defaults={"figures": figures})
    Sample.objects.filter(at__lt=now - KEEP).delete()
    return {"samples": 1, "slots_forgotten": tallies.forget(now=now)}


def _step(was: dict[str, int] | None, waiting: int, gone: int) -> dict[str, int]:
    if was is None:
        return {"waiting": waiting, "gone": gone, "arrived": gone + waiting}
    came = max(0, gone - was["gone"] + waiting - was["waiting"])
    return {"waiting": waiting, "gone": gone, "arrived": was["arrived"] + came}


def _requests(was: dict[str, int] | None, *, now: datetime) -> dict[str, int]:
    """Count the requests since the last sample; history before the first is not counted."""
    with connection.cursor() as cursor:
        if was is None:
            cursor.execute(_NEWEST)
            return {"asked": 0, "refused": 0, "after": cursor.fetchone()[0]}
        cursor.execute(_REQUESTS, {"after": was["after"], "before": now - SETTLED_DOWN})
        asked, refused, newest = cursor.fetchone()
    return {
        "asked": was["asked"] + asked,
        "refused": was["refused"] + refused,
        "after": newest or was["after"],
    }
