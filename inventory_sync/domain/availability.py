"""What one channel may sell, worked out term by term.

    free(location)     = on hand + incoming by the date asked for − unavailable − reserved by the authority
                         − its unassigned demand − Σ max(0, D − c) − safety stock
    available(channel) = floor to pack(clamp(share × (Σ max(0, free) − Σ movable shortage − other channels'
                         unconsumed ring-fenced allotments) − buffer, 0, cap)), 0 below the threshold

The terms of the answer add up to its figure, so every published number explains itself. Unknown is not zero:
while a term is unknown the figure may fall, never rise, and nothing is published that never was known.

All quantities are exact decimals in the item's base unit; a share or percentage is rounded to the stored
precision, to the side of less. Does not fetch, publish or convert units. Kits are in kits.py, promises for a
later date in promise.py, grants of allotments in allotments.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from functools import cache

from inventory_sync.domain.policy import HUNDRED as HUNDRED
from inventory_sync.domain.policy import ONE as ONE
from inventory_sync.domain.policy import Fallback as Fallback
from inventory_sync.domain.policy import PolicyTerms as PolicyTerms
from inventory_sync.domain.reports import ZERO
from inventory_sync.domain.serving import left_for
from inventory_sync.domain.units import STEP, floor_to_pack


class Verdict(StrEnum):
    """How sure a figure is."""

    KNOWN = "known"
    HELD = "held"
    SHRUNK = "shrunk"
    STOPPED = "stopped"
    UNKNOWN = "unknown"  # there is no figure: publish nothing


@dataclass(frozen=True, slots=True)
class OpenDemand:
    """Σ max(0, D − c) of the lines routed to one location which share a pool they may be served from."""

    quantity: Decimal
    pool: frozenset[str]


@dataclass(frozen=True, slots=True)
class LocationTerms:
    """Everything that decides what is free of one item at one location.

    on_hand is None when no report ever told it. known is False when it is None, too old or in doubt; then
    the location counts at most last_known_free (None: it never had one), and new open demand still counts.
    authority_reserved: what the authority holds back in its own books; authority_unassigned: its own demand
    inside the declared horizon that it has not assigned yet. incoming: confirmed to arrive by the date asked
    for; 0 when asked for now. doubt: why it is not known, if there is a word for it, e.g. stale.
    """

    location: str
    on_hand: Decimal | None
    known: bool = True
    unavailable: Decimal = ZERO
    authority_reserved: Decimal = ZERO
    authority_unassigned: Decimal = ZERO
    open_demand: tuple[OpenDemand, ...] = ()
    safety_stock: Decimal = ZERO
    last_known_free: Decimal | None = None
    incoming: Decimal = ZERO
    doubt: str = ""

    @property
    def owed(self) -> Decimal:
        """Return Σ max(0, D − c) of the lines that stand here."""
        return sum((demand.quantity for demand in self.open_demand), ZERO)

    @property
    def is_known(self) -> bool:
        """Say whether the location's stock is known now."""
        return self.known and self.on_hand is not None

    @property
    def has_basis(self) -> bool:
        """Say whether anything may be counted of it: it is known, or has been."""
        return self.is_known or self.last_known_free is not None


@dataclass(frozen=True, slots=True)
class Allotment:
    """A quantity ring-fenced for one channel, and what that channel has used of it.

    pool: the locations it is set aside at; it is taken off every pool that shares one. None: off every pool.
    """

    channel: str
    quantity: Decimal
    consumed: Decimal = ZERO
    pool: frozenset[str] | None = None

    def concerns(self, pool: frozenset[str]) -> bool:
        """Say whether it is set aside at a location of this pool."""
        return self.pool is None or bool(self.pool & pool)

    @property
    def unconsumed(self) -> Decimal:
        return max(ZERO, self.quantity - self.consumed)


@dataclass(frozen=True, slots=True)
class Term:
    """One signed contribution to a figure, with the place and component it speaks of."""

    name: str
    amount: Decimal
    location: str = ""
    component: str = ""


@dataclass(frozen=True, slots=True)
class Availability:
    """A figure with its reasons. figure is None when nothing may be published; Σ steps = figure otherwise.

    unknown names what was not known. basis holds, for kits, each component's own terms in its own unit;
    they explain the steps and are no part of the sum.
    """

    figure: Decimal | None
    verdict: Verdict
    unknown: tuple[str, ...] = ()
    steps: tuple[Term, ...] = ()
    basis: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class PoolSum:
    """What a channel's pool holds of one item before its policy, and the terms that add up to it.

    unknown: locations of the pool not known now; has_basis is False when none of them ever was.
    own_allotment: what is set aside here for the channel itself and not used up.
    """

    total: Decimal
    steps: tuple[Term, ...]
    unknown: tuple[str, ...]
    has_basis: bool
    unmovable_shortage: Decimal
    own_allotment: Decimal = ZERO


def free_terms(terms: LocationTerms, *, shrink_to: Decimal = ONE) -> tuple[Term, ...]:
    """Return the terms whose sum is what is free at a location; negative when more is owed than there is.

    An unknown location counts at most shrink_to × its last known free, and nothing if it never had one.
    """
    place = terms.location
    steps = [Term("on_hand", terms.on_hand or ZERO, place)]
    for name, amount in (
        ("incoming", -terms.incoming),
        ("unavailable", terms.unavailable),
        ("reserved_by_authority", terms.authority_reserved),
        ("unassigned_at_authority", terms.authority_unassigned),
        ("open_demand", terms.owed),
        ("safety_stock", terms.safety_stock),
    ):
        if amount:
            steps.append(Term(name, -amount, place))
    if not terms.is_known:
        ceiling = _down(max(ZERO, terms.last_known_free or ZERO) * shrink_to)
        excess = _total(steps) - ceiling
        if excess > 0:
            steps.append(Term("unknown", -excess, place))
    return tuple(steps)


def free(terms: LocationTerms, *, shrink_to: Decimal = ONE) -> Decimal:
    """Return what is free of one item at one location, by the sum of free_terms."""
    return _total(free_terms(terms, shrink_to=shrink_to))


def movable_shortage(terms: LocationTerms, pool: frozenset[str], *, shrink_to: Decimal = ONE) -> Decimal:
    """Return the part of a location's shortage that lines will take from another location of this pool.

    It counts against every pool that shares such a location, also when this one lies outside the pool.
    """
    if not terms.open_demand:
        return ZERO
    missing = -free(terms, shrink_to=shrink_to)
    if missing <= 0:
        return ZERO
    elsewhere = pool - {terms.location}
    owed = sum((demand.quantity for demand in terms.open_demand if demand.pool & elsewhere), ZERO)
    return min(missing, owed)


def chained_shortage(
    locations: Sequence[LocationTerms], *, pool: frozenset[str], left: Decimal, shrink_to: Decimal = ONE
) -> Decimal:
    """Return what of `left` is owed all the same, because shortages reach the pool through other pools.

    Negative: what was taken off for shortages that no stock of the pool can serve.
    """
    rest = {terms.location: free(terms, shrink_to=shrink_to) for terms in locations}
    if not any(terms.open_demand and rest[terms.location] < 0 for terms in locations):
        return ZERO
    stock = {terms.location: max(ZERO, rest[terms.location] + terms.owed) for terms in locations}
    promised = (
        (demand.pool | {terms.location}, demand.quantity)
        for terms in locations
        for demand in terms.open_demand
    )
    most = sum((max(ZERO, quantity) for place, quantity in rest.items() if place in pool), ZERO)
    return left - min(most, left_for(pool, stock, promised))


def sum_pool(
    locations: Iterable[LocationTerms],
    *,
    pool: frozenset[str],
    channel: str = "",
    allotments: Sequence[Allotment] = (),
    shrink_to: Decimal = ONE,
) -> PoolSum:
    """Return Σ max(0, free) − Σ movable shortage − other channels' unconsumed allotments, with its terms.

    locations may reach beyond the pool: those outside it only contribute their shortage.
    """
    steps: list[Term] = []
    unknown: list[str] = []
    has_basis = False
    unmovable = own_allotment = ZERO
    places = sorted(locations, key=lambda each: each.location)
    for terms in places:
        shortage = movable_shortage(terms, pool, shrink_to=shrink_to)
        if terms.location in pool:
            has_basis = has_basis or terms.has_basis
            if not terms.is_known:
                unknown.append(f"{terms.location}:{terms.doubt}" if terms.doubt else terms.location)
            own = free_terms(terms, shrink_to=shrink_to)
            steps += own
            if (below := -_total(own)) > 0:
                steps.append(Term("floored_at_zero", below, terms.location))
                unmovable += max(ZERO, min(below, terms.owed) - shortage)
        if shortage:
            steps.append(Term("movable_shortage", -shortage, terms.location))
    chained = chained_shortage(places, pool=pool, left=_total(steps), shrink_to=shrink_to)
    if chained > 0:
        steps.append(Term("chained_shortage", -chained))
    elif chained < 0:
        steps.append(Term("unserved_shortage", -chained))
        unmovable -= chained
    for allotment in allotments:
        if not allotment.unconsumed or not allotment.concerns(pool):
            continue
        if allotment.channel == channel:
            own_allotment += allotment.unconsumed
        else:
            steps.append(Term(f"allotted:{allotment.channel}", -allotment.unconsumed))
    return PoolSum(_total(steps), tuple(steps), tuple(unknown), has_basis, unmovable, own_allotment)


def available(
    locations: Sequence[LocationTerms],
    policy: PolicyTerms,
    *,
    pool: frozenset[str],
    channel: str = "",
    allotments: Sequence[Allotment] = (),
    last_published: Decimal | None = None,
    missing: Sequence[str] = (),
    expected: Decimal = ZERO,
) -> Availability:
    """Return what one channel may show for one item.

    locations: terms of every location of the pool, of those outside it where lines stand, and of those that
    such lines may be served from; a location of the pool without terms is unknown. last_published: the
    figure the channel was last owed, in base units, None if none ever. missing: other things unknown (a
    mapping, a recipe). expected: what is to come into the pool inside the declared horizon, for pre-orders.
    """
    unseen = sorted(pool - {terms.location for terms in locations})

    @cache
    def sum_at(shrink_to: Decimal) -> PoolSum:
        return sum_pool(locations, pool=pool, channel=channel, allotments=allotments, shrink_to=shrink_to)

    unknown = (*missing, *unseen, *sum_at(ONE).unknown)
    return settle_figure(sum_at, policy, unknown=unknown, last_published=last_published, expected=expected)


def settle_figure(
    sum_at: Callable[[Decimal], PoolSum],
    policy: PolicyTerms,
    *,
    unknown: Sequence[str],
    last_published: Decimal | None,
    basis: tuple[Term, ...] = (),
    expected: Decimal = ZERO,
) -> Availability:
    """Apply the policy, then the fallback if anything is unknown.

    sum_at(part): the pool's sum when unknown locations count that part of their last known free.
    """
    names = tuple(unknown)
    whole = sum_at(ONE)
    steps = _apply_policy(whole, policy, expected)
    if not names:
        return Availability(_total(steps), Verdict.KNOWN, (), tuple(steps), basis)
    if last_published is None:
        return Availability(None, Verdict.UNKNOWN, names, (), basis)
    if policy.fallback is Fallback.STOP_SELLING:
        stopped = (Term("last_published", last_published), Term("stop_selling", -last_published))
        return Availability(ZERO, Verdict.STOPPED, names, stopped, basis)
    if not whole.has_basis:
        return Availability(None, Verdict.UNKNOWN, names, (), basis)
    verdict = Verdict.HELD
    if policy.fallback is Fallback.SHRINK:
        shrunk = _apply_policy(sum_at(policy.shrink_to), policy, expected)
        steps, verdict = _shrink(steps, shrunk, policy), Verdict.SHRUNK
    if (excess := _total(steps) - last_published) > 0:
        steps.append(Term("may_not_rise", -excess))
    return Availability(_total(steps), verdict, names, tuple(steps), basis)


def _shrink(steps: list[Term], shrunk: list[Term], policy: PolicyTerms) -> list[Term]:
    """Return the shrunk terms; doubt alone never takes the last pack, for unknown is not zero."""
    if _total(shrunk) > 0 or _total(steps) <= 0:
        return shrunk
    last_pack = policy.pack if policy.pack >= policy.threshold else _total(steps)
    return [*shrunk, Term("last_pack_kept", min(last_pack, _total(steps)))]


def _apply_policy(whole: PoolSum, policy: PolicyTerms, expected: Decimal) -> list[Term]:
    """Return the terms from the pool's sum to the figure, in the order of the formula."""
    steps = list(whole.steps)
    total = whole.total

    def to(name: str, target: Decimal) -> None:
        nonlocal total
        if change := target - total:
            steps.append(Term(name, change))
            total = target

    to("share", _down(total * policy.share))
    percent = -_down(-max(ZERO, total) * policy.buffer_percent / HUNDRED)
    if percent > policy.buffer:
        to("buffer_percent", total - percent)
    else:
        to("buffer", total - policy.buffer)
    if whole.own_allotment > 0:
        to("own_allotment", max(total, min(whole.own_allotment, whole.total)))
    to("backorder_allowance", total + max(ZERO, policy.backorder_allowance - whole.unmovable_shortage))
    to("preorder_allowance", total + min(policy.preorder_allowance, max(ZERO, expected)))
    to("clamped_at_zero", max(ZERO, total))
    if policy.cap is not None:
        to("cap", min(max(ZERO, policy.cap), total))
    to("pack_remainder", floor_to_pack(total, policy.pack))
    if total < policy.threshold:
        to("below_threshold", ZERO)
    return steps


def _down(quantity: Decimal) -> Decimal:
    """Return the largest quantity of the stored precision that is not more."""
    return quantity.quantize(STEP, rounding=ROUND_FLOOR)


def _total(steps: Iterable[Term]) -> Decimal:
    return sum((step.amount for step in steps), ZERO)
