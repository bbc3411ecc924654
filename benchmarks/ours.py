"""Our side: the platform's own code on a database of this run. Driven by the harness (driver.py).

Rows of the world are written straight to the tables; everything that is measured goes the platform's way.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - needs Django set up
from django.db import connection, transaction  # noqa: E402

from benchmarks import history, our_channel, our_landing, our_world, world  # noqa: E402
from benchmarks.driver import serve  # noqa: E402
from benchmarks.rows import Tables, digest  # noqa: E402
from benchmarks.world import SHOP, TILL, WAREHOUSE, Change, Size  # noqa: E402
from inventory_sync.catalog.models import (  # noqa: E402
    Item,
    Location,
)
from inventory_sync.connections.models import Connection  # noqa: E402
from inventory_sync.domain.external import Reason  # noqa: E402
from inventory_sync.intake.models import Delivery  # noqa: E402
from inventory_sync.intake.ports import NewDelivery  # noqa: E402
from inventory_sync.ledger.apply import apply_batch  # noqa: E402
from inventory_sync.ledger.services import mark_items_dirty  # noqa: E402
from inventory_sync.ledger.types import EventKind, StockEvent  # noqa: E402
from inventory_sync.pipeline import compute, drain, wiring  # noqa: E402

ROOMS = ("ledger_", "intake_", "propagation_", "availability_", "pipeline_", "cases_")
LEFT_ALONE = ("intake_shard", "availability_policy")
WHY = "A measured run"
BATCH = 1000

# What a location holds and what orders hold of it, where either has moved since the opening.
LEVELS = """
SELECT i.sku, p.code, l.on_hand::text, coalesce(d.owed, 0)::text
FROM ledger_stocklevel l
JOIN catalog_item i ON i.id = l.item_id JOIN catalog_location p ON p.id = l.location_id
LEFT JOIN (SELECT item_id, location_id, sum(greatest(quantity - contained, 0)) AS owed
    FROM ledger_allocation WHERE open GROUP BY 1, 2) d
    ON d.item_id = l.item_id AND d.location_id = l.location_id
WHERE l.on_hand <> %s OR coalesce(d.owed, 0) <> 0
"""


@cache
def tables() -> Tables:
    return Tables(connection, ROOMS, LEFT_ALONE)


def prepare(size: dict[str, int]) -> dict[str, Any]:
    """Make the schema and the world; returns the key for the API."""
    call_command("migrate", interactive=False, verbosity=0)
    made = our_world.make(Size(**size))
    tables().keep()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return made


def reset() -> None:
    """Bring every table back to the opening."""
    tables().reset()


def levels() -> dict[str, Any]:
    """Return a digest of all levels that moved, and a few of them to show."""
    with connection.cursor() as cursor:
        cursor.execute(LEVELS, [world.OPENING])
        return digest(cursor.fetchall())


# ── deliveries ───────────────────────────────────────────────────────────────────────────────────────


def store(
    size: dict[str, int], now: str, seed: int, count: int, first: int, lines: int = 0, tier: str = ""
) -> int:
    """Store raw deliveries as the door does; returns how many. With `lines`, till events of so many lines.

    tier: of all of them, where it is not that of their sender.
    """
    at = datetime.fromisoformat(now)
    if lines:
        found = world.changes(count * lines, Size(**size), seed=seed, now=at, first=first)
        by_store: dict[str, list[Change]] = {}
        for change in found:
            by_store.setdefault(change.store, []).append(change)
        raws = [
            world.till_body(*part[place : place + lines])
            for part in by_store.values()
            for place in range(0, len(part), lines)
        ]
    else:
        raws = world.deliveries(count, Size(**size), seed=seed, now=at, first=first)
    ids = dict(Connection.objects.values_list("code", "id"))
    intake = wiring.ports().intake
    for place in range(0, len(raws), 1000):
        with intake.transaction():
            intake.store(
                [
                    NewDelivery(
                        connection_id=ids[raw.sender],
                        topic=raw.topic,
                        headers=raw.headers,
                        body=raw.body,
                        dedupe_key=raw.key,
                        object_key=raw.object_key,
                        tier=tier or ("critical" if raw.sender == SHOP else "standard"),
                        source="webhook",
                        received_at=datetime.now(UTC),
                        correlation_id=f"bench-{seed}-{first + place + nth:09d}",
                    )
                    for nth, raw in enumerate(raws[place : place + 1000])
                ]
            )
    return len(raws)


def drain_all() -> dict[str, Any]:
    """Drain both tiers as a worker does until nothing is pending; returns counts and the time it took."""
    ports = wiring.ports()
    counts: Counter[str] = Counter()
    began = time.perf_counter()
    while True:
        for tier in ("critical", "standard"):
            counts.update(drain.drain(tier, ports=ports))
        if not _pending():
            break
        time.sleep(0.002)  # the other worker holds the last shards
    return {"seconds": time.perf_counter() - began, **counts}


def _pending() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM intake_delivery WHERE state = 'pending')")
        row = cursor.fetchone()
    return bool(row and row[0])


def stored() -> int:
    """Return how many deliveries there are."""
    return Delivery.objects.count()


def undone() -> int:
    """Return how many deliveries ended otherwise than done."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM intake_delivery WHERE state <> 'done'")
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def shares(**how: Any) -> dict[str, float]:
    """Drain with a clock at every step; returns seconds per step. For the shares only: clocks cost."""
    clock: Counter[str] = Counter()
    with transaction.atomic():
        pass
    store(**how)
    ports = wiring.ports()
    steps = {
        "translate": (drain, "translate"),
        "resolve": (drain, "resolve"),
        "apply": (drain, "apply_batch"),
        "claim": (type(ports.intake), "claim"),
        "finish": (type(ports.intake), "finish"),
        "news": (type(ports.lanes), "note_news"),
    }
    began = time.perf_counter()
    with _clocks(steps, clock):
        drain_all()
    total = time.perf_counter() - began
    return {**clock, "other": total - sum(clock.values()), "total": total}


@contextmanager
def _clocks(steps: dict[str, tuple[Any, str]], clock: Counter[str]) -> Iterator[None]:
    kept = {name: getattr(owner, attribute) for name, (owner, attribute) in steps.items()}

    def timed(name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return do(*args, **kwargs)
            finally:
                clock[name] += time.perf_counter() - began  # type: ignore[assignment]

        return run

    for name, (owner, attribute) in steps.items():
        setattr(owner, attribute, timed(name, kept[name]))
    try:
        yield
    finally:
        for name, (owner, attribute) in steps.items():
            setattr(owner, attribute, kept[name])


# ── the ledger ───────────────────────────────────────────────────────────────────────────────────────


def apply(
    size: dict[str, int],
    now: str,
    seed: int,
    count: int,
    first: int = 0,
    zipf: float = 0.0,
    batch: int = BATCH,
    everywhere: bool = False,
) -> float:
    """Apply parsed events in batches, each with its commit; returns the seconds it took."""
    changes = world.changes(
        count,
        Size(**size),
        seed=seed,
        now=datetime.fromisoformat(now),
        zipf=zipf,
        first=first,
        everywhere=everywhere,
    )
    events = _events(changes)
    ledger = wiring.ports().ledger
    at = datetime.now(UTC)
    began = time.perf_counter()
    for place in range(0, len(events), batch):
        with transaction.atomic():
            done = apply_batch(events[place : place + batch], [], store=ledger, now=at)
        if done.posted.refused:
            raise ValueError(f"refused: {done.posted.refused[0]}")
    return time.perf_counter() - began


def _events(changes: Sequence[Change]) -> Sequence[StockEvent]:
    till = Connection.objects.get(code=TILL).pk
    items = dict(Item.objects.values_list("sku", "id"))
    places = dict(Location.objects.values_list("code", "id"))
    return [
        StockEvent(
            connection_id=till,
            key=change.key,
            kind=EventKind.DELTA,
            item_id=items[world.sku(change.number)],
            location_id=places[change.store],
            quantity=Decimal(change.quantity),
            occurred_at=change.at,
            sequence=change.sequence,
            reason=Reason.SALE if change.quantity < 0 else Reason.RECEIPT,
            reference=f"receipt/{change.reference}",
            correlation_id=f"bench-{change.sequence:012d}",
        )
        for change in changes
    ]


def past(rows: int, now: str) -> None:
    """Give the ledger a history."""
    till = Connection.objects.get(code=TILL).pk
    history.fill(connection, rows, till=till, place=WAREHOUSE, now=datetime.fromisoformat(now))


# ── availability ─────────────────────────────────────────────────────────────────────────────────────


def soil(count: int, step: int) -> int:
    """Change what the first items have in the warehouse, and mark them dirty: every figure is another."""
    items = list(
        Item.objects.filter(kind=Item.Kind.STOCKED).order_by("id").values_list("id", flat=True)[:count]
    )
    kits = list(
        Item.objects.filter(kind=Item.Kind.KIT).order_by("id").values_list("id", flat=True)[: count // 50]
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_stocklevel SET on_hand = on_hand - %s, version = version + 1"
            " WHERE item_id = ANY(%s)",
            [step, items],
        )
        mark_items_dirty([*items, *kits], now=datetime.now(UTC))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE ledger_stocklevel, ledger_dirtyitem")
    return len(items) + len(kits)


def compute_all() -> dict[str, float]:
    """Compute as a worker does until nothing is dirty."""
    ports = wiring.ports()
    changed = 0
    began = time.perf_counter()
    while True:
        changed += compute.compute(ports=ports)[0]
        with connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT FROM ledger_dirtyitem)")
            row = cursor.fetchone()
        if not (row and row[0]):
            break
        time.sleep(0.002)
    return {"seconds": time.perf_counter() - began, "changed": changed}


def figures(count: int) -> dict[str, Any]:
    """Return a digest of what the shop may show of the first items."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.sku, f.figure::text FROM availability_channelfigure f"
            " JOIN catalog_item i ON i.id = f.item_id WHERE i.sku <= %s AND f.figure IS NOT NULL",
            [world.sku(count)],
        )
        return digest(cursor.fetchall())


# ── the process itself ───────────────────────────────────────────────────────────────────────────────


def memory() -> dict[str, float]:
    """Return what this process holds in memory, and the most it ever held."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"now_mb": pages * resource.getpagesize() / 2**20, "peak_mb": most / 2**10}


def let_go() -> None:
    """Leave the database, so that it can be copied."""
    connection.close()


if __name__ == "__main__":
    serve(
        {
            "prepare": prepare,
            "reset": reset,
            "levels": levels,
            "store": store,
            "drain": drain_all,
            "stored": stored,
            "undone": undone,
            "shares": shares,
            "apply": apply,
            "soil": soil,
            "compute": compute_all,
            "figures": figures,
            "past": past,
            "land": our_landing.land,
            "memory": memory,
            "let_go": let_go,
            **our_channel.ORDERS,
        }
    )
