"""Products and lots as far as booking needs them: read once per batch, refused in words for people.

Odoo itself would refuse most of it as well, but only after the whole batch was tried, and rounds what does
not fit a unit without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.odoo.batches import alone
from connectors.odoo.cells import ZERO, Row, number, ref, words
from connectors.odoo.wire import Odoo
from inventory_sync.domain.errors import RemoteRefused

LotKey = tuple[int, str]
"""(product, name of the lot)."""


@dataclass(frozen=True, slots=True)
class Product:
    """`loss`: where its adjustments come from and go to. `step`: the least of its unit, 0 unknown."""

    id: int
    name: str
    kept: bool
    tracked: bool
    company: int
    loss: int
    step: Decimal

    def refuse_unless_kept(self, company: int) -> None:
        if self.company not in (0, company):
            raise RemoteRefused(f"Product {self.id} ({self.name}) belongs to another company in Odoo.")
        if not self.kept:
            raise RemoteRefused(f"Odoo keeps no stock of product {self.id} ({self.name}).")

    def refuse_unless_exact(self, quantity: Decimal) -> None:
        """Refuse what Odoo would round: the copy would differ from then on, and nobody would know why."""
        if self.step and quantity % self.step:
            raise RemoteRefused(
                f"{quantity} of product {self.id} ({self.name}) does not fit its unit in Odoo, "
                f"which is rounded to {self.step}."
            )


def read_products(odoo: Odoo, ids: Iterable[int], *, storable_flag: bool) -> dict[int, Product]:
    """Return those of the products that exist, archived ones too: they may still lie on a shelf.

    storable_flag: products say by a field whether stock is kept (18 and later), not by their type.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    fields = ["display_name", "type", "tracking", "company_id", "uom_id", "property_stock_inventory"]
    rows = odoo.rows(
        "product.product",
        "search_read",
        domain=[["id", "in", wanted]],
        fields=[*fields, "is_storable"] if storable_flag else fields,
        load=None,
        context={"active_test": False},
    )
    units = sorted({ref(row, "uom_id") for row in rows} - {0})
    steps = {
        row["id"]: number(row, "rounding")
        for row in (odoo.rows("uom.uom", "read", ids=units, fields=["rounding"], load=None) if units else [])
    }
    return {row["id"]: _product(row, steps, storable_flag) for row in rows}


def _product(row: Row, steps: Mapping[int, Decimal], storable_flag: bool) -> Product:
    kept = row.get("is_storable") is True if storable_flag else words(row, "type") == "product"
    return Product(
        id=int(row["id"]),
        name=words(row, "display_name"),
        kept=kept,
        tracked=words(row, "tracking") not in ("", "none"),
        company=ref(row, "company_id"),
        loss=ref(row, "property_stock_inventory"),
        step=steps.get(ref(row, "uom_id"), ZERO),
    )


def read_lots(odoo: Odoo, wanted: Iterable[LotKey]) -> dict[LotKey, int]:
    """Return the ids of those of the lots that Odoo knows, archived ones too: 19 can archive them."""
    keys = set(wanted)
    if not keys:
        return {}
    rows = odoo.rows(
        "stock.lot",
        "search_read",
        domain=[
            ["product_id", "in", sorted({product for product, _ in keys})],
            ["name", "in", sorted({name for _, name in keys})],
            ["company_id", "in", [odoo.company, False]],
        ],
        fields=["name", "product_id"],
        order="id desc",
        load=None,
        context={"active_test": False},
    )
    found = {(ref(row, "product_id"), str(row.get("name"))): int(row["id"]) for row in rows}
    return {key: found[key] for key in keys if key in found}


def make_lots(odoo: Odoo, wanted: Iterable[LotKey]) -> dict[LotKey, int]:
    """Return the ids of these lots, creating what Odoo does not know; it keeps their names unique."""
    keys = set(wanted)
    found = read_lots(odoo, keys)

    def create(some: Sequence[LotKey]) -> None:
        values = [{"name": name, "product_id": product, "company_id": odoo.company} for product, name in some]
        odoo.write("stock.lot", "create", vals_list=values)

    if missing := sorted(keys - found.keys()):
        # One that is refused is there by now, or stays unknown and is refused with its document.
        alone(missing, create)
        found |= read_lots(odoo, missing)
    return found
