"""Note every half minute how much waits and what was counted so far: rates and curves are read from that.

What leaves a queue is counted where it leaves. What arrived is that and what more waits, summed from sample
to sample, so that it never falls: what is taken away unapplied did arrive.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from inventory_sync.domain.errors import Misconfigured
from inventory_sync.pipeline import tallies
from inventory_sync.pipeline.gauges import Look, flow
from inventory_sync.pipeline.gauges.flow import Lane
from inventory_sync.pipeline.models_tallies import Sample
from inventory_sync.propagation.selectors import bounds

KEEP = timedelta(days=2)
CALLS_PER_FLIGHT = 6  # reads and pulls orders before the write and after it, writes, and one to spare
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
        "aside": flow.set_aside(),
        "listings": flow.listings(),
        "bounds": {lane.code: _bounds(lane, now=now) for lane in look.lanes if lane.state == "active"},
    }
    Sample.objects.update_or_create(at=now, defaults={"figures": figures})
    Sample.objects.filter(at__lt=now - KEEP).delete()
    return {"samples": 1, "slots_forgotten": tallies.forget(now=now)}


def _step(was: dict[str, int] | None, waiting: int, gone: int) -> dict[str, int]:
    if was is None:
        return {"waiting": waiting, "gone": gone, "arrived": gone + waiting}
    came = max(0, gone - was["gone"] + waiting - was["waiting"])
    return {"waiting": waiting, "gone": gone, "arrived": was["arrived"] + came}


def _bounds(lane: Lane, *, now: datetime) -> dict[str, float]:
    """Return how old the figures of each class get while things go on; nothing for a lane with no pace."""
    try:
        found = bounds(lane.id, now=now, calls_per_flight=CALLS_PER_FLIGHT)
    except (Misconfigured, ZeroDivisionError):  # its connector is gone, or its rate is zero
        return {}
    return {"urgent": found.soonest.total_seconds(), "all": found.every.total_seconds()}


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
