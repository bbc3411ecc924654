"""What people and goods do: customers of both shops and of the store, warehouse staff, clerks."""

from __future__ import annotations

from collections.abc import Callable

from tests.sim.arithmetic.erp import LOCATIONS, Move
from tests.sim.arithmetic.schedule import Process
from tests.sim.arithmetic.world import Sale, World
from tests.sim.shop import CANCELLED, COMMITTED, RELEASED, SHIPPED, UNPAID, Order, Shop

MEAN_PAUSE_S = 1.2


class Trade:
    """Draws one act after the other. Goods leave a shelf only if they are there."""

    def __init__(self, world: World) -> None:
        self.world, self.rng, self.erp = world, world.rng, world.erp
        storm = self.rng.choice((1, 1, 6))  # assignments taken back all the time
        tills = self.rng.choice((1, 1, 5))
        self.acts: list[tuple[float, Callable[[], None]]] = [
            (10, self.sell), (3, self.sell_unpaid), (3, self.pay_or_fail), (1.5, self.cancel),
            (1, self.reopen), (2, self.refund), (1, self.delete), (1, self.say_shipped),
            (8 * storm, self.assign), (1.5 * storm, self.unassign), (7, self.ship), (3, self.receive),
            (2, self.transfer), (1.5, self.count), (0.6, self.own_order), (1.5, self.advance_own),
            (2 * tills, self.sell_in_store), (0.7 * tills, self.close_session),
        ]  # fmt: skip

    def run(self, until_s: float) -> Process:
        weights, acts = [weight for weight, _ in self.acts], [act for _, act in self.acts]
        while self.world.clock.now_s < until_s:
            yield self.rng.expovariate(1 / MEAN_PAUSE_S)
            self.rng.choices(acts, weights)[0]()

    def finish(self) -> Process:
        """Bring the paperwork to its end: all is entered, shipped as far as it goes, every session closed."""
        world, erp = self.world, self.erp
        self.close_session()
        yield 15.0
        self.close_session()  # the last act of run() falls after its end: it may have been a sale
        for name, shop in world.shops.items():
            for order in shop.orders.values():
                world.enter(name, order)
        for _ in range(4):
            for move in list(erp.moves.values()):
                for location in LOCATIONS:
                    if location in world.pools[move.line.partition("/")[0]]:
                        erp.assign(move, location)
                for location, quantity in sorted(move.assigned.items()):
                    left = min(quantity, move.demand - move.shipped, erp.shelf[move.item, location])
                    if left > 0 and self.rng.random() < 0.7:
                        erp.ship(move, location, left)
            yield 12.0

    # ── shops ────────────────────────────────────────────────────────────────────────────────────────
    def _shop(self) -> tuple[str, Shop]:
        name = self.rng.choice("ab")
        return name, self.world.shops[name]

    def _some(self, *statuses: str) -> tuple[Shop, Order] | None:
        found = [
            (shop, order)
            for shop in self.world.shops.values()
            for order in shop.orders.values()
            if order.status in statuses and not order.gone
        ]
        return self.rng.choice(found) if found else None

    def _wants(self, shop: Shop) -> list[tuple[str, int]]:
        """A customer buys what the shop shows."""
        shown = [listing for listing, figure in sorted(shop.figures.items()) if figure > 0]
        lines = self.rng.choice((1, 1, 1, 2))
        return (
            [(self.rng.choice(shown), self.rng.choice((1, 1, 1, 2))) for _ in range(lines)] if shown else []
        )

    def sell(self) -> None:
        name, shop = self._shop()
        if wants := self._wants(shop):
            number = shop.place(wants)
            self.world.counts["orders"] += number is not None
            self.world.say(f"SHOP {name} sells {number}: {wants}")

    def sell_unpaid(self) -> None:
        name, shop = self._shop()
        if wants := self._wants(shop):
            number = shop.place(wants, status=UNPAID, hold_minutes=self.rng.choice((0, 1, 1, 2)))
            self.world.counts["orders"] += number is not None
            self.world.say(f"SHOP {name} holds {number}: {wants}")

    def pay_or_fail(self) -> None:
        if found := self._some(UNPAID):
            shop, order = found
            enough = all(shop.figures[line.ref] >= line.quantity for line in order.lines.values())
            status = COMMITTED if enough and self.rng.random() < 0.8 else RELEASED
            self.world.say(f"SHOP order {order.id} becomes {status}")
            shop.set_status(order, status)

    def _shipped(self, order: Order) -> bool:
        name = next(name for name, shop in self.world.shops.items() if order in shop.orders.values())
        prefix = f"{name}/{order.id}/"
        return any(move.shipped for move in self.erp.moves.values() if move.line.startswith(prefix))

    def cancel(self) -> None:
        found = self._some(COMMITTED)
        if found and not self._shipped(found[1]):
            self.world.say(f"SHOP cancels {found[1].id}")
            found[0].set_status(found[1], CANCELLED)

    def reopen(self) -> None:
        if found := self._some(CANCELLED, RELEASED):
            self.world.say(f"SHOP reopens {found[1].id}")
            found[0].set_status(found[1], COMMITTED)

    def refund(self) -> None:
        """A customer takes less than was ordered; the shop may restock it or not."""
        found = self._some(COMMITTED)
        if found and not self._shipped(found[1]):
            shop, order = found
            ref = self.rng.choice(sorted(order.lines))
            if order.lines[ref].quantity:
                fewer = order.lines[ref].quantity - 1
                restock = self.rng.random() < 0.5
                self.world.say(f"SHOP refunds {order.id}/{ref} to {fewer}, restock {restock}")
                shop.set_quantity(order, ref, fewer, restock=restock)

    def delete(self) -> None:
        """Deleted for good; a shop may say so or not."""
        found = self._some(COMMITTED, UNPAID)
        if found and not self._shipped(found[1]):
            self.world.say(f"SHOP deletes {found[1].id}")
            shop, order = found
            shop.delete(order, announced=self.rng.random() < 0.5)
            name = next(name for name, each in self.world.shops.items() if each is shop)
            self.world.changed(name, order)

    def say_shipped(self) -> None:
        if found := self._some(COMMITTED):
            found[0].set_status(found[1], SHIPPED)

    # ── warehouse ────────────────────────────────────────────────────────────────────────────────────
    def _move(self) -> Move | None:
        wanting = [move for move in self.erp.moves.values() if move.demand > move.shipped]
        return self.rng.choice(wanting) if wanting else None

    def _places(self, move: Move) -> tuple[str, ...]:
        return self.world.pools[move.line.partition("/")[0]]

    def assign(self) -> None:
        if move := self._move():
            location = self.rng.choice(self._places(move))
            self.erp.assign(move, location)
            self.world.say(f"ERP assigns {move.line} at {location}: {dict(move.assigned)}")

    def unassign(self) -> None:
        if move := self._move():
            self.world.say(f"ERP unassigns {move.line}")
            self.erp.unassign(move)

    def ship(self) -> None:
        """Goods of an order leave, usually from where they are assigned; the carrier tells the hub."""
        move = self._move()
        if move is None:
            return
        assigned = [place for place, quantity in sorted(move.assigned.items()) if quantity]
        location = self.rng.choice(assigned or self._places(move))
        quantity = min(
            move.demand - move.shipped, self.erp.shelf[move.item, location], self.rng.choice((1, 2, 9))
        )
        if quantity <= 0:
            return
        self.world.say(f"ERP ships {quantity} of {move.line} from {location}")
        self.erp.ship(move, location, quantity)
        outlet, order, line = move.line.split("/")
        if move.shipped >= move.demand:
            world = self.world
            world.clock.after(
                self.rng.uniform(0, world.mix.latency_s),
                lambda: world.hub.notice(outlet, order, line, world.clock.now()),
            )

    def _shelf(self) -> tuple[str, str, int]:
        item, location = self.rng.choice(self.world.items), self.rng.choice(LOCATIONS)
        return item, location, self.erp.shelf[item, location]

    def receive(self) -> None:
        item, location, _ = self._shelf()
        quantity = self.rng.choice((1, 1, 2, 3))
        self.world.say(f"ERP receives {quantity} {item} at {location}")
        self.erp.receive(item, location, quantity)

    def transfer(self) -> None:
        item, source, there = self._shelf()
        if there > 0:
            destination = self.rng.choice([place for place in LOCATIONS if place != source])
            self.world.say(f"ERP moves {item} from {source} to {destination}")
            self.erp.transfer(item, source, destination, self.rng.randint(1, there))

    def count(self) -> None:
        """Count a shelf; with care only when nothing is under way."""
        if self.erp.pending and not self.world.mix.blind_counts:
            return
        item, location, there = self._shelf()
        if self.rng.random() < 0.3 and there > 0:
            self.erp.shelf[item, location] -= 1  # somebody stole it
        self.world.say(f"ERP counts {item} at {location}: {self.erp.shelf[item, location]}")
        self.erp.count(item, location, takes_assignments=self.rng.random() < 0.3)

    def own_order(self) -> None:
        item, location, _ = self._shelf()
        self.erp.own_order(item, location, self.rng.choice((1, 2)))

    def advance_own(self) -> None:
        item, location, _ = self._shelf()
        self.erp.advance_own(item, location)

    # ── store ────────────────────────────────────────────────────────────────────────────────────────
    def sell_in_store(self) -> None:
        """A customer takes a unit off the shelf; the till tells the hub, its session waits."""
        world, item = self.world, self.rng.choice(self.world.items)
        if self.erp.shelf[item, "S1"] <= 0:
            return
        order = str(len(world.sales) + 1)
        move = self.erp.sell_at_the_till(f"till/{order}/1", item, 1)
        sale = Sale(order, item, 1, world.clock.now_s, move)
        world.sales.append(sale)
        world.session.append(sale)
        world.say(f"TILL sells {item} ({order})")
        if self.rng.random() >= world.mix.hook_lost:
            world.clock.after(self.rng.uniform(0, world.mix.latency_s), lambda: world._hear_sale(sale))

    def close_session(self) -> None:
        world = self.world
        sales, world.session = world.session, []
        if sales:
            world.say(f"TILL closes a session of {len(sales)}")
            self.erp.close_session([(sale.move, sale.at_s) for sale in sales])
            for sale in sales:
                world.clock.after(
                    self.rng.uniform(0, world.mix.latency_s),
                    lambda sale=sale: world.hub.notice(  # type: ignore[misc]
                        "till", sale.order, "1", world.clock.now(), by_till=True
                    ),
                )
