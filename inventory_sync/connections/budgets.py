"""Who may call a vendor now: one row per credential, asked and paid by every call when it is made.

No outage of anything else opens or shuts it. Staff's hold and the breaker are asked in the same breath, and
the database's clock is everybody's. Lock order: last of all, but for the breaker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from django.db import connection as database
from django.db import transaction

from inventory_sync.connections import breakers
from inventory_sync.connections.models import Breaker, Budget, Connection
from inventory_sync.connections.registry import connector
from inventory_sync.connections.running import Errand, held_by
from inventory_sync.domain import allowance as rule
from inventory_sync.domain import breaker as breaking
from inventory_sync.domain import budget
from inventory_sync.domain.allowance import Allowance, Shape, Slot
from inventory_sync.domain.budget import Told
from inventory_sync.domain.ports import Capabilities
from inventory_sync.support import spending

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HELD_S = 30.0  # until it is worth asking again whether staff still hold it


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


def take_calls(connection_id: int, calls: int, *, now: datetime | None = None, tier: str = "") -> float:
    """Pay for calls that are made now, all or none; returns 0, or the seconds until they may be.

    Part of the caller's transaction: what rolls back spends nothing.
    """
    return pay(connection_id, calls, now=now, tier=tier).wait_s


def may_call(connection_id: int, calls: int, *, now: datetime, tier: str = "") -> float:
    """Return 0 when so many calls could be made one after the other, else the seconds until then.

    Takes nothing and locks nothing: who begins a piece of work asks, and each of its calls is paid by itself.
    """
    row, shape = _ready(connection_id, now)
    asked = _asked_others(row, now, held_too=False)
    waits = float(rule.room(_allowance(row), shape, now, tier=tier or spending.current(), calls=calls))
    return max(asked.wait_s, waits)


def pay(
    connection_id: int,
    calls: int = 1,
    *,
    now: datetime | None = None,
    tier: str = "",
    holder: str = "",
    held_too: bool = False,
) -> Asked:
    """Pay for calls that are made now, all or none.

    holder: whose slot it is, where the vendor counts calls at once. held_too: staff themselves are asking,
    say to see whether a paused connection works.
    """
    with transaction.atomic():
        row, shape = _ready(connection_id, now, lock=True)
        at = now or _database_now()  # of the moment the lock was got, not of when it was asked for
        asked = _asked_others(row, at, held_too=held_too)
        if asked.wait_s:
            return asked
        paid = rule.pay(
            _allowance(row), shape, at, tier=tier or spending.current(), calls=calls, holder=holder
        )
        if paid.wait_s:
            if row.waits_since is None:
                Budget.objects.filter(pk=row.pk).update(waits_since=at)
            return Asked(max(float(paid.wait_s), 0.005), Why.BUDGET, "Its budget is spent.", asked.remembers)
        row.waits_since, row.calls = None, row.calls + calls
        _save(row, paid.allowance)
        if asked.remembers:
            breakers.begin(connection_id, now=at)
        return asked


def note(
    connection_id: int, *, told: Told | None = None, holder: str = "", now: datetime | None = None
) -> None:
    """Note that a call has ended: its slot is free, and what its answer told of the limits is kept."""
    if told is not None and not holder and not _is_news(connection_id, told, now):
        return
    with transaction.atomic():
        row, shape = _ready(connection_id, now, lock=True)
        state = rule.give_back(_allowance(row), holder) if holder else _allowance(row)
        if told is not None:
            state = rule.heed(state, shape, told, now or _database_now())
            row.refusals += told.too_many
        _save(row, state)


def shut_until(connection_id: int, until: datetime) -> None:
    """Give nothing before `until`: the vendor asked for it."""
    with transaction.atomic():
        row, _ = _ready(connection_id, until, lock=True)
        state = _allowance(row)
        shut = budget.shut(state.bucket, until)
        row.closed_until, row.tokens = shut.shut_until, float(shut.tokens)
        row.save(update_fields=["closed_until", "tokens"])


def shape_of(can: Capabilities) -> Shape:
    """Return the limits a connector declares beside its bucket."""
    return Shape(
        cost=Decimal(can.call_cost),
        window_calls=can.window_calls,
        window=timedelta(seconds=can.window_s),
        parallel=can.concurrent_calls,
        slot_life=timedelta(seconds=can.max_request_life_s),
        reserve_percent=can.reserve_percent,
    )


def _is_news(connection_id: int, told: Told, now: datetime | None) -> bool:
    """Say whether an answer changes anything; most do not, and then no row is locked or written for it."""
    row, shape = _ready(connection_id, now)
    state = _allowance(row)
    return told.refused or rule.heed(state, shape, told, now or _database_now()) is not state


def _asked_others(row: Budget, now: datetime, *, held_too: bool) -> Asked:
    """Ask staff and the breaker."""
    connection = Connection.objects.select_related("breaker").get(pk=row.connection_id)
    why = "" if held_too else held_by(connection, now=now, errand=Errand.PAY)
    if why:
        return Asked(HELD_S, Why.HOLD, why)
    found: Breaker | None = getattr(connection, "breaker", None)
    state = breakers.state_of(found)
    wait_s = breaking.wait(state, now).total_seconds()
    sentence = f"{connection.label} has not answered since {state.since:%H:%M:%S} UTC." if wait_s else ""
    return Asked(wait_s, Why.BREAKER if wait_s else Why.NOTHING, sentence, state.remembers)


def _ready(connection_id: int, now: datetime | None, *, lock: bool = False) -> tuple[Budget, Shape]:
    """Return the row, made if nobody has called there yet, and the limits beside its bucket."""
    found = Budget.objects.filter(connection_id=connection_id).select_related("connection")
    found = found.select_for_update(of=("self",)) if lock else found
    row = found.first()
    if row is None:
        can = connector(Connection.objects.get(pk=connection_id).connector).capabilities
        new = Budget(
            connection_id=connection_id,
            tokens=float(can.burst),
            refilled_at=now or _database_now(),
            rate_per_s=can.calls_per_s,
            burst=float(can.burst),
        )
        Budget.objects.bulk_create([new], ignore_conflicts=True)
        row = found.get()
    return row, shape_of(connector(row.connection.connector).capabilities)


def _database_now() -> datetime:
    with database.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def _allowance(row: Budget) -> Allowance:
    return Allowance(
        bucket=budget.Bucket(
            capacity=Decimal(str(row.burst)),
            per_s=Decimal(str(row.rate_per_s)),
            tokens=Decimal(str(row.tokens)),
            as_of=row.refilled_at,
            shut_until=row.closed_until,
        ),
        recent=tuple(EPOCH + each * MICROSECOND for each in row.recent),
        slots=tuple(Slot(holder, EPOCH + until * MICROSECOND) for holder, until in row.slots),
        eased=Decimal(str(row.eased)),
        eased_at=row.eased_at,
    )


def _save(row: Budget, state: Allowance) -> None:
    bucket = state.bucket
    row.tokens, row.refilled_at, row.closed_until = float(bucket.tokens), bucket.as_of, bucket.shut_until
    row.rate_per_s, row.burst = float(bucket.per_s), float(bucket.capacity)
    row.recent = [(at - EPOCH) // MICROSECOND for at in state.recent]
    row.slots = [[slot.holder, (slot.until - EPOCH) // MICROSECOND] for slot in state.slots]
    row.eased, row.eased_at = float(state.eased), state.eased_at
    row.save()
