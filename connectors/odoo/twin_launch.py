"""From an order's line to moves: what a sale or a purchase still needs becomes moves, confirmed together.

A quantity below nothing takes back what was launched before. How moves find their transfer, are merged and
reserved is in twin_confirm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.odoo.twin_confirm import confirm, group_field
from connectors.odoo.twin_kits import exploded
from connectors.odoo.twin_orm import Env
from connectors.odoo.twin_stock import engine


@dataclass(frozen=True, slots=True)
class Need:
    """What a line needs of a product, in the product's unit. `group` keeps moves of one order together.

    `vals` go to the moves as they are; `picking` is the transfer to use where there is one already.
    """

    product: int
    quantity: float
    type_id: int
    source: int
    destination: int
    origin: str
    group: int | None = None
    picking: int | None = None
    vals: dict[str, Any] = field(default_factory=dict)


def launch(env: Env, needs: Sequence[Need]) -> list[int]:
    """Make and confirm the moves of needs; a kit's are those of its parts."""
    inner, made = engine(env), []
    for need in needs:
        parts = exploded(inner, need.product, abs(need.quantity))
        sign = -1.0 if need.quantity < 0 else 1.0
        goods = [(part.product, sign * part.quantity, part.line) for part in parts]
        for product, quantity, line in goods or [(need.product, need.quantity, 0)]:
            made.append(_move(inner, need, product, quantity, line))
    return confirm(inner, made)


def _move(env: Env, need: Need, product: int, quantity: float, bom_line: int) -> int:
    vals: dict[str, Any] = {
        **need.vals, "product_id": product, "product_uom_qty": quantity, "bom_line_id": bom_line or None,
        "location_id": need.source, "location_dest_id": need.destination,
        "location_final_id": need.destination, "picking_type_id": need.type_id, "picking_id": need.picking,
        "origin": need.origin,
    }  # fmt: skip
    if env.version == 18:
        vals["name"] = env.value("product.product", product, "display_name")
    if need.group is not None:
        vals[group_field(env)] = need.group if env.version == 18 else [(6, 0, [need.group])]
    return env.create("stock.move", vals)
