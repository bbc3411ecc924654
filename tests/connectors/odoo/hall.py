"""A client in one room with a twin: its network is the twin's own door, without sockets and without waiting.

Calls are told by their model.method in the order made, and a fault can be put on the n-th of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

from connectors.base.twinkit import Request
from connectors.odoo.client import OdooClient
from connectors.odoo.learnt import Learnt
from connectors.odoo.twin import DATABASE, KEY, LOGIN, OdooTwin
from connectors.odoo.twin_seed import add_product
from inventory_sync.domain.commands import (
    CopyLine,
    CopySeen,
    DocumentState,
    Done,
    MirrorDocument,
    MirrorLine,
    OrderCopy,
)
from inventory_sync.domain.copies import Equal, Step, decide
from inventory_sync.domain.errors import Transient
from inventory_sync.domain.external import Reason
from inventory_sync.domain.ports import Outside
from tests.connectors.odoo.replays import called, config

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SHOP = "woo-de"


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Hall:
    """One twin with a warehouse, a customer and goods, and as many clients as a test wants."""

    version: int
    clock: Clock = field(default_factory=Clock)
    calls: list[str] = field(default_factory=list)
    before_call: Callable[[str, int], None] | None = None
    """Called with model.method and how many calls were made before it; to have somebody act in between."""

    def __post_init__(self) -> None:
        self.twin = OdooTwin(version=self.version, now=self.clock, sleep=lambda _: None)
        with self.twin.env() as env:
            self.customer = env.create("res.partner", {"name": "Web customers"})
            house = env.rows("stock.warehouse")[0]
            self.place = f"warehouse:{house['id']}"
            self.stock = int(house["lot_stock_id"])
        self.client = self.new_client()

    def new_client(
        self, *, network: bool = False, learnt: Learnt | None = None, **changes: Any
    ) -> OdooClient:
        """Return another client of the same user; `network`: over real sockets, to a twin that serves."""
        values = {
            "base_url": "https://127.0.0.1",
            "database": DATABASE,
            "login": LOGIN,
            "api_key": KEY,
            "next_api_key": "",
            "order_customer_id": self.customer,
        }
        return OdooClient(
            config(**{**values, **changes}),
            connection="odoo",
            outside=Outside(private_hosts=("127.0.0.1",)),
            transport=httpx.MockTransport(self._answer),
            now=self.clock,
            learnt=learnt,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        what = called(request)
        if self.before_call is not None:
            self.before_call(what, len(self.calls))
        self.calls.append(what)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.twin.tick()
        path, query = request.url.path, request.url.query.decode()
        answer = self.twin.answer(Request(request.method, path, query, headers, request.content))
        if answer.hang_up:
            raise httpx.ReadError("the connection was closed", request=request)
        return httpx.Response(
            answer.status, headers=list(answer.headers), stream=httpx.ByteStream(answer.body)
        )

    # ── goods ──

    def product(self, code: str, *, stock: float = 0, **more: Any) -> str:
        """Make a product and return its ref."""
        with self.twin.env() as env:
            number = add_product(env, code, f"Item {code}", **more)
        if stock:
            self.put(f"product:{number}", stock)
        return f"product:{number}"

    def put(self, item: str, quantity: float, location: int = 0) -> None:
        self.twin.call(
            "stock.quant",
            "create",
            vals_list=[
                {
                    "product_id": id_of(item),
                    "location_id": location or self.stock,
                    "inventory_quantity_auto_apply": quantity,
                }
            ],
            context={"inventory_mode": True},
        )

    def archive(self, item: str) -> None:
        self.write("product.product", [id_of(item)], active=False)

    # ── looking and acting as people do ──

    def rows(self, model: str, *domain: tuple[str, str, Any]) -> list[Any]:
        with self.twin.env(active_test=False) as env:
            return list(env.rows(model, list(domain), active_test=False))

    def write(self, model: str, ids: list[int], **values: Any) -> None:
        self.twin.call(model, "write", ids, vals=values)

    def on_hand(self, item: str) -> Decimal:
        """Return what all internal locations hold."""
        rows = self.rows(
            "stock.quant", ("product_id", "=", id_of(item)), ("location_id.usage", "=", "internal")
        )
        return sum((Decimal(str(row["quantity"])) for row in rows), Decimal(0))

    def reserved(self, item: str) -> Decimal:
        rows = self.rows(
            "stock.quant", ("product_id", "=", id_of(item)), ("location_id.usage", "=", "internal")
        )
        return sum((Decimal(str(row["reserved_quantity"])) for row in rows), Decimal(0))

    def orders(self) -> list[Any]:
        return self.rows("sale.order")

    def pickings(self, name: str) -> list[Any]:
        return self.rows("stock.picking", ("name", "=", name))

    def writes(self) -> list[str]:
        """Return the calls that change something, in the order made."""
        return [what for what in self.calls if is_write(what)]


def is_write(what: str) -> bool:
    method = what.rpartition(".")[2]
    return method in ("create", "write", "unlink", "load") or method.startswith(("action_", "button_"))


def id_of(item: str) -> int:
    return int(item.partition(":")[2])


def copy_of(hall: Hall, order: str, *lines: tuple[str, str, int | str], **more: Any) -> OrderCopy:
    """Return an order of the shop; lines are (line_ref, item_ref, quantity)."""
    return OrderCopy(
        source=SHOP,
        order_ref=order,
        location_ref=more.pop("place", hall.place),
        number=f"#{order}",
        lines=tuple(CopyLine(ref, item, Decimal(quantity)) for ref, item, quantity in lines),
        **more,
    )


def document(
    hall: Hall,
    name: str,
    *lines: tuple[str, int | str] | tuple[str, int | str, str],
    reason: Reason = Reason.SALE,
    arrives: bool = False,
    place: str = "",
) -> MirrorDocument:
    """Return a document of the mirror; lines are (item_ref, quantity) or (item_ref, quantity, lot)."""
    return MirrorDocument(
        name=name,
        location_ref=place or hall.place,
        reason=reason,
        arrives=arrives,
        lines=tuple(
            MirrorLine(line[0], Decimal(line[1]), line[2] if len(line) > 2 else "") for line in lines
        ),
        note="what a person reads",
    )


STEPS = {Step.WRITE: "write_copies", Step.CONFIRM: "confirm_copies", Step.CANCEL: "cancel_copies"}
LONGER_THAN_ANY_CALL = 400.0


def settle(hall: Hall, copy: OrderCopy, *, patient: bool = True, tries: int = 20) -> CopySeen:
    """Do what the hub does with one copy: read, take the missing step, read again, until it is as wanted.

    patient: after a lost answer it waits until nothing can land any more; else it goes on at once.
    """
    for _ in range(tries):
        try:
            seen = hall.client.read_copies([copy])[0]
            decision = decide(copy, seen, known=False, may_revive=True)
            if isinstance(decision, Equal):
                return seen
            assert isinstance(decision, Step)
            done = getattr(hall.client, STEPS[decision])([copy])[0]
            if done.error is not None:
                raise done.error
        except Transient:
            hall.clock.advance(LONGER_THAN_ANY_CALL if patient else 1)
    raise AssertionError(f"not as wanted after {tries} tries")


def book(
    hall: Hall, documents: Sequence[MirrorDocument], *, patient: bool = True, tries: int = 20
) -> list[Done]:
    """Do what the hub does with documents: book, and after a lost answer read and book again."""
    for _ in range(tries):
        try:
            states = hall.client.read_documents([each.name for each in documents])
            if all(state is DocumentState.BOOKED for state in states.values()):
                return [Done(each.name) for each in documents]
            results = hall.client.book_documents(documents)
        except Transient:
            hall.clock.advance(LONGER_THAN_ANY_CALL if patient else 1)
            continue
        if not any(isinstance(done.error, Transient) for done in results):
            return results
    raise AssertionError(f"not booked after {tries} tries")
