"""Sign requests to a WooCommerce shop: Basic, one-legged OAuth 1.0a, or keys in the query.

Over plain http the shop silently ignores Basic and query keys; only OAuth works there. The base string names
the shop's own home address, not the host that was called.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from connectors.base.http import Query, Signer
from connectors.woocommerce.config import WooConfig


def signer(config: WooConfig) -> Signer:
    """Return the signing the connection asks for; `auto` takes what works for its scheme."""
    mode = config.auth_mode
    if mode == "auto":
        mode = "basic" if config.base_url.lower().startswith("https:") else "oauth"
    if mode == "oauth":
        home = config.home_url or config.base_url
        return oauth(config.consumer_key, config.consumer_secret, home_url=home, called_url=config.base_url)
    if mode == "query":
        keys = (("consumer_key", config.consumer_key), ("consumer_secret", config.consumer_secret))
        return lambda _method, _path, query: ({}, (*query, *keys))
    token = base64.b64encode(f"{config.consumer_key}:{config.consumer_secret}".encode()).decode()
    return lambda _method, _path, query: ({"Authorization": f"Basic {token}"}, query)


def oauth(
    key: str,
    secret: str,
    *,
    home_url: str,
    called_url: str,
    clock: Callable[[], float] = time.time,
    nonce: Callable[[], str] = lambda: secrets.token_hex(12),
) -> Signer:
    """Return a signer that puts OAuth 1.0a, HMAC-SHA256, no token, into the query."""
    home = urlsplit(home_url)
    called_path = urlsplit(called_url).path.rstrip("/")
    origin = f"{home.scheme.lower()}://{home.netloc.lower()}{home.path.rstrip('/')}"

    def sign(method: str, path: str, query: Query) -> tuple[Mapping[str, str], Query]:
        parameters = [
            *query,
            ("oauth_consumer_key", key),
            ("oauth_nonce", nonce()),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", str(int(clock()))),
        ]
        url = origin + path.removeprefix(called_path)
        base = base_string(method, url, parameters)
        digest = hmac.digest(f"{secret}&".encode(), base.encode(), hashlib.sha256)
        return {}, [*parameters, ("oauth_signature", base64.b64encode(digest).decode())]

    return sign


def base_string(method: str, url: str, parameters: Query) -> str:
    """Return the string OAuth 1.0a signs (RFC 5849, section 3.4.1)."""
    pairs = sorted((_escape(name), _escape(value)) for name, value in parameters)
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join((method.upper(), _escape(url), _escape(joined)))


def _escape(value: str) -> str:
    return quote(value, safe="-._~")
