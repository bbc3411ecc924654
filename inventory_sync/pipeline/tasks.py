"""Every Celery task there is, named step by step. Each is a wake-up: the rows say what is left to do.

To add one, five lines in five places; tests/pipeline/test_routes.py fails while one is missing:

1. `steps.py`: the step. Bounded in time (`until=deadline()`), safe to run twice, anywhere, at any moment.
   It takes its ids and `ports: Ports | None = None`, calls `close_old_connections()` first, returns counts.
2. Here: a `@shared_task(name="pipeline.<step>")` that calls it.
3. `routes.py`: its row: queue by latency, impact, recovery; `holds` = the longest a healthy run takes.
4. `dispatcher.py`, WORK: the step itself, for when the broker or the queue's workers are away.
5. `debts.py`, `find_debts`: `owed("pipeline.<step>", …)` while its rows are due. This is what makes a lost
   wake-up cost a second and no more; a task without a debt is forgotten with its message.

Who cannot wait that second wakes it after the commit:
`transaction.on_commit(lambda: waker().want("pipeline.<step>", …), robust=True)`. Arguments are ids, not work.
"""

from __future__ import annotations

from typing import Any

from celery import shared_task

from inventory_sync.pipeline import schedule, steps
from inventory_sync.pipeline import signals as signals


@shared_task(name="pipeline.drain_intake")
def drain_intake(tier: str) -> dict[str, int]:
    """Apply what came in on a tier; the counts are for Flower."""
    return steps.drain_intake(tier)


@shared_task(name="pipeline.compute")
def compute() -> dict[str, int]:
    """Compute what channels may sell of dirty items."""
    return steps.compute_availability()


@shared_task(name="pipeline.push")
def push(connection_id: int) -> dict[str, int]:
    """Push what is owed to one connection."""
    return steps.push_connection(connection_id)


@shared_task(name="pipeline.mirror")
def mirror(connection_id: int) -> dict[str, int]:
    """Tell a connection what moved at the locations it keeps a copy of."""
    return steps.mirror_connection(connection_id)


@shared_task(name="pipeline.follow_orders")
def follow_orders() -> dict[str, int]:
    """Work out which systems are owed what of the orders that changed."""
    return steps.follow_orders()


@shared_task(name="pipeline.send_orders")
def send_orders(connection_id: int) -> dict[str, int]:
    """Work off the copies of orders owed to one connection."""
    return steps.send_orders(connection_id)


@shared_task(name="pipeline.tell_deliveries")
def tell_deliveries(connection_id: int) -> dict[str, int]:
    """Tell one channel what was delivered of its orders."""
    return steps.tell_deliveries(connection_id)


@shared_task(name="pipeline.sweep")
def sweep(connection_id: int, stream: str) -> dict[str, int]:
    """Read a stream by cursor to find what no webhook told."""
    return steps.sweep_stream(connection_id, stream)


@shared_task(name="pipeline.read_again")
def read_again(connection_id: int) -> dict[str, int]:
    """Read objects by id that were hinted at or left undecided."""
    return steps.read_again(connection_id)


@shared_task(name="pipeline.retry_cases")
def retry_cases() -> dict[str, int]:
    """Go on with the retries and replays that people asked for."""
    return steps.retry_cases()


@shared_task(name="pipeline.tell_people")
def tell_people() -> dict[str, int]:
    """Tell the owners of cases by mail and webhook, and escalate what nobody acknowledged."""
    return steps.tell_people()


@shared_task(name="pipeline.keep_house")
def keep_house(at: str = "") -> dict[str, int]:
    """Expire holds, heal webhooks, have open orders looked at again; once per tick."""
    return schedule.once("keep_house", at, steps.keep_house)


@shared_task(name="pipeline.verify")
def verify() -> dict[str, int]:
    """Go on with the round of invariant checks; a slice at a time, without a lock."""
    return steps.verify()


@shared_task(name="pipeline.evidence")
def evidence() -> dict[str, int]:
    """Seal the daily evidence of no oversell."""
    return steps.seal_evidence()


@shared_task(name="pipeline.canary")
def canary(queue: str, sent_at: str) -> dict[str, Any]:
    """Prove that a worker of this queue takes and finishes work."""
    return schedule.sing(queue, sent_at)
