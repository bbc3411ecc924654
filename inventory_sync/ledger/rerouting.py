"""Look again at lines that wait for stock: the oldest first, moved to where there is some now.

A backordered line stands somewhere provisionally. When stock of its item comes, or is given back, it is
routed anew in a transaction of its own, which makes no other such call; the line then says what moved it.
What no books hold of it moves, the rest stays. The caller says which items were touched, and asks from time
to time for all of them, so that nothing waits for good.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.containment import Allocation
from inventory_sync.domain.reports import ZERO, plain
from inventory_sync.domain.requests import line_status
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.ledger.placing import Floor, Way, place_order
from inventory_sync.ledger.ports import Component, HeldLine, HeldOrder, LedgerStore
from inventory_sync.ledger.request_types import Terms
from inventory_sync.ledger.requests import changes_of, moved_levels, risen_demand
from inventory_sync.ledger.types import Decided, LevelKey, OrderKey

TermsOf = Callable[[Collection[int]], Mapping[int, Terms]]


def reroute(
    items: Collection[int] | None, *, terms_of: TermsOf, store: LedgerStore, now: datetime, limit: int = 200
) -> Decided:
    """Route the lines anew that wait for these items (None: for any), at most `limit` orders, oldest first.

    Who has waited longest is served first, whatever younger lines were promised provisionally.
    """
    keys = store.backordered(items, limit=limit)
    if not keys:
        return Decided()
    held = store.lock_orders(keys, now=now, create=())
    waiting = {key: _waiting(order) for key, order in held.items()}
    terms = terms_of({connection_id for connection_id, _ in held})
    recipes = store.recipes({line.item_id for lines in waiting.values() for line in lines})
    levels = _levels(waiting, recipes, terms)
    stock = store.lock_stock(levels)
    free = dict(stock.free)
    for each in store.waiting(free.keys() & levels):
        free[each.item_id, each.location_id] += each.backordered
    known = store.places({place for _, place in levels})
    floor = Floor(free, recipes, {place: found.code for place, found in known.items()})

    changed = []
    for key in keys:
        if key in held and waiting[key] and terms[key[0]].pool:
            after = _placed_anew(held[key], waiting[key], terms[key[0]], floor)
            if after != held[key]:
                changed.append(after)
    changes = changes_of(held, changed)
    if changed:
        store.save_orders(changed, now=now, before=held)
        store.lower_last_known(stock.doubtful(risen_demand(changes)))
    moved = moved_levels(changes)
    store.mark_dirty(moved, now=now)
    return Decided(
        touched=tuple(sorted({item for item, _ in moved})), changed=frozenset(order.key for order in changed)
    )


def _placed_anew(order: HeldOrder, waiting: Sequence[HeldLine], terms: Terms, floor: Floor) -> HeldOrder:
    """Return the order with its waiting lines where they can be served; others keep their place."""
    for line in waiting:
        for each in line.allocations:
            floor.take(each.item, each.location, each.open)  # so that placing it gives it back
    way = Way(terms.pool, rules=terms.rules, loosened={line.line_ref for line in waiting})
    placed = place_order(order, order, way, floor).lines
    lines = dict(order.lines)
    for line in waiting:
        found = placed[line.line_ref]
        if found.short and _places(found.allocations) == _places(line.allocations):
            continue
        routing = found.routing or line.routing
        if found.routing and _places(found.allocations) != _places(line.allocations):
            routing = _told(found.routing, line, floor)
        lines[line.line_ref] = replace(
            line,
            status=LineStatus.BACKORDERED if found.short else line_status(None, held=False, short=False),
            fulfilled=found.delivered,
            allocations=found.allocations,
            reason=f"stock came, {found.reason}"[:200] if found.reason else line.reason,
            routing=routing,
        )
    return replace(order, lines=lines)


def _waiting(order: HeldOrder) -> list[HeldLine]:
    return [line for _, line in sorted(order.lines.items()) if line.status is LineStatus.BACKORDERED]


def _levels(
    waiting: Mapping[OrderKey, Sequence[HeldLine]],
    recipes: Mapping[int, tuple[Component, ...]],
    terms: Mapping[int, Terms],
) -> set[LevelKey]:
    """Return every level these lines stand at, or might."""
    keys: set[LevelKey] = set()
    for (connection_id, _), lines in waiting.items():
        for line in lines:
            keys.update((int(each.item), int(each.location)) for each in line.allocations)
            parts = {int(each.item) for each in line.allocations}
            parts.update(each.item_id for each in recipes.get(line.item_id, ()))
            parts = parts or {line.item_id}
            keys.update((part, place) for part in parts for place in terms[connection_id].pool)
    return keys


def _places(allocations: Sequence[Allocation]) -> dict[tuple[str, str], Decimal]:
    sums: dict[tuple[str, str], Decimal] = {}
    for each in allocations:
        if each.demand:
            sums[each.item, each.location] = sums.get((each.item, each.location), ZERO) + each.demand
    return sums


def _told(routing: str, line: HeldLine, floor: Floor) -> str:
    """Return why the line stands where it does now, and where it stood before."""
    was = {floor.name(each.location): plain(each.demand) for each in line.allocations if each.demand}
    return json.dumps({**json.loads(routing), "was": was}, separators=(",", ":"))
