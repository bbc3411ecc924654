"""What people and goods do while the simulation trades: customers, staff, warehouse, tills."""

from __future__ import annotations

from collections.abc import Callable

from tests.sim.shop import CANCELLED, COMMITTED, RELEASED, SHIPPED, TAKES, UNPAID, Order
from tests.sim.world import LOCATIONS, POOL, World

MEAN_PAUSE_S = 1.4


class Trade:
    """Draws one act after the other; every act keeps the truth of shop and till consistent."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.rng
        self.acts: list[tuple[float, Callable[[], None]]] = [
            (10, self._sell),
            (2, self._sell_unpaid),
            (2, self._pay_or_fail),
            (2, self._cancel),
            (1, self._reopen),
            (2, self._change_quantity),
            (1, self._delete),
            (2, self._say_shipped),
            (5, self._ship),
            (4, self._receive),
            (3, self._till_sale),
            (2, self._adjust),
            (2, self._transfer),
            (2, self._count),
            (2, self._revise),
            (0.5, self._edit_figure),
            (0.5, self._map),
        ]

    def run(self, until_s: float) -> None:
        """The body of the trading process."""
        world, rng = self._world, self._rng
        while world.scheduler.now_s < until_s:
            world.scheduler.sleep(rng.expovariate(1 / MEAN_PAUSE_S))
            if rng.random() < world.faults.outage * MEAN_PAUSE_S:
                world.shop_wire.away_until_s = world.scheduler.now_s + rng.uniform(3, 30)
            if rng.random() < world.faults.killer:
                world.junk("order.killer")
            if rng.random() < world.faults.poison:
                world.junk("order")
            weights = [weight for weight, _ in self.acts]
            act = rng.choices([act for _, act in self.acts], weights)[0]
            for _ in range(rng.choice((1, 1, 1, 2, 3))):
                act()

    def _say(self, text: str) -> None:
        self._world.scheduler.say(text)

    # ── the shop ─────────────────────────────────────────────────────────────────────────────────────
    def _wants(self) -> list[tuple[str, int]]:
        refs = [each.ref for each in self._world.articles]
        return [
            (self._rng.choice(refs), self._rng.choice((1, 1, 2))) for _ in range(self._rng.choice((1, 1, 2)))
        ]

    def _sell(self) -> None:
        wants = self._wants()
        number = self._world.shop.place(wants)
        self._say(f"SHOP order {number}: {wants}")

    def _sell_unpaid(self) -> None:
        wants = self._wants()
        hold = self._rng.choice((0, 1, 1))
        number = self._world.shop.place(wants, status=UNPAID, hold_minutes=hold)
        self._say(f"SHOP unpaid order {number}: {wants} held {hold} min")

    def _some(self, *statuses: str) -> Order | None:
        found = [
            order for order in self._world.shop.orders.values() if order.status in statuses and not order.gone
        ]
        return self._rng.choice(found) if found else None

    def _pay_or_fail(self) -> None:
        if order := self._some(UNPAID):
            enough = all(self._world.shop.figures[line.ref] >= line.quantity for line in order.lines.values())
            status = COMMITTED if enough and self._rng.random() < 0.8 else RELEASED
            self._say(f"SHOP order {order.id} becomes {status}")
            self._world.shop.set_status(order, status)

    def _cancel(self) -> None:
        order = self._some(COMMITTED)
        if order and not any(self._world.shipped(order.id, line) for line in order.lines):
            self._say(f"SHOP cancels {order.id}")
            self._world.shop.set_status(order, CANCELLED)

    def _reopen(self) -> None:
        if order := self._some(CANCELLED, RELEASED):
            self._say(f"SHOP reopens {order.id}")
            self._world.shop.set_status(order, COMMITTED)

    def _change_quantity(self) -> None:
        if order := self._some(COMMITTED):
            name = self._rng.choice(sorted(order.lines))
            quantity = self._rng.randrange(0, 4)
            restock = quantity > order.lines[name].quantity or self._rng.random() < 0.5
            self._say(f"SHOP order {order.id} line {name} becomes {quantity}, restock {restock}")
            self._world.shop.set_quantity(order, name, quantity, restock=restock)

    def _delete(self) -> None:
        if order := self._some(COMMITTED, CANCELLED, UNPAID):
            announced = self._rng.random() < 0.5
            self._say(f"SHOP deletes {order.id}, {'announced' if announced else 'silently'}")
            self._world.shop.delete(order, announced=announced)

    def _say_shipped(self) -> None:
        if order := self._some(COMMITTED):
            self._say(f"SHOP says {order.id} is shipped")
            self._world.shop.set_status(order, SHIPPED)

    def _edit_figure(self) -> None:
        ref = self._rng.choice(sorted(self._world.shop.figures))
        figure = self._rng.randrange(0, 5)
        self._say(f"SHOP somebody types {figure} for {ref}")
        self._world.shop.edit_figure(ref, figure)

    def _map(self) -> None:
        if self._world.unmapped:
            article = self._rng.choice(self._world.unmapped)
            self._say(f"HUB staff map {article.ref}")
            self._world.staff_maps(article)

    # ── the authority ────────────────────────────────────────────────────────────────────────────────
    def _ship(self) -> None:
        """The warehouse ships a line, wholly or in part, from wherever it lies."""
        if not (order := self._some(*sorted(TAKES))):
            return
        name = self._rng.choice(sorted(order.lines))
        line = order.lines[name]
        article = self._world.article(line.ref)
        due = line.quantity * article.pack - self._world.shipped(order.id, name)
        place = self._rng.choice(POOL)
        quantity = min(due, self._world.till.has(article.item, place))
        if quantity > 0:
            quantity = self._rng.choice((quantity, quantity, self._rng.randint(1, quantity)))
            self._say(f"TILL ships {quantity} {article.item} from {place} for {order.id}/{name}")
            self._world.till.move(article.item, place, -quantity, "shipment", fulfils=(str(order.id), name))

    def _place(self) -> tuple[str, str]:
        return self._rng.choice(self._world.articles).item, self._rng.choice(LOCATIONS)

    def _receive(self) -> None:
        item, place = self._place()
        quantity = self._rng.randint(1, 4)
        self._say(f"TILL receives {quantity} {item} at {place}")
        self._world.till.move(item, place, quantity, "receipt")

    def _till_sale(self) -> None:
        item, place = self._place()
        if self._world.till.has(item, place) > 0:
            self._say(f"TILL sells 1 {item} at {place}")
            self._world.till.move(item, place, -1, "sale")

    def _adjust(self) -> None:
        item, place = self._place()
        change = self._rng.choice((1, -1))
        if self._world.till.has(item, place) + change >= 0:
            self._say(f"TILL adjusts {item} at {place} by {change}")
            self._world.till.move(item, place, change, "adjustment")

    def _transfer(self) -> None:
        item, source = self._place()
        destination = self._rng.choice([each for each in LOCATIONS if each != source])
        if self._world.till.has(item, source) > 0:
            self._say(f"TILL moves 1 {item} from {source} to {destination}")
            self._world.till.transfer(item, source, destination, 1)

    def _count(self) -> None:
        item, place = self._place()
        found = max(0, self._world.till.has(item, place) + self._rng.choice((-2, -1, 0, 0, 1)))
        self._say(f"TILL counts {found} {item} at {place}")
        self._world.till.count(item, place, found)

    def _revise(self) -> None:
        """A receipt, sale or shipment was typed wrong: the entry is corrected, never below nothing."""
        movable = [
            each
            for each in self._world.till.journal
            if each.reason == "receipt" or (each.reason in ("sale", "shipment") and each.quantity < 0)
        ]
        if not movable:
            return
        entry = self._rng.choice(movable)
        signs = (1, -1) if entry.reason == "receipt" else (1,)
        quantity = entry.quantity + self._rng.choice(signs)
        counted = self._world.till.counted.get((entry.item, entry.location), 0) > entry.number
        left = self._world.till.has(entry.item, entry.location) + quantity - entry.quantity
        if counted or left >= 0:
            self._say(f"TILL corrects entry {entry.number}: {entry.quantity} becomes {quantity}")
            self._world.till.revise(entry, quantity)
