"""Narrow places where something known could be lost: between two steps, two people, two names of an item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db.utils import OperationalError

from connectors.woocommerce.twin import WooTwin
from inventory_sync.catalog.mappings import confirm_item_mapping
from inventory_sync.connections.models import Connection
from inventory_sync.console.effects import act_on
from inventory_sync.domain.errors import RemoteUnavailable
from inventory_sync.intake.services import requeue_answered
from inventory_sync.ledger.models import DirtyItem, Reservation
from inventory_sync.ledger.selectors import open_orders_not_seen_since
from inventory_sync.pipeline.drain import drain
from inventory_sync.propagation.models import Listing
from inventory_sync.propagation.services import sync_listings
from tests.factories import map_item
from tests.pipeline.hub import HandClock, Hub, open_hub

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def twin(clock: HandClock) -> Iterator[WooTwin]:
    twin = WooTwin(now=clock)
    mug = {"id": 101, "type": "simple", "sku": "MUG", "manage_stock": True, "stock_quantity": 0}
    twin.seed({"products": [mug]})
    with twin.serving(ticking=False):
        yield twin


@pytest.fixture
def hub(twin: WooTwin, clock: HandClock, settings: LazySettings) -> Hub:
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"]}
    hub = open_hub(shop_url=twin.url, clock=clock)
    hub.stocked("MUG", 10, "product:101")
    hub.compute()
    return hub


class SecondPullFails:
    """A shop whose orders cannot be read once a figure was written."""

    def __init__(self, client: Any) -> None:
        self._client, self._wrote = client, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def write_levels(self, writes: Any) -> Any:
        self._wrote = True
        return self._client.write_levels(writes)

    def sweep(self, *args: Any, **more: Any) -> Any:
        if self._wrote:
            raise RemoteUnavailable("The orders cannot be read now.")
        return self._client.sweep(*args, **more)


def test_a_figure_read_back_settles_nothing_unless_orders_were_pulled_after_it(hub: Hub) -> None:
    assert hub.push(SecondPullFails) == {"unread": 1}
    assert hub.listing("MUG").state == "owed"

    hub.clock.advance(5)
    assert hub.push() == {"settled": 1}


def test_orders_of_a_connection_at_rest_do_not_stand_before_those_that_can_be_read(hub: Hub) -> None:
    hub.order(1, (1, 101, 1))
    hub.drain()
    later = hub.clock() + timedelta(hours=1)
    assert open_orders_not_seen_since(later, limit=10) == [(hub.shop.pk, "1")]

    Connection.objects.filter(pk=hub.shop.pk).update(state=Connection.State.PAUSED)

    assert open_orders_not_seen_since(later, limit=10) == []


def test_a_listing_that_names_another_item_forgets_the_figure_of_the_first(hub: Hub) -> None:
    hub.settle()
    for quantity in ("9", "8", "7"):
        hub.till_says("count", ("MUG", quantity))
        hub.drain()
        hub.compute()
    bowl = hub.stocked("BOWL", 3)
    DirtyItem.objects.all().delete()  # its figure on this channel was never computed

    _, effect = confirm_item_mapping(
        connection=hub.shop, external_id="product:101", item=bowl, actor="test", reason="It is a bowl."
    )
    act_on(effect, now=hub.clock())
    assert hub.listing("BOWL").desired is None

    hub.compute()
    assert hub.listing("BOWL").desired == 3


def test_a_line_parked_while_its_mapping_was_made_is_applied_by_the_next_round_of_the_house(hub: Hub) -> None:
    order = hub.order(1, (1, 102, 2))
    hub.drain()
    # The mapping is committed after the drain looked for it, and its replay finds nothing parked yet.
    map_item(hub.shop, hub.items["MUG"], "product:102")
    assert hub.delivery(order).state == "parked"

    assert requeue_answered(now=hub.clock()) == 1
    hub.drain()

    assert hub.delivery(order).state == "done"
    assert Reservation.objects.get(order__order_ref="1").demand == 2
    assert requeue_answered(now=hub.clock()) == 0


def test_an_order_of_one_listing_explains_no_fall_of_another_of_the_same_item(hub: Hub) -> None:
    map_item(hub.shop, hub.items["MUG"], "product:102", numerator=6)
    sync_listings(hub.shop.pk, now=hub.clock())

    hub.order(1, (1, 101, 1))
    hub.drain()

    assert list(Listing.objects.values_list("external_id", "lowered").order_by("external_id")) == [
        ("product:101", 0),
        ("product:102", 0),
    ]


def test_a_delivery_is_not_parked_because_the_database_did_not_answer(hub: Hub) -> None:
    order = hub.order(1, (1, 101, 2))

    def unanswered(_: int) -> Any:
        raise OperationalError("canceling statement due to statement timeout")

    with pytest.raises(OperationalError):
        drain("critical", ports=replace(hub.ports, config=unanswered))
    assert hub.delivery(order).state == "pending"

    hub.clock.advance(120)
    hub.drain()
    assert hub.delivery(order).state == "done"
