"""The gate between an opened account and its vendor: each call is paid before it goes and noted when it ends.

Given to the HTTP client as its `before_call` and `on_exchange`, so that no caller can forget either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

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
from inventory_sync.support import spending

PATIENCE_S = 30.0  # well within the lease of whatever a call is made for
TOO_LATE_S = 1.0  # until who came too late may begin anew
UNANSWERED = frozenset({RemoteUnavailable.code, OutcomeUnknown.code, Transient.code})


@dataclass(slots=True)
class Gate:
    """One account's; a new one for each opening of it. Used by one thread.

    clock: None is the database's, which is everybody's. recovered: told when an answer closed the breaker.
    """

    connection_id: int
    capabilities: Capabilities
    pause: Callable[[float], None]
    chance: Callable[[], float]
    new_id: Callable[[], str]
    held_too: bool = False
    clock: Callable[[], datetime] | None = None
    recovered: Callable[[int], None] | None = None
    _holder: str = ""
    _remembers: bool = False

    def admit(self) -> None:
        """Return when a call is paid for. Raises OnHold, NotAnswering, BudgetSpent: do not make it."""
        with transaction.atomic(durable=True):
            pass  # inside somebody's transaction the payment could be rolled back, and the call not
        self._holder = self.new_id() if self.capabilities.concurrent_calls else ""
        waited, patience = 0.0, min(PATIENCE_S, spending.patience_s())
        while True:
            may_go = spending.writes()
            if may_go is not None and not may_go():
                raise BudgetSpent("Its turn came too late to write.", retry_after_s=TOO_LATE_S)
            asked = budgets.pay(
                self.connection_id,
                now=self._now(),
                holder=self._holder,
                held_too=self.held_too,
                writes=may_go is not None,
            )
            if asked.why is Why.HOLD:
                raise OnHold(asked.sentence, retry_after_s=asked.wait_s)
            if asked.why is Why.BREAKER:
                raise NotAnswering(asked.sentence, retry_after_s=asked.wait_s)
            if not asked.wait_s:
                self._remembers = asked.remembers
                return
            if waited + asked.wait_s > patience:
                raise BudgetSpent(asked.sentence, retry_after_s=asked.wait_s)
            # Those who wait for the same token must not all come back at once.
            rest = asked.wait_s * (1 + self.chance() / 4)
            self.pause(rest)
            waited += rest

    def ended(self, exchange: Exchange) -> None:
        """Note how a call ended; one that brings no news writes nothing."""
        holder, self._holder = self._holder, ""
        if holder or exchange.told is not None:
            budgets.note(self.connection_id, told=exchange.told, holder=holder, now=self._now())
        if went_unanswered(exchange):
            detail = f"{exchange.method} {exchange.path}: {exchange.status or 'no answer'}"
            breakers.note_failure(
                self.connection_id,
                code=exchange.outcome,
                detail=detail,
                now=self._now(),
                chance=self.chance(),
            )
        elif self._remembers and exchange.status:
            closed = breakers.note_answer(self.connection_id, now=self._now())
            if closed and self.recovered is not None:
                self.recovered(self.connection_id)

    def _now(self) -> datetime | None:
        return None if self.clock is None else self.clock()


def went_unanswered(exchange: Exchange) -> bool:
    """Say whether nothing usable came back: that is the connection's failure, not that of what was asked."""
    in_trouble = exchange.outcome == RateLimited.code and exchange.status >= 500
    return exchange.outcome in UNANSWERED or in_trouble
