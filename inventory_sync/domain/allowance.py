"""What a credential may still call, in its vendor's own shape: tokens or points, a sliding window, slots.

Pure: the caller keeps the Allowance (in a row, under its lock) and tells the time. A call is paid at the
moment it is made, so that the vendor's own count can never run ahead of ours. Every limit keeps a part that
only the critical tier may touch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from inventory_sync.domain.budget import Bucket, Told, refill, shut

CRITICAL = "critical"
ONE = Decimal(1)
NEVER_SLOWER_THAN = ONE / 4
EASES_IN_S = Decimal(120)  # until a rate that was cut is whole again, at the longest
BELIEVED = 100  # how many times more or less than declared a vendor may say its limit is
STEPPED_BACK = timedelta(seconds=2)  # a clock further behind the last payment than this was set back
WITHOUT_A_WORD = timedelta(seconds=5)  # how long a refusal counts that names no time
LOOK_AGAIN_S = Decimal("0.25")  # a slot may come back long before its lease ends


@dataclass(frozen=True, slots=True)
class Shape:
    """The limits a vendor sets; 0 where it sets none of that kind.

    cost: points one call takes until its answer says what it did take; 1 where calls are counted.
    window_calls in each `window`, sliding. parallel: calls at once, each for slot_life at most.
    reserve_percent: the share of each limit that only the critical tier may touch. per_s and burst: as the
    connector declares them; what an answer tells is held against them.
    """

    cost: Decimal = ONE
    window_calls: int = 0
    window: timedelta = timedelta()
    parallel: int = 0
    slot_life: timedelta = timedelta(seconds=120)
    reserve_percent: int = 20
    per_s: Decimal = Decimal(0)
    burst: Decimal = Decimal(0)

    def kept_of(self, limit: Decimal) -> Decimal:
        """Return the reserved part of a limit; others can always have at least one."""
        return max(Decimal(0), min(limit * self.reserve_percent / 100, limit - self.cost))


@dataclass(frozen=True, slots=True)
class Slot:
    """One call under way; a killed worker's slot is free again at `until`."""

    holder: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Allowance:
    """The bucket (its per_s and capacity are what the vendor declared or told), and the other limits' state.

    recent: when the calls of the window were made. eased: the share of the rate in use since a refusal.
    """

    bucket: Bucket
    recent: tuple[datetime, ...] = ()
    slots: tuple[Slot, ...] = ()
    eased: Decimal = ONE
    eased_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """The allowance afterwards, and 0 or the seconds until it is worth asking again; all or nothing."""

    allowance: Allowance
    wait_s: Decimal


def current(allowance: Allowance, shape: Shape, now: datetime) -> Allowance:
    """Return the allowance at `now`: tokens come back, calls leave the window, slots run out."""
    ahead = allowance.bucket.as_of - now
    if ahead > STEPPED_BACK:  # else nothing would come back until the old time is reached
        allowance = _set_back(allowance, ahead)
    bucket = allowance.bucket
    share = _share(allowance, bucket.as_of)
    filled = refill(replace(bucket, per_s=bucket.per_s * share), now)
    return replace(
        allowance,
        bucket=replace(filled, per_s=bucket.per_s),
        recent=tuple(at for at in allowance.recent if at > now - shape.window) if shape.window_calls else (),
        slots=tuple(slot for slot in allowance.slots if slot.until > now),
    )


def pay(
    allowance: Allowance, shape: Shape, now: datetime, *, tier: str, calls: int = 1, holder: str = ""
) -> Paid:
    """Pay for calls that are made now, with a slot for `holder` where the vendor counts calls at once."""
    at = current(allowance, shape, now)
    wait_s = _wait(at, shape, now, tier=tier, calls=calls, slots=1 if holder else 0)
    if wait_s > 0:
        return Paid(at, wait_s)
    cost = min(calls * shape.cost, at.bucket.capacity)
    taken = replace(at, bucket=replace(at.bucket, tokens=at.bucket.tokens - cost, shut_until=None))
    if shape.window_calls:
        taken = replace(taken, recent=(*taken.recent, *(now,) * calls))
    if shape.parallel and holder:
        taken = replace(taken, slots=(*taken.slots, Slot(holder, now + shape.slot_life)))
    return Paid(taken, Decimal(0))


def room(allowance: Allowance, shape: Shape, now: datetime, *, tier: str, calls: int) -> Decimal:
    """Return 0 when so many calls could be paid one after the other, else the seconds until then."""
    at = current(allowance, shape, now)
    return _wait(at, shape, now, tier=tier, calls=calls, slots=0)


def has_slack(allowance: Allowance, shape: Shape, now: datetime) -> bool:
    """Say whether the limits let through more than is asked of them: the bucket has run full."""
    at = current(allowance, shape, now)
    return at.bucket.tokens >= at.bucket.capacity and 2 * len(at.recent) <= shape.window_calls


def give_back(allowance: Allowance, holder: str) -> Allowance:
    """Return the allowance without the slot of a call that has ended."""
    return replace(allowance, slots=tuple(slot for slot in allowance.slots if slot.holder != holder))


def heed(allowance: Allowance, shape: Shape, told: Told, now: datetime) -> Allowance:
    """Return the allowance after an answer said how much is left; the same one when that is no news.

    A vendor's word lowers what is left at once. It raises nothing: calls that were paid and have not arrived
    yet are not in it. Only a call that cost less than was paid for it gives the rest back. A limit out of all
    proportion to the declared one is garbage: believed, it would let nothing through for days.
    """
    at = current(allowance, shape, now)
    bucket = at.bucket
    if told.capacity is not None and told.capacity >= 1 and _is_believable(told.capacity, shape.burst):
        capacity = _exact(told.capacity)
        bucket = replace(bucket, capacity=capacity, tokens=min(bucket.tokens, capacity))
    if told.restore_per_s and _is_believable(told.restore_per_s, shape.per_s):
        bucket = replace(bucket, per_s=_exact(told.restore_per_s))
    if told.cost is not None:
        cost = min(_exact(told.cost), bucket.capacity)
        bucket = replace(bucket, tokens=min(bucket.capacity, bucket.tokens + shape.cost - cost))
    if told.remaining is not None and told.remaining <= bucket.tokens - 1:
        bucket = replace(bucket, tokens=_exact(told.remaining))
    if told.remaining is not None and told.remaining < shape.cost and told.resets_in_s:
        bucket = shut(bucket, now + timedelta(seconds=told.resets_in_s))
    after = replace(at, bucket=bucket)
    if told.refused:
        return _refused(after, told, now)
    return allowance if bucket == at.bucket else after


def _refused(allowance: Allowance, told: Told, now: datetime) -> Allowance:
    """Shut it for as long as was asked, and be slower afterwards; one that is shut is slower already."""
    again = allowance.bucket.shut_until is not None and now < allowance.bucket.shut_until
    asked = told.retry_after_s if told.retry_after_s is not None else told.resets_in_s
    bucket = shut(allowance.bucket, now + (WITHOUT_A_WORD if asked is None else timedelta(seconds=asked)))
    if again or not told.too_many:
        return replace(allowance, bucket=bucket)
    eased = max(NEVER_SLOWER_THAN, _share(allowance, now) / 2)
    return replace(allowance, bucket=bucket, eased=eased, eased_at=now)


def _set_back(allowance: Allowance, by: timedelta) -> Allowance:
    """Return the allowance after the clock was set back: each time is as far away as it was before."""
    bucket, eased_at = allowance.bucket, allowance.eased_at
    shut_until = None if bucket.shut_until is None else bucket.shut_until - by
    return replace(
        allowance,
        bucket=replace(bucket, as_of=bucket.as_of - by, shut_until=shut_until),
        recent=tuple(at - by for at in allowance.recent),
        slots=tuple(replace(slot, until=slot.until - by) for slot in allowance.slots),
        eased_at=None if eased_at is None else eased_at - by,
    )


def _is_believable(said: float, declared: Decimal) -> bool:
    return said > 0 and (not declared or declared / BELIEVED <= _exact(said) <= declared * BELIEVED)


def _share(allowance: Allowance, at: datetime) -> Decimal:
    """Return the share of the rate in use at a time: it grows back evenly."""
    if allowance.eased_at is None:
        return ONE
    passed = Decimal(str(max(0.0, (at - allowance.eased_at).total_seconds())))
    return min(ONE, allowance.eased + passed / EASES_IN_S)


def _wait(at: Allowance, shape: Shape, now: datetime, *, tier: str, calls: int, slots: int) -> Decimal:
    """Return the longest of what each limit asks for; 0 when all of them allow it."""
    spare = tier != CRITICAL
    waits = [Decimal(0)]
    bucket = at.bucket
    if bucket.shut_until is not None and now < bucket.shut_until:
        waits.append(_seconds(bucket.shut_until - now))
    kept = shape.kept_of(bucket.capacity) if spare else Decimal(0)
    missing = min(calls * shape.cost, bucket.capacity - kept) + kept - bucket.tokens
    if missing > 0:
        waits.append(missing / (bucket.per_s * _share(at, now)))
    if shape.window_calls:
        most = shape.window_calls - int(shape.kept_of(Decimal(shape.window_calls)) if spare else 0)
        over = len(at.recent) + min(calls, most) - most
        if over > 0:
            waits.append(_seconds(sorted(at.recent)[over - 1] + shape.window - now))
    if shape.parallel and slots:
        kept_slots = _kept_slots(shape) if spare else 0
        if len(at.slots) + slots > shape.parallel - kept_slots:
            waits.append(LOOK_AGAIN_S)
    return max(waits)


def _kept_slots(shape: Shape) -> int:
    share = Decimal(shape.parallel) * shape.reserve_percent / 100
    return min(int(share.to_integral_value(ROUND_CEILING)), shape.parallel - 1)


def _seconds(span: timedelta) -> Decimal:
    return max(Decimal("0.001"), Decimal(str(span.total_seconds())))


def _exact(number: float) -> Decimal:
    return Decimal(str(number))
