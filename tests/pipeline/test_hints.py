"""What nobody signed only says what to read, in words every client understands."""

from __future__ import annotations

from decimal import Decimal

from inventory_sync.domain.external import FigureObserved, OrderVanished
from inventory_sync.pipeline.hints import as_hints


def figure(ref: str) -> FigureObserved:
    return FigureObserved(key=f"seen:{ref}", item_ref=ref, figure=Decimal(3), stamp="")


def test_hints_about_listings_are_one_hint_to_sweep_for_no_client_reads_a_listing_alone() -> None:
    hints = as_hints([figure("product:101"), figure("product:102"), OrderVanished("gone:482", "482")])

    assert [(hint.kind, hint.ref) for hint in hints] == [("stream", ""), ("order", "482")]  # type: ignore[union-attr]
