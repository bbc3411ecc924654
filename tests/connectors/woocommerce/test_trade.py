"""A shop's webhooks end to end: the twin trades and sends, the connector receives and translates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from connectors.base.twinkit import Request, Response
from connectors.base.twinkit.http import TwinServer
from connectors.woocommerce.translate import translate
from connectors.woocommerce.twin import WooTwin
from connectors.woocommerce.twin_shop import Quirks
from connectors.woocommerce.webhooks import receive
from inventory_sync.domain.external import (
    ExternalEvent,
    FigureObserved,
    ObjectHinted,
    OrderReported,
    OrderStatus,
    OrderVanished,
)
from inventory_sync.domain.ports import Delivery, InboundRequest, LevelWrite, Received, Reply
from tests.connectors.woocommerce.recordings import NOW, VALUES, config
from tests.connectors.woocommerce.shop import POOL, RED, SIMPLE, SIMPLE_REF, client_of, shop

T = TypeVar("T")


@dataclass
class Hub:
    """The hub's door as far as the connector goes: stores what is authentic and not yet known."""

    url: str = ""
    status: int = 200
    replies: int = 0
    seen: set[str] = field(default_factory=set)
    stored: list[Delivery] = field(default_factory=list)
    bodies: int = 0

    def __call__(self, request: Request) -> Response:
        self.bodies += 1
        found = receive(InboundRequest(request.headers, request.body), config(), now=NOW)
        if isinstance(found, Reply):
            self.replies += 1
            return Response(found.status, found.body)
        assert isinstance(found, Received)
        if self.status == 200 and (not found.dedupe_key or found.dedupe_key not in self.seen):
            self.seen.add(found.dedupe_key)
            number = len(self.stored) + 1
            self.stored.append(Delivery(found.topic, {}, request.body, NOW, id=number))
        return Response(self.status)

    def events(self) -> list[ExternalEvent]:
        return [event for delivery in self.stored for event in translate(delivery)]


@contextmanager
def trading(quirks: Quirks | None = None) -> Iterator[tuple[WooTwin, Hub]]:
    """A shop whose webhooks reach a hub."""
    hub = Hub()
    server = TwinServer(hub)
    server.start()
    hub.url = f"{server.url}/hooks/woo/"
    try:
        with shop(quirks=quirks) as twin:
            client_of(twin).heal_hooks(delivery_url=hub.url, secret=VALUES["webhook_secret"])
            yield twin, hub
    finally:
        server.stop()


def buy(twin: WooTwin, **more: Any) -> int:
    return int(twin.control.checkout([{"product_id": SIMPLE, "quantity": 2}], **more)["id"])


def only(events: list[ExternalEvent], kind: type[T]) -> list[T]:
    return [event for event in events if isinstance(event, kind)]


def test_each_new_hook_pings_unsigned_and_is_answered() -> None:
    with trading() as (_, hub):
        assert (hub.replies, hub.stored) == (7, [])


def test_a_checkout_reaches_the_hub_as_one_state_in_whatever_order() -> None:
    with trading() as (twin, hub):
        number = buy(twin, status="on-hold")
        twin.run_cron()

    orders = only(hub.events(), OrderReported)
    assert {order.order_ref for order in orders} == {str(number)}
    assert {(order.stamp, order.fingerprint, order.status) for order in orders} == {
        (orders[0].stamp, orders[0].fingerprint, OrderStatus.COMMITTED)
    }
    assert [event.figure for event in only(hub.events(), FigureObserved)] == [8]


def test_changes_before_the_cron_arrive_as_their_last_state_only() -> None:
    with trading() as (twin, hub):
        number = buy(twin)
        for status in ("on-hold", "completed", "cancelled"):
            twin.control.set_status(number, status)
        twin.run_cron()

    assert {order.status for order in only(hub.events(), OrderReported)} == {OrderStatus.CANCELLED}


def test_a_failed_delivery_is_never_repeated_and_the_sweep_finds_it() -> None:
    with trading() as (twin, hub):
        hub.status = 503
        number = buy(twin)
        twin.run_cron()
        hub.status = 200
        twin.run_cron()
        page = client_of(twin).sweep("orders", "", now=NOW)

    assert hub.stored == []
    assert [found.object_key for found in page.found] == [f"order:{number}"]


def test_hooks_killed_by_refusals_are_healed_and_deliver_again() -> None:
    with trading() as (twin, hub):
        hub.status = 500
        for _ in range(8):
            twin.control.set_stock(SIMPLE, 1)
            twin.run_cron()
        hub.status = 200
        twin.control.set_stock(SIMPLE, 2)
        twin.run_cron()
        silent = len(hub.stored)
        states = client_of(twin).heal_hooks(delivery_url=hub.url, secret=VALUES["webhook_secret"])
        twin.control.set_stock(SIMPLE, 3)
        twin.run_cron()

    assert silent == 0
    assert [state.topic for state in states if state.recreated] == ["product.updated"]
    assert [event.figure for event in only(hub.events(), FigureObserved)] == [3]


def test_our_own_write_comes_back_with_the_stamp_its_answer_had() -> None:
    with trading() as (twin, hub):
        (written,) = client_of(twin).write_levels([LevelWrite(SIMPLE_REF, Decimal(6), "k")])
        twin.run_cron()

    (echo,) = only(hub.events(), FigureObserved)
    assert (echo.item_ref, echo.figure, echo.stamp) == (SIMPLE_REF.external_id, written.figure, written.stamp)


def test_a_foreign_edit_inside_our_window_is_told_from_our_echo() -> None:
    with trading() as (twin, hub):
        (written,) = client_of(twin).write_levels([LevelWrite(SIMPLE_REF, Decimal(6), "k")])
        twin.clock.advance(1)
        twin.control.set_stock(SIMPLE, 2)
        twin.run_cron()

    (seen,) = only(hub.events(), FigureObserved)
    assert (seen.figure, seen.stamp) != (written.figure, written.stamp)


@pytest.mark.parametrize(("number", "ref"), [(RED, f"variation:{RED}"), (POOL, f"product:{POOL}")])
def test_a_variation_comes_under_its_own_id_and_a_pool_under_its_parents(number: int, ref: str) -> None:
    with trading() as (twin, hub):
        twin.control.set_stock(number, 1)
        twin.run_cron()

    assert [(event.item_ref, event.figure) for event in only(hub.events(), FigureObserved)] == [
        (ref, Decimal(1))
    ]


def test_a_refund_comes_as_a_hint_to_read_the_order() -> None:
    with trading() as (twin, hub):
        number = buy(twin)
        twin.run_cron()
        (line,) = twin.control.orders()[0]["lines"]
        twin.control.refund(number, {"amount": "1", "line_items": [{"id": line["id"], "quantity": 1}]})
        hub.stored.clear()
        twin.run_cron()

    assert {(hint.kind, hint.ref) for hint in only(hub.events(), ObjectHinted)} == {("order", str(number))}


@pytest.mark.parametrize("hpos", [True, False], ids=["order tables", "legacy storage"])
def test_a_trashed_order_vanishes_and_its_shadow_as_a_product_does_no_harm(hpos: bool) -> None:
    with trading(Quirks(hpos=hpos)) as (twin, hub):
        number = buy(twin)
        twin.run_cron()
        hub.stored.clear()
        twin.control.delete_order(number, force=False)
        twin.run_cron()
        found = client_of(twin).read_object("product", str(number))

    events = hub.events()
    assert [event.order_ref for event in only(events, OrderVanished)] == [str(number)]
    assert only(events, FigureObserved) == []
    assert [hint.ref for hint in only(events, ObjectHinted)] == ([] if hpos else [str(number)])
    assert translate(Delivery(found.topic, {}, found.body, NOW, id=99)) == []


def test_a_force_deleted_order_announces_nothing_and_is_found_by_reading() -> None:
    with trading() as (twin, hub):
        number = buy(twin)
        twin.run_cron()
        before = hub.bodies
        twin.control.delete_order(number, force=True)
        twin.run_cron()
        found = client_of(twin).read_object("order", str(number))

    assert hub.bodies == before
    assert found.topic == "order.gone"


@pytest.mark.parametrize(
    ("why", "spoil"),
    [
        ("the creator of the hook lost rights", lambda twin: twin.faults.inject("webhook_user_revoked")),
        (
            "the product vanished meanwhile",
            lambda twin: twin.products.book.remove(twin.products.book.get(SIMPLE)),
        ),
    ],
)
def test_a_signed_error_body_asks_for_a_catch_up(why: str, spoil: Callable[[WooTwin], Any]) -> None:
    with trading() as (twin, hub):
        twin.control.set_stock(SIMPLE, 1)
        spoil(twin)
        twin.run_cron()

    assert {(hint.kind, hint.ref) for hint in only(hub.events(), ObjectHinted)} == {("stream", "products")}, (
        why
    )
