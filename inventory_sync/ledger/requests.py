"""Decide what external systems ask of their reservations: many requests in one transaction, each answered.

Runs in the caller's transaction, which makes no other call that locks the ledger. The requests are decided
in the order given, under the same locks in the same order as apply.py: orders, then levels, then dirty items.
At every commit what was accepted is covered by what is free then, or by a declared backorder allowance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from inventory_sync.domain.requests import Act
from inventory_sync.domain.routing import ReserveMode
from inventory_sync.ledger.ports import LedgerStore
from inventory_sync.ledger.request_types import Answer, Answered, Request, RequestLine, Terms
from inventory_sync.ledger.types import OrderKey


def decide_requests(
    requests: Sequence[Request], *, terms: Mapping[int, Terms], store: LedgerStore, now: datetime
) -> Answered:
    """Decide the requests in the order given; terms: per connection id, also of channels that only wait."""
    raise NotImplementedError


def reserve(
    key: OrderKey,
    lines: Sequence[RequestLine],
    *,
    terms: Mapping[int, Terms],
    store: LedgerStore,
    now: datetime,
    version: int = 1,
    mode: ReserveMode = ReserveMode.ALL_OR_NOTHING,
    hold: timedelta | None = None,
    review: bool = False,
    correlation_id: str = "",
) -> Answer:
    """Hold (hold: for how long) or commit (None) the whole content of one version.

    The same version again is answered as it stands, a higher one changes it by the difference. Refused:
    NotEnough, NoPool, OtherContent, OlderVersion, ChannelDecides.
    """
    request = Request(
        Act.RESERVE, *key, version, tuple(lines), mode, hold, review, correlation_id=correlation_id
    )
    return _one(request, terms=terms, store=store, now=now)


def amend(
    key: OrderKey,
    lines: Sequence[RequestLine],
    *,
    version: int,
    terms: Mapping[int, Terms],
    store: LedgerStore,
    now: datetime,
    correlation_id: str = "",
) -> Answer:
    """Change the named lines under a higher version, the others stay; 0 takes a line out.

    Refused whole as reserve() is, in the mode the reservation was made in; then the version before stands.
    """
    request = Request(Act.AMEND, *key, version, tuple(lines), correlation_id=correlation_id)
    return _one(request, terms=terms, store=store, now=now)


def commit(key: OrderKey, *, terms: Mapping[int, Terms], store: LedgerStore, now: datetime) -> Answer:
    """Make a hold a sale; one that has expired is decided anew. Refused: NotEnough, AwaitsReview, …"""
    return _one(Request(Act.COMMIT, *key), terms=terms, store=store, now=now)


def release(
    key: OrderKey, *, terms: Mapping[int, Terms], store: LedgerStore, now: datetime, reason: str = ""
) -> Answer:
    """Give a hold back. Refused: AlreadyCommitted."""
    return _one(Request(Act.RELEASE, *key, reason=reason), terms=terms, store=store, now=now)


def cancel(
    key: OrderKey, *, terms: Mapping[int, Terms], store: LedgerStore, now: datetime, reason: str = ""
) -> Answer:
    """End a hold or a commitment: all its lines that are still open."""
    return _one(Request(Act.CANCEL, *key, reason=reason), terms=terms, store=store, now=now)


def extend(
    key: OrderKey, until: datetime, *, terms: Mapping[int, Terms], store: LedgerStore, now: datetime
) -> Answer:
    """Have a hold end later, inside the channel's window; never earlier. Refused: HoldExpired, …"""
    return _one(Request(Act.EXTEND, *key, until=until), terms=terms, store=store, now=now)


def approve(
    key: OrderKey, *, terms: Mapping[int, Terms], store: LedgerStore, now: datetime, reason: str = ""
) -> Answer:
    """Make a sale of what was held for review. Refused: HoldExpired, ReservationOver."""
    return _one(Request(Act.APPROVE, *key, reason=reason), terms=terms, store=store, now=now)


def _one(request: Request, *, terms: Mapping[int, Terms], store: LedgerStore, now: datetime) -> Answer:
    return decide_requests([request], terms=terms, store=store, now=now).answers[0]
