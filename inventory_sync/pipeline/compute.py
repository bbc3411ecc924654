"""Compute what channels may sell of dirty items, and owe the changed figures to their listings.

One transaction per batch. A batch that fails is tried again in smaller ones until the item at fault stands
alone; it is set aside with a case, and its neighbours proceed. Runs against ports; of Django it knows only
the errors of a database that does not answer, for those are no fault of an item.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db import InterfaceError, OperationalError

from inventory_sync.availability.compute import Recomputed, recompute_claimed
from inventory_sync.availability.ports import DirtyItem
from inventory_sync.pipeline.ports import Ports
from inventory_sync.propagation.ports import Wanted
from inventory_sync.support import correlation
from inventory_sync.support.garbage import uncollected
from inventory_sync.support.logs import get_logger
from inventory_sync.support.redaction import in_words

log = get_logger(__name__)

SET_ASIDE = timedelta(minutes=1)


class Uncomputed(Exception):
    """A batch failed; its transaction is rolled back. The cause is what failed."""

    def __init__(self, items: Sequence[DirtyItem]) -> None:
        super().__init__(f"{len(items)} items could not be computed.")
        self.items = items


def compute(*, ports: Ports, until: Callable[[], bool] = lambda: False) -> tuple[int, frozenset[int]]:
    """Compute until nothing is dirty or `until` says stop; returns figures changed, and connections owed."""
    changed = 0
    owed: frozenset[int] = frozenset()
    limit = ports.limits.dirty_items
    while not until():
        try:
            batch, owes = _batch(limit, ports=ports)
        except Uncomputed as failed:
            if len(failed.items) > 1:
                limit = max(1, len(failed.items) // 2)
                continue
            if not failed.items:
                raise
            batch, owes = _alone(ports=ports)
            limit = ports.limits.dirty_items
            _tell(batch, ports=ports)
            changed, owed = changed + len(batch.changes), owed | owes
            continue
        _tell(batch, ports=ports)
        changed, owed = changed + len(batch.changes), owed | owes
        if batch.claimed < limit or batch.kept == batch.claimed:
            break
    return changed, owed


def _tell(batch: Recomputed, *, ports: Ports) -> None:
    if batch.changes:
        causes = (one.correlation_id for one in batch.changes)
        with correlation.bound_all(causes, new_id=ports.new_id):
            log.info("availability.computed", changed=len(batch.changes))


def _batch(limit: int, *, ports: Ports, with_kits: bool = True) -> tuple[Recomputed, frozenset[int]]:
    """Compute one batch in a transaction; raises Uncomputed when items are at fault, not the database."""
    with uncollected(), ports.lanes.transaction():
        now = ports.clock()
        claimed = ports.availability.claim(limit, now=now)
        try:
            batch = recompute_claimed(
                claimed,
                store=ports.availability,
                now=now,
                urgent_at_or_below=ports.limits.near_zero,
                with_kits=with_kits,
            )
            owed = ports.lanes.owe(
                [
                    Wanted(one.connection_id, one.item_id, one.figure, one.version, one.correlation_id)
                    for one in batch.changes
                ],
                now=now,
            )
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            raise Uncomputed(claimed) from error
        again = [str(each.item_id) for each in claimed if each.failed]
        if again:
            ports.cases.close("item", again, "Its figures were computed.")
    return batch, owed


def _alone(*, ports: Ports) -> tuple[Recomputed, frozenset[int]]:
    """Compute the item that failed alone without the kits that use it; if it is at fault, set it aside."""
    try:
        return _batch(1, ports=ports, with_kits=False)
    except Uncomputed as failed:
        if not failed.items:
            raise
        [item], error = failed.items, failed.__cause__ or failed
        with correlation.bound(correlation_id=item.correlation_id):
            log.error("availability.failed", item=item.item_id, exc_info=error)
    with ports.lanes.transaction():
        ports.availability.set_aside(item.item_id, until=ports.clock() + SET_ASIDE)
        ports.cases.open(
            "availability.failed",
            "item",
            str(item.item_id),
            f"The figures of item {item.item_id} cannot be computed. {in_words(error)}",
            connection="",
            correlation_id=item.correlation_id,
            item_id=item.item_id,
        )
    return Recomputed(), frozenset()
