"""Who may call a vendor now: one row per credential, asked and paid by every call when it is made.

No outage of anything else opens or shuts it. Staff's hold and the breaker are asked in the same breath, and
the database's clock is everybody's: a worker whose own is wrong neither opens nor shuts anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from django.db import transaction

from inventory_sync.connections import breakers, looks
from inventory_sync.connections.looks import Look
from inventory_sync.connections.models import Budget
from inventory_sync.connections.registry import connector
from inventory_sync.connections.running import Errand, held_by
from inventory_sync.domain import allowance as rule
from inventory_sync.domain import breaker as breaking
from inventory_sync.domain.allowance import Allowance, Shape
from inventory_sync.domain.breaker import Phase
from inventory_sync.domain.budget import Told
from inventory_sync.domain.ports import Capabilities
from inventory_sync.domain.writing import Writing
from inventory_sync.support import spending

HELD_S = 30.0  # until it is worth asking again whether staff still hold it
LEAST_WAIT_S = 0.005
TRIES = 50  # of those who write at the same moment one always wins


class Why(StrEnum):
    """What a call has to wait for."""

    NOTHING = ""
    BUDGET = "budget"
    BREAKER = "breaker"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whether a call may be made: wait_s is 0, or the seconds until it is worth asking again.

    remembers: the breaker has failures in mind, so that an answer is news.
    """

    wait_s: float = 0.0
    why: Why = Why.NOTHING
    sentence: str = ""
    remembers: bool = False


def may_call(connection_id: int, calls: int, *, now: datetime | None = None, tier: str = "") -> float:
    """Return 0 when so many calls could be made one after the other, else the seconds until then.

    Takes nothing: who begins a piece of work asks, and each of its calls is paid by itself.
    """
    seen = looks.look(connection_id, now=now)
    asked = _asked_others(seen, held_too=False)
    shape = shape_of(connector(seen.connector).capabilities)
    waits = float(rule.room(seen.budget, shape, seen.at, tier=tier or spending.current(), calls=calls))
    if waits and not asked.wait_s:
        _note_waiting(seen)
    return max(asked.wait_s, waits)


def pay(
    connection_id: int,
    calls: int = 1,
    *,
    now: datetime | None = None,
    tier: str = "",
    holder: str = "",
    held_too: bool = False,
    writes: bool = False,
) -> Asked:
    """Pay for calls that are made now, all or none: two statements, and no lock between them.

    holder: whose slot it is, where the vendor counts calls at once. held_too: staff themselves are asking
    whether it works, though it is paused, or left alone because it did not answer. writes: the calls are to
    write, which they may only where the connection is live.
    """
    for _ in range(TRIES):
        seen = looks.look(connection_id, now=now)
        asked = _asked_others(seen, held_too=held_too, writes=writes)
        if asked.wait_s:
            return asked
        shape = shape_of(connector(seen.connector).capabilities)
        paid = rule.pay(
            seen.budget, shape, seen.at, tier=tier or spending.current(), calls=calls, holder=holder
        )
        if paid.wait_s:
            _note_waiting(seen, paid.allowance)
            sentence = f"The calls that {seen.label} allows are used up."
            return Asked(max(float(paid.wait_s), LEAST_WAIT_S), Why.BUDGET, sentence, asked.remembers)
        waits_since = None if rule.has_slack(seen.budget, shape, seen.at) else seen.waits_since
        if _take(seen, paid.allowance, calls=calls, waits_since=waits_since):
            return asked
    return Asked(LEAST_WAIT_S, Why.BUDGET, f"Too many ask for {seen.label} at the same moment.")


def note(
    connection_id: int, *, told: Told | None = None, holder: str = "", now: datetime | None = None
) -> None:
    """Note that a call has ended: its slot is free, and what its answer told of the limits is kept.

    An answer that brings no news writes nothing.
    """
    for _ in range(TRIES):
        seen = looks.look(connection_id, now=now)
        state = rule.give_back(seen.budget, holder) if holder else seen.budget
        if told is not None:
            state = rule.heed(state, shape_of(connector(seen.connector).capabilities), told, seen.at)
        refusals = 1 if told is not None and told.too_many else 0
        if state == seen.budget and not refusals:
            return
        if looks.write(seen, state, waits_since=seen.waits_since, refusals=refusals):
            return
    raise TimeoutError(f"Budget of connection {connection_id}: others wrote it {TRIES} times meanwhile.")


def shut_for(connection_id: int, wait: timedelta, *, now: datetime | None = None) -> None:
    """Give nothing for so long: the vendor asked for it."""
    note(connection_id, told=Told(refused=True, retry_after_s=wait.total_seconds()), now=now)


def shape_of(can: Capabilities) -> Shape:
    """Return the limits a connector declares beside its bucket."""
    return Shape(
        cost=Decimal(can.call_cost),
        window_calls=can.window_calls,
        window=timedelta(seconds=can.window_s),
        parallel=can.concurrent_calls,
        slot_life=timedelta(seconds=can.max_request_life_s),
        reserve_percent=can.reserve_percent,
        per_s=Decimal(str(can.calls_per_s)),
        burst=Decimal(can.burst),
    )


def _asked_others(seen: Look, *, held_too: bool, writes: bool = False) -> Asked:
    """Ask staff and the breaker."""
    if writes and seen.writing is not Writing.LIVE:
        return Asked(HELD_S, Why.HOLD, f"{seen.label} is not written to now.")
    if held_too:
        return Asked(remembers=seen.breaker.remembers)
    why = held_by(seen.label, seen.state, window_ends=seen.held_until, errand=Errand.PAY)
    if why:
        return Asked(HELD_S, Why.HOLD, why)
    wait_s = breaking.wait(seen.breaker, seen.at, breakers.rules()).total_seconds()
    if wait_s:
        sentence = f"{seen.label} has not answered since {seen.breaker.since:%H:%M:%S} UTC."
        return Asked(wait_s, Why.BREAKER, sentence, remembers=True)
    return Asked(remembers=seen.breaker.remembers)


def _take(seen: Look, state: Allowance, *, calls: int, waits_since: datetime | None) -> bool:
    """Write the payment, and where the breaker is open that this call is its probe: both or neither."""
    if seen.breaker.phase is Phase.CLOSED:
        return looks.write(seen, state, waits_since=waits_since, calls=calls)
    with transaction.atomic():
        done = looks.write(seen, state, waits_since=waits_since, calls=calls) and breakers.begin(seen)
        if not done:
            transaction.set_rollback(True)
    return done


def _note_waiting(seen: Look, state: Allowance | None = None) -> None:
    """Keep since when a call waits; and the budget, once, after the clock was set back."""
    if state is not None and state.bucket.as_of < seen.budget.bucket.as_of:
        looks.write(seen, state, waits_since=seen.waits_since or seen.at)
    elif seen.waits_since is None:
        Budget.objects.filter(connection_id=seen.connection_id, waits_since=None).update(waits_since=seen.at)
