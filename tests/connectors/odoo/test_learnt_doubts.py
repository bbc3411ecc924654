"""When what was learnt is not believed: after upgrades, outages, rights withdrawn and refusals."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from connectors.odoo.learnt import Known, Learnt
from connectors.odoo.rpc18 import uid_of
from connectors.odoo.twin import KEY
from connectors.odoo.twin_users import add_key, add_user, group_field
from inventory_sync.domain.errors import (
    Misconfigured,
    RateLimited,
    RemoteRefused,
    RemoteUnavailable,
    Transient,
)
from tests.connectors.odoo.books import figures
from tests.connectors.odoo.hall import Hall, document
from tests.connectors.odoo.replays import answering, called, replaying, result
from tests.connectors.odoo.steps import calls_of, idle, swept


@pytest.fixture(params=[18, 19])
def hall(request: pytest.FixtureRequest) -> Hall:
    return Hall(request.param)


@pytest.fixture
def learnt() -> Learnt:
    return Learnt()


# ── when Odoo has become another one ──


def test_an_upgrade_that_nobody_saw_refuses_no_document_and_the_next_step_books_it(learnt: Learnt):
    """A move of 18 has a field that 19 does not know; 19 still answers the protocol of 18."""
    old, new = Hall(18), Hall(19)
    one, mug = old.product("MUG", stock=5), new.product("MUG", stock=5)
    old.new_client(learnt=learnt).book_documents([document(old, "D1", (one, 1))])
    Known(learnt).note(uid_of(KEY), new.twin.uid)  # an upgrade keeps its users

    def book() -> None:
        with pytest.raises(RemoteUnavailable, match="has changed"):
            new.new_client(learnt=learnt).book_documents([document(new, "D2", (mug, 1))])

    assert "stock.picking.create" in calls_of(new, book)
    client = new.new_client(learnt=learnt)
    (done,) = client.book_documents([document(new, "D2", (mug, 1))])
    assert done.error is None
    assert client.odoo.transport.name == "json2"
    assert new.on_hand(mug) == 4


@pytest.mark.parametrize(("before", "after"), [(18, 19), (19, 18)])
def test_another_database_behind_the_address_is_read_right_by_the_next_step(
    before: int, after: int, learnt: Learnt
):
    """Its users have other ids: a key that is refused under an old id is no key that is refused."""
    old, new = Hall(before), Hall(after)
    cursor, mug = swept(old, learnt), new.product("CUP", stock=7)
    assert old.twin.uid != new.twin.uid

    with pytest.raises(RemoteUnavailable, match="has changed"):
        idle(new, learnt, cursor)

    assert figures(new, mug, client=new.new_client(learnt=learnt))["quantity"] == 7


def test_a_protocol_that_is_gone_is_found_out_and_the_next_step_speaks_the_other(learnt: Learnt):
    Known(learnt).note("version", 18)

    def script(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404) if request.url.path == "/jsonrpc" else result(19, [])

    with pytest.raises(RemoteUnavailable):
        replaying(script, learnt=learnt).odoo.read("m", "read", ids=[1])

    assert replaying(script, learnt=learnt).odoo.read("m", "read", ids=[1]) == []


@pytest.mark.parametrize("kind", ["timeout_lost", "worker_killed", "restart"])
def test_an_answer_that_did_not_come_puts_everything_in_doubt(hall: Hall, learnt: Learnt, kind: str):
    cursor = swept(hall, learnt)
    hall.twin.faults.inject(kind, count=1, seconds=1)
    with pytest.raises(Transient):
        idle(hall, learnt, cursor)
    hall.clock.advance(5)

    assert "common.version" in idle(hall, learnt, cursor)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(429, headers={"Retry-After": "7"}), RateLimited),
        (
            httpx.Response(500, json={"name": "psycopg2.errors.SerializationFailure", "message": "x"}),
            RemoteUnavailable,
        ),
    ],
    ids=["asked to wait", "lost race"],
)
def test_an_answer_that_says_later_puts_nothing_in_doubt(
    learnt: Learnt, answer: httpx.Response, error: type[Exception]
):
    asked: list[str] = []
    script = answering(19, {"m.read": answer, "n.read": []})

    def noting(request: httpx.Request) -> httpx.Response:
        asked.append(called(request))
        return script(request)

    for _ in range(2):
        with pytest.raises(error):
            replaying(noting, learnt=learnt).odoo.read("m", "read", ids=[1])

    assert asked == ["common.version", "m.read", "m.read"]


# ── when a refusal may be of old ──


def member(hall: Hall, *groups: str) -> tuple[int, dict[str, Any]]:
    """Make a user of these groups; return its id and the settings of a client."""
    with hall.twin.env() as env:
        user = add_user(env, "keeper", groups, [1], email="keeper@example.com")
        add_key(env, user, "test", days=90, key="7e7e7e7e" * 5)
    return user, {"login": "keeper", "api_key": "7e7e7e7e" * 5}


def regroup(hall: Hall, user: int, *groups: str) -> None:
    with hall.twin.env() as env:
        ids = {row["name"]: row["id"] for row in env.rows("res.groups")}
        env.write("res.users", [user], {group_field(hall.version): [(6, 0, [ids[name] for name in groups])]})


STOCK, TILL = "stock.group_stock_user", "point_of_sale.group_pos_user"


def test_a_right_withdrawn_makes_the_step_begin_anew_and_not_the_connection_stop(hall: Hall, learnt: Learnt):
    user, settings = member(hall, STOCK, TILL)
    mug = hall.product("MUG", stock=5)
    before = hall.new_client(learnt=learnt, **settings).read_object("item", mug)
    regroup(hall, user, STOCK)

    with pytest.raises(RemoteUnavailable, match="has changed"):
        hall.new_client(learnt=learnt, **settings).read_object("item", mug)

    assert hall.new_client(learnt=learnt, **settings).read_object("item", mug).body == before.body


def test_a_right_withdrawn_that_is_needed_stops_the_connection_at_the_next_step(hall: Hall, learnt: Learnt):
    user, settings = member(hall, STOCK, TILL)
    cursor = swept(hall, learnt, **settings)
    regroup(hall, user)

    with pytest.raises(RemoteUnavailable, match="has changed"):
        idle(hall, learnt, cursor, **settings)
    for _ in range(2):
        with pytest.raises(Misconfigured, match="lacks a right"):
            idle(hall, learnt, cursor, **settings)


def test_a_key_withdrawn_stops_the_connection_at_once(hall: Hall, learnt: Learnt):
    user, settings = member(hall, STOCK)
    cursor = swept(hall, learnt, **settings)
    with hall.twin.env() as env:
        env.write("res.users", [user], {"active": False})

    with pytest.raises(Misconfigured, match="refuses the API key"):
        idle(hall, learnt, cursor, **settings)


def test_what_is_refused_for_its_own_sake_stays_refused_and_is_asked_about_once(hall: Hall, learnt: Learnt):
    swept(hall, learnt)
    client = hall.new_client(learnt=learnt)

    def refused() -> None:
        with pytest.raises(RemoteRefused):
            client.odoo.write("stock.lot", "create", vals_list=[{"name": "X", "no_such_field": 1}])

    first, second = calls_of(hall, refused), calls_of(hall, refused)

    assert "common.version" in first
    assert second == ["stock.lot.create"]


def test_a_warehouse_made_a_minute_ago_is_there(hall: Hall, learnt: Learnt):
    mug = hall.product("MUG", stock=5)
    hall.new_client(learnt=learnt).book_documents([document(hall, "D1", (mug, 1))])
    hall.new_client(learnt=learnt).database.places()
    with hall.twin.env() as env:
        made = env.create("stock.warehouse", {"name": "New", "code": "NEW"})

    client = hall.new_client(learnt=learnt)
    (done,) = client.book_documents([document(hall, "D2", (mug, 1), place=f"warehouse:{made}")])

    assert done.error is None
    assert client.database.has_place(f"warehouse:{made}")
    assert not client.database.has_place("warehouse:99999")
