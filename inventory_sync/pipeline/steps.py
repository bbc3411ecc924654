"""The steps as tasks, dispatcher and commands call them: do it, then wake what follows.

Every step is bounded in time and safe to run at any moment, any number of times, anywhere.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.db import close_old_connections

from inventory_sync.cases.telling import rounds
from inventory_sync.cases.telling.rounds import World
from inventory_sync.connections.running import Errand, may_begin
from inventory_sync.domain.errors import Misconfigured
from inventory_sync.pipeline import house, outgoing, reading, replaying, retrying, wiring
from inventory_sync.pipeline.compute import compute
from inventory_sync.pipeline.drain import drain
from inventory_sync.pipeline.evidence import keep
from inventory_sync.pipeline.invariants.rounds import go_on
from inventory_sync.pipeline.mirror import mirror
from inventory_sync.pipeline.ports import Ports
from inventory_sync.pipeline.push import push
from inventory_sync.pipeline.wake import Waker, waker
from inventory_sync.propagation.mirror_selectors import connections_mirroring
from inventory_sync.propagation.selectors import urgent_among
from inventory_sync.support import correlation
from inventory_sync.support.logs import get_logger
from inventory_sync.workflows import naming
from inventory_sync.workflows.following import any_touched

log = get_logger(__name__)

SWEEP_SECONDS = 60.0  # well within the lease of a stream
COMPUTE_SECONDS, PUSH_SECONDS = 2.0, 5.0
"""Both share their queue with sales: whoever has more to do than this gets in line again, behind those."""


_most_s: ContextVar[float] = ContextVar("most_s", default=math.inf)


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """Let no step inside go on for longer, whatever it would allow itself: others wait for this process."""
    token = _most_s.set(seconds)
    try:
        yield
    finally:
        _most_s.reset(token)


def deadline(seconds: float | None = None) -> Callable[[], bool]:
    """Return a function that says whether this step has run long enough."""
    end = time.monotonic() + min(seconds or settings.INVENTORY_SYNC["DRAIN_SECONDS"], _most_s.get())
    return lambda: time.monotonic() >= end


def drain_intake(tier: str, *, ports: Ports | None = None, wake: Waker | None = None) -> dict[str, int]:
    """Apply what came in on this tier, then have figures computed."""
    close_old_connections()
    over = deadline()
    counts = drain(tier, ports=ports or wiring.ports(), until=over)
    wake = wake or waker()
    if counts.get("events") or counts.get("orders"):
        wake.compute()
    if counts.get("mirrored"):
        for connection_id in connections_mirroring():
            wake.mirror(connection_id)
    if any_touched():
        wake.follow_orders()
    if over():
        wake.drain_intake(tier)
    return counts


def compute_availability(*, ports: Ports | None = None, wake: Waker | None = None) -> dict[str, int]:
    """Compute dirty items, then have their channels pushed."""
    close_old_connections()
    over, wake = deadline(COMPUTE_SECONDS), wake or waker()
    changed, owed = compute(ports=ports or wiring.ports(), until=over)
    _wake_pushes(owed, wake)
    if over():
        wake.compute()
    return {"changed": changed, "channels": len(owed)}


def _wake_pushes(connection_ids: Collection[int], wake: Waker) -> None:
    """Wake the pushes on the tier that their listings ask for: a flood of others is no critical work."""
    urgent = urgent_among(connection_ids) if connection_ids else frozenset()
    for connection_id in sorted(connection_ids):
        wake.push(connection_id, "critical" if connection_id in urgent else "standard")


def push_connection(
    connection_id: int, *, ports: Ports | None = None, wake: Waker | None = None
) -> dict[str, int]:
    """Push what is due on one connection until nothing is, the budget is spent or time is up."""
    close_old_connections()
    ports = ports or wiring.ports()
    row = may_begin(connection_id, Errand.PAY, now=ports.clock())
    if row is None:
        return {"inactive": 1}
    over = deadline(PUSH_SECONDS)
    totals: dict[str, int] = {}
    with correlation.bound(connection=row.code):
        try:
            account = ports.account(connection_id)
        except Misconfigured as error:
            ports.misconfigured(connection_id, error.detail)
            return {"misconfigured": 1}
        while not over():
            counts = push(account, ports=ports)
            for name, count in counts.items():
                totals[name] = totals.get(name, 0) + count
            if not counts or "waits_for_budget_ms" in counts:
                break
        else:
            _wake_pushes([connection_id], wake or waker())
    return totals


def mirror_connection(connection_id: int, *, ports: Ports | None = None) -> dict[str, int]:
    """Tell one connection what moved at the locations it keeps a copy of."""
    close_old_connections()
    ports = ports or wiring.ports()
    row = may_begin(connection_id, Errand.PAY, now=ports.clock())
    if row is None:
        return {"inactive": 1}
    with correlation.bound(connection=row.code):
        try:
            account = ports.account(connection_id)
        except Misconfigured as error:
            ports.misconfigured(connection_id, error.detail)
            return {"misconfigured": 1}
        return mirror(account, ports=ports, until=deadline())


def follow_orders(*, ports: Ports | None = None, wake: Waker | None = None) -> dict[str, int]:
    """Work out which systems are owed what of the orders that changed, then have it sent."""
    close_old_connections()
    done = outgoing.follow(ports=ports or wiring.ports(), until=deadline())
    wake = wake or waker()
    for connection_id in sorted(done.targets):
        wake.send_orders(connection_id)
    for connection_id in sorted(done.channels):
        wake.tell_deliveries(connection_id)
    return dict(done.counts)


def send_orders(connection_id: int, *, ports: Ports | None = None) -> dict[str, int]:
    """Work off the copies of orders owed to one connection."""
    return _for_account(connection_id, outgoing.send, naming.SEND_ORDERS, ports or wiring.ports())


def tell_deliveries(connection_id: int, *, ports: Ports | None = None) -> dict[str, int]:
    """Tell one channel what was delivered of its orders."""
    return _for_account(connection_id, outgoing.tell, naming.TELL_DELIVERIES, ports or wiring.ports())


def _for_account(
    connection_id: int, work: Callable[..., dict[str, int]], switch: str, ports: Ports
) -> dict[str, int]:
    close_old_connections()
    row = may_begin(connection_id, Errand.PAY, now=ports.clock())
    if row is None or not row.config.get(switch):
        return {"inactive": 1}
    with correlation.bound(connection=row.code):
        try:
            account = ports.account(connection_id)
        except Misconfigured as error:
            ports.misconfigured(connection_id, error.detail)
            return {"misconfigured": 1}
        return work(account, ports=ports, until=deadline())


def sweep_stream(connection_id: int, stream: str, *, ports: Ports | None = None) -> dict[str, int]:
    """Read one stream by its cursor, then have what it brought applied."""
    close_old_connections()
    ports = ports or wiring.ports()
    if may_begin(connection_id, Errand.READ, now=ports.clock()) is None:
        return {"inactive": 1}
    new, tier = reading.sweep_due(connection_id, stream, ports=ports, until=deadline(SWEEP_SECONDS))
    if new:
        waker().drain_intake(tier)
    return {"new": new}


def read_again(connection_id: int, *, ports: Ports | None = None) -> dict[str, int]:
    """Read the objects of a connection that are due to be read again."""
    close_old_connections()
    ports = ports or wiring.ports()
    if may_begin(connection_id, Errand.READ, now=ports.clock()) is None:
        return {"inactive": 1}
    done = reading.read_due(connection_id, ports=ports, until=deadline())
    if done:
        waker().drain_intake("critical")
        waker().drain_intake("standard")
    return {"read": done}


def retry_cases(*, ports: Ports | None = None, wake: Waker | None = None) -> dict[str, int]:
    """Go on with the retries and replays that people asked for, each at its own pace."""
    close_old_connections()
    clock, wake, until = (ports or wiring.ports()).clock, wake or waker(), deadline()
    counts = retrying.retry_due(clock=clock, wake=wake, until=until)
    return {**counts, "replayed": replaying.replay_due(clock=clock, wake=wake, until=until)}


def tell_people(*, world: World | None = None) -> dict[str, int]:
    """Tell people what happened to cases: mail and webhooks that are due, and who did not acknowledge."""
    close_old_connections()
    return rounds.tell_people(world or wiring.telling(), until=deadline())


def verify(*, ports: Ports | None = None) -> dict[str, int]:
    """Go on with the round of invariant checks that is due."""
    close_old_connections()
    ports = ports or wiring.ports()
    return go_on(clock=ports.clock, every=ports.limits.verify_every, until=deadline())


def seal_evidence(*, ports: Ports | None = None) -> dict[str, int]:
    """Seal the evidence of yesterday, once."""
    close_old_connections()
    ports = ports or wiring.ports()
    now = ports.clock()
    day = keep.day_due(now)
    if day is None:
        return {"nothing_due": 1}
    keep.make(day, seals=wiring.seals(), now=now, seconds=time.perf_counter)
    return {"sealed": 1}


def keep_house(*, ports: Ports | None = None, wake: Waker | None = None) -> dict[str, int]:
    """Expire holds, heal webhooks, look again at open orders and parked lines, make room and clear away."""
    close_old_connections()
    return house.keep(ports=ports or wiring.ports(), compute=(wake or waker()).compute)
