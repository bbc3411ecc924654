"""How a computed figure is written down: one row per step, each with its label and what it refers to.

The quantities of the rows add up to the figure. A kit's step carries its components' own rows under "basis":
they explain it in the components' units and are no part of the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from inventory_sync.domain.availability import Availability, Term
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
    "share": "Share of the pool",
    "buffer": "Buffer",
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
        "backorder_allowance",
        "cap",
        "below_threshold",
        "last_pack_kept",
        "may_not_rise",
        "stop_selling",
    }
)
KIT_STEPS = frozenset({"kits_at", "kits_pooled"})

Row = dict[str, Any]
LevelVersion = Callable[[str, str], int | None]


def rows_of(result: Availability, *, sku: str, policy_version: int, level_version: LevelVersion) -> list[Row]:
    """Return the steps as they are stored; level_version(sku, location code) is the level that was read."""

    def row(term: Term) -> Row:
        made: Row = {"name": term.name, "label": label_of(term.name), "quantity": plain(term.amount)}
        if term.location:
            made["location"] = term.location
        if term.component:
            made["component"] = term.component
        if term.name == "on_hand":
            made["level_version"] = level_version(term.component or sku, term.location)
        elif term.name in OF_POLICY:
            made["policy_version"] = policy_version
        return made

    rows = [row(term) for term in result.steps]
    for made in rows:
        if made["name"] in KIT_STEPS:
            made["basis"] = [row(term) for term in result.basis]
    return rows


def label_of(name: str) -> str:
    """Return what a step is called for people; an allotment names its channel after a colon."""
    if name in LABELS:
        return LABELS[name]
    kind, _, channel = name.partition(":")
    return f"Set aside for {channel}" if kind == "allotted" else name.replace("_", " ")


def total_of(rows: Iterable[Row]) -> Decimal:
    """Return what stored rows add up to."""
    return sum((Decimal(row["quantity"]) for row in rows), Decimal(0))
