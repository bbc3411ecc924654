"""What tests of conditions, announcements, picks and periods say in one line each, in either ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from inventory_sync.domain.external import ExpectationKind, ExpectationStatus
from inventory_sync.domain.levels import LevelState
from inventory_sync.domain.periods import LatePolicy
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.expectation_types import AnnouncedLine, ExpectationEvent, Pick, ReceiptOf
from inventory_sync.ledger.models import Movement
from inventory_sync.ledger.ports_incoming import HeldExpectation
from inventory_sync.ledger.types import Applied, EventKind, OrderEvent, StockEvent
from tests.ledger.reports import NOW, delta, minute
from tests.ledger.worlds import MemoryWorld, World


def conditioned(
    key: str, item: int, place: int, quantity: int, was: str, condition: str, at: int = 0, **values: Any
) -> StockEvent:
    made = delta(key, item, place, quantity, at, **{"reason": None, **values})
    return replace(made, kind=EventKind.CONDITION, was=was, condition=condition)


def receipt(
    key: str, item: int, place: int, quantity: int, ref: str, *, source: str = "erp", **values: Any
) -> StockEvent:
    told = {name: values.pop(name) for name in ("damaged", "expected", "final") if name in values}
    return delta(key, item, place, quantity, receipt=ReceiptOf(source, ref, **told), **values)


def announced(
    ref: str,
    place: int,
    lines: dict[str, tuple[int, int]],
    *,
    by: int,
    version: int = 1,
    status: ExpectationStatus = ExpectationStatus.OPEN,
    kind: ExpectationKind = ExpectationKind.PURCHASE,
    **values: Any,
) -> ExpectationEvent:
    made = tuple(AnnouncedLine(name, item, Decimal(quantity)) for name, (item, quantity) in lines.items())
    key = f"{ref}/{version}"
    return ExpectationEvent(by, ref, version, kind, status, place, made, key, **values)


def picked(
    key: str, item: int, place: int, quantity: int, order: str, line: str, *, by: int = 1, **values: Any
) -> Pick:
    short = Decimal(values.pop("short", 0))
    values.setdefault("revision", 0)
    source = values.pop("source", "shop")
    return Pick(
        connection_id=by, key=key, source=source, order_ref=order, line_ref=line, item_id=item,
        location_id=place, picked=Decimal(quantity), short=short, occurred_at=minute(0), **values,
    )  # fmt: skip


def applied(
    world: World,
    *events: StockEvent | ExpectationEvent | Pick | OrderEvent,
    now: datetime = NOW,
    late: LatePolicy = LatePolicy.POST,
) -> Applied:
    """Apply these in one batch, whatever each of them is; what nobody signed is the till's."""
    if not isinstance(world, MemoryWorld):
        unsigned = (each.connection_id == 1 for each in events)
        events = tuple(
            replace(each, connection_id=till(world)) if wanting else each
            for each, wanting in zip(events, unsigned, strict=True)
        )
    with _transaction(world):
        return apply_batch(
            [each for each in events if isinstance(each, StockEvent)],
            [each for each in events if isinstance(each, OrderEvent)],
            announced=[each for each in events if isinstance(each, ExpectationEvent)],
            picks=[each for each in events if isinstance(each, Pick)],
            store=world.store,
            now=now,
            late=late,
        )


def _transaction(world: World) -> AbstractContextManager[None]:
    return nullcontext() if isinstance(world, MemoryWorld) else transaction.atomic()


def till(world: World) -> int:
    """Return the connection that reports the stock, made when first asked for."""
    made: dict[str, int] = world.__dict__.setdefault("reporting", {})
    return made.get("till") or made.setdefault("till", world.connection("till"))


def level(world: World, item: int, place: int) -> LevelState:
    with _transaction(world):
        return world.store.lock_levels([(item, place)], create=())[item, place]


def expectation(world: World, by: int, ref: str) -> HeldExpectation:
    with _transaction(world):
        return world.store.lock_expectations([(by, ref)], now=NOW)[by, ref]


Line = tuple[int, int, Decimal, str, str, str, str, str]


def lines(world: World) -> Sequence[Line]:
    """Return (source, destination, quantity, kind, period, lot, owner, condition) of every movement."""
    if isinstance(world, MemoryWorld):
        rows: Sequence[Any] = world._tables.movements
    else:
        rows = list(Movement.objects.order_by("id"))
    return [
        (
            row.source_id,
            row.destination_id,
            row.quantity,
            row.kind,
            row.period,
            row.lot,
            row.owner,
            row.condition,
        )
        for row in rows
    ]


def parts(world: World, place: int) -> dict[tuple[str, str, str], Decimal]:
    """Return what the movements of a place add up to per lot, owner and condition, without zeros."""
    sums: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for source, destination, quantity, _, _, *marks in lines(world):
        sign = (destination == place) - (source == place)
        sums[marks[0], marks[1], marks[2]] += sign * quantity
    return {marks: total for marks, total in sums.items() if total}
