"""The gate between an opened account and its vendor: each call is paid before it goes and noted when it ends.

Given to the HTTP client as its `before_call` and `on_exchange`, so that no caller can forget either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from inventory_sync.connections import breakers, budgets
from inventory_sync.connections.budgets import Why
from inventory_sync.domain.errors import (
    BudgetSpent,
    NotAnswering,
    OnHold,
    OutcomeUnknown,
    RateLimited,
    RemoteUnavailable,
    Transient,
)
from inventory_sync.domain.ports import Capabilities, Exchange
from inventory_sync.support.clock import utc_now

PATIENCE_S = 30.0  # well within the lease of whatever a call is made for
UNANSWERED = frozenset({RemoteUnavailable.code, OutcomeUnknown.code, Transient.code})


@dataclass(slots=True)
class Gate:
    """One account's; a new one for each opening of it. Used by one thread.

    clock: None is the database's, which is everybody's.
    """

    connection_id: int
    capabilities: Capabilities
    pause: Callable[[float], None]
    chance: Callable[[], float]
    new_id: Callable[[], str]
    held_too: bool = False
    clock: Callable[[], datetime] | None = None
    _holder: str = ""
    _remembers: bool = False

    def admit(self) -> None:
        """Return when a call is paid for. Raises OnHold, NotAnswering, BudgetSpent: do not make it."""
        self._holder = self.new_id() if self.capabilities.concurrent_calls else ""
        waited = 0.0
        while True:
            asked = budgets.pay(
                self.connection_id, now=self._now(), holder=self._holder, held_too=self.held_too
            )
            if asked.why is Why.HOLD:
                raise OnHold(asked.sentence, retry_after_s=asked.wait_s)
            if asked.why is Why.BREAKER:
                raise NotAnswering(asked.sentence, retry_after_s=asked.wait_s)
            if not asked.wait_s:
                self._remembers = asked.remembers
                return
            if waited + asked.wait_s > PATIENCE_S:
                raise BudgetSpent(asked.sentence, retry_after_s=asked.wait_s)
            # Those who wait for the same token must not all come back at once.
            rest = asked.wait_s * (1 + self.chance() / 4)
            self.pause(rest)
            waited += rest

    def ended(self, exchange: Exchange) -> None:
        """Note how a call ended; one that brings no news writes nothing."""
        if self._holder or exchange.told is not None:
            budgets.note(self.connection_id, told=exchange.told, holder=self._holder, now=self._now())
            self._holder = ""
        if went_unanswered(exchange):
            detail = f"{exchange.method} {exchange.path}: {exchange.status or 'no answer'}"
            breakers.note_failure(
                self.connection_id,
                code=exchange.outcome,
                detail=detail,
                now=self._now() or utc_now(),
                chance=self.chance(),
            )
            self._remembers = True
        elif self._remembers and exchange.status:
            breakers.note_answer(self.connection_id, now=self._now() or utc_now())

    def _now(self) -> datetime | None:
        return None if self.clock is None else self.clock()


def went_unanswered(exchange: Exchange) -> bool:
    """Say whether nothing usable came back: that is the connection's failure, not that of what was asked."""
    in_trouble = exchange.outcome == RateLimited.code and exchange.status >= 500
    return exchange.outcome in UNANSWERED or in_trouble
