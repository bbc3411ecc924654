"""Moments the seeds meet rarely, made on purpose."""

from __future__ import annotations

import pytest

from inventory_sync.intake.ports import NewDelivery
from inventory_sync.pipeline import push as pushing
from inventory_sync.pipeline.compute import compute
from inventory_sync.pipeline.drain import drain
from inventory_sync.pipeline.ports import Ports
from tests.sim.clients import journal_page
from tests.sim.oracles import Watch, check_end
from tests.sim.scheduler import Process
from tests.sim.till import Entry
from tests.sim.world import SHOP_ID, TILL_ID, World

SEED = 3


@pytest.fixture
def world() -> World:
    """Return an installation where nothing fails, nobody trades, and everything is settled."""
    world = World(SEED)
    world.faults.heal()
    for article in world.articles:
        for code in ("W1", "W2"):
            world.till.count(article.item, code, 5)
    world.crew.start()
    world.scheduler.run_until(60.0)
    assert check_end(world) == []
    return world


def tell(world: World, entry: Entry) -> None:
    """Have an entry of the till stored and applied at once."""
    page = journal_page([entry.body()], entry.location)
    with world.hub.database.transaction():
        world.hub.intake.store(
            [
                NewDelivery(
                    TILL_ID,
                    page.topic,
                    {},
                    page.body,
                    page.dedupe_key,
                    page.object_key,
                    "standard",
                    "webhook",
                    world.scheduler.clock(),
                    "c",
                )
            ]
        )
    drain("standard", ports=world.hub.ports)


def test_a_till_sale_applied_between_computing_and_aiming_is_not_missing_in_the_figure_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    article = world.articles[0]
    watch = Watch(world)
    tell(world, world.till.move(article.item, "W1", 2, "receipt"))
    world.scheduler.forget()  # nobody else acts: this push alone
    began_s = world.scheduler.now_s
    compute(ports=world.hub.ports)
    told: list[Entry] = []

    def compute_then_sell(*, ports: Ports) -> object:
        result = compute(ports=ports)
        if not told:
            told.append(world.till.move(article.item, "W1", -1, "sale"))
            tell(world, told[0])
        return result

    monkeypatch.setattr(pushing, "compute", compute_then_sell)
    work = lambda: pushing.push(world.hub.ports.account(SHOP_ID), ports=world.hub.ports)  # noqa: E731
    world.scheduler.spawn(Process("push", work))
    world.scheduler.run_until(world.scheduler.now_s + 5)

    assert told
    assert watch.violations == []
    assert [write for at_s, write in world.sent if at_s > began_s] == []

    world.scheduler.spawn(Process("push", work))
    world.scheduler.run_until(world.scheduler.now_s + 5)

    assert world.sent[-1][1].figure == (11 - world.buffer) // article.pack
    assert watch.violations == []
