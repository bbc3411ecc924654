"""A small shop for tests: the twin with eight listings, a clock moved by hand, and a client for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from connectors.woocommerce.client import WooClient
from connectors.woocommerce.twin import KEY, SECRET, WooTwin
from connectors.woocommerce.twin_shop import Quirks
from inventory_sync.domain.ports import Exchange, Found, ListingRef, Outside
from tests.connectors.woocommerce.recordings import config

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SIMPLE, OTHER, UNMANAGED = 101, 103, 102
PARENT, RED, BLUE = 110, 111, 112
POOL, SHARING = 120, 121

SIMPLE_REF = ListingRef(f"product:{SIMPLE}")
OTHER_REF = ListingRef(f"product:{OTHER}")
UNMANAGED_REF = ListingRef(f"product:{UNMANAGED}")
RED_REF = ListingRef(f"variation:{RED}", f"product:{PARENT}")
BLUE_REF = ListingRef(f"variation:{BLUE}", f"product:{PARENT}")
POOL_REF = ListingRef(f"product:{POOL}")
SHARING_REF = ListingRef(f"variation:{SHARING}", f"product:{POOL}")
MISSING_REF = ListingRef("product:999999")


def product(number: int, kind: str = "simple", parent: int = 0, stock: int | None = 10) -> dict[str, Any]:
    return {
        "id": number, "type": kind, "parent_id": parent, "sku": f"SKU-{number}", "name": f"Thing {number}",
        "manage_stock": stock is not None, "stock_quantity": stock,
    }  # fmt: skip


PRODUCTS = [
    product(SIMPLE),
    product(UNMANAGED, stock=None),
    product(OTHER, stock=4),
    product(PARENT, "variable", stock=None),
    product(RED, "variation", PARENT),
    product(BLUE, "variation", PARENT, stock=5),
    product(POOL, "variable", stock=7),
    product(SHARING, "variation", POOL, stock=None),
]


@contextmanager
def shop(*, quirks: Quirks | None = None, products: list[dict[str, Any]] | None = None) -> Iterator[WooTwin]:
    twin = WooTwin(now=lambda: START, quirks=quirks)
    twin.seed({"products": products or PRODUCTS})
    with twin.serving(ticking=False):
        yield twin


def client_of(twin: WooTwin, notes: list[Exchange] | None = None, **changes: Any) -> WooClient:
    values = {
        "base_url": twin.url, "consumer_key": KEY, "consumer_secret": SECRET, "allow_insecure": True,
        "auth_mode": "basic", "timeout_s": 5, **changes,
    }  # fmt: skip
    outside = Outside(on_exchange=notes.append if notes is not None else None, private_hosts=("127.0.0.1",))
    return WooClient(config(**values), connection="woo", outside=outside)


def sweep(client: WooClient, stream: str, cursor: str = "") -> tuple[list[Found], str]:
    """Read a whole sweep and return what was found and the cursor for the next."""
    found: list[Found] = []
    for _ in range(50):
        page = client.sweep(stream, cursor, now=START)
        found += page.found
        cursor = page.cursor
        if page.done:
            return found, cursor
    raise AssertionError("the sweep does not end")
