"""Explain any figure: of an item on a channel or at a place, of an item, a place or a channel; now or then.

Stands in this room because it sees all of the ledger, availability and propagation. Reads only; each answer
is taken from one snapshot, so that its parts belong together.
"""

from __future__ import annotations

from inventory_sync.pipeline.explain.figures import explain_figure, told_of
from inventory_sync.pipeline.explain.overviews import explain_channel, explain_item, explain_location
from inventory_sync.pipeline.explain.places import explain_place

__all__ = [
    "explain_channel",
    "explain_figure",
    "explain_item",
    "explain_location",
    "explain_place",
    "told_of",
]
