"""Compute what channels may sell of the items that were touched.

A batch of dirty items is claimed and held, widened to the kits that use them, and computed from terms read
after the claim: of two workers the later always sees what the earlier saw. Runs inside the caller's
transaction. The figures themselves are worked out in desk.py; this module says which, and what is news.

Does not push (propagation), and converts only to say what one listing may show (listing_figure).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.availability.desk import Desk, Worked
from inventory_sync.availability.micro import maybe_exact, to_micro
from inventory_sync.availability.ports import (
    AvailabilityStore,
    DirtyItem,
    FigureChange,
    Landscape,
    NewFigure,
    Recipe,
)
from inventory_sync.availability.terms import Terms
from inventory_sync.domain.availability import Verdict
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

    causes = _causes(claimed, recipes)
    near_zero = to_micro(Decimal(urgent_at_or_below))
    plainly = store.save_plain(
        [*claimed, *sorted(held)],
        causes={kit_id: causes[kit_id] for kit_id in held},
        now=now,
        urgent_at_or_below=urgent_at_or_below,
    )
    figures: list[NewFigure] = []
    changes = list(plainly.changes)
    targets = plainly.special
    for worked in work_out(store, targets, recipes=_of(targets, recipes), now=now) if targets else ():
        figure, change = _record(worked, causes.get(worked.item_id, ""), near_zero)
        if figure is not None:
            figures.append(figure)
        if change is not None:
            changes.append(change)
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


def work_out(
    store: AvailabilityStore,
    targets: Collection[int],
    *,
    recipes: Mapping[int, Recipe],
    now: datetime,
    landscape: Landscape | None = None,
) -> Iterator[Worked]:
    """Work out every target on every channel that offers it, or ever showed a figure for it; saves nothing.

    landscape: what staff declare, if it is not what they have declared: to see what that would change.
    """
    involved = {*targets, *(item for kit in recipes.values() for item, _ in kit.components)}
    items = store.items(involved)
    stored = store.figures(targets)
    offered = store.offered(targets)
    landscape = landscape or store.landscape(involved, now=now)
    ahead = [each.preorder_days for each in landscape.policies.values() if each.preorder_allowance]
    until = now + timedelta(days=max(ahead, default=0))
    expected = store.expected(involved, now=now, until=until) if ahead else ()
    stock = store.stock(involved)
    terms = Terms(items=items, landscape=landscape, stock=stock, now=now, expected=expected)
    desk = Desk(terms, recipes)
    for key in sorted(offered | stored.keys()):
        channel = landscape.channels.get(key[0])
        if channel is not None:
            yield desk.figure(channel, key[1], stored.get(key), mapped=key in offered)


def _of(kit_ids: Collection[int], recipes: Mapping[int, Recipe]) -> dict[int, Recipe]:
    return {kit_id: recipe for kit_id, recipe in recipes.items() if kit_id in kit_ids}


def _record(worked: Worked, cause: str, near_zero: int) -> tuple[NewFigure | None, FigureChange | None]:
    """Return the row to save if anything of it is new, and the change if the figure is another than before.

    What only moved between terms that add up to the same is no news: explain works the terms out afresh.
    """
    old, figure, known = worked.old, worked.figure, worked.verdict == Verdict.KNOWN
    changed = old is None or old.figure != figure
    if (
        old is not None
        and not changed
        and old.verdict == worked.verdict
        and old.policy_version == worked.policy_version
        and old.unknown == worked.unknown
        and (not known or old.last_known == figure)
    ):
        return None, None
    version = (old.version if old else 0) + changed
    terms, basis = worked.terms()
    row = NewFigure(
        worked.connection_id,
        worked.item_id,
        figure,
        figure if known else old.last_known if old else None,
        version,
        worked.policy_version,
        worked.verdict,
        cause if changed or old is None else old.correlation_id,
        terms,
        basis,
        worked.unknown,
    )
    if not changed:
        return row, None
    previous = old.figure if old else None
    return row, FigureChange(
        connection_id=worked.connection_id,
        item_id=worked.item_id,
        figure=maybe_exact(figure),
        previous=maybe_exact(previous),
        version=version,
        urgent=_is_urgent(figure, previous, near_zero),
        correlation_id=cause,
    )


def _is_urgent(figure: int | None, previous: int | None, near_zero: int) -> bool:
    """Say whether a figure fell to or near zero: until the channel shows it, it sells what is not there."""
    return figure is not None and figure <= near_zero and (previous is None or figure < previous)


def _causes(claimed: Mapping[int, DirtyItem], recipes: Mapping[int, Recipe]) -> dict[int, str]:
    """Return the correlation id that made each target dirty; a kit takes its most urgent component's."""
    causes: dict[int, str] = {}
    for kit in recipes.values():
        touched = [claimed[item] for item, _ in kit.components if item in claimed]
        if touched:
            causes[kit.kit_id] = min(touched, key=lambda each: (not each.urgent, each.since)).correlation_id
    return causes | {item_id: each.correlation_id for item_id, each in claimed.items()}
