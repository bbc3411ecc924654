"""A shop that sells from two places, for the tests of orders and of shipments."""

from __future__ import annotations

from decimal import Decimal

from inventory_sync.ledger.types import OrderNews
from tests.ledger.reports import count, order, shipment
from tests.ledger.worlds import World


class Shop:
    """A shop that sells from two places, with five mugs at the first and two at the second."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shop = world.connection("shop")
        self.till = world.connection("till")
        self.mug = world.item("MUG")
        self.cup = world.item("CUP")
        self.near = world.place("NEAR")
        self.far = world.place("FAR")
        self.pool = (self.near, self.far)
        self.count("c1", self.mug, self.near, 5)
        self.count("c2", self.mug, self.far, 2)

    def count(self, key, item, place, quantity, at=0):
        return self.world.apply([count(key, item, place, quantity, at, by=self.till)])

    def order(self, ref="1", lines=None, **values):
        return order(ref, lines or {"a": (self.mug, 2)}, by=self.shop, pool=self.pool, **values)

    def decide(self, *orders, **values):
        return self.world.apply(orders=orders, **values).decided

    def ship(self, key, quantity, place=None, ref="1", line="a", item=None, at=10, **values):
        event = shipment(
            key, item or self.mug, place or self.near, quantity, ref, line, at, by=self.till, **values
        )
        return self.world.apply([event])

    def total_open(self):
        return sum(self.world.open().values())


def sold(shop: int, item: int, quantity: int) -> OrderNews:
    return OrderNews(shop, item, Decimal(quantity))
