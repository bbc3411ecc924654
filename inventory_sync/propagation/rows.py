"""Between a listing's row and the pure state that domain.lane works on. No queries."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from inventory_sync.domain.lane import Aim, Fall, Flight, ListingState, Pending
from inventory_sync.domain.ports import ListingRef
from inventory_sync.domain.units import Factor
from inventory_sync.propagation.models import Listing
from inventory_sync.propagation.ports import Row


def to_row(listing: Listing, *, fresh: bool = True) -> Row:
    """Return the row as the lane works on it; a fresh one's figure holds all its order news."""
    flight = None
    if listing.lease_until is not None and listing.flight_started_at is not None:
        flight = Flight(listing.token, listing.flight_started_at, listing.lease_until, _aim(listing.aim))
    fall = None
    if listing.fall_seen_at is not None and listing.fall_quantity is not None:
        fall = Fall(listing.fall_seen_at, listing.fall_quantity)
    state = ListingState(
        key=str(listing.pk),
        desired=listing.desired,
        desired_version=listing.desired_version,
        desired_news=listing.news if fresh else listing.desired_news,
        observed=listing.observed,
        acknowledged=listing.acknowledged,
        news=listing.news,
        in_flight=flight,
        unanswered=_aim(listing.unanswered),
        ambiguous_until=listing.ambiguous_until,
        pending=_pending(listing.pending),
        fall=fall,
        dirty_since=listing.dirty_since,
        urgent=listing.urgent,
        attempts=listing.attempts,
        run_at=listing.run_at,
        token=listing.token,
        writes=listing.writes,
        lowered=listing.lowered,
    )
    return Row(
        id=listing.pk,
        ref=ListingRef(listing.external_id, listing.external_parent, listing.external_location),
        item_id=listing.mapping.item_id or 0,
        factor=Factor(listing.mapping.numerator, listing.mapping.denominator),
        state=state,
        fresh=fresh,
        correlation_id=listing.correlation_id,
        error_code=listing.error_code,
        error_detail=listing.error_detail,
        failed=listing.state == Listing.State.FAILED,
        aside=listing.state if listing.state in ASIDE else "",
    )


def write_back(listing: Listing, row: Row) -> Listing:
    """Put the state into the model instance; the caller saves it with FIELDS."""
    state = row.state
    listing.desired, listing.desired_version = state.desired, state.desired_version
    listing.desired_news, listing.news = state.desired_news, state.news
    listing.observed, listing.acknowledged = state.observed, state.acknowledged
    flight = state.in_flight
    listing.flight_started_at = flight.started_at if flight else None
    listing.lease_until = flight.lease_until if flight else None
    listing.aim = _json(flight.aim) if flight else None
    listing.unanswered = _json(state.unanswered)
    listing.ambiguous_until = state.ambiguous_until
    listing.pending = _pending_json(state.pending)
    listing.fall_seen_at = state.fall.seen_at if state.fall else None
    listing.fall_quantity = state.fall.quantity if state.fall else None
    listing.dirty_since, listing.urgent = state.dirty_since, state.urgent
    listing.attempts, listing.run_at, listing.token = state.attempts, state.run_at, state.token
    listing.writes, listing.lowered = state.writes, state.lowered
    listing.error_code, listing.error_detail = row.error_code, row.error_detail
    listing.correlation_id = row.correlation_id
    listing.state = _state_of(row)
    return listing


ASIDE = frozenset({Listing.State.SHADOW.value, Listing.State.WAITING.value})
FIELDS = [
    "state",
    "desired",
    "desired_version",
    "desired_news",
    "observed",
    "observed_at",
    "acknowledged",
    "acknowledged_at",
    "news",
    "lowered",
    "urgent",
    "dirty_since",
    "run_at",
    "attempts",
    "token",
    "flight_started_at",
    "lease_until",
    "aim",
    "unanswered",
    "ambiguous_until",
    "pending",
    "fall_seen_at",
    "fall_quantity",
    "writes",
    "error_code",
    "error_detail",
    "correlation_id",
]


def _state_of(row: Row) -> str:
    if row.failed:
        return Listing.State.FAILED
    if row.state.desired is None:
        return Listing.State.UNKNOWN
    if row.aside and row.state.dirty_since is not None:
        return row.aside
    return Listing.State.OWED if row.state.dirty_since is not None else Listing.State.SETTLED


def _aim(value: dict[str, Any] | None) -> Aim | None:
    if value is None:
        return None
    return Aim(Decimal(value["figure"]), value["version"], value["news"], value["write_key"])


def _pending(value: dict[str, Any] | None) -> Pending | None:
    if value is None:
        return None
    aim = _aim(value["aim"])
    assert aim is not None
    return Pending(value["receipt"], aim, datetime.fromisoformat(value["until"]))


def _pending_json(pending: Pending | None) -> dict[str, Any] | None:
    if pending is None:
        return None
    return {"receipt": pending.receipt, "aim": _json(pending.aim), "until": pending.until.isoformat()}


def _json(aim: Aim | None) -> dict[str, Any] | None:
    if aim is None:
        return None
    return {
        "figure": str(aim.figure),
        "version": aim.version,
        "news": aim.news,
        "write_key": aim.write_key,
    }
