"""Apply one batch to the ledger: the order of the steps, which is the lock order of the platform.

    event keys → picks → orders (connection, ref) → levels (item, location) → announcements → dirty items

Each kind is locked once, sorted, and never an earlier kind after a later one; whoever needs two kinds takes
them by this function or in this order. It runs inside the caller's transaction: effect, dirty marks and the
caller's "done" commit together or not at all. One transaction makes one call: a second one would lock
earlier kinds after later ones, and two such batches could wait for each other.

post_events (post.py) and decide_orders (orders.py) are this function for batches of one kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.domain.periods import LatePolicy
from inventory_sync.ledger.demand import Desk, items_of
from inventory_sync.ledger.doubts import Falls, begun, doubts_of, with_doubts
from inventory_sync.ledger.expectation_types import ExpectationEvent, Pick
from inventory_sync.ledger.expectations import settle_expectations
from inventory_sync.ledger.folding import (
    contradictions,
    fold_levels,
    level_of,
    levels_of,
    shifting,
    sift_events,
)
from inventory_sync.ledger.gaps import meet
from inventory_sync.ledger.holdings import figures_of, lines_of
from inventory_sync.ledger.movements import late_lines
from inventory_sync.ledger.placing import Floor
from inventory_sync.ledger.plain import Plain, fold_plain
from inventory_sync.ledger.ports import (
    Component,
    HeldOrder,
    LedgerStore,
    NewMovement,
    OpenGap,
    Place,
    Recording,
)
from inventory_sync.ledger.reuse import reused
from inventory_sync.ledger.types import (
    Applied,
    CutReading,
    Decided,
    FeedNumber,
    LevelKey,
    OrderEvent,
    OrderKey,
    Posted,
    StockEvent,
)
from inventory_sync.support.garbage import uncollected

TOLERANCE = timedelta(minutes=5)


@uncollected()
def apply_batch(
    events: Sequence[StockEvent],
    orders: Sequence[OrderEvent],
    *,
    store: LedgerStore,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
    due: Collection[OrderKey] = (),
    announced: Sequence[ExpectationEvent] = (),
    picks: Sequence[Pick] = (),
    late: LatePolicy = LatePolicy.POST,
    anew: Collection[LevelKey] = (),
    untold: Collection[LevelKey] = (),
    cut: Sequence[CutReading] = (),
    came: Collection[FeedNumber] = (),
    missing: Sequence[OpenGap] = (),
    lost: OpenGap | None = None,
) -> Applied:
    """Post the events and decide the orders, each in the order given, exactly once however often repeated.

    tolerance: how far ahead of now a source's clock may be before its report is refused. due: orders whose
    holds end if it is time. announced, picks: what is said of stock to come and of order lines. late: what
    becomes of a movement that happened in a closed period. anew: levels to work out again from what was
    recorded of them, because a tenure began; untold: others of that place, which are unknown now. cut:
    readings that failed; what they cover is unknown. came: numbers of feeds whose message came. missing,
    lost: gaps of one feed that are noted, or one given up.
    """
    closed = store.closed_periods() if events else frozenset()
    shut = closed if late is LatePolicy.PARK else frozenset()
    pools = {place for order in orders for place in order.pool}
    concerned = {event.location_id for event in events} | {place for _, place in anew}
    concerned |= {place for each in cut for place in each.location_ids} | {place for _, place in untold}
    concerned |= {gap.location_id for gap in (*missing, *((lost,) if lost else ()))}
    concerned |= {place for _, place, _ in came}
    if concerned:
        store.share_gates(concerned)
    figures = figures_of(events)
    if figures:
        store.hold_figures({event.location_id for event in figures})
    places = store.places(concerned | pools)
    accepted, refused = sift_events(events, places, now=now, tolerance=tolerance, shut=shut)

    recording = store.record_events(accepted, now=now) if accepted else Recording()
    recorded = levels_of(recording)
    if elsewhere := {place for _, place in recorded} - concerned:
        store.share_gates(elsewhere)
        places = {**places, **store.places(elsewhere)}
    if figures:
        refused += contradictions(accepted, recording, store)
    if recording.duplicates:
        refused += reused(accepted, recording, store)
    gaps = meet(recording, store, came=came, missing=missing, lost=lost)
    new_picks = store.record_picks(picks) if picks else []
    keys = {order.key for order in orders} | set(due) | _fulfilled(recording, new_picks, store)
    shifted = {*anew, *shifting(recording, places)}
    keys |= _held_by_books(recording, shifted, store, shipped=bool(anew))
    held = store.lock_orders(keys, now=now) if keys else {}
    recipes = store.recipes(items_of(held.values(), orders)) if held else {}
    reported = recorded | set(anew)
    doubts = doubts_of(cut, places, store) if cut else {}
    promised = _promised(held.values(), orders, recipes)
    told_of = reported | doubts.keys() | set(untold) | gaps.levels
    levels = store.lock_levels(promised | told_of, create=told_of) if promised or told_of else {}

    legs = store.counterparts() if reported else {}
    with store.writing_events(recording, now=now):
        plain = fold_plain(recording, levels, legs, places) if reported else Plain()
    folded = fold_levels(plain.rest, levels, legs, places, store, anew)
    after = with_doubts(doubts, levels, folded.levels, plain.on_hand)
    after |= {key: begun(levels[key]) for key in untold}
    if gaps:
        standing = {key: replace(levels[key], on_hand=left) for key, left in plain.on_hand.items()} | after
        after |= gaps.settled(recording, levels, standing, places)
        store.close_gaps([gap.id for gap in gaps.closed if gap != lost], state="filled", now=now)
    falls = Falls(levels, after, store)
    movements: Sequence[NewMovement] = (*plain.movements, *folded.movements)
    if closed:
        movements, outside = late_lines(recording, movements, closed)
        store.note_late(outside, now=now)
    with store.writing_movements(movements, now=now):
        left = {**plain.on_hand, **{level: state.on_hand for level, state in after.items()}}
        causes = {level_of(each.event): each.event.correlation_id for each in recording.new}
        posted = {level: causes.get(level, "") for level in left}
        new_keys = frozenset([(each.event.connection_id, each.event.key) for each in recording.new])
    store.save_on_hand({key: plain.on_hand[key] for key in plain.on_hand if key not in after}, now=now)
    store.save_levels(after, now=now)
    if folded.told or shifted:
        store.save_holdings(folded.told)
        now_held = store.holdings(held)
        held = {key: replace(order, holdings=now_held.get(key, ())) for key, order in held.items()}

    floor = Floor(store.free(promised) if promised else {}, recipes, _codes(places))
    rules = store.routing_rules({order.connection_id for order in orders}) if orders else {}
    desk = Desk(held, floor, now=now, rules=rules, picked=store.picked(held) if held else {})
    for order in orders:
        desk.hear(order)
    changed = desk.settle()
    if changed:
        store.save_orders(changed, now=now)
    if desk.tally.shown:
        store.note_seen(desk.tally.shown, now=now)

    odd = desk.odd()
    falls.settle()
    told, futures = settle_expectations(announced, recording, store=store, now=now)

    moved = _moved(held, changed)
    store.mark_dirty({**posted, **futures, **moved}, now=now, on_hand=left)
    return Applied(
        posted=Posted(
            recorded=len(recording.new) + recording.stale,
            duplicates=recording.duplicates,
            movements=len(movements),
            touched=_items(posted),
            refused=tuple(refused),
            read_again=tuple(sorted(folded.read_again)),
            figures_from=folded.read_again,
            new=new_keys,
        ),
        decided=Decided(
            applied=desk.tally.applied,
            ignored=desk.tally.ignored,
            touched=_items(moved),
            needs_reading=tuple(dict.fromkeys(desk.tally.needs_reading)),
            closed_short=tuple(dict.fromkeys(desk.tally.closed_short)),
            news=desk.news(),
            changed=frozenset(order.key for order in changed if desk.is_other(order.key)),
            odd=odd,
            fits=desk.fitting(odd),
        ),
        expected=replace(
            told,
            short_picks=tuple(pick for pick in new_picks if pick.short),
            new=told.new | {(pick.connection_id, pick.key) for pick in new_picks},
        ),
    )


def _fulfilled(recording: Recording, picks: Iterable[Pick], store: LedgerStore) -> set[OrderKey]:
    """Return the orders whose lines the recorded shipments close, or no longer close, or that were picked."""
    lines = [
        (each.event.fulfils.source, each.event.fulfils.order_ref)
        for each in (*recording.new, *recording.replaced.values())
        if each.event.fulfils is not None
    ]
    lines += [(pick.source, pick.order_ref) for pick in picks]
    if not lines:
        return set()
    ids = store.connection_ids({source for source, _ in lines})
    return {(ids[source], order_ref) for source, order_ref in lines if source in ids}


def _held_by_books(
    recording: Recording, shifted: Collection[LevelKey], store: LedgerStore, *, shipped: bool
) -> set[OrderKey]:
    """Return the orders whose lines new figures name, or no longer name, and those held where the ground
    shifts: another report rules there now.
    """
    figures = figures_of(each.event for each in (*recording.new, *recording.replaced.values()))
    if not figures and not shifted:
        return set()
    found = store.orders_held_at({*map(level_of, figures), *shifted}, shipped=shipped)
    named = {(line.source, line.order_ref) for each in figures for line in lines_of(each.figure)}
    ids = store.connection_ids({source for source, _ in named}) if named else {}
    return found | {(ids[source], ref) for source, ref in named if source in ids}


def _promised(
    held: Iterable[HeldOrder], orders: Iterable[OrderEvent], recipes: Mapping[int, tuple[Component, ...]]
) -> set[LevelKey]:
    """Return every level these orders promise from, or might."""
    keys: set[LevelKey] = set()
    pools: dict[OrderKey, set[int]] = {}
    sold: dict[OrderKey, set[int]] = {}
    for order in held:
        keys |= {
            (int(each.item), int(each.location)) for line in order.lines.values() for each in line.allocations
        }
        keys |= {(each.item_id, each.location_id) for each in order.fulfilments}
        keys |= {(each.item_id, each.location_id) for each in order.holdings}
        sold[order.key] = {line.item_id for line in order.lines.values()}
    for event in orders:
        pools.setdefault(event.key, set()).update(event.pool)
        sold[event.key] |= {line.item_id for line in event.lines}
    for key, pool in pools.items():
        for item in sold[key]:
            parts = [part.item_id for part in recipes.get(item, ())] or [item]
            keys |= {(part, place) for part in parts for place in pool}
    return keys


def _moved(held: Mapping[OrderKey, HeldOrder], changed: Iterable[HeldOrder]) -> dict[LevelKey, str]:
    """Return the levels whose open demand changed, with the correlation id of the order that changed it."""
    why: dict[LevelKey, str] = {}
    for order in changed:
        before, after = _open(held[order.key]), _open(order)
        for level in before.keys() | after.keys():
            if before.get(level) != after.get(level):
                why[level] = order.correlation_id
    return why


def _open(order: HeldOrder) -> dict[LevelKey, Decimal]:
    sums: dict[LevelKey, Decimal] = defaultdict(Decimal)
    for line in order.lines.values():
        for each in line.allocations:
            if each.open:
                sums[int(each.item), int(each.location)] += each.open
    return dict(sums)


def _items(levels: Iterable[LevelKey]) -> tuple[int, ...]:
    return tuple(sorted({item for item, _ in levels}))


def _codes(places: Mapping[int, Place]) -> dict[int, str]:
    return {place: known.code for place, known in places.items()}
