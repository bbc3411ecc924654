"""Whatever people do to the twin's stock, goods are not made of nothing and promises have holders."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.odoo.twin_errors import OdooError
from connectors.odoo.twin_quants import run_scheduler
from tests.connectors.odoo.floor import INVENTORY_MODE, Floor

QUIET = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


@dataclass(frozen=True, slots=True)
class Act:
    """Something a person does: what, to which product, how much, and to which of the open documents."""

    kind: str
    product: int
    quantity: float
    which: int


KINDS = (
    "count", "count_at_once", "apply_again", "delta", "forced_delta_out", "delivery", "chain", "transfer",
    "receipt", "assign", "unreserve", "set_quantity", "pick_part", "validate", "validate_dropping_rest",
    "cancel", "return", "scrap", "lower_demand", "order", "two_steps", "correct_done_line",
)  # fmt: skip
acts = st.lists(
    st.builds(
        Act,
        kind=st.sampled_from(KINDS),
        product=st.integers(0, 1),
        quantity=st.sampled_from([1.0, 2.0, 3.0, 5.0, 7.5, 12.0]),
        which=st.integers(0, 5),
    ),
    min_size=3,
    max_size=14,
)


def perform(floor: Floor, products: list[int], act: Act) -> None:
    product, quantity = products[act.product], act.quantity
    pickings = [row["id"] for row in floor.rows("stock.picking")]
    chosen = pickings[act.which % len(pickings)] if pickings else 0
    moves = [one for one in floor.moves(chosen) if one["state"] != "cancel"] if chosen else []
    match act.kind:
        case "count":
            floor.count(product, quantity)
        case "count_at_once":
            vals = {
                "product_id": product,
                "location_id": floor.shelf,
                "inventory_quantity_auto_apply": quantity,
            }
            floor.make("stock.quant", vals, **INVENTORY_MODE)
        case "apply_again":
            quants = floor.rows("stock.quant", ("location_id", "in", [floor.stock, floor.shelf]))
            if quants:
                floor.apply(quants[act.which % len(quants)]["id"])
        case "delta":
            floor.validate(floor.delta(product, quantity))
        case "forced_delta_out":
            out = floor.transfer(product, quantity, floor.internal, floor.stock, floor.loss)
            floor.write("stock.move", floor.move(out)["id"], quantity=quantity, picked=True)
            floor.validate(out)
        case "delivery":
            floor.delivery(product, quantity)
        case "chain":
            floor.delivery(product, quantity, source=floor.shelf)
        case "transfer":
            made = floor.transfer(product, quantity, floor.internal, floor.stock, floor.shelf)
            floor.call("stock.picking", "action_assign", [made])
        case "receipt":
            floor.receipt(product, quantity)
        case "assign" if chosen:
            floor.call("stock.picking", "action_assign", [chosen])
        case "unreserve" if chosen:
            floor.call("stock.picking", "do_unreserve", [chosen])
        case "set_quantity" if moves:
            floor.write("stock.move", moves[0]["id"], quantity=quantity)
        case "pick_part" if moves:
            floor.write("stock.move", moves[0]["id"], quantity=min(quantity, 2.0), picked=True)
        case "validate" if chosen:
            floor.validate(chosen, skip_backorder=True)
        case "validate_dropping_rest" if chosen:
            floor.validate(chosen, skip_backorder=True, picking_ids_not_to_backorder=[chosen])
        case "cancel" if chosen:
            floor.call("stock.picking", "action_cancel", [chosen])
        case "return" if chosen:
            wizard = floor.make("stock.return.picking", {"picking_id": chosen})
            made = floor.call("stock.return.picking", "action_create_returns_all", [wizard])
            floor.validate(made["res_id"], skip_backorder=True)
        case "scrap":
            vals = {"product_id": product, "scrap_qty": quantity, "location_id": floor.stock}
            floor.call("stock.scrap", "action_validate", [floor.make("stock.scrap", vals)])
        case "order":
            floor.ask(product, quantity, floor.group())
        case "two_steps":
            floor.deliver_in_two_steps()
        case "correct_done_line":
            lines = floor.rows("stock.move.line", ("state", "=", "done"), ("product_id", "=", product))
            if lines:
                floor.write("stock.move.line", lines[act.which % len(lines)]["id"], quantity=quantity)
        case "lower_demand" if moves:
            floor.write("stock.move", moves[0]["id"], product_uom_qty=1.0)


@pytest.mark.parametrize("version", [18, 19])
@given(script=acts)
@QUIET
def test_goods_and_promises_add_up_after_every_act(version: int, script: list[Act]) -> None:
    floor = Floor(version)
    products = [floor.product("MUG"), floor.product("CUP")]

    for act in script:
        with suppress(OdooError):
            perform(floor, products, act)

        assert floor.imbalances() == [], act


@pytest.mark.parametrize("version", [18, 19])
@given(script=acts, splits=st.lists(st.integers(0, 3), min_size=14, max_size=14))
@QUIET
def test_with_locked_rows_goods_still_add_up_and_the_scheduler_mends_the_promises(
    version: int, script: list[Act], splits: list[int]
) -> None:
    floor = Floor(version)
    products = [floor.product("MUG"), floor.product("CUP")]

    for act, split in zip(script, splits, strict=False):
        floor.split_next(split)
        with suppress(OdooError):
            perform(floor, products, act)
        assert floor.imbalances(phantoms=True) == [], act
    with floor.twin.env() as env:
        run_scheduler(env)

    assert floor.imbalances() == []


@pytest.mark.parametrize("version", [18, 19])
@given(script=acts)
@QUIET
def test_a_refused_call_changes_nothing(version: int, script: list[Act]) -> None:
    floor = Floor(version)
    products = [floor.product("MUG"), floor.product("CUP")]
    tables = ("stock.quant", "stock.move", "stock.move.line", "stock.picking")

    for act in script:
        before = {model: floor.rows(model) for model in tables}
        try:
            perform(floor, products, act)
        except OdooError:
            one_call = act.kind in (
                "assign",
                "unreserve",
                "set_quantity",
                "validate",
                "cancel",
                "lower_demand",
            )
            if one_call:
                assert {model: floor.rows(model) for model in tables} == before
