"""Reading at the source on our own initiative: sweeps, objects by id, open orders, webhooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from connectors.woocommerce.twin import WooTwin
from connectors.woocommerce.twin_wire import php_json
from inventory_sync.connections.models import Connection, Cursor, Hook
from inventory_sync.domain.errors import OutcomeUnknown, RemoteRefused, RemoteUnavailable
from inventory_sync.intake.models import Delivery, ReadDue
from inventory_sync.intake.ports import ReadWanted
from inventory_sync.ledger.models import Order, Reservation
from inventory_sync.pipeline import reading
from inventory_sync.pipeline.ports import Account
from inventory_sync.pipeline.sweep import pull_orders
from tests.pipeline.hub import HandClock, Hub, open_hub

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def twin(clock: HandClock) -> Iterator[WooTwin]:
    twin = WooTwin(now=clock)
    twin.seed(
        {
            "products": [
                {
                    "id": 101, "type": "simple", "sku": "MUG", "name": "Mug", "manage_stock": True,
                    "stock_quantity": 10,
                }
            ]
        }
    )  # fmt: skip
    with twin.serving(ticking=False):
        yield twin


@pytest.fixture
def hub(twin: WooTwin, clock: HandClock, settings: LazySettings) -> Hub:
    settings.INVENTORY_SYNC = {
        **settings.INVENTORY_SYNC, "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"], "SWEEP_SCALE_PERCENT": 100,
    }  # fmt: skip
    hub = open_hub(shop_url=twin.url, clock=clock)
    hub.stocked("MUG", 10, "product:101")
    return hub


def sell(twin: WooTwin, quantity: int = 1) -> int:
    return int(twin.control.checkout([{"product_id": 101, "quantity": quantity}])["id"])


def sweep(hub: Hub) -> int:
    new, _ = reading.sweep_due(hub.shop.pk, "orders", ports=hub.ports)
    hub.drain()
    return new


def cursor(hub: Hub) -> Cursor:
    return Cursor.objects.get(connection=hub.shop, stream="orders")


def with_client(hub: Hub, **methods: Callable[..., Any]) -> Hub:
    """Return the hub with some calls to the shop replaced."""
    real = hub.ports.account

    class Client:
        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            return methods.get(name) or getattr(self._client, name)

    def account(connection_id: int) -> Account:
        opened = real(connection_id)
        return replace(opened, client=Client(opened.client))

    return replace(hub, ports=replace(hub.ports, account=account))


# ── sweeps ──


def test_an_order_no_webhook_told_is_found_reserved_and_counted_once(hub: Hub, twin: WooTwin) -> None:
    sweep(hub)
    order = sell(twin, 3)
    hub.clock.advance(30)

    assert sweep(hub) == 1
    hub.clock.advance(30)
    sweep(hub)  # the overlap is read again

    assert Reservation.objects.get(order__order_ref=str(order)).demand == 3
    assert cursor(hub).finds == 1


def test_an_order_a_webhook_told_already_is_no_find(hub: Hub, twin: WooTwin) -> None:
    sweep(hub)
    order = sell(twin)
    body = twin.webhooks._body_for("order", order)
    assert body is not None
    hub.receive(hub.shop, php_json(body), topic="order.created", object_key=f"order:{order}")
    hub.drain()
    hub.clock.advance(30)

    sweep(hub)

    assert (Order.objects.count(), cursor(hub).finds) == (1, 0)


def test_a_sweep_says_when_the_next_is_due(hub: Hub) -> None:
    sweep(hub)

    assert (cursor(hub).run_at, cursor(hub).lease_until) == (hub.clock() + timedelta(seconds=30), None)


def test_two_workers_do_not_read_the_same_stream_at_once(hub: Hub, twin: WooTwin) -> None:
    sweep(hub)
    Cursor.objects.update(lease_until=hub.clock() + timedelta(seconds=10))
    calls = len(twin.requests)

    assert sweep(hub) == 0
    assert len(twin.requests) == calls


def test_a_sweep_that_failed_begins_where_it_stood_and_says_why(hub: Hub, twin: WooTwin) -> None:
    sweep(hub)
    stood = cursor(hub).value
    sell(twin)
    hub.clock.advance(30)
    twin.faults.inject("5xx", count=50)

    assert sweep(hub) == 0
    failed = cursor(hub)
    assert (failed.value, failed.lease_until, failed.error_code) == (stood, None, "remote.unavailable")
    assert failed.run_at == hub.clock() + timedelta(seconds=1)

    twin.faults.clear()
    hub.clock.advance(45)
    assert sweep(hub) == 1
    assert cursor(hub).error_code == ""


# ── pulling ──


def test_a_pull_returns_when_what_it_found_is_applied(hub: Hub, twin: WooTwin) -> None:
    order = sell(twin, 2)

    pull_orders(hub.ports.account(hub.shop.pk), ports=hub.ports)

    assert Reservation.objects.get(order__order_ref=str(order)).demand == 2
    assert cursor(hub).finds == 0, "a push's own pull is no proof of a lost webhook"


def test_a_pull_does_not_return_while_somebody_else_holds_what_it_found(hub: Hub, twin: WooTwin) -> None:
    sell(twin, 2)
    stuck = replace(hub.ports, limits=replace(hub.ports.limits, lease=timedelta(hours=1)))
    reading.sweep_due(hub.shop.pk, "orders", ports=hub.ports)
    assert stuck.intake.claim("critical", now=hub.clock(), lease=stuck.limits.lease, limit=10)

    with pytest.raises(RemoteUnavailable, match="still being applied"):
        pull_orders(hub.ports.account(hub.shop.pk), ports=stuck)


# ── objects by id ──


def want(hub: Hub, order: int) -> None:
    hub.ports.intake.want_reads([ReadWanted(hub.shop.pk, "order", str(order), "a test")], now=hub.clock())


def read(hub: Hub) -> int:
    done = reading.read_due(hub.shop.pk, ports=hub.ports, until=lambda: False)
    hub.drain()
    return done


def test_a_hinted_order_is_read_applied_and_no_longer_due(hub: Hub, twin: WooTwin) -> None:
    order = sell(twin, 2)
    want(hub, order)

    assert read(hub) == 1

    assert Reservation.objects.get(order__order_ref=str(order)).demand == 2
    assert not ReadDue.objects.exists()
    assert Delivery.objects.get(source="read").reading > 0


def test_an_order_that_vanished_without_a_word_is_closed_short(hub: Hub, twin: WooTwin) -> None:
    order = sell(twin, 2)
    want(hub, order)
    read(hub)
    twin.control.delete_order(order, force=True)
    hub.clock.advance(reading.RECHECK_AFTER.total_seconds() + 1)

    assert reading.recheck_open_orders(ports=hub.ports) == 1
    read(hub)

    assert Reservation.objects.get().state == Reservation.State.CLOSED_SHORT


def test_a_hint_that_comes_while_the_object_is_read_has_it_read_again(hub: Hub, twin: WooTwin) -> None:
    order = sell(twin, 2)
    want(hub, order)
    shop = hub.ports.account(hub.shop.pk).client
    hints = [1]

    def read_and_hint(kind: str, ref: str) -> Any:
        found = shop.read_object(kind, ref)
        if hints:
            hints.pop()
            want(hub, order)
        return found

    assert read(with_client(hub, read_object=read_and_hint)) == 2
    assert not ReadDue.objects.exists()


def test_a_reading_that_failed_is_tried_later_and_later(hub: Hub, twin: WooTwin) -> None:
    def fail(kind: str, ref: str) -> Any:
        raise OutcomeUnknown("no answer")

    want(hub, 482)
    waits = []
    for _ in range(3):
        assert read(with_client(hub, read_object=fail)) == 0
        row = ReadDue.objects.get()
        waits.append((row.run_at - hub.clock()).total_seconds())
        hub.clock.now = row.run_at

    assert waits == [1, 2, 4]
    assert ReadDue.objects.get().error_detail == "no answer"


def test_what_the_source_cannot_read_is_dropped_and_its_neighbours_are_read(
    hub: Hub, twin: WooTwin, caplog: pytest.LogCaptureFixture
) -> None:
    order = sell(twin, 2)
    unreadable = ReadWanted(hub.shop.pk, "listing", "product:101", "a test")
    hub.ports.intake.want_reads([unreadable], now=hub.clock() - timedelta(seconds=1))
    want(hub, order)

    with caplog.at_level("WARNING"):
        assert read(hub) == 1

    assert not ReadDue.objects.exists()
    assert Reservation.objects.get(order__order_ref=str(order)).demand == 2
    assert "object.dropped" in caplog.text


def test_a_hint_that_comes_while_a_reading_is_refused_has_it_tried_again(hub: Hub) -> None:
    want(hub, 482)
    refusals: list[str] = []

    def refuse(kind: str, ref: str) -> Any:
        refusals.append(ref)
        if len(refusals) == 1:
            want(hub, 482)
        raise RemoteRefused("no such order", status=400)

    assert read(with_client(hub, read_object=refuse)) == 0

    assert refusals == ["482", "482"]
    assert not ReadDue.objects.exists()


# ── webhooks ──


def test_missing_webhooks_are_made_and_disabled_ones_made_anew_with_a_reading(
    hub: Hub, twin: WooTwin
) -> None:
    reading.heal_hooks(ports=hub.ports)
    topics = {one["topic"] for one in twin.shop.books.all("webhook")}
    assert {"order.created", "order.updated", "order.deleted"} <= topics
    assert reading.heal_hooks(ports=hub.ports) == 0, "looked at a moment ago"

    broken = twin.shop.books.all("webhook")[0]
    twin.shop.books.put("webhook", broken["id"], {**broken, "status": "disabled"})
    sweep(hub)
    hub.clock.advance(600)

    assert reading.heal_hooks(ports=hub.ports) == 1
    assert Hook.objects.get(topic=broken["topic"]).recreated == 1
    due = cursor(hub).run_at
    assert due is not None
    assert due <= hub.clock(), "what was missed is read at once"


def test_the_hooks_of_a_paused_connection_are_left_alone(hub: Hub, twin: WooTwin) -> None:
    Connection.objects.filter(pk=hub.shop.pk).update(state=Connection.State.PAUSED)

    reading.heal_hooks(ports=hub.ports)

    assert twin.shop.books.all("webhook") == []


def test_wake_ups_that_piled_up_while_a_stream_was_swept_find_nothing_due(hub: Hub, twin: WooTwin) -> None:
    sweep(hub)
    asked = len(twin.requests)

    assert reading.sweep_due(hub.shop.pk, "orders", ports=hub.ports) == (0, "standard")

    assert len(twin.requests) == asked


def test_a_hint_that_comes_during_a_sweep_has_the_stream_swept_again(hub: Hub) -> None:
    account = hub.ports.account(hub.shop.pk)

    class HintedAt:
        """The shop's client, and somebody hints at the stream while it is read."""

        def __getattr__(self, name: str) -> Any:
            return getattr(account.client, name)

        def sweep(self, *asked: Any, **more: Any) -> Any:
            with hub.ports.intake.transaction():
                hub.ports.intake.want_reads([ReadWanted(hub.shop.pk, "stream", "orders")], now=hub.clock())
            return account.client.sweep(*asked, **more)

    hinted = replace(account, client=HintedAt())  # type: ignore[arg-type]
    reading.sweep_due(hub.shop.pk, "orders", ports=replace(hub.ports, account=lambda _: hinted))

    due = cursor(hub).run_at
    assert due is not None
    assert due <= hub.clock()
