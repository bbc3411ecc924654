"""Announcements and what arrives of them: what is still to come, and where the two differ.

The newest version of an announcement rules, arrivals are summed over effective events, and what is open is a
function of both (domain/expectations.py), so it does not matter which came first or how often. Called by
apply.py between levels and dirty items, which is these rows' place in the lock order. Moves no stock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.expectations import Announced, Arrival, Standing, stand
from inventory_sync.ledger.expectation_types import (
    Discrepancy,
    ExpectationEvent,
    ExpectationKey,
    Expected,
)
from inventory_sync.ledger.ports import LedgerStore, Recording
from inventory_sync.ledger.ports_incoming import ArrivalRow, HeldAnnounced, HeldExpectation
from inventory_sync.ledger.types import LevelKey


def settle_expectations(
    announced: Sequence[ExpectationEvent], recording: Recording, *, store: LedgerStore, now: datetime
) -> tuple[Expected, dict[LevelKey, str]]:
    """Take in announcements and arrivals; return what came of it and the levels whose future changed."""
    receipts = [each.event for each in recording.new if each.event.receipt is not None]
    names = {(event.connection_id, event.key) for event in receipts} | set(recording.replaced)
    if not announced and not names:
        return Expected(), {}
    before = store.arrivals_named(names) if names else {}
    fresh = _arrivals(recording, before, store)
    moved = {row.of for row in before.values()} | {row.of for row in fresh}
    held = store.lock_expectations({event.key for event in announced} | moved, now=now)

    store.save_arrivals(fresh)
    refused: list[ExpectationEvent] = []
    news: set[tuple[int, str]] = set()
    after = dict(held)
    for event in sorted(announced, key=lambda each: (each.key, each.version)):
        heard = _heard(after[event.key], event)
        if heard is None:
            refused.append(event)
        elif heard != after[event.key]:
            after[event.key] = heard
            news.add((event.connection_id, event.event_key))
    arrivals = store.arrivals_of(after)

    discrepancies: list[Discrepancy] = []
    agreed: list[ExpectationKey] = []
    changed: list[HeldExpectation] = []
    touched: dict[LevelKey, str] = {}
    for key in sorted(after):
        rows = arrivals.get(key, [])
        standing = _standing(after[key], rows)
        settled = _settled(after[key], standing)
        found = _discrepancies(settled, standing, rows)
        discrepancies += found
        if not found:
            agreed.append(key)
        if settled != held[key]:
            changed.append(settled)
            was, will = _futures(held[key]), _futures(settled)
            levels = (level for level in was.keys() | will.keys() if was.get(level) != will.get(level))
            touched |= dict.fromkeys(levels, settled.correlation_id)
    store.save_expectations(changed, now=now)
    return Expected(tuple(discrepancies), tuple(agreed), tuple(refused), new=frozenset(news)), touched


def _arrivals(
    recording: Recording, before: dict[tuple[int, str], ArrivalRow], store: LedgerStore
) -> list[ArrivalRow]:
    """Return what the recorded events say arrived; one that says nothing any more takes its row back to 0."""
    sources = {each.event.receipt.source for each in recording.new if each.event.receipt is not None}
    ids = store.connection_ids(sources) if sources else {}
    rows: list[ArrivalRow] = []
    for _, event in recording.new:
        receipt, old = event.receipt, before.get((event.connection_id, event.key))
        if receipt is not None and receipt.source in ids:
            rows.append(
                ArrivalRow(
                    connection_id=event.connection_id,
                    event_key=event.key,
                    revision=event.revision,
                    source_id=ids[receipt.source],
                    ref=receipt.ref,
                    item_id=event.item_id,
                    location_id=event.location_id,
                    quantity=event.quantity,
                    damaged=receipt.damaged,
                    paper=receipt.expected,
                    final=receipt.final,
                )
            )
        elif old is not None:
            nothing = replace(old, revision=event.revision, quantity=Decimal(0), paper=None, final=False)
            rows.append(nothing)
    return rows


def _heard(held: HeldExpectation, event: ExpectationEvent) -> HeldExpectation | None:
    """Return the announcement after one version of it; None when it contradicts the same version.

    The same version may bring lines that were not known before, and touches no other.
    """
    if event.version < held.version:
        return held
    known = {line.line_ref: line for line in held.lines}
    fresh = {
        line.line_ref: HeldAnnounced(line.line_ref, line.item_id, line.quantity, line.due_at)
        for line in event.lines
    }
    if event.version == held.version:
        for ref in known.keys() & fresh.keys():
            if (known[ref].item_id, known[ref].quantity) != (fresh[ref].item_id, fresh[ref].quantity):
                return None
        if (held.kind, held.status, held.location_id) != (event.kind, event.status, event.location_id):
            return None
        lines = fresh | known
    else:
        kept = {ref: line for ref, line in known.items() if ref in event.parked}
        lines = kept | fresh
    return replace(
        held,
        version=event.version,
        kind=event.kind,
        status=event.status,
        location_id=event.location_id,
        origin_id=event.origin_id,
        due_at=event.due_at,
        reference=event.reference,
        delivery_id=event.delivery_id,
        correlation_id=event.correlation_id or held.correlation_id,
        lines=tuple(lines[ref] for ref in sorted(lines)),
    )


def _standing(held: HeldExpectation, rows: Iterable[ArrivalRow]) -> Standing:
    return stand(
        [Announced(line.line_ref, line.item_id, line.quantity, line.due_at) for line in held.lines],
        [Arrival(row.item_id, row.quantity, row.damaged, row.paper, row.final) for row in rows],
        status=held.status,
    )


def _settled(held: HeldExpectation, standing: Standing) -> HeldExpectation:
    return replace(
        held,
        differs=bool(standing.differences),
        over=standing.over or not any(standing.open.values()),
        lines=tuple(
            replace(line, arrived=standing.arrived[line.line_ref], open=standing.open[line.line_ref])
            for line in held.lines
        ),
    )


def _discrepancies(
    held: HeldExpectation, standing: Standing, rows: Sequence[ArrivalRow]
) -> list[Discrepancy]:
    arrived_at = {row.item_id: row.location_id for row in rows}
    return [
        Discrepancy(
            connection_id=held.connection_id,
            ref=held.ref,
            item_id=each.item,
            location_id=held.location_id or arrived_at.get(each.item, 0),
            expected=each.expected,
            received=each.received,
            damaged=each.damaged,
            over=each.over,
            short=each.short,
        )
        for each in standing.differences
    ]


def _futures(held: HeldExpectation) -> dict[LevelKey, list[tuple[Decimal, datetime | None]]]:
    """Return what the announcement promises per level: how much, and when."""
    promised: dict[LevelKey, list[tuple[Decimal, datetime | None]]] = defaultdict(list)
    for line in held.lines:
        if held.location_id is not None and line.open:
            promised[line.item_id, held.location_id].append((line.open, line.due_at))
    return dict(promised)
