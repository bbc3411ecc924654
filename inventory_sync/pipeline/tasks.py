"""Every Celery task there is, named step by step. Each is a wake-up: the rows say what is left to do.

To add one, five lines in five places; tests/pipeline/test_routes.py fails while one is missing:

1. `steps.py`: the step. Bounded in time (`until=deadline()`), safe to run twice, anywhere, at any moment.
   It takes its ids and `ports: Ports | None = None`, calls `close_old_connections()` first, returns counts.
2. Here: a `@shared_task(name="pipeline.<step>")` that calls it.
3. `routes.py`: its row: queue by latency, impact, recovery; `holds` = the longest a healthy run takes.
4. `inline.py`, WORK: the step itself, for when the broker or the queue's workers are away.
5. `debts.py`, `find_debts`: `owed("pipeline.<step>", …)` while its rows are due. This is what makes a lost
   wake-up cost a second and no more; a task without a debt is forgotten with its message.

Who cannot wait that second wakes it after the commit:
`transaction.on_commit(lambda: waker().want("pipeline.<step>", …), robust=True)`. Arguments are ids, not work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from celery import shared_task

from inventory_sync.pipeline import schedule, steps
from inventory_sync.pipeline import signals as signals
from inventory_sync.support import correlation


def _told(step: Callable[[], Mapping[str, int]]) -> dict[str, Any]:
    """Do the step; return its counts and what it was about: so Flower finds a task by the id of a trail."""
    with correlation.gathered() as causes:
        counts = step()
    return {**counts, "about": " ".join(causes)} if causes else dict(counts)


@shared_task(name="pipeline.drain_intake")
def drain_intake(tier: str) -> dict[str, Any]:
    """Apply what came in on a tier; the counts are for Flower."""
    return _told(lambda: steps.drain_intake(tier))


@shared_task(name="pipeline.compute")
def compute() -> dict[str, Any]:
    """Compute what channels may sell of dirty items."""
    return _told(steps.compute_availability)


@shared_task(name="pipeline.push")
def push(connection_id: int) -> dict[str, Any]:
    """Push what is owed to one connection."""
    return _told(lambda: steps.push_connection(connection_id))


@shared_task(name="pipeline.mirror")
def mirror(connection_id: int) -> dict[str, Any]:
    """Tell a connection what moved at the locations it keeps a copy of."""
    return _told(lambda: steps.mirror_connection(connection_id))


@shared_task(name="pipeline.follow_orders")
def follow_orders() -> dict[str, Any]:
    """Work out which systems are owed what of the orders that changed."""
    return _told(steps.follow_orders)


@shared_task(name="pipeline.send_orders")
def send_orders(connection_id: int) -> dict[str, Any]:
    """Work off the copies of orders owed to one connection."""
    return _told(lambda: steps.send_orders(connection_id))


@shared_task(name="pipeline.tell_deliveries")
def tell_deliveries(connection_id: int) -> dict[str, Any]:
    """Tell one channel what was delivered of its orders."""
    return _told(lambda: steps.tell_deliveries(connection_id))


@shared_task(name="pipeline.sweep")
def sweep(connection_id: int, stream: str) -> dict[str, Any]:
    """Read a stream by cursor to find what no webhook told."""
    return _told(lambda: steps.sweep_stream(connection_id, stream))


@shared_task(name="pipeline.read_again")
def read_again(connection_id: int) -> dict[str, Any]:
    """Read objects by id that were hinted at or left undecided."""
    return _told(lambda: steps.read_again(connection_id))


@shared_task(name="pipeline.retry_cases")
def retry_cases() -> dict[str, Any]:
    """Go on with the retries and replays that people asked for."""
    return _told(steps.retry_cases)


@shared_task(name="pipeline.tell_people")
def tell_people() -> dict[str, Any]:
    """Tell the owners of cases by mail and webhook, and escalate what nobody acknowledged."""
    return _told(steps.tell_people)


@shared_task(name="pipeline.keep_house")
def keep_house(at: str = "") -> dict[str, Any]:
    """Expire holds, heal webhooks, have open orders looked at again; once per tick."""
    return _told(lambda: schedule.once("keep_house", at, steps.keep_house))


@shared_task(name="pipeline.verify")
def verify() -> dict[str, Any]:
    """Go on with the round of invariant checks; a slice at a time, without a lock."""
    return _told(steps.verify)


@shared_task(name="pipeline.evidence")
def evidence() -> dict[str, Any]:
    """Seal the daily evidence of no oversell."""
    return _told(steps.seal_evidence)


@shared_task(name="pipeline.canary")
def canary(queue: str, sent_at: str) -> dict[str, Any]:
    """Prove that a worker of this queue takes and finishes work."""
    return schedule.sing(queue, sent_at)
