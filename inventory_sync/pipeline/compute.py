"""Compute what channels may sell of dirty items, and owe the changed figures to their listings.

One transaction per batch. Runs against ports; knows neither Django nor the broker.
"""

from __future__ import annotations

from collections.abc import Callable

from inventory_sync.availability.compute import recompute_batch
from inventory_sync.pipeline.ports import Ports
from inventory_sync.propagation.ports import Wanted
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)


def compute(*, ports: Ports, until: Callable[[], bool] = lambda: False) -> tuple[int, frozenset[int]]:
    """Compute until nothing is dirty or `until` says stop; returns figures changed, and connections owed."""
    changed = 0
    owed: frozenset[int] = frozenset()
    while not until():
        with ports.lanes.transaction():
            now = ports.clock()
            batch = recompute_batch(
                store=ports.availability,
                now=now,
                limit=ports.limits.dirty_items,
                urgent_at_or_below=ports.limits.near_zero,
            )
            owed |= ports.lanes.owe(
                [
                    Wanted(one.connection_id, one.item_id, one.figure, one.version, one.correlation_id)
                    for one in batch.changes
                ],
                now=now,
            )
        changed += len(batch.changes)
        if batch.claimed < ports.limits.dirty_items or batch.kept == batch.claimed:
            break
    if changed:
        log.info("availability.computed", changed=changed)
    return changed, owed
