"""The life of an order line is kept as it happens: every change, once, and nobody edits it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from inventory_sync.domain.external import OrderStatus
from inventory_sync.ledger.models import Reservation, ReservationChange
from inventory_sync.ledger.types import OrderEvent, OrderEventLine
from tests.ledger.reports import NOW
from tests.ledger.worlds import PostgresWorld

pytestmark = pytest.mark.django_db


def order(
    shop: int, item: int, place: int, quantity: int, stamp: int, status: OrderStatus = OrderStatus.COMMITTED
) -> OrderEvent:
    lines = (OrderEventLine("1", item, Decimal(quantity)),)
    return OrderEvent(shop, "482", stamp=stamp, status=status, lines=lines, pool=(place,))


@pytest.fixture
def world() -> PostgresWorld:
    return PostgresWorld()


def test_each_change_of_a_line_is_kept_with_what_each_place_owed(world: PostgresWorld) -> None:
    shop, mug, place = world.connection("shop"), world.item("MUG"), world.place("ST-1")

    world.apply(orders=[order(shop, mug, place, 2, 1)], now=NOW)
    world.apply(orders=[order(shop, mug, place, 5, 2)], now=NOW + timedelta(minutes=1))
    world.apply(orders=[order(shop, mug, place, 5, 3, OrderStatus.CANCELLED)], now=NOW + timedelta(minutes=2))

    life = list(ReservationChange.objects.order_by("id"))
    assert [(each.at - NOW, each.state, each.demand) for each in life] == [
        (timedelta(0), "backordered", Decimal(2)),
        (timedelta(minutes=1), "backordered", Decimal(5)),
        (timedelta(minutes=2), "cancelled", life[2].demand),
    ]
    assert [each.allocations[0][:3] for each in life[:2]] == [[mug, place, 2], [mug, place, 5]]


def test_the_same_order_told_again_is_no_change(world: PostgresWorld) -> None:
    shop, mug, place = world.connection("shop"), world.item("MUG"), world.place("ST-1")

    for minute in range(3):
        world.apply(orders=[order(shop, mug, place, 2, 1 + minute)], now=NOW + timedelta(minutes=minute))

    assert ReservationChange.objects.count() == 1


def test_a_change_is_never_dated_before_the_one_it_follows(world: PostgresWorld) -> None:
    """Two workers: the one that waited for the lock took its time before the other committed."""
    shop, mug, place = world.connection("shop"), world.item("MUG"), world.place("ST-1")

    world.apply(orders=[order(shop, mug, place, 2, 1)], now=NOW)
    world.apply(orders=[order(shop, mug, place, 3, 2)], now=NOW - timedelta(seconds=1))

    assert list(ReservationChange.objects.order_by("at", "id").values_list("demand", flat=True)) == [2, 3]


def test_nobody_edits_the_life_of_a_reservation(world: PostgresWorld) -> None:
    shop, mug, place = world.connection("shop"), world.item("MUG"), world.place("ST-1")
    world.apply(orders=[order(shop, mug, place, 2, 1)])

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ReservationChange.objects.update(demand=1)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ReservationChange.objects.all().delete()

    assert Reservation.objects.get().demand == 2
