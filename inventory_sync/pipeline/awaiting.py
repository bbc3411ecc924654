"""Accepted is not applied: ask a vendor that applies writes later what became of them.

A listing with such a write is in flight until its end is known: nothing else is written to it. An applied one
goes through the sandwich, which reads it; one that nobody tells about in time is a lost answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from inventory_sync.domain import sandwich
from inventory_sync.domain.errors import OutcomeUnknown, SyncError
from inventory_sync.domain.ports import LaterWriter, WriteEnd
from inventory_sync.domain.sandwich import End
from inventory_sync.pipeline.asking import answer
from inventory_sync.pipeline.flight import POLL_AGAIN, Sandwich
from inventory_sync.pipeline.ports import Ports
from inventory_sync.propagation.ports import Row
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)


def ask_ends(work: Sandwich, *, ports: Ports) -> int:
    """Take the listings whose accepted write has no end yet out of the flight; returns how many."""
    asked = {row.id: row.state.pending.receipt for row in work.rows.values() if row.state.pending is not None}
    if not asked:
        return 0
    failed: SyncError | None = None
    try:
        told = answer("poll", cast(LaterWriter, work.account.client).poll_writes, list(asked.values()))
        ends = dict(zip(asked, told, strict=True))
    except SyncError as error:
        failed = error
        ends = dict.fromkeys(asked, WriteEnd(done=False))
    waiting = 0
    with ports.lanes.transaction():
        now = ports.clock()
        rows: list[Row] = []
        for row in ports.lanes.lock(list(asked)):
            pending, token = row.state.pending, work.tokens[row.id]
            if pending is None or row.state.in_flight is None or row.state.in_flight.token != token:
                continue
            end = _judge(ends[row.id], overdue=now >= pending.until)
            if end is None:
                rows.append(replace(row, state=sandwich.stand_down(row.state, token, until=now + POLL_AGAIN)))
                del work.rows[row.id]
                waiting += 1
                continue
            state = sandwich.note_end(row.state, end, now=now, longest_life=work.longest_life)
            rows.append(replace(row, state=state))
            refusal = ends[row.id].error
            if end is End.REFUSED and refusal is not None:
                work.errors[row.id] = refusal
            if end is End.LOST:
                log.warning("push.end_unknown", connection=work.account.code, listing=row.id)
        ports.lanes.save(rows, now=now)
    if failed is not None:
        raise failed
    return waiting


def _judge(end: WriteEnd, *, overdue: bool) -> End | None:
    """Return how it ended, None while it has not."""
    if end.done and end.error is None:
        return End.APPLIED
    if end.done and not isinstance(end.error, OutcomeUnknown):
        return End.REFUSED
    return End.LOST if overdue or isinstance(end.error, OutcomeUnknown) else None
