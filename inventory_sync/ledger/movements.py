"""One posting as one line of the ledger: which virtual location is at the other end, and in which period.

Both ways through the fold (folding.py, plain.py) make their movements here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from inventory_sync.domain.external import Reason
from inventory_sync.domain.reports import Counterpart
from inventory_sync.ledger.ports import NewMovement, Recorded
from inventory_sync.ledger.types import LevelKey

COUNTERPARTS: dict[Reason | None, Counterpart] = {
    None: Counterpart.ADJUSTMENT,
    Reason.SALE: Counterpart.CUSTOMER,
    Reason.SHIPMENT: Counterpart.CUSTOMER,
    Reason.RETURN: Counterpart.CUSTOMER,
    Reason.RECEIPT: Counterpart.VENDOR,
    Reason.TRANSFER_OUT: Counterpart.TRANSIT,
    Reason.TRANSFER_IN: Counterpart.TRANSIT,
    Reason.ADJUSTMENT: Counterpart.ADJUSTMENT,
    Reason.SCRAP: Counterpart.SCRAP,
}


def movement(recorded: Recorded, key: LevelKey, quantity: Decimal, other_id: int, kind: str) -> NewMovement:
    """Return the line of a posting: `quantity`, not 0, as seen from the level; `other_id` its other end."""
    row_id, event = recorded
    item_id, location_id = key
    arrives = quantity > 0
    return NewMovement(
        row_id,
        item_id,
        other_id if arrives else location_id,
        location_id if arrives else other_id,
        quantity if arrives else -quantity,
        kind,
        event.occurred_at,
        event.reference,
        period_of(event.occurred_at),
        event.correlation_id,
        event.lot,
        event.owner,
        event.condition,
    )


def kind_of(recorded: Recorded) -> str:
    """Return the kind of a delta's own movement."""
    return (recorded.event.reason or Reason.ADJUSTMENT).value


def period_of(moment: datetime) -> str:
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{utc.year:04}-{utc.month:02}"
