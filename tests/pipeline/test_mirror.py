"""The step that tells mirrors: found, woken, one writer at a time; and held against Odoo's own twin."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection, transaction

from connectors.odoo.connector import CONNECTOR as ODOO
from inventory_sync.connections import registry, writers
from inventory_sync.connections.services import pause
from inventory_sync.domain.errors import OutcomeUnknown
from inventory_sync.pipeline import steps
from inventory_sync.pipeline.debts import find_debts
from inventory_sync.pipeline.inline import WORK
from inventory_sync.pipeline.mirror import mirror
from inventory_sync.pipeline.ports import Account
from inventory_sync.pipeline.wake import Waker
from inventory_sync.propagation import mirror_acts
from inventory_sync.propagation.models import MirrorDocument, MirrorLine
from tests.connectors.odoo.hall import Hall
from tests.factories import map_item
from tests.propagation.mirror_books import LIFE_S
from tests.propagation.mirror_world import World, open_world

pytestmark = pytest.mark.django_db
TASK = "pipeline.mirror"


@pytest.fixture
def world(settings: LazySettings) -> World:
    settings.CONNECTORS = {**settings.CONNECTORS, "books": "tests.propagation.mirror_books"}
    registry.connector.cache_clear()
    return open_world()


@pytest.fixture
def one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step begins with a fresh session; here that would end the test's own transaction."""
    monkeypatch.setattr(steps, "close_old_connections", lambda: None)


def owes(world: World) -> list[dict[str, Any]]:
    debts = find_debts(world.hub.clock(), ports=world.hub.ports)
    return [debt.arguments for debt in debts if debt.task == TASK]


# ── finding and waking ──


def test_the_dispatcher_finds_what_a_mirror_is_owed_and_knows_how_to_pay_it(world: World) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.settle()
    assert owes(world) == []

    world.till("sale", ("MUG", "2"))

    assert owes(world) == [{"connection_id": world.target.pk}]
    assert WORK[TASK] is steps.mirror_connection
    world.settle()
    assert owes(world) == []


def test_a_place_that_was_not_compared_for_long_is_a_debt(world: World) -> None:
    world.declare()
    world.settle()

    world.hub.clock.advance(timedelta(hours=2).total_seconds())

    assert owes(world) == [{"connection_id": world.target.pk}]


@pytest.mark.usefixtures("one_session")
def test_a_paused_mirror_is_left_alone(world: World) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    pause(connection_id=world.target.pk, actor="tests", reason="a holiday")

    assert owes(world) == []
    assert steps.mirror_connection(world.target.pk, ports=world.hub.ports) == {"inactive": 1}


@pytest.mark.usefixtures("one_session")
def test_the_drain_wakes_the_mirrors_of_what_it_moved_and_nobody_else(world: World) -> None:
    world.item("MUG", stock=10)
    sent: list[str] = []
    wake = Waker(lambda task, queue, arguments: sent.append(task), every_s=0)
    world.declare()

    world.hub.till_says("sale", ("MUG", "1"))
    steps.drain_intake("standard", ports=world.hub.ports, wake=wake)
    wake.flush()
    told = sent.count(TASK)
    sent.clear()
    steps.drain_intake("standard", ports=world.hub.ports, wake=wake)
    wake.flush()

    assert (told, sent.count(TASK)) == (1, 0)


def test_movements_of_places_nobody_mirrors_mark_nothing(world: World) -> None:
    world.item("MUG", stock=10)

    counts = world.till("sale", ("MUG", "1"))

    assert "mirrored" not in counts


# ── one writer ──


def test_while_others_write_to_the_connection_the_mirror_waits(world: World) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    now = world.hub.clock()
    held = writers.claim(world.target.pk, "orders", now=now, until=now + timedelta(seconds=30))
    assert held is not None

    waited = world.mirror()
    writers.release(held)
    worked = world.mirror()

    assert waited == {"others_write": 1}
    assert worked["booked"] == 1


def test_who_was_overtaken_records_nothing_and_the_next_one_books_once(world: World) -> None:
    mug = world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))

    def take_over() -> None:
        world.hub.clock.advance(LIFE_S + 1)
        now = world.hub.clock()
        assert writers.claim(world.target.pk, "orders", now=now, until=now + timedelta(seconds=5))

    world.books.meanwhile = take_over
    world.mirror()
    left = MirrorDocument.objects.get().state
    world.hub.clock.advance(LIFE_S + 20)
    world.mirror()

    assert left == "unknown"
    assert (MirrorDocument.objects.get().state, world.copied(mug)) == ("booked", -2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("lone_session")
def test_a_cut_waits_for_who_posts_at_its_level_and_then_misses_nothing(world: World) -> None:
    mug = world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    world.hub.till_says("sale", ("MUG", "3"), at=world.hub.clock().isoformat())
    posted, may_commit = threading.Event(), threading.Event()

    def post() -> None:
        with transaction.atomic():
            world.hub.drain()
            posted.set()
            may_commit.wait(30)
        connection.close()

    def cut() -> None:
        world.mirror()
        connection.close()

    poster, cutter = threading.Thread(target=post), threading.Thread(target=cut)
    poster.start()
    assert posted.wait(30)
    cutter.start()
    waited = somebody_waits_for_a_lock()
    may_commit.set()
    poster.join(30)
    cutter.join(30)

    assert waited
    assert world.copied(mug) == world.moved(mug) == -5
    assert [line.movements for line in MirrorLine.objects.all()] == [2]


def somebody_waits_for_a_lock() -> bool:
    """Look until a session of this database waits for another's lock; a minute at most."""
    for _ in range(1200):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            row = cursor.fetchone()
        if row and row[0]:
            return True
        time.sleep(0.05)
    return False


# ── Odoo ──


class Odoo(World):
    """The target is the Odoo connector, and behind it the twin, without sockets."""

    hall: Hall

    @property
    def account(self) -> Account:
        return Account(self.target.pk, self.target.code, ODOO.capabilities, self.hall.client, [])

    def named(self, *skus: str) -> None:
        for sku in skus:
            item = self.item(sku, stock=100, mapped=False)
            map_item(self.target, item, self.hall.product(sku, stock=100), publishes=False)

    def on_hand(self, sku: str) -> int:
        ref = self.target.item_mappings.get(item__sku=sku).external_id
        return int(self.hall.on_hand(ref))

    def ref(self, sku: str) -> str:
        return str(self.target.item_mappings.get(item__sku=sku).external_id)


@pytest.fixture(params=[18, 19])
def odoo(request: pytest.FixtureRequest, world: World) -> Odoo:
    hall = Hall(request.param)
    odoo = Odoo(world.hub, world.target)
    odoo.hall = hall
    odoo.named("MUG", "CUP", "BOWL")
    odoo.declare(at=hall.place)
    return odoo


def test_odoo_shows_what_the_store_has_after_a_day(odoo: Odoo) -> None:
    odoo.till("sale", ("MUG", "3"), ("CUP", "1"))
    odoo.till("sale", ("MUG", "2"))
    odoo.till("return", ("CUP", "1"))
    odoo.till("adjustment", ("BOWL", "-4"))
    odoo.till("count", ("BOWL", "90"))

    odoo.settle()

    assert [odoo.on_hand(sku) for sku in ("MUG", "CUP", "BOWL")] == [95, 100, 90]
    assert set(odoo.states()) == {"booked"}


def test_a_product_that_odoo_will_not_move_stands_alone_until_it_will(odoo: Odoo) -> None:
    odoo.hall.write("product.product", [int(odoo.ref("CUP").partition(":")[2])], tracking="lot")
    odoo.till("sale", ("MUG", "3"), ("CUP", "1"), ("BOWL", "2"))
    odoo.settle()
    refused = MirrorDocument.objects.get(state="refused")
    assert [line.item.sku for line in refused.lines.all()] == ["CUP"]
    assert (odoo.on_hand("MUG"), odoo.on_hand("BOWL")) == (97, 98)

    odoo.hall.write("product.product", [int(odoo.ref("CUP").partition(":")[2])], tracking="none")
    mirror_acts.retry([refused.pk], actor="tests", reason="no lots after all", now=odoo.hub.clock())
    odoo.settle()

    assert odoo.on_hand("CUP") == 99


@pytest.mark.parametrize("lost", ["stock.picking.create", "stock.picking.button_validate"])
def test_an_answer_lost_on_the_way_from_odoo_books_nothing_twice(
    odoo: Odoo, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = odoo.hall.client
    write, gone = client.odoo.write, []

    def losing(model: str, method: str, **values: Any) -> Any:
        answer = write(model, method, **values)
        if f"{model}.{method}" == lost and not gone:
            gone.append(lost)
            raise OutcomeUnknown("The answer was lost.")
        return answer

    monkeypatch.setattr(client.odoo, "write", losing)
    odoo.till("sale", ("MUG", "3"), ("CUP", "1"))
    odoo.mirror()
    assert gone

    odoo.settle()

    assert (odoo.on_hand("MUG"), odoo.on_hand("CUP")) == (97, 99)


def test_a_batch_of_a_hundred_lines_is_one_picking_and_two_writes(odoo: Odoo) -> None:
    skus = [f"S-{number:03}" for number in range(97)]
    odoo.named(*skus)
    limits = replace(odoo.hub.ports.limits, mirror_lines=100)
    odoo.hub.ports = replace(odoo.hub.ports, limits=limits)
    odoo.settle()
    odoo.till("sale", *((sku, "1") for sku in skus))
    odoo.hall.calls.clear()

    mirror(odoo.account, ports=odoo.hub.ports)

    assert odoo.hall.writes() == ["stock.picking.create", "stock.picking.button_validate"]
    assert MirrorDocument.objects.filter(state="booked").latest("pk").lines.count() == 97
