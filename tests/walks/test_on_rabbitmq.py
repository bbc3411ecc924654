"""The same platform with RabbitMQ as its broker: it wakes the workers, and may forget everything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from inventory_sync.pipeline.routes import QUEUES
from runner.embedded import External, Services
from runner.embedded import services as run_services
from tests.walks import retailer, witness
from tests.walks.platform import Platform, database_of_its_own
from tests.walks.processes import WORKERS
from tests.walks.rabbit import MISSING, Rabbit

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    server = Rabbit(tmp_path_factory.mktemp("rabbit"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def on_rabbit(
    rabbit: Rabbit, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("on_rabbit")
    with (
        django_db_blocker.unblock(),
        database_of_its_own(),
        run_services(folder / "var", durable=False, broker=False, external=False) as servers,
    ):
        made = Platform(folder / "var", Services(servers.database, External("broker", rabbit.url)))
        try:
            made.prepare()
            made.start("web", "dispatcher", *WORKERS)
            yield made
        finally:
            made.close()


def sell(walk: Platform, sku: str, quantity: int) -> None:
    line = {"product_id": retailer.product_of("woo", sku), "quantity": quantity}
    walk.shops["woo"].control.checkout([line])


def test_rabbitmq_wakes_the_workers_and_may_forget_everything(on_rabbit: Platform, rabbit: Rabbit) -> None:
    on_rabbit.rest(patience_s=90)
    since = witness.mark()
    sell(on_rabbit, "MUG", 3)
    on_rabbit.shows("MUG", 47, patience_s=60)
    assert witness.processes(since) <= set(WORKERS), "every step was done by a worker"
    queues = rabbit.control("list_queues", "name", "durable", "consumers").split("\n")
    assert {tuple(line.split("\t")) for line in queues} >= {(queue, "true", "1") for queue in QUEUES}
    assert {
        line.split("\t")[0] for line in rabbit.control("list_channels", "global_prefetch_count").split("\n")
    } >= {"2", "1"}, "no worker takes more messages than it has processes"

    rabbit.wipe()
    sell(on_rabbit, "MUG", 2)
    on_rabbit.shows("MUG", 45, patience_s=60)
    on_rabbit.wait(lambda: _all_consumed(rabbit), "workers listen again", patience_s=60, every_s=1)


def _all_consumed(rabbit: Rabbit) -> bool:
    lines = {
        tuple(line.split("\t")) for line in rabbit.control("list_queues", "name", "consumers").split("\n")
    }
    return lines >= {(queue, "1") for queue in QUEUES}
