"""The door's view of a till event: Standard Webhooks, deduped by id and body. Bytes in, no I/O.

The body is not parsed: type and store are found by their place in the text, for this stands at the door.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

from connectors.base.signatures import verify_standard
from connectors.till.config import TillConfig
from inventory_sync.domain.ports import InboundRequest, Received

_STORE = re.compile(rb'"store"\s*:\s*"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,64})"')
_TYPE = re.compile(rb'"type"\s*:\s*"([a-z._]{1,40})"')


def receive(request: InboundRequest, config: TillConfig, *, now: datetime) -> Received:
    """Verify and name an event. One store's events keep their turn; a body without a store has none."""
    message_id = verify_standard(config.signing_secrets(), request.headers, request.body, now=now)
    store = _STORE.search(request.body)
    kind = _TYPE.search(request.body)
    return Received(
        topic=kind.group(1).decode() if kind else "unknown",
        dedupe_key=dedupe_key(message_id, request.body),
        object_key=f"store:{store.group(1).decode()}" if store else "",
    )


def dedupe_key(message_id: str, body: bytes) -> str:
    return f"{message_id}:{hashlib.sha256(body).hexdigest()[:32]}"
