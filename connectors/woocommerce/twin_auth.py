"""Who may call the shop: keys by Basic or query over HTTPS, one-legged OAuth 1.0a over plain HTTP.

All refusals are 401; the code tells them apart. Reads and writes no books but the nonces it has seen.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from connectors.base.twinkit import Request
from connectors.woocommerce.twin_wire import ShopError

WINDOW_S = 15 * 60
REFUSALS = {
    "view": ("woocommerce_rest_cannot_view", "Sorry, you cannot list resources."),
    "edit": ("woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource."),
    "create": ("woocommerce_rest_cannot_create", "Sorry, you are not allowed to create resources."),
    "delete": ("woocommerce_rest_cannot_delete", "Sorry, you are not allowed to delete this resource."),
    "batch": (
        "woocommerce_rest_cannot_batch",
        "Sorry, you are not allowed to batch manipulate this resource.",
    ),
}


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One consumer key; `permissions` is read, write or read_write."""

    key: str
    secret: str
    permissions: str = "read_write"


@dataclass(slots=True)
class KeyRing:
    """The shop's keys. `https` says whether PHP believes the request came over HTTPS."""

    keys: dict[str, ApiKey]
    https: bool
    nonces: dict[tuple[str, str], int] = field(default_factory=dict)

    def authenticate(self, request: Request, *, home: str, now: int) -> bool:
        """Return whether a key was recognised; raise when one was and is refused."""
        if "/wp-json/wc/" not in request.path:
            return False
        query = request.query
        if self.https:
            if (pair := _basic(request)) is None and "consumer_key" in query:
                pair = (query["consumer_key"], query.get("consumer_secret", ""))
            if pair is not None:
                return self._by_secret(request, *pair)
        if "oauth_consumer_key" in query:
            return self._by_oauth(request, home=home, now=now)
        return False

    def _by_secret(self, request: Request, key: str, secret: str) -> bool:
        known = self.keys.get(key)
        if known is None:
            return False
        if not hmac.compare_digest(known.secret.encode(), secret.encode()):
            raise _refused("Consumer secret is invalid.")
        _permit(known, request.method)
        return True

    def _by_oauth(self, request: Request, *, home: str, now: int) -> bool:
        query = request.query
        known = self.keys.get(query["oauth_consumer_key"])
        if known is None:
            raise _refused("Consumer key is invalid.")
        digest = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}.get(
            query.get("oauth_signature_method", "")
        )
        if digest is None:
            raise _refused("Invalid signature - signature method is invalid.")
        offered = query.get("oauth_signature", "").encode()
        if not any(hmac.compare_digest(mac, offered) for mac in self._macs(request, known, home, digest)):
            raise _refused("Invalid signature - provided signature does not match.")
        stamp = int(query.get("oauth_timestamp", "0") or 0)
        if abs(now - stamp) > WINDOW_S:
            raise _refused("Invalid timestamp.")
        nonce = (known.key, query.get("oauth_nonce", ""))
        if nonce in self.nonces:
            raise _refused("Invalid nonce - nonce has already been used.")
        self.nonces = {old: at for old, at in self.nonces.items() if now - at <= WINDOW_S}
        self.nonces[nonce] = stamp
        _permit(known, request.method)
        return True

    def _macs(self, request: Request, key: ApiKey, home: str, digest: Callable[..., Any]) -> Iterator[bytes]:
        """Yield the right signatures. A twin that claims HTTPS is still called over http: both schemes do."""
        host = home.partition("://")[2]
        for scheme in ("https", "http") if self.https else ("http",):
            text = signature_base(request, f"{scheme}://{host}")
            yield base64.b64encode(hmac.new((key.secret + "&").encode(), text.encode(), digest).digest())


def signature_base(request: Request, home: str) -> str:
    """Return the OAuth base string; its URL is the configured home host with the scheme PHP sees."""
    pairs = sorted(
        (quote(name, safe="~"), quote(value, safe="~"))
        for name, value in request.pairs
        if name != "oauth_signature"
    )
    parameters = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join((request.method, quote(home + request.path, safe="~"), quote(parameters, safe="~")))


def refusal(action: str) -> ShopError:
    code, message = REFUSALS[action]
    return ShopError(401, code, message)


def _refused(message: str) -> ShopError:
    return ShopError(401, "woocommerce_rest_authentication_error", message)


def _permit(key: ApiKey, method: str) -> None:
    reads = method in ("GET", "HEAD")
    if reads and key.permissions == "write":
        raise _refused("The API key provided does not have read permissions.")
    if not reads and key.permissions == "read":
        raise _refused("The API key provided does not have write permissions.")


def _basic(request: Request) -> tuple[str, str] | None:
    header = request.headers.get("authorization", "")
    if not header.lower().startswith("basic "):
        return None
    try:
        key, _, secret = base64.b64decode(header[6:]).decode().partition(":")
    except ValueError:
        return None
    return key, secret
