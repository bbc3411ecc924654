"""A door on the test database, a channel with stock, and a caller with a key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from django.db import connections, transaction

from inventory_sync.access.models import ApiKey
from inventory_sync.access.services import create_key
from inventory_sync.api.front import Threads, decided
from inventory_sync.api.reserve.door import ReserveDoor
from inventory_sync.api.reserve.wiring import make_door
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.store import PostgresLedger
from tests import factories
from tests.ledger.reports import NOW, count

ADDRESS = "/api/v1/reservations"


@dataclass
class Told:
    """What a caller gets."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes = b""


class Shop:
    """A channel that may be served from two places; what is counted there is on the shelf."""

    def __init__(self) -> None:
        self.channel = factories.make_channel("shop")
        self.till = factories.make_till("till")
        self.near = factories.make_location("NEAR", authority=self.till, rank=1)
        self.far = factories.make_location("FAR", authority=self.till, rank=2)
        for place in (self.near, self.far):
            factories.map_location(self.channel, place, place.code, sells_for=True)
        self.mug = factories.make_item("MUG")
        self.counted = 0

    def count(self, quantity: int, item: Any = None, place: Any = None) -> None:
        self.counted += 1
        found = count(
            f"c{self.counted}",
            (item or self.mug).pk,
            (place or self.near).pk,
            quantity,
            self.counted,
            by=self.till.pk,
        )
        with transaction.atomic():
            apply_batch([found], (), store=PostgresLedger(), now=NOW)


class Caller:
    """Speaks to a door as the web process does, on a loop of its own."""

    def __init__(self, door: ReserveDoor, raw_key: str) -> None:
        self._door, self.raw_key = door, raw_key

    def __call__(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> Told:
        sent = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path if path.startswith("/api/") else ADDRESS + path,
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(sent)),
            "HTTP_AUTHORIZATION": f"Bearer {self.raw_key}",
            "wsgi.input": BytesIO(sent),
        }
        environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        status, fields, answer = asyncio.run(decided(self._door, environ, Threads(1, name="looks")))
        return Told(status, dict(fields), json.loads(answer), answer)

    def reserve(self, reference: str = "cart-1", quantity: Any = 2, **fields: Any) -> Told:
        lines = fields.pop("lines", [{"line": "1", "sku": "MUG", "quantity": quantity}])
        return self("POST", "", {"channel": "shop", "reference": reference, "lines": lines, **fields})

    def act(self, act: str, reference: str = "cart-1", **fields: Any) -> Told:
        return self("POST", f"/shop/{reference}/{act}", fields or None)


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    made = Shop()
    made.count(5)
    return made


@pytest.fixture
def door(transactional_db: None) -> Iterator[ReserveDoor]:
    made = make_door()
    made._done = connections.close_all  # the threads that look something up end with the test's loop
    yield made
    made.stop()


@pytest.fixture
def key(shop: Shop) -> str:
    _, raw = create_key(consumer="app", scopes=[ApiKey.Scope.RESERVE], actor="tests", reason="a test")
    return raw


@pytest.fixture
def caller(door: ReserveDoor, key: str) -> Caller:
    return Caller(door, key)
