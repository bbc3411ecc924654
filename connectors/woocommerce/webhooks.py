"""The door's view of a WooCommerce webhook: is it authentic, of which object. Bytes in, no I/O.

The delivery id is not used: the shop makes it of the webhook's id and the current second, so 100 changes
share five of them. Two deliveries are the same when hook and raw body are the same. A `*.deleted` body holds
nothing but the id, and an error body nothing at all, so those are stored each time they come.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime

from connectors.base.signatures import verify_body
from connectors.woocommerce.config import WooConfig
from inventory_sync.domain.errors import Unauthentic
from inventory_sync.domain.ports import InboundRequest, Received, Reply

_PING = re.compile(rb"webhook_id=\d{1,20}\Z")
_LEADING_ID = re.compile(rb'\{"id":(\d{1,20})[,}]')
_TOPIC = re.compile(r"[a-z_]{1,40}\.[a-zA-Z0-9_.]{1,80}\Z")
_HOOK_ID = re.compile(r"\d{1,20}\Z", re.ASCII)


def receive(request: InboundRequest, config: WooConfig, *, now: datetime) -> Received | Reply:
    """Verify and name a message; the unsigned ping of a new webhook gets its 200 and is forgotten.

    Unsigned under the secret path, whose token the door has checked, it is a hint of what to read again.

    Nothing in the signature tells the time, so `now` is not used: the dedupe key is the replay guard.
    """
    signature = request.headers.get("x-wc-webhook-signature", "")
    if not signature:
        if _PING.match(request.body):
            return Reply(200)
        if not request.path_token:
            raise Unauthentic("The x-wc-webhook-signature header is missing.")
    else:
        verify_body(config.webhook_secret, signature, request.body)

    topic = request.headers.get("x-wc-webhook-topic", "")
    topic = topic if _TOPIC.match(topic) else "unknown"
    resource, _, event = topic.partition(".")
    ref = _object_id(request.body)
    return Received(
        topic=topic,
        dedupe_key=_dedupe_key(request, event, ref),
        object_key=f"{resource}:{ref}" if ref else "",
        tier="critical" if resource == "order" else "standard",
        hint_only=not signature,
    )


def _dedupe_key(request: InboundRequest, event: str, ref: str) -> str:
    if event == "deleted" or not ref:
        return ""
    hook = request.headers.get("x-wc-webhook-id", "")
    hook = hook if _HOOK_ID.match(hook) else "0"
    return f"{hook}:{hashlib.sha256(request.body).hexdigest()}"


def _object_id(body: bytes) -> str:
    """Return the id without parsing the body when it stands first, where WooCommerce puts it."""
    found = _LEADING_ID.match(body)
    if found:
        return found.group(1).decode().lstrip("0") or "0"
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    ref = document.get("id") if isinstance(document, dict) else None
    return str(ref) if isinstance(ref, int) and not isinstance(ref, bool) and 0 <= ref < 10**20 else ""
