"""Decide what external systems ask of their reservations: many requests in one transaction, each answered.

Runs in the caller's transaction, which makes no other call that locks the ledger. The requests are decided
in the order given, under the same locks in the same order as apply.py: orders, then levels, then dirty items.
At every commit what was accepted is covered by what is free then, or by a declared backorder allowance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.domain.reports import ZERO
from inventory_sync.domain.requests import Act
from inventory_sync.domain.routing import ReserveMode
from inventory_sync.ledger.answering import Clerk
from inventory_sync.ledger.placing import Floor
from inventory_sync.ledger.plain_requests import head
from inventory_sync.ledger.ports import Component, HeldOrder, LedgerStore, Stock, Waiting
from inventory_sync.ledger.request_types import Answer, Answered, Request, RequestLine, Terms, fingerprint
from inventory_sync.ledger.types import LevelKey, OrderKey

DUE_AT_ONCE = 50


def decide_requests(
    requests: Sequence[Request],
    *,
    terms: Mapping[int, Terms],
    store: LedgerStore,
    now: datetime,
    kits: Collection[int] | None = None,
    places: Mapping[int, str] | None = None,
    end_due: bool = True,
) -> Answered:
    """Decide the requests in the order given; terms: per connection id, also of channels that only wait.

    Holds whose time is over are ended first, so that what they held is free for those who ask; a caller that
    did so a moment ago may leave it (end_due). kits: which of
    the items asked for are kits, if that is known; places: what locations are called, if that is known.
    """
    due = store.due_holds(now=now, limit=DUE_AT_ONCE) if end_due else []
    contents = [fingerprint(request) if request.act.has_content else "" for request in requests]
    heads = {
        request.key: head(request, content, terms.get(request.connection_id, Terms()), now=now)
        # The first of a reference makes it.
        for request, content in zip(reversed(requests), reversed(contents), strict=True)
        if request.act is Act.RESERVE and (request.mode is ReserveMode.RECORD or _pool(request, terms))
    }
    held = store.open_requests({*(request.key for request in requests), *due}, heads=heads, now=now)
    sold = _sold(requests if kits is None else (), held.values()) | set(kits or ())
    recipes = store.recipes(sold) if sold else {}
    promised = _promised(requests, held, recipes, terms)
    stock = store.lock_stock(promised) if promised else Stock({})
    left, unmet = _withheld(stock.free, terms, store)
    floor = Floor(left, recipes, _codes(promised, store) if places is None else places)
    clerk = Clerk(held, floor, terms, now=now, unmet=unmet)
    clerk.end_due(due)
    answers = tuple(map(clerk.answer, requests, contents))

    changed = clerk.changed()
    moved: dict[LevelKey, str] = {}
    if changed:
        changes = changes_of(held, changed)
        moved = moved_levels(changes)
        store.save_orders(changed, now=now, before=held, heads=heads)
        store.lower_last_known(stock.doubtful(risen_demand(changes)))
        store.mark_dirty(moved, now=now)
    touched = tuple(sorted({item for item, _ in moved}))
    return Answered(answers, touched, touched if due or _gives_back(requests) else ())


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


Change = tuple[HeldOrder, Mapping[LevelKey, Decimal]]
"""An order, and by how much what it owes changed, by level."""


def changes_of(before: Mapping[OrderKey, HeldOrder], changed: Iterable[HeldOrder]) -> list[Change]:
    return [(order, _changes(before[order.key], order)) for order in changed]


def moved_levels(changes: Iterable[Change]) -> dict[LevelKey, str]:
    """Return the levels whose open demand changed, with the correlation id of the order that changed it."""
    return {
        level: order.correlation_id for order, sums in changes for level, change in sums.items() if change
    }


def risen_demand(changes: Iterable[Change]) -> dict[LevelKey, Decimal]:
    """Return by how much more is owed at each level than before; what became less is left out.

    An unknown level counts at most what was free when it became so: that falls with what is promised since.
    """
    sums: dict[LevelKey, Decimal] = defaultdict(Decimal)
    for _, changed in changes:
        for level, change in changed.items():
            sums[level] += change
    return {level: change for level, change in sums.items() if change > 0}


def _changes(before: HeldOrder, after: HeldOrder) -> dict[LevelKey, Decimal]:
    """Return by how much what an order owes changed, by level."""
    sums: dict[tuple[str, str], Decimal] = {}
    for sign, lines in ((-1, before.lines), (1, after.lines)):
        for line in lines.values():
            for each in line.allocations:
                place = (each.item, each.location)
                sums[place] = sums.get(place, ZERO) + sign * each.open
    return {(int(item), int(location)): change for (item, location), change in sums.items()}


def _gives_back(requests: Iterable[Request]) -> bool:
    """Say whether any of these may have lowered a demand."""
    return any(each.act is not Act.RESERVE or each.version > 1 for each in requests)


def _pool(request: Request, terms: Mapping[int, Terms]) -> tuple[int, ...]:
    known = terms.get(request.connection_id)
    return known.pool if known else ()


def _sold(requests: Iterable[Request], held: Iterable[HeldOrder]) -> set[int]:
    """Return the items as sold that these orders name, or are about to."""
    kept = {line.item_id for order in held for line in order.lines.values()}
    return kept | {line.item_id for request in requests for line in request.lines}


def _promised(
    requests: Iterable[Request],
    held: Mapping[OrderKey, HeldOrder],
    recipes: Mapping[int, tuple[Component, ...]],
    terms: Mapping[int, Terms],
) -> set[LevelKey]:
    """Return every level these requests promise from, or might."""
    keys: set[LevelKey] = set()
    for order in held.values():
        for line in order.lines.values():
            keys.update((int(part.item), int(part.location)) for part in line.allocations)
        keys.update((shipped.item_id, shipped.location_id) for shipped in order.fulfilments)
        keys.update((each.item_id, each.location_id) for each in order.holdings)
    for request in requests:
        if request.key not in held:
            continue
        items = {line.item_id for line in request.lines}
        items.update(line.item_id for line in held[request.key].lines.values())
        known = terms.get(request.connection_id, Terms())
        for item in items:
            for part in [each.item_id for each in recipes.get(item, ())] or [item]:
                keys.update((part, place) for place in known.pool)
                keys.update((part, place) for each in known.spared.get(part, ()) for place in each.places)
    return keys


def _codes(promised: Iterable[LevelKey], store: LedgerStore) -> dict[int, str]:
    places = store.places({place for _, place in promised})
    return {place: known.code for place, known in places.items()}


def _withheld(
    free: Mapping[LevelKey, Decimal], terms: Mapping[int, Terms], store: LedgerStore
) -> tuple[dict[LevelKey, Decimal], dict[str, Decimal]]:
    """Return what is free when those have been served who wait elsewhere and may be served from here.

    Who waits longer comes first: what a line in need may still be moved to is not free for others. Whom a
    channel's terms do not name cannot be moved. Second: what is still missing of each item afterwards.
    """
    left = dict(free)
    short = {key: -quantity for key, quantity in free.items() if quantity < 0}
    unmet: dict[str, Decimal] = defaultdict(Decimal)
    if not short:
        return left, unmet
    waiting: dict[LevelKey, list[Waiting]] = defaultdict(list)
    for each in store.waiting(short):
        waiting[each.item_id, each.location_id].append(each)
    for (item, place), missing in sorted(short.items()):
        for each in waiting[item, place]:
            known = terms.get(each.connection_id)
            wanted = min(missing, each.quantity)
            for other in known.pool if known else ():
                taken = min(wanted, max(ZERO, left.get((item, other), ZERO)))
                if taken and other != place:
                    left[item, other] -= taken
                    wanted -= taken
                    missing -= taken
        unmet[str(item)] += missing
    return left, unmet
