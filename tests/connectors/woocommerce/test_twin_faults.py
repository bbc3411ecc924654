"""Faults on demand, books that outlive a kill, and the witness: what the twin adds to the shop's contract."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.base.twinkit import Request, Response, TwinServer
from connectors.woocommerce.twin import WooTwin
from tests.connectors.woocommerce.twin_world import KEY, SECRET, World

# (fault, options, status seen by the caller, 0 = no answer; figure right after)
TRANSPORT: list[tuple[str, dict[str, Any], int, int]] = [
    ("429", {"seconds": 7}, 429, 10),
    ("5xx", {}, 503, 10),
    ("5xx", {"status": 500}, 500, 10),
    ("html", {}, 200, 10),
    ("timeout_lost", {}, 0, 10),
    ("timeout_applied", {}, 0, 3),
    ("late_landing", {"seconds": 5}, 0, 10),
    ("slow", {"seconds": 0}, 200, 3),
    ("auth_revoked", {"count": 1}, 401, 10),
]


@pytest.mark.parametrize(
    ("kind", "options", "status", "figure"), TRANSPORT, ids=[f"{r[0]}-{r[2]}" for r in TRANSPORT]
)
def test_a_fault_is_played_once_and_then_the_shop_is_itself(
    kind: str, options: dict[str, Any], status: int, figure: int
) -> None:
    world = World()
    world.twin.faults.inject(kind, **options)

    answered, _, response = world.call("PUT", "/products/10", {"stock_quantity": 3})

    assert (answered, response.hang_up) == (status, status == 0)
    assert world.figure(10) == figure
    assert world.call("PUT", "/products/10", {"stock_quantity": 4})[0] == 200
    assert world.twin.faults.played == {kind: 1}
    if kind == "429":
        assert dict(response.headers)["Retry-After"] == "7"


def test_a_late_write_lands_over_a_newer_one_when_its_time_has_come() -> None:
    world = World()
    world.twin.faults.inject("late_landing", seconds=5, only="write")
    world.call("PUT", "/products/10", {"stock_quantity": 3})
    world.call("PUT", "/products/10", {"stock_quantity": 8})

    world.twin.tick()
    before = world.figure(10)
    world.clock.forward(5)
    world.twin.tick()

    assert (before, world.figure(10)) == (8, 3)
    values = [row["value"] for row in world.twin.control.book([10])["products"][0]["history"]]
    assert values == [10, 8, 3]


def test_a_partial_batch_lands_its_first_half_and_says_nothing() -> None:
    world = World()
    world.twin.faults.inject("partial")
    update = [{"id": number, "stock_quantity": 1} for number in (10, 11, 12, 13)]

    _, _, response = world.call("POST", "/products/batch", {"update": update})

    assert response.hang_up
    assert [world.figure(number) for number in (10, 11, 12, 13)] == [1, 1, 10, 10]


def test_a_fault_keeps_to_its_method_and_path() -> None:
    world = World()
    world.twin.faults.inject("5xx", only="write", path="/batch")

    assert world.call("GET", "/products/10")[0] == 200
    assert world.call("PUT", "/products/10", {"stock_quantity": 1})[0] == 200
    assert world.call("POST", "/products/batch", {"update": []})[0] == 503


def test_a_hidden_order_takes_the_stock_at_once_and_shows_later_everywhere() -> None:
    world = World()
    world.hook("order.created")
    world.twin.faults.inject("orders_invisible_s", seconds=30)

    order = world.twin.control.checkout([{"product_id": 10, "quantity": 2}])
    hidden = world.call("GET", f"/orders/{order['id']}")[0], world.call("GET", "/orders")[1], world.cron()
    world.clock.forward(31)
    shown = (
        world.call("GET", f"/orders/{order['id']}")[0],
        len(world.call("GET", "/orders")[1]),
        len(world.cron()),
    )

    assert world.figure(10) == 8
    assert hidden == (404, [], [])
    assert shown == (200, 1, 1)


# (fault, deliveries of four events)
WEBHOOK_FAULTS = [("drop_webhooks", 3), ("webhook_duplicate", 5), ("webhook_reorder", 4)]


@pytest.mark.parametrize(("kind", "delivered"), WEBHOOK_FAULTS)
def test_webhooks_are_lost_doubled_or_shuffled(kind: str, delivered: int) -> None:
    world = World(seed=3)
    world.hook("product.updated")
    world.twin.faults.inject(kind, count=1)
    numbers = [10, 11, 12, 13]
    for number in numbers:
        world.call("PUT", f"/products/{number}", {"stock_quantity": 1})

    seen = [body["id"] for _, body in world.cron()]

    assert len(seen) == delivered
    assert (seen != numbers) is True
    assert set(seen) <= set(numbers)


# ── as a server ──────────────────────────────────────────────────────────────────────────────────────

SEED = {"products": [{"id": 10, "sku": "A", "name": "A", "manage_stock": True, "stock_quantity": 5}]}


def test_it_serves_sells_and_delivers_over_real_sockets() -> None:
    heard: list[Request] = []

    def hub(request: Request) -> Response:
        heard.append(request)
        return Response(200, b"ok")

    receiver = TwinServer(hub)
    receiver.start()
    with (
        WooTwin(key=KEY, secret=SECRET).serving(ticking=False) as twin,
        httpx.Client(base_url=twin.url) as client,
    ):
        assert client.post("/_twin/seed", json=SEED).json() == {"products": 1}
        made = client.post(
            "/wp-json/wc/v3/webhooks",
            json={"topic": "product.updated", "delivery_url": f"{receiver.url}/hooks/woo/", "secret": "x"},
            auth=(KEY, SECRET),
        )
        sold = client.post("/_twin/checkout", json={"lines": [{"product_id": 10, "quantity": 5}]})
        refused = client.post("/_twin/checkout", json={"lines": [{"product_id": 10, "quantity": 1}]})
        sent = client.post("/_twin/cron").json()
        book = client.get("/_twin/book").json()
        orders = client.get("/_twin/orders?status=processing").json()["orders"]
        client.post("/_twin/faults", json={"kind": "timeout_applied"})
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/wp-json/wc/v3/products", auth=(KEY, SECRET))
    receiver.stop()

    assert (made.status_code, sold.status_code, refused.status_code, sent) == (201, 201, 409, {"sent": 1})
    assert [row["value"] for row in book["products"][0]["history"]] == [5, 0]
    assert [row["who"] for row in book["products"][0]["history"]] == ["seed", f"order:{orders[0]['id']}"]
    assert orders[0]["lines"][0]["reduced"] == 5
    assert [request.headers.get("x-wc-webhook-topic") for request in heard] == [None, "product.updated"]


def test_what_was_answered_outlives_a_kill(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps(SEED), encoding="utf-8")
    command = [
        sys.executable, "-m", "connectors.woocommerce.twin", "--seed-file", str(seed),
        "--state-dir", str(tmp_path / "state"), "--cron-s", "3600",
    ]  # fmt: skip
    environment = {**os.environ, "WOO_TWIN_KEY": KEY, "WOO_TWIN_SECRET": SECRET}
    figures = []
    for _ in range(2):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            with httpx.Client(base_url=url, timeout=10) as client:
                client.post("/_twin/checkout", json={"lines": [{"product_id": 10, "quantity": 2}]})
                body = client.get("/wp-json/wc/v3/products/10", auth=(KEY, SECRET)).json()
                figures.append(body["stock_quantity"])
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=10)
            process.stdout.close()  # type: ignore[union-attr]

    assert figures == [3, 1]


def test_a_queue_and_a_hook_survive_in_the_books(tmp_path: Path) -> None:
    first = World(state_dir=tmp_path)
    first.hook("product.updated")
    first.call("PUT", "/products/10", {"stock_quantity": 4})

    for figure in range(12):
        first.set_figure(11, figure)

    second = World(state_dir=tmp_path)

    landed = [row["value"] for row in second.twin.control.book([11])["products"][0]["history"]]
    assert landed == [10, *range(12)]
    assert second.figure(10) == 4
    assert [body["id"] for _, body in second.cron()] == [10]
    assert first.twin.products.book.children_of({"id": 261}) == second.twin.products.book.children_of(
        {"id": 261}
    )
    assert second.order(10, 1)["id"] == 385
