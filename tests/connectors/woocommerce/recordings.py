"""The recorded exchanges as test material: bodies, signed vectors, and a transport that replays answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from connectors.base.http import dump_json
from connectors.woocommerce.client import WooClient
from connectors.woocommerce.config import WooConfig
from inventory_sync.domain.config import build
from inventory_sync.domain.ports import Delivery, InboundRequest, Outside

PAYLOADS = Path(__file__).parent / "payloads"
NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
VALUES: Mapping[str, Any] = {
    "base_url": "https://shop.example.test",
    "consumer_key": "ck_0123456789abcdef",
    "consumer_secret": "cs_0123456789abcdef",
    "webhook_secret": "whsec-orders-A1-0123456789",
}


def config(**changes: Any) -> WooConfig:
    return build(WooConfig, {**VALUES, **changes})


def recorded(name: str) -> dict[str, Any]:
    found = json.loads((PAYLOADS / f"{name}.json").read_bytes())
    assert isinstance(found, dict)
    return found


def answer_of(name: str) -> Any:
    return recorded(name)["response"]["body"]


def vectors() -> list[dict[str, Any]]:
    return list(recorded("webhook-signature-vectors")["vectors"])


def vector_body(vector: Mapping[str, Any]) -> bytes:
    return base64.b64decode(vector["body_base64"])


def request_of(vector: Mapping[str, Any]) -> InboundRequest:
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    return InboundRequest(headers, vector_body(vector))


def delivery(topic: str, body: Any, *, number: int = 1, reading: int = 0) -> Delivery:
    raw = body if isinstance(body, bytes) else dump_json(body)
    return Delivery(topic, {}, raw, NOW, id=number, reading=reading)


Script = Callable[[httpx.Request], httpx.Response]


def replaying(script: Script, **changes: Any) -> WooClient:
    """Return a client whose network is `script`."""
    return WooClient(
        config(**{"base_url": "https://127.0.0.1", **changes}),
        connection="woo",
        outside=Outside(private_hosts=("127.0.0.1",)),
        transport=httpx.MockTransport(lambda request: _unread(script(request))),
    )


def _unread(response: httpx.Response) -> httpx.Response:
    """Return the answer as it comes off a network: still to be streamed."""
    stream = httpx.ByteStream(response.content)
    return httpx.Response(response.status_code, headers=response.headers, stream=stream)


def response_of(name: str) -> httpx.Response:
    """Return a recorded answer as it came."""
    response = recorded(name)["response"]
    headers = {n: v for n, v in response["headers"].items() if n.lower() not in ("content-length", "link")}
    return httpx.Response(response["status"], headers=headers, content=dump_json(response["body"]))
