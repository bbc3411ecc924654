"""Shadow, read-only and draining beside figures: copies of orders, deliveries told, mirrored documents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from inventory_sync.connections import holding, registry
from inventory_sync.connections.gate import Gate
from inventory_sync.connections.models import Connection
from inventory_sync.pipeline import outgoing
from inventory_sync.pipeline.tending import left_to_drain
from inventory_sync.propagation.mirror_selectors import mirrors_due
from inventory_sync.propagation.models import MirrorDocument, MirrorLevel
from inventory_sync.workflows import selectors
from inventory_sync.workflows.models import Copy, DeliveryTold
from tests.factories import change
from tests.propagation.mirror_world import World, open_world
from tests.workflows.conftest import connectors, retailer
from tests.workflows.retailer import Retailer

pytestmark = pytest.mark.django_db
__all__ = ["connectors", "retailer"]
WHY: dict[str, Any] = {"actor": "jo", "reason": "the ERP moves house"}
MODES = ("shadow", "read_only")


@pytest.fixture
def mirrored(settings: LazySettings) -> World:
    settings.CONNECTORS = {**settings.CONNECTORS, "books": "tests.propagation.mirror_books"}
    registry.connector.cache_clear()
    world = open_world()
    world.item("MUG", stock=10)
    world.declare()
    world.settle()
    world.till("sale", ("MUG", "2"))
    world.books.calls.clear()
    return world


def writes(row: Connection, mode: str) -> None:
    row.refresh_from_db()
    change(row, writing=mode)


def drains(row: Connection, since: Any) -> None:
    holding.drain(connection_id=row.pk, **WHY)
    Connection.objects.filter(pk=row.pk).update(state_since=since, updated_at=since)
    row.refresh_from_db()


def sold(retailer: Retailer, ref: str = "1") -> None:
    retailer.order(ref, ("a", "MUG", 3), ("b", "CUP", 1))
    outgoing.follow(ports=retailer.ports, until=lambda: False)


def send(retailer: Retailer) -> dict[str, int]:
    return outgoing.send(retailer.account(retailer.odoo.pk), ports=retailer.ports, until=lambda: False)


def tell(retailer: Retailer) -> dict[str, int]:
    return outgoing.tell(retailer.account(retailer.shop.pk), ports=retailer.ports, until=lambda: False)


# ── nothing is written ──


@pytest.mark.parametrize("mode", MODES)
def test_no_copy_of_an_order_is_written_and_each_waits_until_the_erp_is_live_again(
    retailer: Retailer, mode: str
) -> None:
    sold(retailer)
    writes(retailer.odoo, mode)

    send(retailer)

    assert (retailer.erp.documents, Copy.objects.get().state) == ({}, "owed")
    writes(retailer.odoo, "live")
    retailer.run()
    assert len(retailer.erp.documents) == 1


@pytest.mark.parametrize("mode", MODES)
def test_no_delivery_is_told_and_each_waits_until_the_channel_is_live_again(
    retailer: Retailer, mode: str
) -> None:
    sold(retailer)
    retailer.run()
    retailer.books("MUG", 97, held={("1", "a"): (3, 3)})
    outgoing.follow(ports=retailer.ports, until=lambda: False)
    writes(retailer.shop, mode)

    tell(retailer)

    assert (retailer.channel.told, DeliveryTold.objects.get().state) == ([], "owed")
    writes(retailer.shop, "live")
    retailer.run()
    assert len(retailer.channel.told) == 1


@pytest.mark.parametrize("mode", MODES)
def test_no_document_is_booked_nor_cut_and_the_movements_wait_in_the_ledger(
    mirrored: World, mode: str
) -> None:
    writes(mirrored.target, mode)

    assert mirrored.mirror() == {"not_writing": 1}

    assert (mirrored.books.calls, MirrorDocument.objects.count()) == ([], 0)
    writes(mirrored.target, "live")
    mirrored.settle()
    assert mirrored.differing() == {}


@pytest.mark.parametrize("mode", MODES)
def test_a_document_marked_before_the_mode_changed_is_not_booked_after_it(mirrored: World, mode: str) -> None:
    read = mirrored.books.read_documents

    def read_and_close(names: Any) -> Any:
        seen = read(names)
        writes(mirrored.target, mode)
        return seen

    mirrored.books.read_documents = read_and_close  # type: ignore[method-assign]
    mirrored.mirror()
    mirrored.books.read_documents = read  # type: ignore[method-assign]

    assert [name for name, _ in mirrored.books.calls] == ["read"]
    writes(mirrored.target, "live")
    mirrored.settle()
    assert mirrored.differing() == {}


class Gated:
    """A client whose calls pass the gate, as those of every real one do; `after` happens once it has read."""

    def __init__(self, client: Any, row: Connection, after: Callable[[], None]) -> None:
        self._client, self._after = client, after
        can = registry.connector(row.connector).capabilities
        self._gate = Gate(row.pk, can, pause=lambda _: None, chance=lambda: 0.0, new_id=lambda: "me")

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any) -> Any:
            if name == "tell_delivered":
                self._after()  # it reads first, by itself
            self._gate.admit()
            answer = getattr(self._client, name)(*given)
            if name.startswith("read"):
                self._after()
            return answer

        return call


@pytest.mark.parametrize("mode", MODES)
def test_a_copy_that_was_read_before_the_mode_changed_is_not_written_after_it(
    retailer: Retailer, mode: str
) -> None:
    sold(retailer)
    retailer.client = Gated(retailer.erp, retailer.odoo, lambda: writes(retailer.odoo, mode))
    send(retailer)

    assert retailer.erp.documents == {}
    retailer.client = retailer.erp
    writes(retailer.odoo, "live")
    retailer.now += timedelta(minutes=5)
    retailer.run()
    assert len(retailer.erp.documents) == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_channel_that_was_read_before_the_mode_changed_is_not_told_after_it(
    retailer: Retailer, mode: str
) -> None:
    sold(retailer)
    retailer.run()
    retailer.books("MUG", 97, held={("1", "a"): (3, 3)})
    outgoing.follow(ports=retailer.ports, until=lambda: False)
    channel: Any = retailer.channel
    retailer.channel = Gated(channel, retailer.shop, lambda: writes(retailer.shop, mode))  # type: ignore[assignment]
    tell(retailer)

    assert (channel.told, DeliveryTold.objects.get().state) == ([], "owed")


# ── draining ──


def test_who_drains_gets_the_orders_it_was_owed_and_no_later_one(retailer: Retailer) -> None:
    sold(retailer)
    drains(retailer.odoo, retailer.now)
    retailer.now += timedelta(seconds=5)
    sold(retailer, "2")

    assert left_to_drain(retailer.odoo) == {"orders": 1}
    send(retailer)
    retailer.now += timedelta(minutes=1)

    assert {key[1] for key in retailer.erp.documents} == {"1"}
    assert left_to_drain(retailer.odoo) == {}
    assert retailer.odoo.pk not in selectors.targets_due(retailer.now)


def test_who_drains_is_told_the_deliveries_it_was_owed_and_no_later_one(retailer: Retailer) -> None:
    sold(retailer)
    sold(retailer, "2")
    retailer.books("MUG", 97, held={("1", "a"): (3, 3)})
    outgoing.follow(ports=retailer.ports, until=lambda: False)
    drains(retailer.shop, retailer.now)
    retailer.now += timedelta(seconds=5)
    retailer.books("MUG", 94, held={("1", "a"): (3, 3), ("2", "a"): (3, 3)})
    outgoing.follow(ports=retailer.ports, until=lambda: False)

    assert left_to_drain(retailer.shop)["deliveries"] == 1
    tell(retailer)

    assert [each.order_ref for each in retailer.channel.told] == ["1"]
    assert retailer.shop.pk not in selectors.channels_due(retailer.now)


def test_who_drains_books_what_it_was_owed_and_what_moves_later_stays_in_the_ledger(mirrored: World) -> None:
    drains(mirrored.target, mirrored.hub.clock())
    cup = mirrored.item("CUP")
    mirrored.till("count", ("CUP", "4"))

    assert left_to_drain(mirrored.target) == {"levels": 1}
    mirrored.settle()

    assert left_to_drain(mirrored.target) == {}
    assert set(mirrored.differing()) == {cup.sku}
    assert MirrorLevel.objects.get(item=cup).due_since is not None
    now = mirrored.hub.clock()
    assert mirrors_due(now, compared_before=now - timedelta(days=1)) == []


@pytest.mark.parametrize(("mode", "left"), [("live", True), ("shadow", False), ("read_only", False)])
def test_a_drain_does_not_wait_for_what_is_not_written_anyway(
    retailer: Retailer, mode: str, left: bool
) -> None:
    sold(retailer)
    drains(retailer.odoo, retailer.now)
    writes(retailer.odoo, mode)

    assert bool(left_to_drain(retailer.odoo)) is left
