"""Faults of the twin's server: what is applied, what is lost, and what the caller gets to see of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.odoo.world import KEY, OdooWorld, Refused

PLACE = {"name": "New Shelf", "usage": "internal"}


@pytest.fixture(params=[18, 19])
def world(request: pytest.FixtureRequest) -> OdooWorld:
    return OdooWorld(request.param)


def send_create(world: OdooWorld) -> Any:
    """Send a create over the version's own door; return the raw response."""
    if world.version >= 19:
        return world.send("POST", "/json/2/stock.location/create", {"vals_list": [PLACE]})[2]
    args = ["odoo", world.people["sync"], KEY, "stock.location", "create", [[PLACE]]]
    params = {"service": "object", "method": "execute_kw", "args": args}
    return world.send("POST", "/jsonrpc", {"jsonrpc": "2.0", "id": 1, "params": params})[2]


def made(world: OdooWorld) -> int:
    count: int = world.ask("stock.location", "search_count", domain=[("name", "=", "New Shelf")])
    return count


def test_faults_for_writes_leave_reads_alone_though_both_are_posts(world: OdooWorld):
    world.twin.faults.inject("5xx", count=1, only="write")

    assert made(world) == 0
    assert send_create(world).status == 503
    assert send_create(world).status == 200
    assert made(world) == 1


def test_faults_for_reads_leave_writes_alone(world: OdooWorld):
    world.twin.faults.inject("429", count=1, seconds=3, only="read", path="stock.location")

    assert world.ask("res.partner", "search_count", domain=[]) > 0
    assert send_create(world).status == 200
    path = "/json/2/stock.location/search" if world.version >= 19 else "/jsonrpc"
    args = ["odoo", 1, KEY, "stock.location", "search", [[]]]
    body = {"params": {"service": "object", "method": "execute_kw", "args": args}}
    status, _, response = world.send("POST", path, body)
    assert (status, dict(response.headers)["Retry-After"]) == (429, "3")


def test_an_answer_lost_after_the_commit_leaves_the_work_done(world: OdooWorld):
    world.twin.faults.inject("timeout_applied", count=1, seconds=130, only="write")

    assert send_create(world).hang_up
    assert world.slept == [130]
    assert made(world) == 1


def test_a_killed_worker_answers_nothing_and_leaves_nothing(world: OdooWorld):
    world.twin.faults.inject("worker_killed", count=1, only="write")

    assert send_create(world).hang_up
    assert made(world) == 0
    assert send_create(world).status == 200


def test_a_request_given_up_by_its_sender_lands_later(world: OdooWorld):
    world.twin.faults.inject("late_landing", count=1, seconds=60, only="write")

    assert send_create(world).hang_up
    world.twin.tick()
    assert made(world) == 0
    world.clock.advance(61)
    world.twin.tick()
    assert made(world) == 1


def test_a_lost_race_is_told_by_its_name_and_changes_nothing(world: OdooWorld):
    world.twin.faults.inject("serialization_failure", count=1, only="write")

    with pytest.raises(Refused) as refused:
        world.ask("stock.location", "create", vals_list=[PLACE])

    assert refused.value.name == "psycopg2.errors.SerializationFailure"
    assert refused.value.message == "could not serialize access due to concurrent update\n"
    assert refused.value.status == (500 if world.version >= 19 else 200)
    assert made(world) == 0


def test_load_of_19_tells_a_lost_race_among_its_messages(world: OdooWorld):
    world.twin.faults.inject("serialization_failure", count=1, only="write")
    asked: dict[str, Any] = {"fields": ["id", "name"], "data": [["x.shelf", "New Shelf"]]}
    if world.version == 18:
        with pytest.raises(Refused, match="SerializationFailure"):
            world.ask("stock.location", "load", **asked)
    else:
        answer = world.ask("stock.location", "load", **asked)
        assert answer["ids"] is False
        assert "could not serialize access" in answer["messages"][0]["message"]

    assert made(world) == 0


def test_a_row_that_is_locked_makes_the_call_wait(world: OdooWorld):
    world.twin.faults.inject("lock_wait", count=1, seconds=11, only="write")

    assert send_create(world).status == 200
    assert world.slept == [11]
    assert made(world) == 1


def test_a_restart_answers_503_until_it_is_over(world: OdooWorld):
    world.twin.faults.inject("restart", count=1, seconds=20)

    assert send_create(world).status == 503
    world.clock.advance(19)
    assert send_create(world).status == 503
    world.clock.advance(2)
    assert send_create(world).status == 200


def test_a_key_that_was_taken_back_is_refused_until_it_is_given_again(world: OdooWorld):
    world.twin.faults.inject("key_expired", probability=1.0)

    for _ in range(2):
        with pytest.raises(Refused) as refused:
            world.ask("res.partner", "search_count", domain=[])
        assert refused.value.name in ("odoo.exceptions.AccessDenied", "werkzeug.exceptions.Unauthorized")
    world.twin.faults.clear("key_expired")
    assert world.ask("res.partner", "search_count", domain=[]) > 0


def test_a_stale_read_tells_what_was_true_before(world: OdooWorld):
    assert made(world) == 0
    send_create(world)
    world.twin.faults.inject("stale_read", count=1, only="read")

    assert made(world) == 0
    assert made(world) == 1


def test_timings_charge_a_call_by_what_it_is_about():
    world = OdooWorld(18, timings=True)
    one = {"product_id": world.products[0], "location_id": world.places["stock"], "inventory_quantity": 3}

    def charged(act: Any) -> float:
        world.slept.clear()
        act()
        return sum(world.slept)

    def count(lines: int) -> Any:
        counting = {"inventory_mode": True}
        return lambda: world.ask("stock.quant", "create", vals_list=[one] * lines, context=counting)

    single, many = charged(count(1)), charged(count(100))
    assert 0 < single < many < 100 * single
    bare = charged(lambda: world.ask("product.product", "search_read", domain=[], load=None))
    labelled = charged(lambda: world.ask("product.product", "search_read", domain=[]))
    assert bare < labelled
