"""Sign and verify webhooks: Standard Webhooks 1.0.0, and the plain base64 HMAC of a body.

Whatever bytes come, verifying either returns or raises Unauthentic. Used for incoming webhooks
and for the product's own outgoing ones. Does not read a clock: `now` is an argument.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from inventory_sync.domain.errors import Misconfigured, Unauthentic

TOLERANCE_S = 300
_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,200}\Z")  # printable, no space, no dot
_TIMESTAMP = re.compile(r"\d{1,12}\Z", re.ASCII)


def standard_key(secret: str) -> bytes:
    """Return the key bytes of a `whsec_…` secret; raises Misconfigured when it is not one."""
    try:
        key = base64.b64decode(secret.strip().removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Misconfigured("The signing secret must be 'whsec_' followed by base64.") from error
    if not key:
        raise Misconfigured("The signing secret is empty.")
    return key


def _standard_digest(key: bytes, message_id: str, timestamp: str, body: bytes) -> bytes:
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return hmac.digest(key, signed, hashlib.sha256)


def sign_standard(secrets: Iterable[str], *, message_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers; several secrets give several signatures, for a rotation."""
    if not _ID.match(message_id):
        raise ValueError("A message id is printable, without spaces and dots.")
    timestamp = str(int(now.timestamp()))
    digests = [_standard_digest(standard_key(secret), message_id, timestamp, body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
    }


def verify_standard(secrets: Iterable[str], headers: Mapping[str, str], body: bytes, *, now: datetime) -> str:
    """Return the webhook id of an authentic message.

    Headers are lower-case. Unknown signature versions are skipped; any of the secrets may match any of
    the signatures. Raises Unauthentic, and Misconfigured only when a secret of ours is not one.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    offered = headers.get("webhook-signature", "")
    if not _ID.match(message_id):
        raise Unauthentic("The webhook-id header is missing or not an id.")
    if not _TIMESTAMP.match(timestamp):
        raise Unauthentic("The webhook-timestamp header is not a whole number of seconds.")
    if abs(int(now.timestamp()) - int(timestamp)) > TOLERANCE_S:
        raise Unauthentic(f"The webhook-timestamp lies more than {TOLERANCE_S} s off the hub's clock.")
    signatures = [_unbase64(element[3:]) for element in offered.split(" ")[:20] if element.startswith("v1,")]
    for secret in secrets:
        expected = _standard_digest(standard_key(secret), message_id, timestamp, body)
        if any(hmac.compare_digest(expected, signature) for signature in signatures):
            return message_id
    raise Unauthentic("No signature matches.")


def sign_body(secret: str, body: bytes) -> str:
    """Return base64 of the HMAC-SHA256 of the raw body, as WooCommerce and Shopify send it."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def verify_body(secret: str, signature: str, body: bytes) -> None:
    """Raise Unauthentic unless `signature` is that of exactly these bytes."""
    if not secret:
        raise Unauthentic("The connection has no webhook secret.")
    expected = hmac.digest(secret.encode(), body, hashlib.sha256)
    if not hmac.compare_digest(expected, _unbase64(signature)):
        raise Unauthentic("The signature does not match the body.")


def _unbase64(value: str) -> bytes:
    """Return the bytes, or none for anything that is not the one spelling of some bytes."""
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if base64.b64encode(raw).decode() == value else b""
