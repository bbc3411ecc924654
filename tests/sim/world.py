"""One simulated installation: a shop, a till with three places, the hub between them, and the wires."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from inventory_sync.api.hooks.backlog import BACKLOG
from inventory_sync.api.hooks.door import Door
from inventory_sync.api.hooks.lookup import Knocked
from inventory_sync.availability.micro import to_micro
from inventory_sync.availability.ports import PolicyFacts
from inventory_sync.connections.gate import PATIENCE_S
from inventory_sync.domain.budget import Bucket
from inventory_sync.domain.errors import BudgetSpent
from inventory_sync.domain.levels import Mode
from inventory_sync.domain.ports import Connector, LevelWrite, ListingRef
from inventory_sync.domain.units import Factor
from inventory_sync.intake.ports import NewDelivery
from inventory_sync.ledger.ports import Place
from inventory_sync.pipeline.ports import Account
from inventory_sync.support import spending
from tests.sim import faults as fault_mix
from tests.sim.clients import Jobs, LaterShopClient, ShopClient, TillClient, Wire, journal_page
from tests.sim.connectors import LATER, SHOP, TILL, ShopConnector, TillConnector
from tests.sim.faults import Faults
from tests.sim.hub import Hub
from tests.sim.scheduler import EPOCH, Process, Scheduler
from tests.sim.shop import VISIBLE_WITHIN_S, Shop, dump
from tests.sim.stores.catalog import (
    CatalogTables,
    ConnectionEntry,
    ItemEntry,
    LocationEntry,
    MappingEntry,
    PlaceEntry,
)
from tests.sim.stores.database import DatabaseLost
from tests.sim.till import Entry, Till
from tests.sim.workers import Crew

SHOP_ID, TILL_ID = 1, 2
LOCATIONS = ("W1", "W2", "S1")
POOL = ("W1", "W2")
STALL_S = 6.5
RESEND_S = 5.0


@dataclass(frozen=True, slots=True)
class Article:
    """An item with its names. `pack`: how many of it one article of the shop holds."""

    id: int
    ref: str  # in the shop
    item: str  # at the till
    pack: int = 1


@dataclass
class World:
    """Built from the seed's randomness alone."""

    seed: int
    trace: Callable[[str], None] | None = None
    articles: list[Article] = field(default_factory=list)
    unmapped: list[Article] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    sent: list[tuple[float, LevelWrite]] = field(default_factory=list)
    buffer: int = 0
    skew_s: float = 0.0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.faults: Faults = fault_mix.draw(self.rng)
        self.scheduler = Scheduler(self.rng, self._latency, self._dies, trace=self.trace)
        self.shop = Shop(lambda: self.scheduler.now_s, self._hides, self._shop_hook)
        self.skew_s = self.rng.choice((0.0, 0.0, -40.0, 25.0))
        self.till = Till(lambda: self.scheduler.now_s + self.skew_s, self._till_tells)
        self.shop_wire = Wire(self.scheduler, self.rng, self.faults, "the shop")
        self.till_wire = Wire(self.scheduler, self.rng, self.faults, "the till")
        # Drawn apart, so that what a seed does otherwise does not hang on it.
        apart = random.Random(f"shop {self.seed}")
        self.calls_per_s, self.burst = apart.choice(((20.0, 60), (20.0, 60), (4.0, 10)))
        self.applies_later = apart.random() < 0.25
        self.jobs = Jobs(self.shop, self.shop_wire)
        self.shop_wire.admit = self._admit
        self.catalog = CatalogTables()
        self.connectors: dict[str, Connector] = {"simshop": ShopConnector(), "simtill": TillConnector()}
        self.hub = Hub(self.scheduler, self.rng, self.faults, self.catalog, self.connectors, self._account)
        self.rechecked_s: dict[str, float] = {}
        self.crew = Crew(self.hub, self.scheduler, self.rng, self.faults, self.rechecked_s)
        self.door = Door(
            lookup=self._known,
            submit=self._submit,
            wake=lambda tier: self.crew.publish("drain", tier),
            refuses=lambda tier: BACKLOG if self.rng.random() < self.faults.throttled else "",
            clock=self.scheduler.clock,
            new_id=self.hub.new_id,
        )
        self._build()

    # ── landscape ────────────────────────────────────────────────────────────────────────────────────
    def _build(self) -> None:
        rng, hub, catalog = self.rng, self.hub, self.catalog
        for code, sells in (("shop", True), ("till", False)):
            number = catalog.add(catalog.connections, ConnectionEntry(code, sells=sells))
            hub.intake.tables.connections[number] = (code, f"sim{code}")
            hub.ledger.tables.connections[code] = number
        complete = rng.random() < 0.5
        for rank, code in enumerate(LOCATIONS):
            place = LocationEntry(
                code, Mode.MOVEMENTS, rank, complete_since=EPOCH if complete else None, authority=TILL_ID
            )
            number = catalog.add(catalog.locations, place)
            hub.ledger.tables.places[number] = Place(Mode.MOVEMENTS, code, complete)
            catalog.places.append(PlaceEntry(TILL_ID, code, number, counts_from=True))
            if code in POOL:
                catalog.places.append(PlaceEntry(SHOP_ID, "", number, sells_for=True, fulfils=True))
        hub.lane_tables.budgets[SHOP_ID] = Bucket(
            Decimal(self.burst), Decimal(str(self.calls_per_s)), Decimal(self.burst), EPOCH
        )
        self.buffer = rng.choice((0, 0, 1))
        hub.figures.policies[SHOP_ID, None] = PolicyFacts(
            SHOP_ID, None, buffer=to_micro(self.buffer), version=1
        )
        for number in range(1, rng.choice((2, 3, 3)) + 1):
            pack = rng.choice((1, 1, 1, 2))
            item_id = catalog.add(catalog.items, ItemEntry(f"SKU-{number}"))
            article = Article(item_id, f"p{number}", f"t{number}", pack)
            self.articles.append(article)
            self.shop.figures[article.ref] = rng.choice((0, 2, 4))
            catalog.add(catalog.mappings, MappingEntry(TILL_ID, article.item, item_id))
            if number > 1 and rng.random() < 0.2:
                self.unmapped.append(article)
            else:
                self._map(article)
            for code in LOCATIONS:
                if code == "S1" or rng.random() < 0.9:
                    self.till.count(article.item, code, rng.randrange(0, 6))

    def _map(self, article: Article) -> None:
        with self.hub.database.transaction():
            self.catalog.add(
                self.catalog.mappings,
                MappingEntry(SHOP_ID, article.ref, article.id, Factor(article.pack, 1)),
            )
            self.hub.lanes.add(SHOP_ID, article.id, ListingRef(article.ref), factor=Factor(article.pack, 1))
            self.hub.figures.mark(article.id, now=self.scheduler.clock())

    def staff_maps(self, article: Article) -> None:
        """A person confirms the mapping; what waited for it is put back, as the console does."""
        self.unmapped.remove(article)
        self._map(article)
        with self.hub.database.transaction():
            waiting = self.hub.intake.waiting_for(SHOP_ID, f"item:{article.ref}")
            self.hub.intake.requeue(waiting, now=self.scheduler.clock())

    def _account(self, connection_id: int) -> Account:
        if connection_id == SHOP_ID:
            if self.applies_later:
                later = LaterShopClient(self.shop, self.shop_wire, self._sending, LATER, self.jobs)
                return Account(SHOP_ID, "shop", LATER, later, [])
            client = ShopClient(self.shop, self.shop_wire, self._sending)
            return Account(SHOP_ID, "shop", SHOP, client, [])
        return Account(
            TILL_ID, "till", TILL, TillClient(self.shop, self.till_wire, self._sending, till=self.till), []
        )

    def _admit(self) -> None:
        """Let a call go once it is paid, as connections/gate.py does."""
        may_go, waited = spending.writes(), 0.0
        while True:
            if may_go is not None and not may_go():
                raise BudgetSpent("Its turn came too late to write.", retry_after_s=1.0)
            wait_s = self.hub.lanes.pay(SHOP_ID, now=self.scheduler.clock())
            if not wait_s:
                return
            if waited + wait_s > min(PATIENCE_S, spending.patience_s()):
                raise BudgetSpent("Its budget is spent.", retry_after_s=wait_s)
            self.scheduler.sleep(wait_s)
            waited += wait_s

    def _sending(self, writes: Sequence[LevelWrite]) -> None:
        self.sent += [(self.scheduler.now_s, write) for write in writes]

    # ── chance ───────────────────────────────────────────────────────────────────────────────────────
    def _latency(self) -> float:
        draw = self.rng.random()
        if draw < self.faults.stall * 0.1:
            return self.rng.uniform(1.0, STALL_S)
        if draw < 0.5:
            return 0.0
        return self.rng.uniform(0.0, 0.3 if draw < 0.5 + self.faults.steps_slow / 2 else 0.02)

    def _dies(self, label: str) -> bool:
        return self.rng.random() < self.faults.crash

    def _hides(self) -> float:
        if self.rng.random() >= self.faults.hides:
            return 0.0
        return self.rng.uniform(0.0, VISIBLE_WITHIN_S - 1.0)

    # ── webhooks ─────────────────────────────────────────────────────────────────────────────────────
    def _shop_hook(self, topic: str, ref: str) -> None:
        """The shop sends once and never again; what it sends is rendered when it is sent."""
        draw, faults = self.rng.random, self.faults
        if draw() < faults.hook_lost:
            return
        delay = self.rng.uniform(5, 40) if draw() < faults.hook_late else self.rng.uniform(0.0, 1.0)
        late_body = draw() < 0.5
        body = None if late_body else self._render(topic, ref)

        def send() -> None:
            raw = self._render(topic, ref) if body is None else body
            for _ in range(2 if draw() < faults.hook_doubled else 1):
                self._knock("shop", topic, ref, raw)

        self.scheduler.after(delay, send)

    def _render(self, topic: str, ref: str) -> bytes:
        if topic == "figure":
            return self.shop.figure_body(ref)
        if topic == "order" and not self.shop.orders[int(ref)].gone:
            return dump(self.shop.orders[int(ref)].body())
        return dump({"id": int(ref)}) if topic == "order.gone" else b""

    def _till_tells(self, entries: list[Entry]) -> None:
        """The till sends until it is acknowledged, in pages cut anyhow, and some never at all."""
        draw = self.rng.random
        for entry in entries:
            if draw() < self.faults.hook_lost:
                continue
            page = [entry.body()]
            if draw() < 0.2:
                others = [each for each in self.till.versions[-4:] if each.location == entry.location]
                page += [each.body() for each in others]
            raw = journal_page(page, entry.location).body
            delay = self.rng.uniform(5, 60) if draw() < self.faults.hook_late else self.rng.uniform(0.0, 1.0)
            copies = 2 if draw() < self.faults.hook_doubled else 1
            for _ in range(copies):
                self.scheduler.after(
                    delay * self.rng.uniform(0.5, 1.0),
                    partial(self._knock, "till", "journal", entry.location, raw, resend=True),
                )

    def junk(self, topic: str) -> None:
        """Send a message nothing good can come of."""
        number = self.rng.randrange(10_000)
        body = {"id": f"poison-{number}", "stamp": 1, "status": "committed", "placed_s": 0, "hold_minutes": 0}
        lines = [{"id": "1", "ref": self.articles[0].ref, "quantity": 1}]
        self._knock("shop", topic, str(self.rng.randrange(1, 6)), dump({**body, "lines": lines}))

    def _knock(self, code: str, topic: str, ref: str, raw: bytes, *, resend: bool = False) -> None:
        if raw:
            run = lambda: self._deliver(code, topic, ref, raw, resend=resend)  # noqa: E731
            self.scheduler.spawn(Process(f"door {code}", run))

    def _deliver(self, code: str, topic: str, ref: str, raw: bytes, *, resend: bool) -> None:
        """Bring one message to the real door, and note what it promised."""
        self.scheduler.step("knock")
        answer: list[str] = []
        b"".join(
            self.door(
                {
                    "PATH_INFO": f"/hooks/{code}/",
                    "REQUEST_METHOD": "POST",
                    "CONTENT_LENGTH": str(len(raw)),
                    "wsgi.input": io.BytesIO(raw),
                    "HTTP_X_TOPIC": topic,
                    "HTTP_X_REF": ref,
                },
                lambda status, headers, exc_info=None: answer.append(status),  # type: ignore[arg-type]
            )
        )
        if answer[0].startswith("2"):
            self.acknowledged.append(f"{code} {raw.decode()}")
        elif resend:
            again = lambda: self._knock(code, topic, ref, raw, resend=True)  # noqa: E731
            self.scheduler.after(RESEND_S, again)

    def _known(self, code: str) -> Knocked:
        number = {"shop": SHOP_ID, "till": TILL_ID}[code]
        return Knocked(number, code, self.connectors[f"sim{code}"], None, "")

    def _submit(self, delivery: NewDelivery) -> Future[int | None]:
        future: Future[int | None] = Future()
        try:
            with self.hub.transaction():
                stored = self.hub.intake.store([delivery])
            future.set_result(stored.ids[0])
        except DatabaseLost as error:
            future.set_exception(error)
        return future

    # ── facts ────────────────────────────────────────────────────────────────────────────────────────
    def article(self, ref: str) -> Article:
        return next(each for each in self.articles if ref in (each.ref, each.item))

    def location_id(self, code: str) -> int:
        return LOCATIONS.index(code) + 1

    def shipped(self, order_id: int, line: str) -> int:
        return -sum(each.quantity for each in self.till.journal if each.fulfils == (str(order_id), line))

    def bodies_kept(self) -> set[str]:
        tables = self.hub.intake.tables
        return {
            f"{tables.connections[row.new.connection_id][0]} {row.new.body.decode()}"
            for row in tables.deliveries.values()
        }
