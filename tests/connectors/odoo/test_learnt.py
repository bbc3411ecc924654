"""What clients of one connection share, with whom, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Barrier, Thread
from typing import Any

import pytest

from connectors.odoo.client import OdooClient
from connectors.odoo.connector import OdooConnector
from connectors.odoo.learnt import LEARNT_FOR_S, Known, Learnt, Memory
from inventory_sync.domain.commands import DocumentState
from tests.connectors.odoo.books import sweep_all
from tests.connectors.odoo.hall import Hall, document
from tests.connectors.odoo.replays import config
from tests.connectors.odoo.steps import POLLED, calls_of, idle, swept


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
