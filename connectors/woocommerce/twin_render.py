"""How the shop shows its products and variations: full v3 resources from the books' few fields.

Computes nothing but display; the stock rules (who manages, what status) are asked of the product book.
"""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base.twinkit import Doc
from connectors.woocommerce.twin_wire import gmt_text, links, local_text


def slug_of(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "product"


def times(name: str, seconds: int | None, zone: ZoneInfo) -> Doc:
    return {name: local_text(seconds, zone), f"{name}_gmt": gmt_text(seconds)}


def _price(doc: Doc) -> Doc:
    price = str(doc.get("regular_price", ""))
    return {
        "price": price, "regular_price": price, "sale_price": "",
        "date_on_sale_from": None, "date_on_sale_from_gmt": None,
        "date_on_sale_to": None, "date_on_sale_to_gmt": None, "on_sale": False,
    }  # fmt: skip


_FILES: Doc = {
    "virtual": False,
    "downloadable": False,
    "downloads": [],
    "download_limit": -1,
    "download_expiry": -1,
}
_SIZE: Doc = {"weight": "", "dimensions": {"length": "", "width": "", "height": ""}}


def product_document(
    doc: Doc, stock: Doc, *, parent: Doc | None, children: list[int], home: str, zone: ZoneInfo
) -> Doc:
    """Return the shape of `/products/{id}`, which webhooks carry too, for variations as well."""
    variation = parent is not None
    permalink, name, slug = _address(doc, parent, home)
    price = str(doc.get("regular_price", ""))
    return {
        "id": doc["id"], "name": name, "slug": slug, "permalink": permalink,
        **times("date_created", doc["created"], zone), **times("date_modified", doc["modified"], zone),
        "type": doc["type"], "status": doc["status"], "featured": False, "catalog_visibility": "visible",
        "description": "", "short_description": "", "sku": doc["sku"], **_price(doc), "purchasable": True,
        "total_sales": str(doc.get("total_sales", 0)) if variation else doc.get("total_sales", 0), **_FILES,
        "external_url": "", "button_text": "", "tax_status": "taxable", "tax_class": "",
        "manage_stock": stock["manage_stock"], "stock_quantity": stock["stock_quantity"],
        "backorders": stock["backorders"], "backorders_allowed": stock["backorders_allowed"],
        "backordered": stock["backordered"], "low_stock_amount": None, "sold_individually": False, **_SIZE,
        "shipping_required": True, "shipping_taxable": True, "shipping_class": "", "shipping_class_id": 0,
        "reviews_allowed": not variation, "average_rating": "0.00", "rating_count": 0, "upsell_ids": [],
        "cross_sell_ids": [], "parent_id": doc["parent_id"], "purchase_note": "",
        "categories": [] if variation else [{"id": 15, "name": "Uncategorized", "slug": "uncategorized"}],
        "brands": [], "tags": [], "images": [], "attributes": doc.get("attributes", []),
        "default_attributes": [], "variations": children, "grouped_products": [], "menu_order": 0,
        "price_html": _price_html(price), "related_ids": [], "meta_data": doc.get("meta_data", []),
        "stock_status": stock["stock_status"], "has_options": bool(children), "post_password": "",
        "global_unique_id": doc.get("global_unique_id", ""),
        "_links": links(
            home, f"products/{doc['id']}", "products", up=f"products/{doc['parent_id']}" if variation else ""
        ),
    }  # fmt: skip


def variation_document(doc: Doc, stock: Doc, *, parent: Doc, home: str, zone: ZoneInfo) -> Doc:
    """Return the shape of `/products/{parent}/variations/{id}`."""
    permalink, _, _ = _address(doc, parent, home)
    here = f"products/{parent['id']}"
    return {
        "id": doc["id"], "type": "variation",
        **times("date_created", doc["created"], zone), **times("date_modified", doc["modified"], zone),
        "description": "", "permalink": permalink, "sku": doc["sku"],
        "global_unique_id": doc.get("global_unique_id", ""), **_price(doc), "status": doc["status"],
        "purchasable": True, **_FILES, "tax_status": "taxable", "tax_class": "",
        "manage_stock": stock["manage_stock"], "stock_quantity": stock["stock_quantity"],
        "stock_status": stock["stock_status"], "backorders": stock["backorders"],
        "backorders_allowed": stock["backorders_allowed"], "backordered": stock["backordered"],
        "low_stock_amount": None, **_SIZE, "shipping_class": "", "shipping_class_id": 0, "image": None,
        "gallery_image_ids": [], "attributes": doc.get("attributes", []), "menu_order": 0,
        "meta_data": doc.get("meta_data", []), "name": _option(doc), "parent_id": parent["id"],
        "_links": links(home, f"{here}/variations/{doc['id']}", f"{here}/variations", up=here),
    }  # fmt: skip


def batch_extras(document: Doc, home: str) -> Doc:
    """Return the document with the two fields only an edit answer carries."""
    kept = {name: value for name, value in document.items() if name != "_links"}
    kept |= {"permalink_template": f"{home}/product/%pagename%/", "generated_slug": document["slug"]}
    return kept | {"_links": document["_links"]}


def _address(doc: Doc, parent: Doc | None, home: str) -> tuple[str, str, str]:
    if parent is None:
        slug = slug_of(doc["name"])
        return f"{home}/product/{slug}/", doc["name"], slug
    parts = [
        f"attribute_{attribute['slug']}={attribute['option']}" for attribute in doc.get("attributes", [])
    ]
    name = f"{parent['name']} - {_option(doc)}" if _option(doc) else parent["name"]
    query = f"?{'&'.join(parts)}" if parts else ""
    return f"{home}/product/{slug_of(parent['name'])}/{query}", name, slug_of(name)


def _option(doc: Doc) -> str:
    options: list[Any] = [attribute["option"] for attribute in doc.get("attributes", [])]
    return ", ".join(map(str, options)) or str(doc.get("name", ""))


def _price_html(price: str) -> str:
    symbol = '<span class="woocommerce-Price-currencySymbol" translate="no">&euro;</span>'
    return f'<span class="woocommerce-Price-amount amount"><bdi>{symbol}{price}</bdi></span>' if price else ""
