"""Stock events as rows of ledger_event and back. Part of PostgresLedger (store.py)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from inventory_sync.domain.external import OrderLineRef, Reason
from inventory_sync.ledger.copying import NULL, copied, moment, writing
from inventory_sync.ledger.ports import Recorded
from inventory_sync.ledger.types import EventKind, FigureFacts, LineHeld, StockEvent

COLUMNS = (
    "connection_id, key, revision, kind, item_id, location_id, quantity, occurred_at, sequence, reading, "
    "reason, reference, delivery_id, correlation_id, lot, owner, condition, was, figure"
)
WIDTH = 19
SELECT = f"""
SELECT e.id, {", ".join(f"e.{name}" for name in COLUMNS.split(", "))}, f.source, f.order_ref, f.line_ref
FROM ledger_event e LEFT JOIN ledger_fulfilment f ON f.event_id = e.id
"""  # noqa: S608


# The end of an event's line for nearly all of them: no lot, owner, conditions or figure.
_BARE = f"\t\t\t\t\t{NULL}"


def lines_of(rows: Sequence[Recorded], recorded_at: str, *, effective: str) -> Iterator[str]:
    """Write events as lines of COPY: id, COLUMNS, effective, recorded_at.

    !s: what the values' own format() does besides writing them costs as much again.
    """
    text = writing(part for _, event in rows for part in (event.key, event.reference, event.correlation_id))
    for row_id, event in rows:
        sequence = NULL if event.sequence is None else event.sequence
        reading = NULL if event.reading is None else event.reading
        delivery = NULL if event.delivery_id is None else event.delivery_id
        rest = _BARE
        if event.figure is not None or event.lot or event.owner or event.condition or event.was:
            rest = _rest_of(event)
        yield (
            f"{row_id}\t{event.connection_id}\t{text(event.key)}\t{event.revision}\t{event.kind!s}\t"
            f"{event.item_id}\t{event.location_id}\t{event.quantity!s}\t{moment(event.occurred_at)}\t"
            f"{sequence}\t{reading}\t{event.reason or ''!s}\t{text(event.reference)}\t{delivery}\t"
            f"{text(event.correlation_id)}{rest}\t{effective}\t{recorded_at}\n"
        )


def _rest_of(event: StockEvent) -> str:
    figure = NULL if event.figure is None else copied(_written(event.figure))
    texts = (event.lot, event.owner, event.condition, event.was)
    return "".join(f"\t{copied(text)}" for text in texts) + f"\t{figure}"


def as_recorded(row: Sequence[Any]) -> Recorded:
    """Return the event of a row of SELECT."""
    source, order_ref, line_ref = row[WIDTH + 1 : WIDTH + 4]
    event = StockEvent(
        connection_id=row[1],
        key=row[2],
        revision=row[3],
        kind=EventKind(row[4]),
        item_id=row[5],
        location_id=row[6],
        quantity=row[7],
        occurred_at=row[8],
        sequence=row[9],
        reading=row[10],
        reason=Reason(row[11]) if row[11] else None,
        reference=row[12],
        delivery_id=row[13],
        correlation_id=row[14],
        fulfils=None if source is None else OrderLineRef(source, order_ref, line_ref),
        lot=row[15],
        owner=row[16],
        condition=row[17],
        was=row[18],
        figure=None if row[19] is None else _read(row[19]),
    )
    return Recorded(row[0], event)


def _written(facts: FigureFacts) -> str:
    """Quantities as text: JSON numbers are not exact everywhere."""
    return json.dumps(
        {
            "reserved": str(facts.reserved),
            "unassigned": str(facts.unassigned),
            "unavailable": str(facts.unavailable),
            "contained": [
                [each.source, each.order_ref, each.line_ref, str(each.contained), str(each.delivered)]
                for each in facts.contained
            ],
        }
    )


def _read(written: str | dict[str, Any]) -> FigureFacts:
    said: dict[str, Any] = json.loads(written) if isinstance(written, str) else written
    return FigureFacts(
        reserved=Decimal(said["reserved"]),
        unassigned=Decimal(said["unassigned"]),
        unavailable=Decimal(said["unavailable"]),
        contained=tuple(
            LineHeld(source, order_ref, line_ref, Decimal(contained), Decimal(delivered))
            for source, order_ref, line_ref, contained, delivered in said["contained"]
        ),
    )
