"""The shop the recordings were made in, built in a twin; and a short way to call it without a socket."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.base.twinkit import Answer, Request, Response
from connectors.woocommerce.twin import WooTwin
from connectors.woocommerce.twin_auth import ApiKey

PAYLOADS = Path(__file__).parent / "payloads"
KEY, SECRET = "ck_right", "cs_right"
HOME = "https://shop.example.test"
START = datetime(2026, 11, 23, 2, 28, 15, tzinfo=UTC)


def recording(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    return document


class Clock:
    """A clock that only moves when told."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class World:
    """A twin with the recorded shop's products, a moved clock, and a receiver of its deliveries."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.sent: list[tuple[str, dict[str, str], bytes]] = []
        self.receiver_says = 200
        keys = [ApiKey("ck_read", "cs_read", "read"), ApiKey("ck_write", "cs_write", "write")]
        self.twin = WooTwin(key=KEY, secret=SECRET, more_keys=keys, now=self.clock, home=HOME, **options)
        self.twin.webhooks._post = self._receive
        self.twin.seed({"products": _products()})
        for row in range(10, 385):
            doc = self.twin.products.book.get(row)
            if doc is not None:
                doc["created"] = doc["modified"] = int(START.timestamp())

    def _receive(self, url: str, headers: Any, body: bytes) -> Answer:
        self.sent.append((url, dict(headers), body))
        return Answer(self.receiver_says)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        key: tuple[str, str] | None = (KEY, SECRET),
        raw: bytes | None = None,
    ) -> tuple[int, Any, Response]:
        """Call the vendor API; return status, parsed body and the raw response."""
        path, _, query = path.partition("?")
        if not path.startswith("/wp-json"):
            path = f"/wp-json/wc/v3{path}"
        headers = {"content-type": content_type} if body is not None or raw is not None else {}
        if key is not None:
            headers["authorization"] = "Basic " + base64.b64encode(":".join(key).encode()).decode()
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        response = self.twin.answer(Request(method, path, query, headers, content))
        html = any(value.startswith("text/html") for _, value in response.headers)
        return response.status, None if html or not response.body else json.loads(response.body), response

    def figure(self, product_id: int) -> Any:
        doc = self.twin.products.book.get(product_id)
        assert doc is not None
        return self.twin.products.book.view(doc)["stock_quantity"]

    def set_figure(self, product_id: int, quantity: float) -> None:
        self.twin.control.set_stock(product_id, quantity, silent=True)

    def hook(
        self, topic: str, *, secret: str = "s3cret", url: str = "https://hub.example.test/hooks/woo/"
    ) -> int:
        status, body, _ = self.call(
            "POST", "/webhooks", {"topic": topic, "delivery_url": url, "secret": secret}
        )
        assert status == 201
        self.sent.clear()
        return int(body["id"])

    def cron(self) -> list[tuple[str, Any]]:
        """Run the queue; return topic and parsed body of what was delivered."""
        self.sent.clear()
        self.twin.run_cron()
        return [(headers["X-WC-Webhook-Topic"], json.loads(body)) for _, headers, body in self.sent]

    def order(self, product_id: int, quantity: int, **more: Any) -> dict[str, Any]:
        lines = [{"product_id": product_id, "quantity": quantity}]
        status, body, _ = self.call("POST", "/orders", {"line_items": lines, **more})
        assert status == 201
        document: dict[str, Any] = body
        return document


def _products() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"id": 9 + n, "type": "simple", "sku": f"SKU-{n:04d}", "name": f"Part {n:04d}", "manage_stock": True,
         "stock_quantity": 10, "price": f"10.{n:02d}" if n < 100 else "11.00"}
        for n in range(1, 251)
    ]  # fmt: skip
    rows.append({"id": 260, "sku": "NOSTOCK-1", "name": "Unmanaged", "manage_stock": False})
    rows.append(
        {"id": 261, "type": "variable", "sku": "VAR-1", "name": "Variable shirt", "manage_stock": False}
    )
    rows += [_variation(261 + n, 261, f"VAR-1-S{n:03d}", f"S{n:03d}", True) for n in range(1, 121)]
    rows.append(
        {
            "id": 382,
            "type": "variable",
            "sku": "PM-1",
            "name": "Pooled",
            "manage_stock": True,
            "stock_quantity": 7,
        }
    )
    rows += [_variation(383, 382, "PM-1-A", "A", "parent"), _variation(384, 382, "PM-1-B", "B", "parent")]
    return rows


def _variation(number: int, parent: int, sku: str, option: str, managed: bool | str) -> dict[str, Any]:
    return {
        "id": number, "type": "variation", "parent_id": parent, "sku": sku, "name": option, "price": "20.00",
        "manage_stock": managed, "stock_quantity": 10 if managed is True else None,
        "attributes": [{"id": 0, "name": "Size", "slug": "size", "option": option}],
    }  # fmt: skip
