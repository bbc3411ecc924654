"""The products of which stock is kept, and kits, for import and mapping proposals.

Odoo lets several products have one internal reference; each of them is listed, and its label names the
others, so that nobody maps by an ambiguous SKU.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from connectors.odoo.cells import Row, ref, words
from connectors.odoo.database import Database
from connectors.odoo.wire import Rows
from inventory_sync.domain.ports import ExternalListing, ListingRef

PAGE = 1000
FIELDS = ("default_code", "barcode", "name", "display_name", "active", "tracking", "uom_id", "type")
# UN/ECE Rec 20, for the units that every Odoo is delivered with; others are named as they are.
UNITS: Mapping[str, str] = {
    "Units": "C62", "Dozens": "DZN", "kg": "KGM", "g": "GRM", "t": "TNE", "lb": "LBR", "oz": "ONZ",
    "m": "MTR", "cm": "CMT", "mm": "MMT", "km": "KMT", "ft": "FOT", "in": "INH",
    "L": "LTR", "m³": "MTQ", "m²": "MTK", "Hours": "HUR", "Days": "DAY",
}  # fmt: skip


def listings(database: Database) -> Iterator[ExternalListing]:
    """Yield the products by id, archived ones too; kits as packs."""
    kits = _kits(database) if database.shape.kits else set()
    rows = _products(database, kits)
    alike: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if sku := words(row, "default_code"):
            alike[sku].append(int(row["id"]))
    for row in rows:
        number, sku = int(row["id"]), words(row, "default_code")
        others = [other for other in alike.get(sku, ()) if other != number]
        yield ExternalListing(
            ref=ListingRef(f"product:{number}"),
            sku=sku,
            name=_label(row, others),
            gtin=words(row, "barcode"),
            managed=number not in kits,
            kind="pack" if number in kits else "variant",
        )


def _label(row: Row, others: list[int]) -> str:
    notes = []
    if row.get("active") is False:
        notes.append("archived")
    if (tracking := words(row, "tracking")) in ("lot", "serial"):
        notes.append(f"tracked by {tracking}")
    unit = row.get("uom_id")
    unit_name = str(unit[1]) if isinstance(unit, list) and len(unit) == 2 else ""
    if UNITS.get(unit_name, unit_name) not in ("", "C62"):
        notes.append(f"in {unit_name} {UNITS.get(unit_name, '')}".strip())
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        notes.append(f"same reference as {', '.join(f'product:{other}' for other in others[:3])}{more}")
    name = words(row, "display_name") or words(row, "name")
    return f"{name} ({'; '.join(notes)})" if notes else name


def _products(database: Database, kits: set[int]) -> Rows:
    kept = database.storable()
    domain = ["|", ["id", "in", sorted(kits)], *["&"] * (len(kept) - 1), *kept]
    found: Rows = []
    while True:
        after = int(found[-1]["id"]) if found else 0
        page = database.odoo.rows(
            "product.product",
            "search_read",
            domain=[["id", ">", after], *domain],
            fields=list(FIELDS),
            order="id",
            limit=PAGE,
            context={"active_test": False},
        )
        found += page
        if len(page) < PAGE or int(page[-1]["id"]) <= after:
            return found


def _kits(database: Database) -> set[int]:
    """Return the products that a phantom bill of material takes apart when they are delivered."""
    boms = database.odoo.rows(
        "mrp.bom",
        "search_read",
        domain=[["type", "=", "phantom"]],
        fields=["product_id", "product_tmpl_id"],
        load=None,
    )
    templates = sorted({ref(row, "product_tmpl_id") for row in boms if not ref(row, "product_id")})
    variants = (
        database.odoo.rows(
            "product.product",
            "search_read",
            domain=[["product_tmpl_id", "in", templates]],
            fields=["id"],
            load=None,
            context={"active_test": False},
        )
        if templates
        else []
    )
    return {ref(row, "product_id") for row in boms if ref(row, "product_id")} | {
        int(row["id"]) for row in variants
    }
