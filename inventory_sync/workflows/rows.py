"""Copies as rows and as values: quantities are kept as text, so that none is rounded."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from inventory_sync.domain.commands import CopyLine, CopySeen, CopyState, OrderCopy, SeenLine
from inventory_sync.domain.copies import LineKey
from inventory_sync.domain.reports import plain
from inventory_sync.workflows.deriving import Prior
from inventory_sync.workflows.models import Copy
from inventory_sync.workflows.ports import Row, State

FIELDS = (
    "done_version", "state", "seen_state", "seen_document", "seen_lines", "seen_at", "known", "may_revive",
    "step", "attempts", "failures", "since", "run_at", "not_before", "token", "error_code", "error_detail",
)  # fmt: skip


def to_row(copy: Copy) -> Row:
    """Return the row as it is worked on; needs `source` loaded."""
    return Row(
        id=copy.pk,
        copy=wanted(copy),
        version=copy.wanted_version,
        done_version=copy.done_version,
        state=State(copy.state),
        seen=seen(copy),
        known=copy.known,
        may_revive=copy.may_revive,
        step=copy.step,
        attempts=copy.attempts,
        failures=copy.failures,
        run_at=copy.run_at,
        not_before=copy.not_before,
        error_code=copy.error_code,
        error_detail=copy.error_detail,
        correlation_id=copy.correlation_id,
    )


def wanted(copy: Copy) -> OrderCopy:
    """Return what the target should have."""
    return OrderCopy(
        source=copy.source.code,
        order_ref=copy.order_ref,
        location_ref=copy.location_ref,
        number=copy.number,
        lines=tuple(
            CopyLine(line["line_ref"], line["item_ref"], Decimal(line["quantity"]), line.get("label", ""))
            for line in copy.lines
        ),
        cancelled=copy.cancelled,
        placed_at=copy.placed_at,
    )


def seen(copy: Copy) -> CopySeen | None:
    """Return what the target was last read to have, or None if it never was."""
    if not copy.seen_state:
        return None
    lines = tuple(
        SeenLine(
            line["line_ref"],
            line["item_ref"],
            Decimal(line["ordered"]),
            Decimal(line["open"]),
            Decimal(line["delivered"]),
        )
        for line in copy.seen_lines
    )
    return CopySeen(CopyState(copy.seen_state), copy.seen_document, lines)


def write_back(copy: Copy, row: Row) -> None:
    """Set what the writer knows; what is wanted is not its business."""
    copy.done_version, copy.state = row.done_version, row.state.value
    copy.known, copy.may_revive, copy.step = row.known, row.may_revive, row.step
    copy.attempts, copy.failures = min(row.attempts, 32_000), min(row.failures, 32_000)
    copy.run_at, copy.not_before = row.run_at, row.not_before
    copy.error_code, copy.error_detail = row.error_code, row.error_detail[:2000]
    if row.seen is not None:
        copy.seen_state, copy.seen_document = row.seen.state.value, row.seen.document[:120]
        copy.seen_lines = [
            {
                "line_ref": line.line_ref,
                "item_ref": line.item_ref,
                "ordered": plain(line.ordered),
                "open": plain(line.open),
                "delivered": plain(line.delivered),
            }
            for line in row.seen.lines
        ]


def lines_json(lines: Iterable[CopyLine]) -> list[dict[str, Any]]:
    return [
        {
            "line_ref": line.line_ref,
            "item_ref": line.item_ref,
            "quantity": plain(line.quantity),
            "label": line.label,
        }
        for line in lines
    ]


def prior_of(copy: Copy) -> Prior:
    """Return the copy there is, as deriving looks at it."""
    before: dict[LineKey, Decimal] = {}
    labels: dict[LineKey, str] = {}
    for line in copy.lines:
        key = (line["line_ref"], line["item_ref"])
        before[key], labels[key] = Decimal(line["quantity"]), line.get("label", "")
    there = {(line["line_ref"], line["item_ref"]): Decimal(line["ordered"]) for line in copy.seen_lines}
    return Prior(before, there if copy.seen_state in ("draft", "confirmed", "done") else {}, labels)
