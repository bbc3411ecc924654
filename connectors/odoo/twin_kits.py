"""Kits of the twin: the parts a phantom bill makes of a product, and the whole kits that parts make.

Which products are kits is in twin_goods; who launches or counts the moves of a kit: twin_launch, twin_sales,
twin_pos.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.odoo.twin_goods import kit_of
from connectors.odoo.twin_orm import Env
from connectors.odoo.twin_stock import convert, rounded, unit_step


@dataclass(frozen=True, slots=True)
class Part:
    """What of one component a quantity of the kit needs, in the component's own unit."""

    product: int
    quantity: float
    line: int


def exploded(env: Env, product_id: int, quantity: float) -> list[Part]:
    """Return the parts of so many kits, kits within kits down to what lies on a shelf."""
    number = kit_of(env, product_id)
    if number is None:
        return []
    bill = env.need("mrp.bom", number)
    own = env.need("product.product", product_id)["uom_id"]
    batches = convert(env, quantity, own, bill["product_uom_id"], None) / (bill["product_qty"] or 1.0)
    found: list[Part] = []
    for line in env.rows("mrp.bom.line", [("bom_id", "=", number)], order="sequence, id"):
        unit = env.need("product.product", line["product_id"])["uom_id"]
        needed = convert(env, batches * line["product_qty"], line["product_uom_id"], unit, None)
        inner = exploded(env, line["product_id"], needed)
        step = unit_step(env, unit)
        found += inner or [Part(line["product_id"], rounded(needed, step, "UP"), line["id"])]
    return found


def whole_kits(env: Env, product_id: int, there: Mapping[int, float]) -> float:
    """Return how many whole kits the quantities of the components make; a part of a kit is none."""
    ratios = [
        rounded(there.get(part.product, 0.0) / part.quantity, method="DOWN")
        for part in exploded(env, product_id, 1.0)
        if part.quantity
    ]
    return float(min(ratios, default=0.0) // 1)
