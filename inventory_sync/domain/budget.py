"""A token bucket: how many calls one credential may still make; and what an answer told of it.

Pure: the caller keeps the bucket (in a row, so that no outage opens or shuts it) and tells the time. The
other limits a vendor may set, and who may touch the last of each, are in allowance.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

MICROSECOND = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tokens left at a time. capacity: the burst; per_s: tokens that come back each second.

    shut_until: nothing is given before it (the vendor said so); None when open.
    """

    capacity: Decimal
    per_s: Decimal
    tokens: Decimal
    as_of: datetime
    shut_until: datetime | None = None

    def __post_init__(self) -> None:
        if self.capacity < 1 or self.per_s <= 0:
            raise ValueError("a bucket holds at least one token and refills")


@dataclass(frozen=True, slots=True)
class Told:
    """What one answer said of the limits, in the vendor's own unit (calls or points); None where silent.
    Plain numbers, for it is kept with the exchange.

    refused: it was no answer but a request to wait; too_many: because we were too fast (429), and not
    because the vendor is in trouble (503).
    """

    remaining: float | None = None
    capacity: float | None = None
    restore_per_s: float | None = None
    resets_in_s: float | None = None
    retry_after_s: float | None = None
    cost: float | None = None
    refused: bool = False
    too_many: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """The bucket afterwards, how many whole tokens were granted, and how long until the next one."""

    bucket: Bucket
    granted: int
    wait_s: Decimal


def refill(bucket: Bucket, now: datetime) -> Bucket:
    """Return the bucket at a later time; a clock that went back gives nothing and takes nothing."""
    if now <= bucket.as_of:
        return bucket
    gained = _seconds(bucket.as_of, now) * bucket.per_s
    return replace(bucket, tokens=min(bucket.capacity, bucket.tokens + gained), as_of=now)


def take(bucket: Bucket, wanted: int, now: datetime) -> Taken:
    """Take up to wanted tokens, a slice if there are fewer; wait_s is 0 when anything was granted."""
    full = refill(bucket, now)
    if full.shut_until is not None and now < full.shut_until:
        return Taken(full, 0, _seconds(now, full.shut_until))
    granted = max(0, min(wanted, int(full.tokens)))
    left = replace(full, tokens=full.tokens - granted, shut_until=None)
    wait_s = Decimal(0) if granted or wanted <= 0 else (1 - left.tokens) / left.per_s
    return Taken(left, granted, wait_s)


def shut(bucket: Bucket, until: datetime) -> Bucket:
    """Return the bucket after the vendor refused: empty, and closed until then."""
    latest = until if bucket.shut_until is None else max(until, bucket.shut_until)
    return replace(bucket, tokens=min(bucket.tokens, Decimal(0)), shut_until=latest)


def _seconds(start: datetime, end: datetime) -> Decimal:
    span = end - start
    return Decimal(span.days * 86400 + span.seconds) + span.microseconds * MICROSECOND
