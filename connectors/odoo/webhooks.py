"""The door's view of a webhook of Odoo's automation rules. Bytes in, no I/O.

Odoo signs nothing; the token in the path, which the door has checked, is all there is. So a message is a
hint of what to read again and nothing else, and may speak of what never happened: 18 sends inside the
transaction, which may roll back. Nothing in it is unique either (one move sends several alike), so every
message is stored.
"""

from __future__ import annotations

import json
import re
from datetime import datetime

from connectors.odoo.config import OdooConfig
from inventory_sync.domain.errors import Unauthentic
from inventory_sync.domain.ports import InboundRequest, Received

MAX_BODY = 256 * 1024
_MODEL = re.compile(r"[a-z][a-z0-9_.]{0,79}\Z")
_WITH_PRODUCT = frozenset(
    {"stock.move", "stock.move.line", "stock.quant", "pos.order.line", "sale.order.line"}
)


def receive(request: InboundRequest, config: OdooConfig, *, now: datetime) -> Received:
    """Name a message. Raises Unauthentic without a token in the path, or for what no rule of Odoo sends."""
    if not request.path_token:
        raise Unauthentic("Odoo signs nothing; its webhooks need the address with the token.")
    hint = hint_of(request.body)
    if hint is None:
        raise Unauthentic("The body is no message of an Odoo automation rule.")
    kind, ref, _ = hint
    object_key = ref if kind == "item" else f"stream:{ref}"
    return Received("hint", dedupe_key="", object_key=object_key, tier="standard", hint_only=True)


def hint_of(body: bytes) -> tuple[str, str, str] | None:
    """Return (kind, ref, why) of what to read, or None when this is no message of a rule."""
    if len(body) > MAX_BODY:
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    model = document.get("_model") if isinstance(document, dict) else None
    if not isinstance(model, str) or not _MODEL.match(model) or not _is_id(document.get("_id")):
        return None
    why = f"{model} {document['_id']} changed"
    product = document["_id"] if model == "product.product" else document.get("product_id")
    if _is_id(product) and (model in _WITH_PRODUCT or model == "product.product"):
        return "item", f"product:{product}", why
    return "stream", "changes", why


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
