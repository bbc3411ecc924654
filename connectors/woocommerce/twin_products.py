"""The product and variation endpoints: lists, single reads, writes, batches, creation, deletion."""

from __future__ import annotations

from typing import Any

from connectors.base.twinkit import Doc, Request, Response
from connectors.woocommerce.twin_render import batch_extras, product_document, variation_document
from connectors.woocommerce.twin_shop import Shop
from connectors.woocommerce.twin_stock import ProductBook, as_figure
from connectors.woocommerce.twin_wire import (
    ShopError,
    body_of,
    date_filter,
    invalid_id,
    invalid_param,
    is_rest_integer,
    no_route,
    only_fields,
    page_of,
    php_int,
    require_enum,
    shop_response,
    truthy,
)

ORDERINGS = (
    "date", "id", "include", "title", "slug", "modified", "price", "popularity", "rating", "menu_order",
)  # fmt: skip
STOCK_STATUSES = ("instock", "outofstock", "onbackorder")
BACKORDERS = ("no", "notify", "yes")
STATUSES = ("draft", "pending", "private", "publish", "future", "auto-draft", "trash")
VARIATION_CODE = "woocommerce_rest_product_variation_invalid_id"
PLAIN_FIELDS = (
    "name", "status", "regular_price", "backorders", "stock_status", "attributes", "meta_data",
    "global_unique_id",
)  # fmt: skip


class ProductApi:
    """`/products`, `/products/{id}/variations`, `/variations` and their batches."""

    def __init__(self, shop: Shop, products: ProductBook) -> None:
        self._shop = shop
        self.book = products

    # ── shapes ──

    def document(self, doc: Doc) -> Doc:
        """Return the `/products/{id}` shape; webhooks use it for variations too."""
        children = sorted(self.book.children_of(doc))
        return product_document(
            doc, self.book.view(doc), parent=self.book.parent_of(doc), children=children,
            home=self._shop.home, zone=self._shop.zone,
        )  # fmt: skip

    def variation(self, doc: Doc) -> Doc:
        parent = self.book.parent_of(doc)
        if parent is None:
            raise invalid_id(VARIATION_CODE)
        return variation_document(
            doc, self.book.view(doc), parent=parent, home=self._shop.home, zone=self._shop.zone
        )

    # ── reads ──

    def index(self, request: Request) -> Response:
        query = request.query
        rows = [doc for doc in self.book.all() if self._listed(doc, query)]
        return self._page(request, rows, self.document)

    def list_variations(self, request: Request, parent_id: int | None) -> Response:
        if parent_id is None and not self._shop.quirks.global_variations:
            raise no_route()
        query = request.query
        rows = [
            doc for doc in self.book.all()
            if doc["type"] == "variation" and (parent_id is None or doc["parent_id"] == parent_id)
            and _status_fits(doc, query) and _sku_fits(doc, query)
        ]  # fmt: skip
        return self._page(request, rows, self.variation)

    def read(self, request: Request, product_id: int) -> Response:
        doc = self.book.get(product_id)
        if doc is None:
            raise invalid_id()
        return shop_response(200, only_fields(self.document(doc), request.query))

    def read_variation(self, request: Request, parent_id: int, variation_id: int) -> Response:
        doc = self._child(parent_id, variation_id)
        return shop_response(200, only_fields(self.variation(doc), request.query))

    # ── writes ──

    def write(self, request: Request, product_id: int) -> Response:
        body = body_of(request)
        self._validate(body)
        body = self._with_delta(body, product_id)
        with self._shop.books.transaction():
            doc = self._writable(product_id)
            self._apply(doc, body, strict=True)
            document = self.document(doc)
        return shop_response(200, only_fields(document, request.query))

    def write_variation(self, request: Request, parent_id: int, variation_id: int) -> Response:
        body = body_of(request)
        self._validate(body)
        body = self._with_delta(body, variation_id)
        with self._shop.books.transaction():
            doc = self._child(parent_id, variation_id)
            self._apply(doc, body, strict=True)
            document = self.variation(doc)
        return shop_response(200, only_fields(document, request.query))

    def create(self, request: Request, parent_id: int = 0) -> Response:
        body = body_of(request)
        self._validate(body)
        with self._shop.books.transaction():
            doc = self._create(body, parent_id)
            document = self.variation(doc) if parent_id else self.document(doc)
        return shop_response(201, only_fields(document, request.query))

    def delete(self, request: Request, product_id: int, parent_id: int = 0) -> Response:
        with self._shop.books.transaction():
            doc = self._child(parent_id, product_id) if parent_id else self.book.get(product_id)
            if doc is None:
                raise invalid_id()
            document = self.variation(doc) if parent_id else self.document(doc)
            self._delete(doc, force=truthy(request.query.get("force", "false")))
        return shop_response(200, document)

    def batch(self, request: Request, parent_id: int = 0, *, stop_after: int | None = None) -> Response:
        """Answer 200 with one result per item; `stop_after` lands only the first items (a fault)."""
        body = body_of(request)
        lists = {
            name: body[name] for name in ("create", "update", "delete") if isinstance(body.get(name), list)
        }
        if sum(map(len, lists.values())) > 100:
            raise ShopError(
                413, "woocommerce_rest_request_entity_too_large",
                "Unable to accept more than 100 items for this request.",
            )  # fmt: skip
        answer: Doc = {}
        left = stop_after if stop_after is not None else 101
        for name, items in lists.items():
            results = [self._batch_item(name, item, parent_id) for item in items[:left]]
            left -= len(results)
            answer[name] = results
        if wanted := {part.strip() for part in request.query.get("_fields", "").split(",") if part.strip()}:
            answer = {name: value for name, value in answer.items() if name in wanted}
        return shop_response(200, answer or [])

    # ── inside ──

    def _batch_item(self, name: str, item: Any, parent_id: int) -> Doc:
        fields: Doc = item if isinstance(item, dict) else {"id": item}
        given = fields.get("id")
        try:
            with self._shop.books.transaction():
                if name == "create":
                    doc = self._create(fields, parent_id)
                    document = self.variation(doc) if parent_id else self.document(doc)
                    return document if parent_id else batch_extras(document, self._shop.home)
                number = php_int(given) if is_rest_integer(given) else 0
                doc = self._child(parent_id, number) if parent_id else self._writable(number)
                document = self.variation(doc) if parent_id else self.document(doc)
                if name == "delete":
                    self._delete(doc, force=True)
                    return document
                self._apply(doc, fields, strict=False)
                document = self.variation(doc) if parent_id else self.document(doc)
                return document if parent_id else batch_extras(document, self._shop.home)
        except ShopError as problem:
            failure = problem.document
            return {"id": given, "error": {name: failure[name] for name in ("code", "message", "data")}}

    def _apply(self, doc: Doc, body: Doc, *, strict: bool) -> None:
        """Write the known fields. `strict` is a single call; a batch casts what it does not check."""
        self._check_sku(doc, body)
        for name in ("sku", *PLAIN_FIELDS):
            if name in body and body[name] is not None:
                doc[name] = _merged_meta(doc, body[name]) if name == "meta_data" else body[name]
        if body.get("manage_stock") is not None:
            self._set_management(doc, truthy(body["manage_stock"]))
        given = "stock_quantity" in body and (strict or body["stock_quantity"] is not None)
        if given and doc["manage_stock"]:
            decimal = self._shop.quirks.decimal_stock
            self.book.set_quantity(doc, as_figure(body["stock_quantity"], decimal=decimal), "api")
        else:
            self.book.touch(doc)
        self._shop.announce("product.updated", doc["id"])

    def _set_management(self, doc: Doc, manage: bool) -> None:
        if manage and not doc["manage_stock"]:
            doc["manage_stock"], doc["stock_quantity"] = True, doc["stock_quantity"] or 0
        elif not manage and doc["manage_stock"]:
            doc["manage_stock"], doc["stock_quantity"], doc["stock_status"] = False, None, "instock"
            self._shop.note_stock(doc["id"], None, "api")

    def _with_delta(self, body: Doc, product_id: int) -> Doc:
        """Turn `inventory_delta` into an absolute write from a figure read before it: not atomic."""
        if "inventory_delta" not in body or "stock_quantity" in body:
            return body
        with self._shop.books.lock:
            doc = self.book.get(product_id)
            seen = doc["stock_quantity"] if doc is not None else None
        self.between_delta_read_and_write()
        return body | {"stock_quantity": (seen or 0) + as_figure(body["inventory_delta"], decimal=False)}

    def between_delta_read_and_write(self) -> None:
        """The gap of the lost update; tests replace it to let another writer through."""

    def _create(self, body: Doc, parent_id: int) -> Doc:
        parent = self.book.get(parent_id) if parent_id else None
        if parent_id and parent is None:
            raise invalid_id(status=404)
        self._check_sku(None, body)
        fields: Doc = {name: body[name] for name in ("sku", *PLAIN_FIELDS) if body.get(name) is not None}
        fields["type"] = "variation" if parent_id else str(body.get("type", "simple"))
        fields["parent_id"] = parent_id
        if truthy(body.get("manage_stock", False)):
            figure = as_figure(body.get("stock_quantity") or 0, decimal=self._shop.quirks.decimal_stock)
            fields |= {"manage_stock": True, "stock_quantity": figure, "_who": "api"}
        doc = self.book.add(fields)
        self._shop.announce("product.created", doc["id"])
        return doc

    def _delete(self, doc: Doc, *, force: bool) -> None:
        if force:
            self.book.remove(doc)
            return
        if doc["status"] == "trash":
            raise ShopError(410, "woocommerce_rest_already_trashed", "The product has already been deleted.")
        doc["status"] = "trash"
        self.book.touch(doc)
        self._shop.announce("product.deleted", doc["id"])

    def _check_sku(self, doc: Doc | None, body: Doc) -> None:
        sku = body.get("sku")
        if not sku:
            return
        for other in self.book.by_sku(str(sku)):
            if doc is not None and other["id"] == doc["id"]:
                continue
            if other["status"] == "trash" and doc is None:
                raise ShopError(
                    400, "woocommerce_rest_product_not_created",
                    f"The product with SKU ({sku}) you are trying to insert is already present.",
                )  # fmt: skip
            raise ShopError(
                400, "product_invalid_sku", "Invalid or duplicated SKU.",
                data={"resource_id": other["id"], "unique_sku": f"{sku}-1"},
            )  # fmt: skip

    def _validate(self, body: Doc) -> None:
        """Check the schema a single call is held to; batch items never pass here."""
        for name in ("stock_quantity", "inventory_delta"):
            value = body.get(name)
            if value is None or is_rest_integer(value):
                continue
            if self._shop.quirks.decimal_stock and isinstance(value, float):
                continue
            message = f"{name} is not of type integer."
            raise invalid_param(name, "rest_invalid_type", message, {"param": name})
        require_enum(body, "stock_status", STOCK_STATUSES)
        require_enum(body, "backorders", BACKORDERS)
        require_enum(body, "status", STATUSES)

    def _writable(self, product_id: int) -> Doc:
        doc = self.book.get(product_id)
        if doc is None:
            raise invalid_id(status=400)
        if doc["type"] == "variation":
            raise ShopError(
                404, "woocommerce_rest_invalid_product_id",
                "To manipulate product variations you should use the "
                "/products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint.",
            )  # fmt: skip
        return doc

    def _child(self, parent_id: int, variation_id: int) -> Doc:
        doc = self.book.get(variation_id)
        if doc is None or doc["type"] != "variation" or doc["parent_id"] != parent_id:
            raise invalid_id(VARIATION_CODE)
        return doc

    def _listed(self, doc: Doc, query: dict[str, str]) -> bool:
        if doc["type"] == "variation" and not query.get("sku"):
            return False
        if query.get("type") and doc["type"] != query["type"]:
            return False
        if query.get("parent") and str(doc["parent_id"]) not in query["parent"].split(","):
            return False
        if query.get("stock_status") and self.book.view(doc)["stock_status"] != query["stock_status"]:
            return False
        return _status_fits(doc, query) and _sku_fits(doc, query)

    def _page(self, request: Request, rows: list[Doc], render: Any) -> Response:
        keep = date_filter(request.query, self._shop.zone)
        rows = [doc for doc in rows if keep(doc)]
        return page_of(request, rows, render, home=self._shop.home, orderings=ORDERINGS)


def _status_fits(doc: Doc, query: dict[str, str]) -> bool:
    wanted = query.get("status", "any")
    return doc["status"] != "trash" if wanted == "any" else doc["status"] in wanted.split(",")


def _sku_fits(doc: Doc, query: dict[str, str]) -> bool:
    return not query.get("sku") or doc["sku"] in [part.strip() for part in query["sku"].split(",")]


def _merged_meta(doc: Doc, given: Any) -> list[Doc]:
    """Return the meta data with the given keys written over those of the same key."""
    merged = {str(entry["key"]): entry for entry in doc["meta_data"]}
    for entry in given if isinstance(given, list) else []:
        if isinstance(entry, dict) and "key" in entry:
            number = merged.get(str(entry["key"]), {}).get("id", len(merged) + 1)
            merged[str(entry["key"])] = {"id": number, "key": entry["key"], "value": entry.get("value", "")}
    return list(merged.values())
