"""What clients of one connection share, and when it is not believed: after upgrades, outages and refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Barrier, Thread
from typing import Any

import httpx
import pytest

from connectors.odoo.client import OdooClient
from connectors.odoo.connector import OdooConnector
from connectors.odoo.learnt import LEARNT_FOR_S, Known, Learnt, Memory
from connectors.odoo.rpc18 import uid_of
from connectors.odoo.twin import KEY
from connectors.odoo.twin_users import add_key, add_user, group_field
from inventory_sync.domain.commands import DocumentState
from inventory_sync.domain.errors import (
    Misconfigured,
    RateLimited,
    RemoteRefused,
    RemoteUnavailable,
    Transient,
)
from tests.connectors.odoo.books import figures, sweep_all
from tests.connectors.odoo.hall import Hall, document
from tests.connectors.odoo.replays import answering, called, config, replaying, result

POLLED = [
    "stock.move.line.web_search_read",
    "stock.move.web_search_read",
    "stock.quant.web_search_read",
    "pos.order.line.web_search_read",
]


@dataclass
class Ticks:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=[18, 19])
def hall(request: pytest.FixtureRequest) -> Hall:
    return Hall(request.param)


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def learnt(ticks: Ticks) -> Learnt:
    return Learnt(ticks=ticks)


def calls_of(hall: Hall, act: Callable[[], object]) -> list[str]:
    before = len(hall.calls)
    act()
    return hall.calls[before:]


def idle(hall: Hall, learnt: Learnt, cursor: str, **changes: Any) -> list[str]:
    """Return the calls of one sweep of changes by a new client, as the hub opens one per step."""
    client = hall.new_client(learnt=learnt, **changes)
    return calls_of(hall, lambda: client.sweep("changes", cursor, now=hall.clock.now))


def swept(hall: Hall, learnt: Learnt, **changes: Any) -> str:
    """Sweep once by a client of its own and return the cursor."""
    hall.put(hall.product("MUG"), 5)
    return sweep_all(hall.new_client(learnt=learnt, **changes), "changes")[1]


# ── what is spared ──


def test_the_next_client_of_the_same_settings_makes_only_the_useful_calls(hall: Hall, learnt: Learnt):
    cursor = swept(hall, learnt, company_id=0)

    assert idle(hall, learnt, cursor, company_id=0) == POLLED


def test_a_client_on_its_own_starts_from_nothing(hall: Hall):
    cursor = swept(hall, Learnt())

    assert len(idle(hall, Learnt(), cursor)) > len(POLLED) + 4


def test_the_next_documents_are_booked_without_asking_for_ends_again(hall: Hall, learnt: Learnt):
    mug = hall.product("MUG", stock=9)
    first, second = (hall.new_client(learnt=learnt) for _ in range(2))
    asked = calls_of(hall, lambda: first.book_documents([document(hall, "D1", (mug, 1))]))

    spared = calls_of(hall, lambda: second.book_documents([document(hall, "D2", (mug, 1))]))

    assert "stock.move.fields_get" in asked
    assert "stock.warehouse.search_read" in asked
    assert not {what for what in spared if what.endswith("fields_get") or "warehouse" in what}
    assert second.read_documents(["D2"]) == {"D2": DocumentState.BOOKED}


def test_what_is_learnt_is_asked_again_after_some_minutes(hall: Hall, learnt: Learnt, ticks: Ticks):
    cursor = swept(hall, learnt)
    ticks.now += LEARNT_FOR_S
    assert idle(hall, learnt, cursor) == POLLED

    ticks.now += 1

    assert len(idle(hall, learnt, cursor)) > len(POLLED)
    assert idle(hall, learnt, cursor) == POLLED


def test_a_look_at_the_account_asks_everything_afresh(hall: Hall, learnt: Learnt):
    swept(hall, learnt)
    own = Learnt()

    def looks(at: Learnt) -> list[str]:
        client = hall.new_client(learnt=at, company_id=0)
        return calls_of(hall, client.probe)

    assert looks(learnt) == looks(own)
    assert looks(learnt) == looks(Learnt())


def test_a_full_sweep_begins_with_the_places_as_they_are_now(hall: Hall, learnt: Learnt):
    mug = hall.product("MUG", stock=5)
    sweep_all(hall.new_client(learnt=learnt), "stock")

    asked = calls_of(hall, lambda: sweep_all(hall.new_client(learnt=learnt), "stock"))

    assert "stock.location.search_read" in asked
    assert "common.version" in asked
    assert mug in str(hall.new_client(learnt=learnt).read_object("item", mug).body)


def test_a_key_that_was_refused_is_not_tried_again_by_the_next_client(hall: Hall, learnt: Learnt):
    keys = {"api_key": "f" * 40, "next_api_key": hall.client.config.api_key}
    cursor = swept(hall, learnt, **keys)

    assert idle(hall, learnt, cursor, **keys) == POLLED


# ── whose it is ──


@pytest.mark.parametrize(
    "changes",
    [
        {"api_key": "3" * 40},
        {"next_api_key": "4" * 40},
        {"company_id": 2},
        {"base_url": "https://other.example.test"},
        {"database": "other"},
        {"login": "other"},
        {"transport": "json2"},
        {"unavailable_locations": "WH/Quality Control"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_other_settings_inherit_nothing(changes: dict[str, Any]):
    memory = Memory()
    same = memory.of("odoo", config())

    assert memory.of("odoo", config()) is same
    assert memory.of("odoo", config(**changes)) is not same
    assert memory.of("other", config()) is not same


def test_the_connector_shares_between_its_clients_and_not_with_another_connector():
    connector, other = OdooConnector(), OdooConnector()
    connector.client(config(), connection="odoo")
    connector.client(config(), connection="odoo")

    assert (len(connector.memory), len(other.memory)) == (1, 0)


def test_no_key_is_kept_in_clear(hall: Hall, learnt: Learnt):
    memory = Memory()
    settings = hall.client.config
    memory.of("odoo", settings)
    swept(hall, learnt)

    kept = f"{vars(memory)} {vars(learnt)}"
    assert "MUG" not in kept
    assert "version" in kept
    assert settings.api_key not in kept


def test_memory_is_bounded_and_keeps_what_was_used_last():
    memory, facts = Memory(most=2), Learnt(most=3)
    first, second = memory.of("a", config()), memory.of("b", config())
    memory.of("a", config())
    memory.of("c", config())
    known = Known(facts)
    known.note("version", 19)
    for line in range(4):
        known.each("line", [line], lambda lines: dict.fromkeys(lines, "x"))
        assert known.recall("version", 0) == 19

    assert len(memory) == 2
    assert memory.of("a", config()) is first
    assert memory.of("b", config()) is not second
    assert len(facts) == 3


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


# ── threads ──


def test_what_is_asked_for_while_everything_is_forgotten_is_not_kept():
    learnt = Learnt()
    slow, other = Known(learnt), Known(learnt)

    def ask() -> int:
        other.forget()
        return 18

    assert slow.fact("version", ask) == 18
    assert other.fact("version", lambda: 19) == 19


def test_two_threads_learn_one_thing_and_neither_breaks_the_other():
    learnt, start = Learnt(most=50), Barrier(2)
    wrong: list[object] = []

    def work() -> None:
        known = Known(learnt)
        start.wait(5)
        try:
            for number in range(2000):
                asked = known.each("line", range(number, number + 5), lambda some: {n: n * n for n in some})
                if asked != {n: n * n for n in range(number, number + 5)}:
                    wrong.append(asked)
                if known.fact("version", lambda: 19) != 19 or (number % 97 == 0 and known.outdated()):
                    wrong.append(number)
        except Exception as error:  # what a thread raises is lost otherwise
            wrong.append(error)

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert wrong == []
    assert len(learnt) <= 50


def test_two_clients_at_once_read_the_same(hall: Hall, learnt: Learnt):
    mugs = [hall.product(f"MUG{number}", stock=number + 1) for number in range(3)]
    alone = {mug: hall.new_client().read_object("item", mug).body for mug in mugs}
    read: dict[str, bytes] = {}
    start = Barrier(2)

    def work(client: OdooClient) -> None:
        start.wait(5)
        for mug in mugs:
            read[f"{id(client)} {mug}"] = client.read_object("item", mug).body

    clients = [hall.new_client(learnt=learnt) for _ in range(2)]
    threads = [Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert {key.partition(" ")[2]: body for key, body in read.items()} == alone
    assert len(read) == 2 * len(mugs)
