"""Products of the twin: their labels, the barcodes that may stand once, and kits."""

from __future__ import annotations

from typing import Any

from connectors.odoo.twin_orm import Env, computed, constrains, inverse, on_create, on_write, validation_error


def _label(code: str | None, name: str | None) -> str:
    return f"[{code}] {name}" if code else str(name or "")


@computed("product.product", "display_name")
def product_label(env: Env, ids: list[int]) -> dict[int, str]:
    names = env.values("product.product", ids, "name")
    table = env.db.store.tables["product.product"]
    return {
        number: _label(table[number]["default_code"], name) for number, name in zip(ids, names, strict=True)
    }


@computed("product.template", "display_name")
def template_label(env: Env, ids: list[int]) -> dict[int, str]:
    return {
        row["id"]: _label(row["default_code"], row["name"]) for row in env.browse("product.template", ids)
    }


@computed("product.template", "default_code", "barcode", "product_variant_id")
def of_the_only_variant(env: Env, ids: list[int], name: str) -> dict[int, Any]:
    """A template with one variant shows the variant's values; with several it shows none."""
    found: dict[int, Any] = {}
    for number in ids:
        variants = env.ids("product.product", [("product_tmpl_id", "=", number)], active_test=False)
        if name == "product_variant_id":
            found[number] = variants[0] if variants else None
        elif len(variants) == 1:
            found[number] = env.need("product.product", variants[0])[name]
    return found


def _to_the_variant(name: str) -> None:
    @inverse("product.template", name)
    def write(env: Env, ids: list[int], value: Any) -> None:
        for number in ids:
            variants = env.ids("product.product", [("product_tmpl_id", "=", number)], active_test=False)
            if len(variants) == 1:
                env.write("product.product", variants, {name: value})


for _name in ("default_code", "barcode"):
    _to_the_variant(_name)


@on_create("product.template")
def template_has_a_variant(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    if env.context.get("creates_child") != "product.product":
        own = {name: vals[name] for name in ("default_code", "barcode") if vals.get(name)}
        env.create("product.product", {"product_tmpl_id": ids[0], **own})


@on_write("product.template")
def variants_move_along(env: Env, ids: list[int], vals: dict[str, Any]) -> None:
    """A write to the template moves its variants' write_date; archiving reaches them too."""
    variants = env.ids("product.product", [("product_tmpl_id", "in", ids)], active_test=False)
    if variants:
        env.write("product.product", variants, {"active": vals["active"]} if "active" in vals else {})


@constrains("product.product", "barcode")
def barcode_stands_once(env: Env, ids: list[int]) -> None:
    for row in env.browse("product.product", ids):
        if not row["barcode"]:
            continue
        same = env.ids("product.product", [("barcode", "=", row["barcode"])], active_test=False)
        if len(same) > 1:
            labels = [str(env.value("product.product", one, "display_name")) for one in same]
            whose = f"{', '.join(labels[:-1])} and {labels[-1]}"
            raise validation_error(
                "Barcode(s) already assigned:\n\n"
                f'- Barcode "{row["barcode"]}" already assigned to product(s): {whose}'
                "\n\nNote: products that you don't have access to will not be shown above."
            )


@computed("product.product", "is_kits")
def is_kit(env: Env, ids: list[int]) -> dict[int, bool]:
    return {number: kit_of(env, number) is not None for number in ids}


def kit_of(env: Env, product: int) -> int | None:
    """Return the phantom bill of materials a product is sold by, if it has one."""
    template = env.need("product.product", product)["product_tmpl_id"]
    boms = env.rows(
        "mrp.bom",
        [
            ("product_tmpl_id", "=", template),
            ("type", "=", "phantom"),
            ("product_id", "in", [product, False]),
        ],
        order="sequence, id",
    )
    return boms[0]["id"] if boms else None


@computed("product.product", "property_stock_inventory", "property_stock_production")
def loss_place(env: Env, ids: list[int], name: str) -> dict[int, int | None]:
    usage = "inventory" if name == "property_stock_inventory" else "production"
    domain: list[Any] = [("usage", "=", usage), ("company_id", "in", [env.company_id, False])]
    if env.version == 18:
        domain.append(("scrap_location", "=", False))
    places = env.ids("stock.location", domain)
    return dict.fromkeys(ids, places[0] if places else None)


@computed("res.partner", "property_stock_customer", "property_stock_supplier")
def partner_place(env: Env, ids: list[int], name: str) -> dict[int, int | None]:
    usage = "customer" if name == "property_stock_customer" else "supplier"
    places = env.ids("stock.location", [("usage", "=", usage)])
    return dict.fromkeys(ids, places[0] if places else None)


@computed("ir.model.data", "complete_name")
def external_id(env: Env, ids: list[int]) -> dict[int, str]:
    return {row["id"]: f"{row['module']}.{row['name']}" for row in env.browse("ir.model.data", ids)}


@computed("uom.uom", "factor_inv")
def factor_inverse(env: Env, ids: list[int]) -> dict[int, float]:
    return {row["id"]: 1 / row["factor"] if row["factor"] else 0.0 for row in env.browse("uom.uom", ids)}
