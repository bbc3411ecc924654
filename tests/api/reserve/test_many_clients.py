"""Sixty-four clients at two doors, on real PostgreSQL: at every commit what was accepted is there.

The watch is a trigger that lives in the test database only: whoever raises what is owed of an item must leave
no more owed than there is. Counts may take stock away at any time, and then nothing more is accepted. Clocks
are real and holds are short, so that some end in between; no assertion depends on which.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from inventory_sync.api.reserve.wiring import make_door
from inventory_sync.ledger import selectors
from inventory_sync.ledger.models import Allocation, Order, Reservation, StockLevel
from inventory_sync.ledger.rows import execute
from tests import factories
from tests.api.reserve.conftest import Caller, Shop, Told

CLIENTS, TURNS, COUNTS = 64, 8, 30
WATCH = """
CREATE FUNCTION tests_watch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owed numeric; there numeric; before numeric;
BEGIN
    SELECT sum(quantity) INTO owed FROM ledger_owed WHERE item_id = NEW.item_id;
    SELECT sum(on_hand) INTO there FROM ledger_stocklevel WHERE item_id = NEW.item_id;
    SELECT quantity INTO before FROM tests_owed WHERE item_id = NEW.item_id;
    IF owed > there AND owed > coalesce(before, 0) THEN
        RAISE EXCEPTION 'oversold: %% owed of item %%, %% before, %% there', owed, NEW.item_id, before, there;
    END IF;
    INSERT INTO tests_owed VALUES (NEW.item_id, owed)
    ON CONFLICT (item_id) DO UPDATE SET quantity = excluded.quantity;
    RETURN NULL;
END $$;
CREATE TABLE tests_owed (item_id bigint PRIMARY KEY, quantity numeric);
CREATE CONSTRAINT TRIGGER tests_watch AFTER INSERT OR UPDATE ON ledger_owed
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tests_watch();
"""
UNWATCH = "DROP TRIGGER tests_watch ON ledger_owed; DROP FUNCTION tests_watch(); DROP TABLE tests_owed;"


@pytest.fixture
def watched(transactional_db: None) -> Iterator[None]:
    execute(WATCH)
    yield
    execute(UNWATCH)


@pytest.fixture
def callers(watched: None, shop: Shop, key: str) -> Iterator[list[Caller]]:
    """Callers at two doors that lose some answers after the commit."""
    doors = [make_door() for _ in range(2)]
    for seed, door in enumerate(doors):
        door._submit = Losing(door._submit, random.Random(seed))  # type: ignore[assignment]
    yield [Caller(doors[number % 2], key) for number in range(CLIENTS)]
    for door in doors:
        door.stop()


class Losing:
    """Submits, and now and then is killed between the commit and the answer."""

    def __init__(self, submit: Any, chance: random.Random) -> None:
        self._submit, self._chance = submit, chance

    def __call__(self, asked: Any) -> Any:
        future = self._submit(asked)
        if self._chance.random() < 0.15:
            future.result(30)
            raise ConnectionError("killed between the commit and the answer")
        return future


class Client:
    """One client: its own references, its own dice, and what it was told last of each."""

    def __init__(self, number: int, caller: Caller) -> None:
        self.number, self.caller = number, caller
        self.dice = random.Random(1000 + number)
        self.versions: dict[str, int] = {}
        self.told: Counter[str] = Counter()

    def live(self) -> Counter[str]:
        try:
            for turn in range(TURNS):
                self.turn(turn)
            return self.told
        finally:
            connection.close()

    def turn(self, turn: int) -> None:
        act = self.dice.choice(
            ["reserve", "reserve", "reserve", "amend", "commit", "cancel", "release", "extend"]
        )
        if act == "reserve" or not self.versions:
            self.reserve(f"r{self.number}-{turn}")
            return
        reference = self.dice.choice(sorted(self.versions))
        if act == "amend":
            self.versions[reference] += 1
            body = {"version": self.versions[reference], "lines": self.lines()}
            self.ask("PATCH", f"/shop/{reference}", body)
        elif act == "extend":
            self.ask("POST", f"/shop/{reference}/extend", {"hold_s": 5})
        else:
            self.ask("POST", f"/shop/{reference}/{act}")

    def reserve(self, reference: str) -> None:
        self.versions[reference] = 1
        body: dict[str, Any] = {"channel": "shop", "reference": reference, "lines": self.lines()}
        body["mode"] = self.dice.choice(["all_or_nothing", "partial"])
        if self.dice.random() < 0.5:
            body["hold_s"] = self.dice.choice([1, 1, 600])
        self.ask("POST", "", body)

    def lines(self) -> list[dict[str, Any]]:
        """Return one to three lines, the same item in two of them at times, kits and components mixed."""
        skus = [self.dice.choice(["MUG", "MUG", "CUP", "TRAY"]) for _ in range(self.dice.randint(1, 3))]
        return [
            {"line": f"l{index}", "sku": sku, "quantity": self.dice.randint(1, 3)}
            for index, sku in enumerate(skus)
        ]

    def ask(self, method: str, path: str, body: Any = None) -> Told:
        """Ask until there is an answer; each time the very same."""
        for _ in range(50):
            told = self.caller(method, path, body)
            self.told[f"{told.status} {told.body.get('code', '')}"] += 1
            if told.status != 503:
                return told
        raise AssertionError(f"no answer: {told.body}")


def counting(shop: Shop, items: list[Any]) -> None:
    """Count stock up and down while clients ask."""
    dice = random.Random(5)
    try:
        for _ in range(COUNTS):
            shop.count(dice.randint(0, 40), dice.choice(items), dice.choice([shop.near, shop.far]))
    finally:
        connection.close()


def stock(item: Any) -> Decimal:
    return sum((row.on_hand for row in StockLevel.objects.filter(item=item)), Decimal(0))


def owed(item: Any) -> Decimal:
    return sum(
        (row.quantity - row.contained for row in Allocation.objects.filter(item=item, open=True)), Decimal(0)
    )


def test_whatever_sixty_four_clients_ask_nothing_is_promised_that_is_not_there(shop, callers):
    cup = factories.make_item("CUP")
    factories.make_kit("TRAY", {shop.mug: 2, cup: 1})
    items = [shop.mug, cup]
    for item in items:
        for place in (shop.near, shop.far):
            shop.count(40, item, place)

    clients = [Client(number, caller) for number, caller in enumerate(callers)]
    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        counts = pool.submit(counting, shop, items)
        told = sum((each.result(120) for each in [pool.submit(client.live) for client in clients]), Counter())
        counts.result(120)

    assert told["201 "] > 10
    assert told["409 reservation.not_enough"] > 5
    assert told["503 server.database_unavailable"] > 5  # the answers that were lost

    # At the end, while demand waits, all that is there is promised and not a piece more. Holds would end in
    # between by the clock, so none is left.
    last = Client(98, callers[0])
    for order in Order.objects.filter(reservations__state=Reservation.State.HELD).distinct():
        last.ask("POST", f"/shop/{order.order_ref}/cancel")
    for item in items:
        shop.count(int(owed(item)) + 10, item, shop.near)
        shop.count(10, item, shop.far)
        waiting = Client(99, callers[0])
        answers = [
            waiting.ask(
                "POST",
                "",
                {
                    "channel": "shop",
                    "reference": f"{item.sku}-{number}",
                    "lines": [{"line": "1", "sku": item.sku, "quantity": 1}],
                },
            )
            for number in range(int(stock(item) - owed(item)) + 3)
        ]
        assert owed(item) == stock(item)
        assert [answer.status for answer in answers[-3:]] == [409, 409, 409]

    assert selectors.verify_owed() == []


def test_the_same_request_from_many_clients_at_once_counts_once(shop, callers):
    body = {
        "channel": "shop",
        "reference": "one",
        "lines": [{"line": "1", "sku": "MUG", "quantity": 2}],
        "hold_s": 600,
    }

    def ask(number: int) -> Told:
        try:
            return Client(number, callers[number]).ask("POST", "", body)
        finally:
            connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(ask, range(CLIENTS)))

    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["expires_at"] for answer in answers}) == 1
    assert owed(shop.mug) == 2
