"""The till's own arithmetic: the latest count and every delta after it, whatever is late or corrected."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.till.twin import TillTwin
from connectors.till.twin_books import SIGNS, NotEnough

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SEED: dict[str, Any] = {
    "items": [
        {"sku": "MUG", "name": "Mug", "packs": [{"unit": "CT", "factor": "12"}]},
        {"sku": "PEN", "name": "Pen", "packs": []},
        {"sku": "SET", "name": "Set", "kind": "kit", "components": [{"sku": "MUG", "quantity": "2"}]},
    ],
    "locations": [{"code": "WH", "name": "Warehouse"}, {"code": "ST", "name": "Store"}],
    "stock": [
        {"location": "WH", "sku": "MUG", "quantity": "100"},
        {"location": "ST", "sku": "MUG", "quantity": "10"},
        {"location": "ST", "sku": "PEN", "quantity": "5.5"},
    ],
    "woo": {
        "products": [
            {"id": 1, "item": "SET"},
            {"id": 2, "item": "MUG", "factor": "12"},
            {"id": 3, "item": None},
        ],
        "sells_from": ["WH"],
    },
    "till": {
        "stores": [{"external_id": "W-1", "location": "WH"}, {"external_id": "S-1", "location": "ST"}],
        "items": [
            {"external_id": "MUG", "item": "MUG", "unit": "C62", "factor": "1", "name": "Mug", "gtin": "1"},
            {"external_id": "PEN", "item": "PEN", "unit": "C62", "factor": "1", "name": "Pen", "gtin": "2"},
        ],
    },
}


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def twin(clock: Clock) -> TillTwin:
    twin = TillTwin(now=clock)
    twin.seed(SEED)
    clock.at += timedelta(minutes=1)
    return twin


def line(quantity: Any, sku: str = "MUG", **more: Any) -> dict[str, Any]:
    return {"sku": sku, "quantity": str(quantity), **more}


def left(twin: TillTwin, store: str = "S-1", sku: str = "MUG") -> Decimal:
    return twin.till.on_hand(store, sku)


def test_the_first_start_counts_every_shelf_once_and_a_second_one_nothing(twin: TillTwin) -> None:
    opening = [
        (event["type"], event["store"]) for store in ("W-1", "S-1") for event in twin.till.events(store)
    ]

    assert opening == [("count", "W-1"), ("count", "S-1"), ("count", "S-1")]
    assert twin.seed(SEED) == 0
    assert (left(twin, "W-1"), left(twin, sku="PEN")) == (100, Decimal("5.5"))


@pytest.mark.parametrize(
    ("kind", "quantity", "after"),
    [("sale", 2, 8), ("return", 2, 12), ("receipt", 2, 12), ("shipment", 2, 8), ("adjustment", -3, 7),
     ("adjustment", 3, 13), ("count", 4, 4), ("count", 0, 0)],
)  # fmt: skip
def test_what_each_event_does(twin: TillTwin, kind: str, quantity: int, after: int) -> None:
    event = twin.till.write(kind, "S-1", [line(quantity)])

    assert left(twin) == after
    assert (event["sequence"], event["id"]) == (3, "S-1-000003")
    assert event["lines"] == [{"line": 1, "sku": "MUG", "uom": "C62", "quantity": str(quantity)}]


@pytest.mark.parametrize("quantity", ["0", "-1", "1.0000001"])
def test_a_quantity_that_does_not_suit_is_refused_and_leaves_no_event(twin: TillTwin, quantity: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        twin.till.write("sale", "S-1", [line(quantity)])

    assert (left(twin), twin.till.last_sequence("S-1")) == (10, 2)


def test_what_is_not_there_is_neither_sold_nor_shipped_counting_both_lines(twin: TillTwin) -> None:
    with pytest.raises(NotEnough):
        twin.till.write("shipment", "S-1", [line(6), line(5)])

    assert left(twin) == 10


def test_a_carton_counts_what_it_holds(twin: TillTwin) -> None:
    twin.till.write("receipt", "S-1", [line(2, uom="CT")])

    assert left(twin) == 34


def test_a_correction_replaces_the_first_event_and_keeps_its_time(twin: TillTwin, clock: Clock) -> None:
    sale = twin.till.write("sale", "S-1", [line(2), line(1, "PEN")])
    clock.at += timedelta(minutes=5)

    first = twin.till.correct(sale["id"], [line(1), line(1, "PEN")])
    second = twin.till.correct(first["id"], [line(3)])

    assert (first["corrects"], first["revision"], first["time"]) == (sale["id"], 1, sale["time"])
    assert (second["corrects"], second["revision"]) == (sale["id"], 2)
    assert [(row["line"], row["quantity"]) for row in second["lines"]] == [(1, "3"), (2, "0")]
    assert (left(twin), left(twin, sku="PEN")) == (7, Decimal("5.5"))
    with pytest.raises(ValueError, match="keeps its item"):
        twin.till.correct(sale["id"], [line(1, "PEN")])


def test_a_sale_before_the_count_is_in_it_even_when_it_is_corrected_later(
    twin: TillTwin, clock: Clock
) -> None:
    sale = twin.till.write("sale", "S-1", [line(2)])
    clock.at += timedelta(minutes=5)
    twin.till.write("count", "S-1", [line(8)])

    twin.till.correct(sale["id"], [line(1)])

    assert left(twin) == 8


def test_at_an_equal_time_the_sequence_decides(twin: TillTwin) -> None:
    at = NOON + timedelta(minutes=30)

    twin.till.write("sale", "S-1", [line(1)], at=at)
    twin.till.write("count", "S-1", [line(9)], at=at)
    twin.till.write("sale", "S-1", [line(1)], at=at)

    assert left(twin) == 8


def test_an_old_count_reported_late_rules_only_what_came_before_it(twin: TillTwin, clock: Clock) -> None:
    counted_at = clock.at
    clock.at += timedelta(minutes=10)
    sale = twin.till.write("sale", "S-1", [line(4)])
    twin.till.correct(sale["id"], [line(3)])

    twin.till.write("count", "S-1", [line(20)], at=counted_at)

    assert left(twin) == 17


@pytest.mark.parametrize("seed", range(20))
def test_any_day_adds_up_as_sorting_everything_does(seed: int) -> None:
    dice, clock = random.Random(seed), Clock()
    twin = TillTwin(now=clock)
    twin.seed(SEED)
    for _ in range(60):
        clock.at += timedelta(seconds=dice.randint(0, 2))
        kind = dice.choice([*SIGNS, "count", "correct"])
        at = clock.at - timedelta(seconds=dice.choice((0, 0, 0, 30)))
        moved = [event for event in twin.till.events("S-1") if event["type"] in SIGNS]
        if kind != "correct":
            twin.till.write(kind, "S-1", [line(dice.randint(1, 9))], at=at, strict=False)
        elif moved:
            twin.till.correct(dice.choice(moved)["id"], [line(dice.randint(1, 9))])

    assert left(twin) == sorted_out(twin.till.events("S-1"))


def sorted_out(events: list[dict[str, Any]]) -> Decimal:
    """Add up from scratch: last revisions only, in order of time and sequence, a count starts anew."""
    last: dict[str, dict[str, Any]] = {}
    for event in events:
        last[event.get("corrects", event["id"])] = event
    total = Decimal(0)
    for event in sorted(
        last.values(), key=lambda one: (datetime.fromisoformat(one["time"]), one["sequence"])
    ):
        for row in event["lines"]:
            if row["sku"] == "MUG":
                found = Decimal(row["quantity"])
                total = found if event["type"] == "count" else total + found * SIGNS[event["type"]]
    return total


def test_a_transfer_arrives_as_a_receipt_with_its_number(twin: TillTwin, clock: Clock) -> None:
    sent = twin.transfer("W-1", "S-1", [line(5)], arrives_in_s=60)
    on_the_way = (left(twin, "W-1"), left(twin))
    clock.at += timedelta(seconds=60)
    twin.tick()

    arrived = twin.till.events("S-1")[-1]
    assert on_the_way == (95, 10)
    assert left(twin) == 15
    assert sent["to_store"] == "S-1"
    assert (arrived["type"], arrived["document"]) == (
        "receipt",
        {"kind": "transfer", "number": sent["document"]["number"]},
    )


def test_a_session_closes_with_its_control_totals_and_the_next_has_another_name(twin: TillTwin) -> None:
    sale = twin.till.write("sale", "S-1", [line(1)])
    twin.till.correct(sale["id"], [line(2)])
    twin.till.write("return", "S-1", [line(1)])

    closed = twin.till.close_session("S-1")
    after = twin.till.write("sale", "S-1", [line(1)])

    assert (closed["sales"], closed["returns"], closed["last_sequence"]) == (1, 1, 5)
    assert "lines" not in closed
    assert sale["session"] == closed["session"] == "S-1/2026-11-23"
    assert after["session"] == "S-1/2026-11-23-2"


def test_what_left_for_an_order_is_remembered(twin: TillTwin) -> None:
    order = {"source": "woo", "number": "482"}

    twin.till.write("shipment", "W-1", [line(2, order_line="91"), line(1, order_line="92")], order=order)

    assert twin.till.shipped("woo", "482") == ["91", "92"]
    assert twin.till.shipped("woo", "483") == []


def test_the_stockroom_knows_what_a_web_product_takes_off_the_shelf(twin: TillTwin) -> None:
    catalog = twin.books.get("setting", "catalog")

    assert catalog is not None
    assert catalog["picks"] == {
        "1": [{"sku": "MUG", "quantity": "2"}], "2": [{"sku": "MUG", "quantity": "12"}],
    }  # fmt: skip
