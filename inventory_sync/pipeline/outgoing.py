"""What other systems are owed beside figures: follow orders, send their copies, tell deliveries.

The rows and the rules are in workflows; here they meet accounts, budgets and connection states. Every step
may run at any moment, any number of times.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import cast

from inventory_sync.connections.budgets import may_call
from inventory_sync.domain.commands import DeliveryTaker, OrderTaker
from inventory_sync.domain.errors import Misconfigured, RateLimited, Transient
from inventory_sync.domain.writing import Writing
from inventory_sync.pipeline.ports import Account, Ports
from inventory_sync.support import correlation
from inventory_sync.workflows import following, sending, telling
from inventory_sync.workflows.following import Followed
from inventory_sync.workflows.store import PostgresCopies

CALLS_PER_TURN = 2
DEFAULT_PAUSE_S = 5.0


def follow(*, ports: Ports, until: Callable[[], bool]) -> Followed:
    """Work out what is owed for the orders that changed."""
    return following.follow(cases=ports.cases, clock=ports.clock, until=until)


def send(account: Account, *, ports: Ports, until: Callable[[], bool]) -> dict[str, int]:
    """Work off the copies of orders owed to a connection."""
    if not account.capabilities.takes_orders:
        return {"takes_no_orders": 1}
    purse = _Purse(account, ports=ports, until=until)
    work = sending.Sending(
        connection_id=account.id,
        code=account.code,
        client=cast(OrderTaker, account.client),
        longest_life=timedelta(seconds=account.capabilities.max_request_life_s),
        store=PostgresCopies(),
        cases=ports.cases,
        clock=ports.clock,
        jitter=ports.jitter,
        exchanges=account.exchanges,
    )
    try:
        with correlation.bound(correlation_id=ports.new_id()):
            counts = sending.send(work, until=purse.is_empty)
    except Misconfigured as error:
        ports.misconfigured(account.id, error.detail)
        counts = {**work.counts, "misconfigured": 1}
    purse.heed(work.interrupted)
    return purse.told(counts)


def tell(account: Account, *, ports: Ports, until: Callable[[], bool]) -> dict[str, int]:
    """Tell a channel what was delivered of its orders."""
    if not account.capabilities.takes_deliveries:
        return {"takes_no_deliveries": 1}
    purse = _Purse(account, ports=ports, until=until)
    work = telling.Telling(
        channel_id=account.id,
        code=account.code,
        client=cast(DeliveryTaker, account.client),
        longest_life=timedelta(seconds=account.capabilities.max_request_life_s),
        cases=ports.cases,
        clock=ports.clock,
        jitter=ports.jitter,
        exchanges=account.exchanges,
    )
    try:
        counts = telling.tell(work, until=purse.is_empty)
    except Misconfigured as error:
        ports.misconfigured(account.id, error.detail)
        counts = {**work.counts, "misconfigured": 1}
    purse.heed(work.interrupted)
    return purse.told(counts)


class _Purse:
    """The calls a stretch of work may make: a turn begins only with enough in the connection's budget.

    Each call is paid by itself when it is made.
    """

    def __init__(self, account: Account, *, ports: Ports, until: Callable[[], bool]) -> None:
        self._account, self._ports, self._until = account, ports, until
        self._wait_s = 0.0

    def is_empty(self) -> bool:
        """Say whether the work has to stop here."""
        if self._until() or self._ports.lanes.writing(self._account.id) is not Writing.LIVE:
            return True
        self._wait_s = may_call(self._account.id, CALLS_PER_TURN)
        return bool(self._wait_s)

    def heed(self, interrupted: Transient | None) -> None:
        """Close the budget if the other side asked for it."""
        if isinstance(interrupted, RateLimited):
            asked = interrupted.retry_after_s
            pause = timedelta(seconds=DEFAULT_PAUSE_S if asked is None else asked)
            now = self._ports.clock()
            self._ports.lanes.shut_budget(self._account.id, now=now, until=now + pause)

    def told(self, counts: dict[str, int]) -> dict[str, int]:
        return {**counts, "waits_for_budget_ms": int(self._wait_s * 1000)} if self._wait_s else counts
