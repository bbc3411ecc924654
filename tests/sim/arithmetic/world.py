"""The landscape of one schedule: an ERP, a till, two shops, the hub between them, the oracle beside it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.routing import Part
from tests.sim.arithmetic.erp import LOCATIONS, Erp, LineBooked, Move
from tests.sim.arithmetic.hub import Hub, Reading, Version
from tests.sim.arithmetic.lanes import Lane
from tests.sim.arithmetic.oracle import Oracle
from tests.sim.arithmetic.real_hub import RealHub
from tests.sim.arithmetic.repairs import Repairs
from tests.sim.arithmetic.schedule import Clock, Process, drawn
from tests.sim.shop import Order, Shop

POOLS = ((("W1", "W2"), ("W1", "W2")), (("W1", "W2"), ("W2", "S1")), (("W1", "W2", "S1"), ("W1",)),
         (("W1",), ("W1", "W2", "S1")))  # fmt: skip
HOLD_S = 20.0
SWEEP_EVERY_S = 10.0
FIGURES_EVERY_S = 15.0
READ_OPEN_EVERY_S = 20.0


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale at the till, in a session not yet closed or already closed."""

    order: str
    item: str
    quantity: int
    at_s: float
    move: Move


class World:
    """Built from the seed alone."""

    def __init__(
        self,
        rng: random.Random,
        repairs: Repairs,
        trace: Callable[[str], None] | None = None,
        make_hub: type[Hub] | type[RealHub] = Hub,
    ) -> None:
        self.make_hub = make_hub
        self.rng, self.repairs, self._trace = rng, repairs, trace
        self.clock = Clock(rng)
        self.mix = drawn(rng)
        self.counts: Counter[str] = Counter()
        self.above: list[str] = []
        self.items = ["mug", "cup"] if rng.random() < 0.7 else ["mug", "cup", "pot"]
        recipes = {"set": {"mug": rng.choice((1, 2)), "cup": 1}} if rng.random() < 0.2 else {}
        self.articles = [*self.items, *recipes]
        of_a, of_b = rng.choice(POOLS)
        self.pools = {"a": of_a, "b": of_b, "till": ("S1",)}
        parts = {
            kit: tuple(Part(item, Decimal(n)) for item, n in recipe.items())
            for kit, recipe in recipes.items()
        }
        self.hub = make_hub(repairs, parts, self.pools)
        self.oracle = Oracle(recipes, self.pools)
        self.recipes = recipes
        self.erp = Erp(self.clock, self.mix, self._line_booked)
        self.shops = {name: Shop(self.clock.seconds, self._hides, partial(self._hook, name)) for name in "ab"}
        self.lanes: dict[str, Lane] = {}
        self.session: list[Sale] = []
        self.sales: list[Sale] = []
        self.log: list[tuple[str, object, int]] = []  # everything the hub was told
        self._pulled: dict[str, int] = {"a": -60, "b": -60}
        self._stored: set[tuple[str, int, int]] = set()
        self._build()

    def say(self, text: str) -> None:
        if self._trace is not None:
            self._trace(f"{self.clock.now_s:9.3f}  {text}")

    # ── landscape ────────────────────────────────────────────────────────────────────────────────────
    def _build(self) -> None:
        rng = self.rng
        for item in self.items:
            for location in LOCATIONS:
                found = rng.choice((0, 0, 1, 2, 3, 5))
                self.erp.shelf[item, location] = self.erp.quants[item, location] = found
        for name, shop in self.shops.items():
            listings: dict[str, str] = {}
            for article in self.articles:
                for number in range(rng.choice((1, 1, 1, 2))):
                    listings[f"{article}{number}"] = article
                    shop.figures[f"{article}{number}"] = 0
            self.lanes[name] = Lane(
                self.clock, self.mix, shop, name == "a", listings, partial(self.pull, name),
                partial(self.hub_figure, name), partial(self._aimed, name),
                reads_back=self.repairs.settled_by_reading_back,
            )  # fmt: skip
            self.clock.spawn(self.lanes[name].run(), delay_s=1.0)
        self.clock.spawn(self._reader())
        self.clock.spawn(self._keeper())
        self.clock.spawn(self._order_reader())

    # ── what the hub does by itself ──────────────────────────────────────────────────────────────────
    def hub_figure(self, outlet: str, article: str) -> Decimal | None:
        self.hub.end_holds(self.clock.now())
        return self.hub.figure(outlet, article)

    def compute(self) -> None:
        """Something is news: figures are worked out again before the next call."""
        for lane in self.lanes.values():
            lane.stale = True

    def _reader(self) -> Process:
        """Read the authority: one reading at a time, each with a number taken before it begins."""
        rng, mix, hub = self.rng, self.mix, self.hub
        next_sweep_s = 0.0
        while True:
            sweep = self.clock.now_s >= next_sweep_s
            items = frozenset(self.items) if sweep else frozenset(hub.read_again)
            if not items:
                yield 0.5
                continue
            if sweep:
                next_sweep_s = self.clock.now_s + SWEEP_EVERY_S
            hub.read_again -= items
            number, began_s = hub.next_reading(), self.clock.now_s
            before = self.erp.confirm(items)
            yield rng.uniform(0.02, mix.latency_s)
            if self.repairs.one_reading_one_call:
                found = self.erp.snapshot(items)
            else:
                found = self.erp.snapshot(items, LOCATIONS[:1])
                for location in LOCATIONS[1:]:
                    yield rng.uniform(0.02, mix.latency_s)
                    page = self.erp.snapshot(items, (location,))
                    for seen, more in (
                        (found.quants, page.quants), (found.reserved, page.reserved),
                        (found.own, page.own), (found.unassigned, page.unassigned),
                    ):  # fmt: skip
                        seen.update(more)
            exact = self.erp.snapshot(items)
            yield rng.uniform(0.02, mix.latency_s)
            after = self.erp.confirm(items)
            yield rng.uniform(0.02, mix.latency_s)
            if rng.random() < mix.reading_fails:
                hub.read_again |= items
                continue
            reading = Reading(number, began_s, items, found, before, after, mix.one_call)
            self._read(reading, exact if not self.repairs.one_reading_one_call else found)
            if rng.random() < mix.fault:
                item, location = rng.choice(self.items), rng.choice(LOCATIONS)
                self.say(f"HUB doubts {item} at {location}")
                self.hub.doubt(item, location)
                self.log.append(("doubt", (item, location), self.hub.readings))
                self.compute()

    def _read(self, reading: Reading, exact: object) -> None:
        self.counts["readings"] += 1
        self.say(f"HUB reads {reading.number}: {reading.found.quants}, reserved {reading.found.reserved}")
        self.hub.apply(reading, self.clock.now())
        truth = Reading(reading.number, reading.began_s, reading.items, exact)  # type: ignore[arg-type]
        self.oracle.read(truth)
        self.log.append(("reading", reading, reading.number))
        self.compute()

    def _keeper(self) -> Process:
        """Sweep what webhooks may not have told: orders, figures, the till's journal, open orders by id."""
        rounds = 0
        while True:
            yield FIGURES_EVERY_S * self.rng.uniform(0.8, 1.2)
            rounds += 1
            for name, lane in self.lanes.items():
                self.pull(name)
                if self.repairs.settled_by_reading_back:
                    lane.sweep()
            for sale in self.sales:
                self._hear_sale(sale)
            if self.repairs.open_orders_read_again and rounds % 2 == 0:
                self.hub.to_read += [key for key in self.hub.open_orders() if key[0] != "till"]
            self.hub.end_holds(self.clock.now())
            self.compute()

    def _order_reader(self) -> Process:
        """Read orders by id, one at a time."""
        while True:
            yield self.rng.uniform(0.02, self.mix.latency_s)
            if not self.hub.to_read:
                yield 0.3
                continue
            key = self.hub.to_read.pop(0)
            number = self.hub.next_reading()
            yield self.rng.uniform(0.02, self.mix.latency_s)
            version = self.version(key[0], self.shops[key[0]].orders[int(key[1])])
            yield self.rng.uniform(0.02, self.mix.latency_s)
            self.hear(version, reading=number)

    # ── what the hub hears ───────────────────────────────────────────────────────────────────────────
    def hear(self, version: Version, *, reading: int = 0, listed: bool = False) -> None:
        """Apply a version of an order, and unsettle the listings it touched."""
        known = self.oracle.heard.get(version.key)
        before = {} if known is None else taken(known.status, known)
        news = self.hub.hear(version, self.clock.now(), reading=reading, listed=listed)
        self.oracle.hear(version, accepted=news, reading=reading)
        self.log.append(("listed" if listed else "order", version, reading))
        if news:
            self.say(f"HUB hears {version}, reading {reading}")
            after = taken(version.status, version)
            lane = self.lanes.get(version.outlet)
            if lane is not None:
                for listing in before.keys() | after.keys():
                    lane.news(listing, after.get(listing, 0) - before.get(listing, 0))
            self.compute()

    def pull(self, name: str) -> None:
        """Read the orders stream from some way before where it ended."""
        shop, since = self.shops[name], self._pulled[name]
        number = self.hub.next_reading()
        for order in sorted(shop.orders.values(), key=lambda each: each.stamp):
            visible = [nth for nth, each in enumerate(order.versions) if each[0] <= self.clock.now_s]
            if visible and (order.versions[visible[-1]][1] >= since):
                mark = (name, order.id, visible[-1])
                if mark not in self._stored:  # the door keeps one body once
                    self._stored.add(mark)
                    self.hear(self.version(name, order, visible[-1]), reading=number, listed=True)
        self._pulled[name] = int(self.clock.now_s) - 10

    def version(self, name: str, order: Order, nth: int | None = None) -> Version:
        """Return an order as it was in one of its versions; by default as it is now."""
        nth = len(order.versions) - 1 if nth is None else nth
        _, stamp, body = order.versions[nth]
        if stamp < 0:
            return Version(name, str(order.id), nth, stamp, None)
        lane = self.lanes[name]
        status = OrderStatus(body["status"])
        hold_s = body["hold_minutes"] * HOLD_S
        return Version(
            name, str(order.id), nth, stamp, status,
            tuple(
                (each["id"], each["ref"], lane.listings[each["ref"]], each["quantity"])
                for each in body["lines"]
            ),
            tuple(each["quantity"] for each in order.versions[0][2]["lines"]),
            body["placed_s"] + hold_s if hold_s and status is OrderStatus.UNPAID else None,
        )  # fmt: skip

    def _hook(self, name: str, topic: str, ref: str) -> None:
        """A shop sends once; what it sends may be late, doubled or lost."""
        if topic == "figure":
            return
        mix, draw = self.mix, self.rng.random
        order = self.shops[name].orders[int(ref)]
        self.changed(name, order)
        if draw() < mix.hook_lost:
            return
        nth = len(order.versions) - 1
        if topic == "order.gone":
            version = Version(name, ref, nth, order.stamp, None)
        else:
            version = self.version(name, order)
        for _ in range(2 if draw() < mix.hook_doubled else 1):
            delay = self.rng.uniform(5, 30) if draw() < mix.hook_late else self.rng.uniform(0, mix.latency_s)
            self.clock.after(delay, partial(self.hear, version))

    def _line_booked(self, line: LineBooked) -> None:
        if self.rng.random() >= self.mix.hook_lost / 2 or not self.repairs.figures_by_reading:

            def tell() -> None:
                self.hub.hear_line(line)
                self.log.append(("line", line, 0))

            self.clock.after(self.rng.uniform(0.0, self.mix.latency_s), tell)

    def _hides(self) -> float:
        return self.rng.uniform(0.0, self.mix.hides_s)

    def _hear_sale(self, sale: Sale) -> None:
        line = ("1", sale.item, sale.item, sale.quantity)
        self.hear(Version("till", sale.order, 0, 1, OrderStatus.COMMITTED, (line,), (sale.quantity,)))

    def _aimed(self, name: str, listing: str, figure: Decimal) -> None:
        """A write goes out: it must not be above what the oracle says of the same messages."""
        self.counts["writes"] += 1
        article = self.lanes[name].listings[listing]
        most = self.oracle.most(name, article, self.clock.now_s)
        self.say(f"HUB shows {name} {listing} = {figure}, at most {most}")
        if most is None or figure > most:
            self.above.append(f"above: at {self.clock.now_s:.3f} {name} {listing} = {figure}, at most {most}")

    # ── what the ERP learns of orders ────────────────────────────────────────────────────────────────
    def changed(self, name: str, order: Order) -> None:
        """The ERP enters an order, or its change, some time after it happened."""
        self.clock.after(self.rng.uniform(0.5, 10.0), lambda: self.enter(name, order))

    def enter(self, name: str, order: Order) -> None:
        for (line, item), quantity in self.wanted(name, order).items():
            self.erp.demand(line, item, quantity)

    def wanted(self, name: str, order: Order) -> dict[tuple[str, str], int]:
        """Return (line, item) → what the order wants delivered by the shop's truth."""
        sold = order.status in ("committed", "shipped") and not order.gone
        return {
            (f"{name}/{order.id}/{ref}", item): line.quantity * number * sold
            for ref, line in order.lines.items()
            for item, number in self._parts(self.lanes[name].listings[line.ref]).items()
        }

    def _parts(self, article: str) -> dict[str, int]:
        return self.recipes.get(article, {article: 1})


def taken(status: OrderStatus | None, version: Version | None) -> dict[str, int]:
    """Return what an order took off its shop's own figures, per listing."""
    sums: dict[str, int] = {}
    if version is not None and status in (OrderStatus.COMMITTED, OrderStatus.SHIPPED):
        for _, listing, _, quantity in version.lines:
            sums[listing] = sums.get(listing, 0) + quantity
    return sums
