"""How the terms of a figure are written down, compactly, and read again with labels for people.

The quantities of the rows add up to the figure. A kit's step carries its components' own rows under "basis":
they explain it in the components' units and are no part of the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from inventory_sync.availability.micro import MICRO, exact, to_micro
from inventory_sync.domain.availability import Term
from inventory_sync.domain.reports import plain

LABELS = {
    "on_hand": "On hand",
    "unavailable": "Not for sale",
    "reserved_by_authority": "Reserved in the authority's books",
    "unassigned_at_authority": "The authority's own unassigned demand",
    "open_demand": "Sold, not yet in the books",
    "safety_stock": "Safety stock",
    "unknown": "Above what was last known",
    "floored_at_zero": "Nothing less than none",
    "movable_shortage": "Owed here, may be taken from the pool",
    "chained_shortage": "Owed elsewhere, reaches the pool through others",
    "unserved_shortage": "Owed, but nothing of the pool can serve it",
    "incoming": "Confirmed to come in",
    "share": "Share of the pool",
    "buffer": "Buffer",
    "buffer_percent": "Buffer, by percentage",
    "own_allotment": "Set aside for this channel",
    "preorder_allowance": "Sold ahead of what comes in",
    "backorder_allowance": "Backorders allowed",
    "clamped_at_zero": "Nothing less than none",
    "cap": "Cap",
    "pack_remainder": "Remainder of a pack",
    "below_threshold": "Below the threshold",
    "may_not_rise": "May not rise while something is unknown",
    "last_pack_kept": "Doubt alone takes no last one",
    "last_published": "Last figure",
    "stop_selling": "Sale stopped while something is unknown",
    "kits_at": "Kits at the best location",
    "kits_pooled": "Kits from the whole pool",
}
OF_POLICY = frozenset(
    {
        "safety_stock",
        "share",
        "buffer",
        "buffer_percent",
        "backorder_allowance",
        "preorder_allowance",
        "cap",
        "below_threshold",
        "last_pack_kept",
        "may_not_rise",
        "stop_selling",
    }
)
KIT_STEPS = frozenset({"kits_at", "kits_pooled"})
DEFAULTS: tuple[Any, ...] = ("", 0, "", "", None)

Row = dict[str, Any]
Compact = Sequence[Any]  # [name, amount, location, component, level version], cut after the last word
LevelVersion = Callable[[str, str], int | None]


def amount_of(micro: int) -> int | str:
    """Return a quantity given in millionths as it is stored: a whole number as one, others as text."""
    whole, rest = divmod(micro, MICRO)
    return plain(exact(micro)) if rest else whole


def compact(terms: Iterable[Term], *, sku: str, level_version: LevelVersion) -> list[list[Any]]:
    """Return terms as they are stored; level_version(sku, location code) is the level that was read."""
    rows: list[list[Any]] = []
    for term in terms:
        row: list[Any] = [term.name, amount_of(to_micro(term.amount))]
        version = None
        if term.name == "on_hand":
            version = level_version(term.component or sku, term.location)
        if version is not None:
            row += [term.location, term.component, version]
        elif term.component:
            row += [term.location, term.component]
        elif term.location:
            row.append(term.location)
        rows.append(row)
    return rows


def rows_of(
    terms: Iterable[Compact], basis: Iterable[Compact] | None = None, *, policy_version: int
) -> list[Row]:
    """Return stored terms for people: each with its label, and what it refers to."""
    rows = [_row(term, policy_version) for term in terms]
    for made in rows:
        if made["name"] in KIT_STEPS:
            made["basis"] = [_row(term, policy_version) for term in basis or ()]
    return rows


def _row(term: Compact, policy_version: int) -> Row:
    name, amount, location, component, version = [*term, *DEFAULTS[len(term) :]]
    made: Row = {"name": name, "label": label_of(name), "quantity": str(amount)}
    if location:
        made["location"] = location
    if component:
        made["component"] = component
    if name == "on_hand":
        made["level_version"] = version
    elif name in OF_POLICY:
        made["policy_version"] = policy_version
    return made


def label_of(name: str) -> str:
    """Return what a step is called for people; an allotment names its channel after a colon."""
    if name in LABELS:
        return LABELS[name]
    kind, _, channel = name.partition(":")
    return f"Set aside for {channel}" if kind == "allotted" else name.replace("_", " ")


def total_of(rows: Iterable[Row]) -> Decimal:
    """Return what stored rows add up to."""
    return sum((Decimal(row["quantity"]) for row in rows), Decimal(0))
