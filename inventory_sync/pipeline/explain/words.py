"""Why a figure is not higher, in sentences: what is unknown, what limits a kit, the largest subtractions.

Pure: from the terms to words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from inventory_sync.domain.reports import plain
from inventory_sync.pipeline.explain.types import ZERO, Document, Place, Term

MOST = 4
SAID = {
    "unavailable": "{n} at {at} may not be sold (damaged, quarantined or under inspection).",
    "reserved_by_authority": "{n} at {at} are reserved in the books of the place's own authority.",
    "unassigned_at_authority": "{n} at {at} are owed to demand that the authority has not assigned yet.",
    "open_demand": "{n} at {at} are sold and not yet out of the books{lines}.",
    "safety_stock": "{n} at {at} are kept as safety stock, by the policy.",
    "unknown": "{n} at {at} do not count: what is there is in doubt, only what was last known free counts.",
    "movable_shortage": "{n} are owed at {at}, which has too little: the pool may have to serve them{lines}.",
    "chained_shortage": "{n} are owed elsewhere and may be taken from here through other pools.",
    "unserved_shortage": "{n} are owed at {at}, and nothing of the pool can serve them{lines}.",
    "buffer_percent": "{n} are kept back as a buffer, a percentage of the share.",
    "share": "{n} are left to other channels: the policy gives this one a share of the pool.",
    "buffer": "{n} are kept back as a buffer, by the policy.",
    "cap": "{n} are above the cap of the policy.",
    "pack_remainder": "{n} fill no whole piece or pack.",
    "below_threshold": "{n} would be left, less than the threshold of the policy: it shows 0 instead.",
    "may_not_rise": "{n} more may not be shown while something is unknown: a figure may fall, never rise.",
    "stop_selling": "All {n} are withdrawn: the policy stops the sale while something is unknown.",
}


def why_not_higher(
    terms: Sequence[Term],
    *,
    figure: Decimal | None,
    unknown: Sequence[str],
    places: Sequence[Place],
    needs: Mapping[str, Decimal] | None = None,
) -> tuple[str, ...]:
    """Return the reasons, the most weighty first. needs: what one kit takes of each component."""
    said = [_unknown(name, places) for name in unknown]
    if figure is None:
        return (*said, "Nothing is published: what is not known is never shown as 0.")
    for term in terms:
        if term.basis and needs:
            said += _limit_of_kit(term, needs)
    taken = sorted((term for term in terms if term.quantity < 0), key=lambda term: term.quantity)
    said += [_subtraction(term) for term in taken[:MOST]]
    if rest := taken[MOST:]:
        less = plain(-sum((term.quantity for term in rest), ZERO))
        said.append(f"Smaller subtractions take {less} more." if len(rest) > 1 else _subtraction(rest[0]))
    if not said:
        said.append("Nothing is held back: everything its places hold may be sold here.")
    return tuple(said)


def _unknown(name: str, places: Sequence[Place]) -> str:
    if name == "mapping":
        return "The item has no confirmed mapping on this channel."
    if name == "pool":
        return "The channel sells from no location."
    if name.startswith("recipe"):
        return "The kit's recipe is missing or holds another kit."
    component, at, location = name.partition("@")
    if at:
        return f"{component} is unknown at {location}: it counts at most what was last known free there."
    place = next((each for each in places if each.location == name), None)
    if place is None:
        return f"{name} is unknown."
    if place.ruling is None:
        return f"{name} is unknown: no count or reading has ever covered the item there."
    return f"{name} is unknown: {place.ruling.title.lower()} is in doubt or too old."


def _limit_of_kit(term: Term, needs: Mapping[str, Decimal]) -> list[str]:
    """Return which component decides at the place that decides."""
    free: dict[str, Decimal] = defaultdict(Decimal)
    for part in term.basis:
        if term.location in ("", part.location) or part.name.startswith(("movable", "allotted")):
            free[part.component] += part.quantity
    known = {sku: have for sku, have in free.items() if needs.get(sku)}
    if not known:
        return []
    sku = min(known, key=lambda each: (known[each] / needs[each], each))
    where = f"at {term.location}" if term.location else "in the whole pool"
    have, takes = plain(max(ZERO, known[sku])), plain(needs[sku])
    return [f"{sku} is the limit {where}: {have} free there, one kit takes {takes}."]


def _subtraction(term: Term) -> str:
    kind, _, channel = term.name.partition(":")
    if kind == "allotted":
        return f"{plain(-term.quantity)} are set aside for {channel}."
    form = SAID.get(term.name)
    if form is None:
        where = f" at {term.location}" if term.location else ""
        return f"{term.label}{where} takes {plain(-term.quantity)}."
    lines = _lines(term.documents)
    return form.format(n=plain(-term.quantity), at=term.location or "its places", lines=lines)


def _lines(documents: Sequence[Document]) -> str:
    orders = [each.title for each in documents if each.kind == "order_line"]
    if not orders:
        return ""
    more = f" and {len(orders) - 2} more" if len(orders) > 2 else ""
    return f" ({'; '.join(orders[:2])}{more})"
