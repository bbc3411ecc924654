"""What happens by the clock. Beat only wakes; a tick counts once however many beats run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from inventory_sync.pipeline.models import Sign, Tick
from inventory_sync.support.clock import utc_now

EVERY_S = {"keep_house": 30}
KEEP_TICKS = timedelta(days=2)


def once(name: str, at: str, work: Callable[[], dict[str, int]]) -> dict[str, int]:
    """Do the work of a tick unless this tick was done already. `at` "" means now."""
    now = datetime.fromisoformat(at) if at else utc_now()
    every = EVERY_S[name]
    tick = datetime.fromtimestamp(now.timestamp() // every * every, tz=now.tzinfo)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pipeline_tick (schedule, at) VALUES (%s, %s) ON CONFLICT DO NOTHING", [name, tick]
        )
        if not cursor.rowcount:
            return {"skipped": 1}
    Tick.objects.filter(at__lt=now - KEEP_TICKS).delete()
    return work()


def sing(queue: str, sent_at: str) -> dict[str, Any]:
    """Write the sign of life of a queue's workers."""
    sent, now = datetime.fromisoformat(sent_at), utc_now()
    Sign.objects.update_or_create(name=f"canary:{queue}", defaults={"at": now, "sent_at": sent})
    return {"took_ms": int((now - sent).total_seconds() * 1000)}
