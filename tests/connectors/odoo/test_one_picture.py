"""Quantity, reservations and what lines contain belong together, whatever people do while they are read."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from tests.connectors.odoo.books import foreign_order, order, read, transfers
from tests.connectors.odoo.hall import Hall, id_of

Told = tuple[Decimal, Decimal, Decimal, Decimal]
STOCK = 40


@dataclass
class Floor:
    """One product, orders of ours and of Odoo's own, people who act on them, every state there ever was."""

    hall: Hall
    item: str = ""
    waiting: int = 0
    sales: list[int] = field(default_factory=list)
    ours: set[int] = field(default_factory=set)
    history: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.item = self.hall.product("MUG", stock=STOCK)
        for number in range(3):
            self.sales.append(order(self.hall, f"48{number}", self.item, 3))
        self.ours = {row["id"] for row in self.hall.rows("sale.order.line")}
        self.waiting = foreign_order(self.hall, self.item, 3)
        (picking,) = transfers(self.hall, self.waiting)
        self.hall.twin.call("stock.picking", "do_unreserve", [picking["id"]])
        self.sales += [foreign_order(self.hall, self.item, 2), foreign_order(self.hall, self.item, 3)]
        self.history.append(self.truth())

    def truth(self) -> Told:
        """Return quantity, reserved, c and what of it was delivered, as the twin's own rows have them now."""
        product = ("product_id", "=", id_of(self.item))
        quants = self.hall.rows("stock.quant", product, ("location_id.usage", "=", "internal"))
        contained = delivered = Decimal(0)
        for move in self.hall.rows("stock.move", product, ("sale_line_id", "in", sorted(self.ours))):
            outward = self._usage(move["location_dest_id"]) == "customer"
            if move["state"] != "cancel" and outward and self._usage(move["location_id"]) == "internal":
                lines = self.hall.rows("stock.move.line", ("move_id", "=", move["id"]))
                quantity = sum((Decimal(str(line["quantity"])) for line in lines), Decimal(0))
                contained += quantity
                delivered += quantity if move["state"] == "done" else 0
        return (
            sum((Decimal(str(row["quantity"])) for row in quants), Decimal(0)),
            sum((Decimal(str(row["reserved_quantity"])) for row in quants), Decimal(0)),
            contained,
            delivered,
        )

    def _usage(self, location: int) -> str:
        (row,) = self.hall.rows("stock.location", ("id", "=", location))
        return str(row["usage"])

    def told(self) -> Told:
        """Return the same as the connector reads it."""
        row = read(self.hall, self.item)[self.hall.place]
        contained = sum((each.contained for each in row.held), Decimal(0))
        delivered = sum((each.delivered for each in row.held), Decimal(0))
        return row.quantity, row.reserved, contained, delivered

    # ── what people do, each in one transaction ──

    def act(self, what: Callable[[], Any]) -> None:
        """Let somebody act and note the state it leaves, at once."""
        with self.hall.twin.db.store.lock:
            what()
            self.history.append(self.truth())

    def picking(self, sale: int, *states: str) -> int | None:
        found = [row["id"] for row in transfers(self.hall, sale) if row["state"] in states]
        return int(found[-1]) if found else None

    def unassign(self, sale: int) -> None:
        if picking := self.picking(sale, "assigned", "confirmed"):
            self.act(lambda: self.hall.twin.call("stock.picking", "do_unreserve", [picking]))

    def assign(self, sale: int) -> None:
        if picking := self.picking(sale, "confirmed", "assigned"):
            self.act(lambda: self.hall.twin.call("stock.picking", "action_assign", [picking]))

    def ship(self, sale: int) -> None:
        if picking := self.picking(sale, "assigned"):
            self.act(lambda: self.hall.twin.call("stock.picking", "button_validate", [picking]))

    def cancel(self, sale: int) -> None:
        if picking := self.picking(sale, "assigned", "confirmed"):
            self.act(lambda: self.hall.twin.call("stock.picking", "action_cancel", [picking]))

    def give_back(self, sale: int) -> None:
        """One unit of what was shipped comes back."""
        picking = self.picking(sale, "done")
        if picking is None:
            return
        back = self._return_of(picking)
        if back:
            self.act(lambda: self.hall.twin.call("stock.picking", "button_validate", [back]))

    def _return_of(self, picking: int) -> int:
        call = self.hall.twin.call
        (row,) = self.hall.rows("stock.picking", ("id", "=", picking))
        if self._usage(row["location_dest_id"]) != "customer":
            return 0
        (wizard,) = call("stock.return.picking", "create", vals_list=[{"picking_id": picking}])
        lines = [
            line["id"] for line in self.hall.rows("stock.return.picking.line", ("wizard_id", "=", wizard))
        ]
        call("stock.return.picking.line", "write", lines, vals={"quantity": 1})
        return int(call("stock.return.picking", "action_create_returns", [wizard])["res_id"])

    def ship_and_assign(self, sale: int) -> None:
        """As much is shipped as somebody else gets assigned: the sum of all reservations stays."""
        if sale == self.waiting:
            return
        (picking,) = self.hall.rows("stock.picking", ("id", "=", self.picking(sale, "assigned")))
        (other,) = transfers(self.hall, self.waiting)
        self.act(lambda: self.hall.twin.call("stock.picking", "button_validate", [picking["id"]]))
        self.act(lambda: self.hall.twin.call("stock.picking", "action_assign", [other["id"]]))

    def receive(self) -> None:
        self.act(lambda: self.hall.put(self.item, float(self.truth()[0]) + 1))


CALLS = 4
DEEDS = ["unassign", "assign", "ship", "give_back", "cancel", "ship_and_assign"]


@pytest.mark.parametrize("version", [18, 19])
@pytest.mark.parametrize("before", range(CALLS))
@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("whose", [0, -1], ids=["ours", "theirs"])
def test_somebody_acting_between_two_calls_of_a_reading_leaves_one_picture(
    version: int, before: int, deed: str, whose: int
):
    floor = Floor(Hall(version))
    if deed == "assign":
        floor.unassign(floor.sales[whose])
    if deed == "give_back":
        floor.ship(floor.sales[whose])
    floor.told()  # what is asked once and kept is asked now
    start, acted = len(floor.hall.calls), []

    def somebody(_: str, made: int) -> None:
        if made - start == before and not acted:
            acted.append(made)
            getattr(floor, deed)(floor.sales[whose])

    floor.hall.before_call = somebody

    assert floor.told() in floor.history


def test_the_acts_of_these_tests_do_happen_between_the_calls_of_a_reading():
    floor = Floor(Hall(19))
    floor.told()
    start = len(floor.hall.calls)
    floor.told()

    assert 2 <= len(floor.hall.calls) - start <= CALLS
    for deed, sale in zip(DEEDS, (0, 0, 0, 0, 1, 2), strict=True):
        states = len(floor.history)
        getattr(floor, deed)(floor.sales[sale])
        assert len(floor.history) > states, deed


@pytest.mark.parametrize("version", [18, 19])
@pytest.mark.parametrize("before", range(CALLS))
def test_the_only_reservation_taken_back_between_two_calls_leaves_one_picture(version: int, before: int):
    floor = Floor(Hall(version))
    for sale in (*floor.sales[1:], floor.waiting):
        floor.cancel(sale)
    floor.told()
    start = len(floor.hall.calls)

    def somebody(_: str, made: int) -> None:
        if made - start == before:
            floor.cancel(floor.sales[0])

    floor.hall.before_call = somebody

    assert floor.told() in floor.history


@pytest.mark.parametrize("version", [18, 19])
@pytest.mark.parametrize("seed", range(2))
def test_readings_while_others_work_show_only_states_that_were(version: int, seed: int):
    floor = Floor(Hall(version))
    dice = random.Random(seed)
    stop = threading.Event()
    failures: list[BaseException] = []
    deeds = [*[floor.unassign, floor.assign] * 6, floor.ship, floor.give_back, floor.cancel]

    def work() -> None:
        try:
            while not stop.is_set():
                dice.choice(deeds)(dice.choice(floor.sales))
                if dice.random() < 0.1:
                    floor.receive()
        except BaseException as error:
            failures.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        seen = [floor.told() for _ in range(12)]
    finally:
        stop.set()
        worker.join(timeout=60)

    assert failures == []
    assert len(set(floor.history)) > 2
    assert [told for told in seen if told not in floor.history] == []
