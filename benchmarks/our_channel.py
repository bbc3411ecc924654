"""Our side's shop: pointed to the channel of the run, with its limit; and how far its lane is."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import close_old_connections, connection, transaction

from benchmarks.world import SHOP, TILL
from inventory_sync.connections import budgets
from inventory_sync.connections.models import Breaker, Budget, Connection, Cursor
from inventory_sync.intake.models import Delivery
from inventory_sync.ledger.selectors import any_dirty
from inventory_sync.pipeline.flight import CALLS_PER_PUSH
from inventory_sync.propagation import selectors
from inventory_sync.propagation.models import Listing

CHILDREN = 5
"""Variations of one parent, as sizes of a shirt."""


@transaction.atomic
def point(url: str, per_s: float, burst: float) -> None:
    """Have the shop's lane call the channel, within this limit; nobody reads the till, which is not there."""
    shop, till = Connection.objects.get(code=SHOP), Connection.objects.get(code=TILL)
    now = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    config = {**shop.config, "base_url": url, "allow_insecure": True, "timeout_s": 20}
    Connection.objects.filter(pk=shop.pk).update(config=config)
    Budget.objects.filter(connection=shop).update(
        rate_per_s=per_s,
        burst=burst,
        tokens=burst,
        refilled_at=now,
        closed_until=None,
        eased=1.0,
        eased_at=None,
    )
    Breaker.objects.filter(connection=shop).delete()
    Cursor.objects.update_or_create(
        connection=till, stream="events", defaults={"run_at": now + timedelta(days=1)}
    )


def vary(among: int) -> int:
    """Make every third listing of the first items a variation, a few of them below one parent."""
    chosen = Listing.objects.filter(connection__code=SHOP, mapping__item_id__isnull=False).order_by("id")[
        :among
    ]
    thirds = [row.pk for nth, row in enumerate(chosen) if nth % 3 == 0]
    parents: dict[int, list[int]] = {}
    for nth, number in enumerate(thirds):
        parents.setdefault(10_000_000 + nth // CHILDREN, []).append(number)
    for parent, numbers in parents.items():
        rows = Listing.objects.filter(pk__in=numbers, external_id__startswith="product:")
        for row in rows:
            row.external_id = row.external_id.replace("product:", "variation:")
            row.external_parent = f"product:{parent}"
            row.save(update_fields=["external_id", "external_parent"])
    return len(thirds)


def owed() -> dict[str, int]:
    """Return what is not at rest: deliveries to apply, items to compute, listings to tell."""
    close_old_connections()
    listings = Listing.objects.filter(connection__code=SHOP, state=Listing.State.OWED).count()
    pending = Delivery.objects.filter(state=Delivery.State.PENDING)
    bulk = pending.filter(tier="bulk").count()
    return {"deliveries": pending.count(), "bulk": bulk, "items": int(any_dirty()), "listings": listings}


def bounds() -> dict[str, float]:
    """Return how old figures of the shop may get by what is owed now, and how old the oldest is."""
    close_old_connections()
    shop = Connection.objects.get(code=SHOP)
    found = selectors.bounds(shop.pk, now=datetime.now(UTC), calls_per_flight=CALLS_PER_PUSH)
    return {
        "owed": found.owed, "oldest_s": found.oldest.total_seconds(), "every_s": found.every.total_seconds(),
        "at": time.monotonic(),
    }  # fmt: skip


def applied(tier: str, since: str) -> list[float]:
    """Return how long each delivery of a tier took from its arrival until it was applied, in seconds."""
    rows = Delivery.objects.filter(
        tier=tier, received_at__gte=datetime.fromisoformat(since), finished_at__isnull=False
    )
    times = rows.values_list("finished_at", "received_at")
    return [(ended - came).total_seconds() for ended, came in times if ended is not None]


def pay(count: int) -> float:
    """Pay for so many calls, one after the other, as each call to a vendor does; returns the seconds."""
    shop = Connection.objects.get(code=SHOP)
    Budget.objects.filter(connection=shop).update(rate_per_s=10_000, burst=100_000, tokens=100_000)
    began = time.perf_counter()
    for _ in range(count):
        if budgets.pay(shop.pk).wait_s:
            raise ValueError("the budget of the measure is spent")
    return time.perf_counter() - began


ORDERS: dict[str, Callable[..., Any]] = {
    "point": point,
    "vary": vary,
    "owed": owed,
    "bounds": bounds,
    "applied": applied,
    "pay": pay,
}
