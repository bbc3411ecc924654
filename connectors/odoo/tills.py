"""Sales of Odoo's own tills that no move has booked yet: unassigned demand until their session closes.

Odoo books a till's sales when its session is closed, unless it is set to book each at once; until then the
goods are off the shelf and still in the books. The sessions are asked for before and after a reading; when
one closed between, its sales may be in the figures already, and the reading is taken again (readings.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from connectors.odoo.cells import ZERO, number, ref
from connectors.odoo.database import Database

CLOSED = "closed"
PAGE = 1000


def open_sessions(database: Database) -> Mapping[int, int]:
    """Return the warehouse of every open session, by the session's id."""
    if not database.shape.tills:
        return {}
    found = database.odoo.rows(
        "pos.session",
        "web_search_read",
        domain=[["state", "!=", CLOSED]],
        specification={
            "config_id": {"fields": {"picking_type_id": {"fields": {"warehouse_id": {}}}}},
        },
    )
    sessions: dict[int, int] = {}
    for row in found:
        config = row.get("config_id")
        kind = config.get("picking_type_id") if isinstance(config, Mapping) else None
        sessions[int(row["id"])] = ref(kind, "warehouse_id") if isinstance(kind, Mapping) else 0
    return sessions


def unbooked(
    database: Database, sessions: Mapping[int, int], products: Iterable[int]
) -> Mapping[tuple[int, str], Decimal]:
    """Return what the open sessions sold of each product at each place and no move has booked yet.

    A kit is sold as such and booked as its components, so its components are looked for as well.
    """
    wanted = set(products)
    if not sessions or not wanted:
        return {}
    kits = _kits_with(database, wanted) if database.shape.kits else {}
    found: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    after = 0
    while True:
        rows = database.odoo.rows(
            "pos.order.line",
            "web_search_read",
            domain=[
                ["product_id", "in", sorted(wanted | kits.keys())],
                ["order_id.session_id", "in", sorted(sessions)],
                ["order_id.state", "not in", ["draft", "cancel"]],
                ["order_id.picking_ids", "=", False],
                ["id", ">", after],
            ],
            specification={"product_id": {}, "qty": {}, "order_id": {"fields": {"session_id": {}}}},
            order="id",
            limit=PAGE,
        )
        for row in rows:
            order = row.get("order_id")
            session = ref(order, "session_id") if isinstance(order, Mapping) else 0
            place = f"warehouse:{sessions.get(session, 0)}"
            product, sold = ref(row, "product_id"), number(row, "qty")
            for part, per_unit in kits.get(product, {product: Decimal(1)}).items():
                found[part, place] += sold * per_unit
        if len(rows) < PAGE:
            return {key: sold for key, sold in found.items() if sold > ZERO and key[0] in wanted}
        after = int(rows[-1]["id"])


def _kits_with(database: Database, products: set[int]) -> Mapping[int, Mapping[int, Decimal]]:
    """Return the kits that contain any of the products: component → how many per kit."""
    rows = database.odoo.rows(
        "mrp.bom",
        "web_search_read",
        domain=[["type", "=", "phantom"], ["bom_line_ids.product_id", "in", sorted(products)]],
        specification={
            "product_id": {},
            "product_tmpl_id": {"fields": {"product_variant_ids": {}}},
            "product_qty": {},
            "bom_line_ids": {"fields": {"product_id": {}, "product_qty": {}}},
        },
    )
    kits: dict[int, dict[int, Decimal]] = {}
    for row in rows:
        template = row.get("product_tmpl_id")
        variants = template.get("product_variant_ids") if isinstance(template, Mapping) else None
        made = number(row, "product_qty") or Decimal(1)
        own = [ref(row, "product_id")] if ref(row, "product_id") else variants
        parts: dict[int, Decimal] = defaultdict(Decimal)
        lines = row.get("bom_line_ids")
        for line in lines if isinstance(lines, list) else ():
            if isinstance(line, Mapping):
                parts[ref(line, "product_id")] += number(line, "product_qty") / made
        for kit in own if isinstance(own, list) else ():
            if isinstance(kit, int) and not isinstance(kit, bool):
                kits[kit] = parts
    return kits
