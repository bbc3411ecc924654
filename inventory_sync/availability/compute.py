"""Compute what channels may sell of the items that were touched.

A batch of dirty items is claimed and held, widened to the kits that use them, and computed from terms read
after the claim: of two workers the later always sees what the earlier saw. Runs inside the caller's
transaction. The arithmetic is domain.availability; this module only feeds it.

Does not push (propagation), and converts only to say what one listing may show (listing_figure).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from inventory_sync.availability.ports import (
    AvailabilityStore,
    Channel,
    DirtyItem,
    FigureChange,
    ItemFacts,
    NewFigure,
    Recipe,
    StoredFigure,
)
from inventory_sync.availability.steps import compact
from inventory_sync.availability.terms import Terms
from inventory_sync.domain.availability import Availability, Verdict, available
from inventory_sync.domain.kits import KitComponent, available_kits
from inventory_sync.domain.units import Factor, from_base


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What one batch did. kept: claimed items that stay dirty, for another worker holds a kit of theirs."""

    claimed: int = 0
    kept: int = 0
    changes: tuple[FigureChange, ...] = ()


def recompute(
    *, store: AvailabilityStore, now: datetime, limit: int, urgent_at_or_below: Decimal | int
) -> list[FigureChange]:
    """Compute up to limit dirty items and return the figures that changed, in the caller's transaction."""
    done = recompute_batch(store=store, now=now, limit=limit, urgent_at_or_below=urgent_at_or_below)
    return list(done.changes)


def recompute_batch(
    *, store: AvailabilityStore, now: datetime, limit: int, urgent_at_or_below: Decimal | int
) -> Recomputed:
    """As recompute, and say how many items were claimed: fewer than limit means that nothing is left."""
    return recompute_claimed(
        store.claim(limit, now=now), store=store, now=now, urgent_at_or_below=urgent_at_or_below
    )


def recompute_claimed(
    items: Collection[DirtyItem],
    *,
    store: AvailabilityStore,
    now: datetime,
    urgent_at_or_below: Decimal | int,
    with_kits: bool = True,
) -> Recomputed:
    """Compute claimed items, and the kits that use them; without, those are marked to be computed alone."""
    claimed = {each.item_id: each for each in items}
    if not claimed:
        return Recomputed()

    recipes = {each.kit_id: each for each in store.recipes(claimed.keys())}
    if not with_kits:
        for kit_id in sorted(recipes.keys() - claimed.keys()):
            store.mark([kit_id], now=now, correlation_id=_causes(claimed, recipes)[kit_id])
        recipes = {kit_id: recipe for kit_id, recipe in recipes.items() if kit_id in claimed}
    further = recipes.keys() - claimed.keys()
    held = store.hold(further) if further else frozenset()
    waiting = {item for kit in further - held for item, _ in recipes[kit].components}
    settled = [each for each in claimed.values() if each.item_id not in waiting]

    figures, changes = _compute(
        store,
        targets=claimed.keys() | held,
        causes=_causes(claimed, recipes),
        recipes=recipes,
        now=now,
        urgent_at_or_below=Decimal(urgent_at_or_below),
    )
    store.save(figures, now=now)
    store.settle(settled)
    return Recomputed(len(claimed), len(claimed) - len(settled), tuple(changes))


def listing_figure(figure: Decimal, factor: Factor, *, whole_numbers: bool = True) -> Decimal:
    """Return what one listing may show of a figure in base units: packs that can be filled, never more.

    factor: base units in one of the vendor's units. whole_numbers: the vendor takes no fractions.
    """
    return from_base(max(Decimal(0), figure), factor, whole=whole_numbers)


def listing_remainder(figure: Decimal, factor: Factor, *, whole_numbers: bool = True) -> Decimal:
    """Return the base units that no pack of the listing shows; they stay for listings of smaller packs."""
    packs = listing_figure(figure, factor, whole_numbers=whole_numbers)
    return max(Decimal(0), figure) - packs * factor.numerator / factor.denominator


def _compute(
    store: AvailabilityStore,
    *,
    targets: Collection[int],
    causes: Mapping[int, str],
    recipes: Mapping[int, Recipe],
    now: datetime,
    urgent_at_or_below: Decimal,
) -> tuple[list[NewFigure], list[FigureChange]]:
    """Compute every target on every channel that offers it, or has ever shown a figure for it."""
    involved = {*targets, *(item for kit in recipes.values() for item, _ in kit.components)}
    items = store.items(involved)
    stored = store.figures(targets)
    offered = store.offered(targets)
    landscape = store.landscape(involved, now=now)
    terms = Terms(items=items, landscape=landscape, stock=store.stock(involved))

    figures: list[NewFigure] = []
    changes: list[FigureChange] = []
    for connection_id, item_id in sorted(offered | stored.keys()):
        channel = landscape.channels.get(connection_id)
        if channel is None:
            continue
        old = stored.get((connection_id, item_id))
        missing = _missing(terms, channel, mapped=(connection_id, item_id) in offered)
        if items[item_id].is_kit:
            result = _kit(terms, channel, items, recipes.get(item_id), item_id, missing, _shown(old))
        else:
            result = available(
                terms.locations(channel, item_id),
                terms.policy_terms(channel, item_id),
                pool=terms.pool(channel),
                channel=channel.code,
                last_published=_shown(old),
                missing=missing,
            )
        figure, change = _record(
            terms, channel, items[item_id], result, old, causes.get(item_id, ""), urgent_at_or_below
        )
        if figure is not None:
            figures.append(figure)
        if change is not None:
            changes.append(change)
    return figures, changes


def _kit(
    terms: Terms,
    channel: Channel,
    items: Mapping[int, ItemFacts],
    recipe: Recipe | None,
    kit_id: int,
    missing: Sequence[str],
    shown: Decimal | None,
) -> Availability:
    """Return what the channel may show of a kit. A kit inside a kit is a recipe nobody wrote out: unknown."""
    parts = recipe.components if recipe else ()
    nested = [f"recipe:{items[item_id].sku}" for item_id, _ in parts if items[item_id].is_kit]
    return available_kits(
        [
            KitComponent(items[item_id].sku, per_kit, terms.locations(channel, item_id))
            for item_id, per_kit in parts
        ],
        terms.policy_terms(channel, kit_id),
        pool=terms.pool(channel),
        channel=channel.code,
        last_published=shown,
        missing=(*missing, *nested),
    )


def _missing(terms: Terms, channel: Channel, *, mapped: bool) -> tuple[str, ...]:
    """Return what staff took away or never gave: without it a sum of nothing would look like none."""
    found = []
    if not mapped:
        found.append("mapping")
    if not terms.pool(channel):
        found.append("pool")
    return tuple(found)


def _record(
    terms: Terms,
    channel: Channel,
    item: ItemFacts,
    result: Availability,
    old: StoredFigure | None,
    cause: str,
    urgent_at_or_below: Decimal,
) -> tuple[NewFigure | None, FigureChange | None]:
    """Return the row to save if anything of it is new, and the change if the figure is another than before.

    What only moved between terms that add up to the same is no news: explain works the terms out afresh.
    """
    policy = terms.policy(channel, item.item_id)
    policy_version = policy.version if policy else 0
    changed = old is None or old.figure != result.figure
    if (
        old is not None
        and not changed
        and (old.verdict, old.policy_version, tuple(old.unknown))
        == (result.verdict, policy_version, result.unknown)
        and (result.verdict is not Verdict.KNOWN or old.last_known == result.figure)
    ):
        return None, None
    version = (old.version if old else 0) + (1 if changed else 0)
    figure = NewFigure(
        connection_id=channel.connection_id,
        item_id=item.item_id,
        figure=result.figure,
        last_known=result.figure if result.verdict is Verdict.KNOWN else old.last_known if old else None,
        version=version,
        policy_version=policy_version,
        verdict=result.verdict,
        correlation_id=cause if changed or old is None else old.correlation_id,
        terms=compact(result.steps, sku=item.sku, level_version=terms.level_version),
        basis=compact(result.basis, sku=item.sku, level_version=terms.level_version) or None,
        unknown=result.unknown,
    )
    if not changed:
        return figure, None
    previous = old.figure if old else None
    return figure, FigureChange(
        connection_id=channel.connection_id,
        item_id=item.item_id,
        figure=result.figure,
        previous=previous,
        version=version,
        urgent=_is_urgent(result.figure, previous, urgent_at_or_below),
        correlation_id=cause,
    )


def _is_urgent(figure: Decimal | None, previous: Decimal | None, at_or_below: Decimal) -> bool:
    """Say whether a figure fell to or near zero: until the channel shows it, it sells what is not there."""
    return figure is not None and figure <= at_or_below and (previous is None or figure < previous)


def _shown(old: StoredFigure | None) -> Decimal | None:
    """Return what the channel was last owed; while nothing may be published it goes on showing that."""
    if old is None:
        return None
    return old.figure if old.figure is not None else old.last_known


def _causes(claimed: Mapping[int, DirtyItem], recipes: Mapping[int, Recipe]) -> dict[int, str]:
    """Return the correlation id that made each target dirty; a kit takes its most urgent component's."""
    causes: dict[int, str] = {}
    for kit in recipes.values():
        touched = [claimed[item] for item, _ in kit.components if item in claimed]
        if touched:
            causes[kit.kit_id] = min(touched, key=lambda each: (not each.urgent, each.since)).correlation_id
    return causes | {item_id: each.correlation_id for item_id, each in claimed.items()}
