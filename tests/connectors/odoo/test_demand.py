"""What moves of one product come to: chains counted once, feeders, demand of Odoo's own. No server here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.odoo.demand import Feeder, Move, Part, demand_of
from connectors.odoo.naming import LineName
from connectors.odoo.places import Places, arrange

UNTIL = "2026-12-23 00:00:00"
WH, STOCK, OUTPUT, CUSTOMERS, VENDORS, TRANSIT, WH2, STOCK2, YARD = range(1, 10)
OURS = {91: LineName("woo", "482", "warehouse:1", "l1", "product:7")}


def places(*, not_for_sale: tuple[str, ...] = ()) -> Places:
    rows = [
        location(WH, "view", "1/"), location(STOCK, "internal", "1/2/"), location(OUTPUT, "internal", "1/3/"),
        location(CUSTOMERS, "customer", "4/"), location(VENDORS, "supplier", "5/"),
        location(TRANSIT, "transit", "6/"), location(WH2, "view", "7/"), location(STOCK2, "internal", "7/8/"),
        location(YARD, "internal", "9/"),
    ]  # fmt: skip
    houses = [
        {"id": 1, "name": "One", "view_location_id": WH},
        {"id": 2, "name": "Two", "view_location_id": WH2},
    ]
    return arrange(rows, houses, not_for_sale, owner=1)


def location(number: int, usage: str, path: str) -> dict[str, Any]:
    return {"id": number, "complete_name": f"L{number}", "usage": usage, "parent_path": path, "active": True}


def move(number: int, demand: int, assigned: int = 0, **changes: Any) -> Move:
    source = changes.pop("source", STOCK)
    target = changes.pop("target", CUSTOMERS)
    values: dict[str, Any] = {
        "id": number, "product": 7, "open": True, "demand": Decimal(demand), "source": source,
        "target": target, "final": target, "due": "2026-11-23 00:00:00", "line": 0,
        "parts": (Part(source, Decimal(assigned)),) if assigned else (),
    }  # fmt: skip
    return Move(**{**values, **changes})


def feeding(one: Move) -> Feeder:
    return Feeder(one.id, one.open, one.demand)


def unassigned(*moves: Move, place: str = "warehouse:1", **more: Any) -> Decimal:
    return demand_of(moves, places(**more), OURS, until=UNTIL).unassigned.get(place, Decimal(0))


def contained(*moves: Move, place: str = "warehouse:1") -> tuple[Decimal, Decimal]:
    held = demand_of(moves, places(), OURS, until=UNTIL).held.get(place, {}).get(OURS[91])
    return (held.contained, held.delivered) if held else (Decimal(0), Decimal(0))


# ── places ──


def test_places_follow_the_tree_and_transit_outside_is_none():
    found = places()

    assert found.refs == ("warehouse:1", "warehouse:2", "location:9")
    assert [found.place(number) for number in (STOCK, OUTPUT, STOCK2, YARD)] == [
        "warehouse:1", "warehouse:1", "warehouse:2", "location:9",
    ]  # fmt: skip
    assert [found.place(number) for number in (CUSTOMERS, VENDORS, TRANSIT, 999)] == [""] * 4


def test_a_location_that_is_archived_or_named_is_not_for_sale():
    rows = [location(STOCK, "internal", "1/2/"), {**location(OUTPUT, "internal", "1/2/3/"), "active": False}]

    found = arrange(rows, [{"id": 1, "name": "One", "view_location_id": 1}], (), owner=1)
    named = arrange(rows, [{"id": 1, "name": "One", "view_location_id": 1}], ("L2",), owner=1)

    assert [found.for_sale(STOCK), found.for_sale(OUTPUT)] == [True, False]
    assert [named.for_sale(STOCK), named.for_sale(OUTPUT)] == [False, False]


# ── lines of ours ──


@pytest.mark.parametrize(
    ("moves", "expected", "reason"),
    [
        ([move(1, 5, 5, line=91)], (5, 0), "all is reserved"),
        ([move(1, 5, 3, line=91)], (3, 0), "a part is"),
        ([move(1, 5, 5, line=91, open=False)], (5, 5), "all has left"),
        ([move(1, 2, 2, line=91, open=False), move(2, 3, 1, line=91)], (3, 2), "with its backorder"),
        ([move(1, 5, 5, line=91, open=False, target=OUTPUT, final=CUSTOMERS)], (0, 0), "picked has not left"),
        (
            [move(1, 5, 5, line=91, open=False, target=OUTPUT), move(2, 5, 5, line=91, source=OUTPUT)],
            (5, 0),
            "picked, and waiting at the door",
        ),
        (
            [move(1, 2, 2, line=91, target=OUTPUT, final=CUSTOMERS), move(2, 3, 3, line=91, source=OUTPUT)],
            (5, 0),
            "a part at the door, a part on the shelf",
        ),
        ([move(1, 5, 5, line=91, source=STOCK2)], (0, 0), "it is served elsewhere"),
        ([move(1, 5, 5, line=90)], (0, 0), "another's line"),
    ],
)  # fmt: skip
def test_a_line_contains_what_is_reserved_or_has_left(moves: list[Move], expected: Any, reason: str):
    assert contained(*moves) == expected, reason


def test_a_pick_without_its_line_is_of_the_line_it_feeds():
    pick = move(1, 5, 4, target=OUTPUT)
    out = move(2, 5, 0, source=OUTPUT, line=91, feeders=(feeding(pick),))

    assert contained(pick, out) == (4, 0)
    assert unassigned(pick, out) == 0


# ── demand of Odoo's own ──


@pytest.mark.parametrize(
    ("moves", "expected", "reason"),
    [
        ([move(1, 5)], 5, "nothing is assigned"),
        ([move(1, 5, 3)], 2, "a part is"),
        ([move(1, 5, 7)], 0, "more than asked for"),
        ([move(1, 5, line=91)], 0, "ours"),
        ([move(1, 5, due="2027-11-23 00:00:00")], 0, "due after the horizon"),
        ([move(1, 5, target=OUTPUT)], 0, "it stays in the place"),
        ([move(1, 5, target=OUTPUT, final=CUSTOMERS)], 5, "it is the first step to a customer"),
        ([move(1, 5, target=VENDORS)], 5, "sent back to a vendor"),
        ([move(1, 5, target=TRANSIT)], 5, "on its way to another warehouse"),
        ([move(1, 5, open=False)], 0, "it has left"),
        ([move(1, 5, source=STOCK2)], 0, "of another place"),
    ],
)
def test_what_a_move_out_of_the_place_lacks_is_unassigned(moves: list[Move], expected: int, reason: str):
    assert unassigned(*moves) == expected, reason


def test_a_chain_lacks_what_none_of_its_moves_has():
    pick = move(1, 5, 3, target=OUTPUT)
    pack = move(2, 5, 0, source=OUTPUT, target=OUTPUT, feeders=(feeding(pick),))
    out = move(3, 5, 0, source=OUTPUT, feeders=(feeding(pack),))

    assert unassigned(pick, pack, out) == 2


def test_a_chain_that_names_its_end_at_every_step_is_counted_once():
    pick = move(1, 5, 3, target=OUTPUT, final=CUSTOMERS)
    out = move(2, 5, 0, source=OUTPUT, feeders=(feeding(pick),))

    assert unassigned(pick, out) == 2


def test_one_pick_for_two_deliveries_feeds_each_only_once():
    pick = move(1, 10, 6, target=OUTPUT)
    first, second = (move(number, 5, source=OUTPUT, feeders=(feeding(pick),)) for number in (2, 3))

    assert unassigned(pick, first, second) == 4


def test_goods_picked_and_no_longer_reserved_at_the_door_are_owed_again():
    out = move(2, 5, 0, source=OUTPUT, feeders=(Feeder(1, open=False, demand=Decimal(5)),))

    assert unassigned(out) == 5


def test_a_delivery_that_waits_for_a_vendor_takes_nothing_from_the_shelf():
    out = move(2, 5, 0, feeders=(Feeder(1, open=True, demand=Decimal(4)),))

    assert unassigned(out) == 1


def test_a_move_out_of_a_place_not_for_sale_owes_nothing_there():
    assert unassigned(move(1, 5, target=VENDORS), not_for_sale=("L2",)) == 0


def test_feeders_that_feed_each_other_come_to_an_end():
    one = move(1, 5, 1, target=OUTPUT, feeders=(Feeder(2, open=True, demand=Decimal(5)),))
    other = move(2, 5, 1, target=OUTPUT, feeders=(Feeder(1, open=True, demand=Decimal(5)),))
    out = move(3, 5, source=OUTPUT, feeders=(feeding(one),))

    assert unassigned(one, other, out) == 3
