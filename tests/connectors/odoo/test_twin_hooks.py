"""Webhooks of the twin: when they go out, how many, what they say, and what never tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors.base.twinkit import Answer, Request, Response, TwinServer
from connectors.odoo.twin_hooks import announce_moves, outbox
from connectors.odoo.twin_quants import merge_rows
from tests.connectors.odoo.recordings import differences, recording
from tests.connectors.odoo.world import OdooWorld, Refused

BOTH = pytest.mark.parametrize("version", [18, 19])
URL = "https://hooks.example.com/in?token=abc"


class Receiver:
    """Answers every webhook in the process, and does something first if told to."""

    def __init__(self, world: OdooWorld, *, answer: Answer | None = None) -> None:
        self.got: list[dict[str, Any]] = []
        self.sent: list[tuple[str, dict[str, str], float]] = []
        self.act: Callable[[], Any] | None = None
        self._answer = answer or Answer(200)
        outbox(world.twin.db).send = self._take

    def _take(self, url: str, headers: Any, body: bytes, *, timeout_s: float) -> Answer:
        self.got.append(json.loads(body))
        self.sent.append((url, dict(headers), timeout_s))
        if self.act is not None:
            self.act()
        return self._answer


def watch(world: OdooWorld, model: str, fields: list[str], **rule: Any) -> None:
    world.twin.control.hook(**{"model": model, "url": URL, "fields": fields, **rule})


def delta(world: OdooWorld, product: int, name: str = "SYNC/1", quantity: float = 5) -> int:
    """Write a forced delivery that goes through from draft."""
    move = {
        "product_id": product, "product_uom_qty": quantity, "quantity": quantity, "picked": True,
        "location_id": world.places["stock"], "location_dest_id": world.places["customers"],
        **({"name": "x"} if world.version == 18 else {}),
    }  # fmt: skip
    vals = {
        "picking_type_id": world.types["out"], "location_id": world.places["stock"], "name": name,
        "location_dest_id": world.places["customers"], "move_ids": [[0, 0, move]],
    }  # fmt: skip
    made: list[int] = world.ask("stock.picking", "create", vals_list=[vals])
    return made[0]


def validate(world: OdooWorld, picking: int) -> None:
    world.ask("stock.picking", "button_validate", [picking])


def state_of(world: OdooWorld, picking: int) -> str:
    with world.twin.env() as env:
        return str(env.value("stock.picking", picking, "state"))


RECORDED = {
    "webhook-stock-move": ["date", "location_dest_id", "location_id", "product_id", "quantity", "reference",
                           "state"],
    "webhook-stock-move-line": ["date", "move_id", "product_id", "quantity", "reference", "state"],
    "webhook-stock-picking": ["date_done", "name", "origin", "state"],
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("name", RECORDED)
def test_a_message_reads_as_the_recorded_one(version: int, name: str) -> None:
    world, recorded = OdooWorld(version), recording(version, name)
    product, receiver = world.products[5], Receiver(world)
    world.quant(product, 20)
    watch(world, recorded.document["rule"]["model"], RECORDED[name], trigger_fields=["state"])
    validate(world, delta(world, product, "SYNC/HK/101b"))

    told = [body for body in receiver.got if body["state"] == "done"]

    assert differences(recorded.request["body"], told[0], data=frozenset({"date_done"})) == []
    url, headers, _ = receiver.sent[0]
    expected = {**recorded.request["headers"]}
    for ours in ("Host", "Content-Length", "Authorization"):
        expected.pop(ours)
    assert (url, headers) == (URL, expected)


@BOTH
def test_a_quants_message_has_bare_ids_null_as_false_and_microseconds(version: int) -> None:
    world = OdooWorld(version)
    product, receiver = world.products[5], Receiver(world)
    fields = ["location_id", "lot_id", "product_id", "quantity", "reserved_quantity", "write_date"]
    watch(world, "stock.quant", fields, trigger_fields=["quantity", "reserved_quantity"])
    world.quant(product, 33)

    recorded = recording(version, "webhook-stock-quant").request["body"]

    assert differences(recorded, receiver.got[-1]) == []
    assert receiver.got[-1]["write_date"].partition(".")[2] == "345678"


def test_on_18_the_receiver_reads_the_state_before_and_on_19_the_state_after() -> None:
    read: dict[int, list[str]] = {18: [], 19: []}
    for version, found in read.items():
        world = OdooWorld(version)
        product, receiver = world.products[5], Receiver(world)
        world.quant(product, 20)
        picking = delta(world, product)
        watch(world, "stock.move", ["state"], trigger_fields=["state"], domain=[("state", "=", "done")])
        receiver.act = lambda world=world, found=found, picking=picking: found.append(
            state_of(world, picking)
        )
        validate(world, picking)
        assert state_of(world, picking) == "done"

    assert read[18] == ["assigned"]
    assert read[19] == ["done"]


def test_on_18_what_is_rolled_back_was_told_and_on_19_it_was_not() -> None:
    told = {}
    for version in (18, 19):
        world = OdooWorld(version)
        receiver = Receiver(world)
        delta(world, world.products[5], "TAKEN")
        watch(world, "stock.picking", ["name"])
        with pytest.raises(Refused, match="unique"):
            world.ask(
                "stock.picking",
                "create",
                vals_list=[
                    {"picking_type_id": world.types["int"], "location_id": world.places["stock"],
                     "location_dest_id": world.places["shelf"], "name": name}
                    for name in ("NEW", "TAKEN")
                ],
            )  # fmt: skip
        told[version] = {body["name"] for body in receiver.got}
        with world.twin.env() as env:
            assert env.ids("stock.picking", [("name", "=", "NEW")]) == []

    assert "NEW" in told[18]
    assert told[19] == set()


@BOTH
def test_a_message_is_sent_once_unsigned_with_one_second_to_answer(version: int) -> None:
    world = OdooWorld(version)
    product = world.products[5]
    receiver = Receiver(world, answer=Answer(500))
    watch(world, "stock.move", ["state"], trigger_fields=["state"], domain=[("state", "=", "done")])
    validate(world, delta(world, product))

    assert len(receiver.got) == 1
    (url, headers, timeout), (line,) = receiver.sent[0], world.twin.control.sent()
    assert timeout == 1.0
    assert url.endswith("?token=abc")
    assert not [name for name in headers if "sign" in name.lower() or name == "Authorization"]
    assert line["status"] == 500


@BOTH
def test_credentials_in_the_address_become_basic_auth(version: int) -> None:
    world = OdooWorld(version)
    receiver = Receiver(world)
    watch(world, "stock.quant", [], url="https://us%40er:pa%3Ass@hooks.example.com/q?token=abc")
    world.quant(world.products[5], 1)

    url, headers, _ = receiver.sent[0]

    assert url == "https://hooks.example.com/q?token=abc"
    assert headers["Authorization"] == "Basic dXNAZXI6cGE6c3M="


@BOTH
def test_every_internal_write_is_a_message_of_its_own(version: int) -> None:
    world = OdooWorld(version)
    product, receiver = world.products[5], Receiver(world)
    watch(world, "stock.quant", ["quantity", "location_id"])
    world.ask(
        "stock.quant", "create", context={"inventory_mode": True},
        vals_list=[{
            "product_id": product, "location_id": world.places["stock"], "inventory_quantity_auto_apply": 12,
        }],
    )  # fmt: skip

    told = [(body["location_id"], body["quantity"]) for body in receiver.got]

    assert (world.places["stock"], 0.0) in told
    assert told.count((world.places["stock"], 12.0)) >= 1
    assert (world.places["inventory"], -12.0) in told
    assert len(told) > 3


@BOTH
def test_reservations_are_told_before_quantities_drop(version: int) -> None:
    world = OdooWorld(version)
    product, receiver = world.products[5], Receiver(world)
    world.quant(product, 20)
    world.twin.control.acts.sell({"SKU-0005": 5}, reference="R")
    fields = ["quantity", "reserved_quantity"]
    watch(
        world, "stock.quant", fields, trigger_fields=fields, domain=[("location_id.usage", "=", "internal")]
    )
    world.twin.control.acts.ship("R")

    told = [(body["quantity"], body["reserved_quantity"]) for body in receiver.got]

    assert told == [(20.0, 0.0), (15.0, 0.0)]


@BOTH
def test_the_good_rule_sends_one_message_for_a_finished_move(version: int) -> None:
    world = OdooWorld(version)
    product, receiver = world.products[5], Receiver(world)
    world.quant(product, 20)
    watch(world, "stock.move", ["product_id"], trigger_fields=["state"], domain=[("state", "=", "done")])
    picking = delta(world, product)
    assert receiver.got == []

    validate(world, picking)
    validate(world, picking)

    assert [body["product_id"] for body in receiver.got] == [product]


@BOTH
def test_a_rule_that_is_off_or_of_another_moment_sends_nothing(version: int) -> None:
    world = OdooWorld(version)
    receiver = Receiver(world)
    watch(world, "stock.quant", [], trigger="on_unlink")
    watch(world, "res.partner", [], trigger="on_create")
    world.quant(world.products[5], 1)
    with world.twin.env() as env:
        env.write("res.partner", [world.people["customer"]], {"name": "Another"})
        env.write("base.automation", env.ids("base.automation"), {"active": False})
        env.create("res.partner", {"name": "New"})

    assert receiver.got == []


@BOTH
def test_merges_and_deletions_of_rows_are_never_told(version: int) -> None:
    world = OdooWorld(version)
    product = world.products[5]
    world.quant(product, 3)
    world.quant(product, 4)
    empty = world.quant(world.products[6], 0)
    receiver = Receiver(world)
    watch(world, "stock.quant", ["quantity"])
    with world.twin.env() as env:
        merge_rows(env)
        env.delete("stock.quant", [empty])
        assert [row["quantity"] for row in env.rows("stock.quant", [("product_id", "=", product)])] == [7.0]

    assert receiver.got == []


@BOTH
def test_a_move_of_stock_does_not_fire_a_rule_on_products(version: int) -> None:
    world = OdooWorld(version)
    receiver = Receiver(world)
    watch(world, "product.product", [])
    validate(world, delta(world, world.products[5]))

    assert receiver.got == []


def test_on_18_a_call_that_lost_its_row_meanwhile_is_tried_again_and_tells_again() -> None:
    world = OdooWorld(18)
    product = world.products[5]
    quant, receiver = world.quant(product, 20), Receiver(world)
    watch(world, "stock.quant", ["quantity"], trigger_fields=["quantity"], domain=[("id", "=", quant)])
    picking = delta(world, product)

    def meddle() -> None:
        receiver.act = None
        with world.twin.env() as env:
            env.write("stock.quant", [quant], {"quantity": 7})

    receiver.act = meddle
    validate(world, picking)

    assert state_of(world, picking) == "done"
    assert [body["quantity"] for body in receiver.got] == [15, 7, 2]


def test_on_18_who_loses_every_try_is_told_of_it_and_changes_nothing() -> None:
    world = OdooWorld(18)
    product = world.products[5]
    quant, receiver = world.quant(product, 20), Receiver(world)
    watch(world, "stock.picking", ["state"], trigger_fields=["state"])
    picking = delta(world, product)
    counts = iter(range(100, 200))

    def meddle() -> None:
        with world.twin.env() as env:
            env.write("stock.quant", [quant], {"quantity": next(counts)})

    receiver.act = meddle
    with pytest.raises(Refused) as lost:
        validate(world, picking)

    assert lost.value.name == "psycopg2.errors.SerializationFailure"
    assert state_of(world, picking) == "assigned"
    with world.twin.env() as env:
        assert env.value("stock.quant", quant, "quantity") == next(counts) - 1


@BOTH
def test_messages_go_over_a_real_wire(version: int) -> None:
    got: list[Request] = []

    def take(request: Request) -> Response:
        got.append(request)
        return Response(200)

    server = TwinServer(take)
    server.start()
    try:
        world = OdooWorld(version)
        done = {"trigger_fields": ["state"], "domain": [("state", "=", "done")]}
        watch(world, "stock.move", ["product_id"], url=f"{server.url}/hook?token=abc", **done)
        validate(world, delta(world, world.products[5]))
    finally:
        server.stop()

    (request,) = got
    assert (request.method, request.path, request.raw_query) == ("POST", "/hook", "token=abc")
    assert request.content_type == "application/json"
    assert request.json()["product_id"] == world.products[5]


@BOTH
def test_a_twin_started_again_elsewhere_tells_each_finished_move_once_at_the_new_address(
    version: int,
) -> None:
    world = OdooWorld(version)
    receiver = Receiver(world)
    with world.twin.env() as env:
        announce_moves(env, "https://hub.example.com/hooks/odoo/old/")
        announce_moves(env, "https://hub.example.com/hooks/odoo/new/")

    validate(world, delta(world, world.products[5]))

    assert [row["product_id"] for row in receiver.got] == [world.products[5]]
    assert [url for url, _, _ in receiver.sent] == ["https://hub.example.com/hooks/odoo/new/"]
