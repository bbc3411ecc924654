"""One posting as one line of the ledger: which virtual location is at the other end, and in which period.

Both ways through the fold (folding.py, plain.py) make their movements here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal

from inventory_sync.domain.external import Reason
from inventory_sync.domain.periods import period_of, posting_period
from inventory_sync.domain.reports import Counterpart
from inventory_sync.ledger.ports import NewMovement, Recorded, Recording
from inventory_sync.ledger.ports_incoming import Late
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


_line = NewMovement._make


def movement(recorded: Recorded, key: LevelKey, quantity: Decimal, other_id: int, kind: str) -> NewMovement:
    """Return the line of a posting: `quantity`, not 0, as seen from the level; `other_id` its other end."""
    row_id, event = recorded
    item_id, location_id = key
    arrives = quantity > 0
    at = event.occurred_at
    return _line(
        (
            row_id,
            item_id,
            other_id if arrives else location_id,
            location_id if arrives else other_id,
            quantity if arrives else -quantity,
            kind,
            at,
            event.reference,
            period_of(at),
            event.correlation_id,
            event.lot,
            event.owner,
            event.condition,
        )
    )


def kind_of(reason: Reason | None) -> str:
    """Return the kind of a delta's own movement."""
    return (reason or Reason.ADJUSTMENT).value


def late_lines(
    recording: Recording, movements: Iterable[NewMovement], closed: Collection[str]
) -> tuple[list[NewMovement], list[Late]]:
    """Move lines of closed periods into the first open one after; say which events those belong to."""
    lines: list[NewMovement] = []
    late: dict[int, str] = {}
    for line in movements:
        if line.period in closed:
            period = posting_period(line.period, closed)
            late[line.event_id] = period
            line = line._replace(period=period)
        lines.append(line)
    return lines, [
        Late(
            row_id,
            event.connection_id,
            event.key,
            event.item_id,
            event.location_id,
            period_of(event.occurred_at),
            late[row_id],
        )
        for row_id, event in recording.new
        if row_id in late
    ]
