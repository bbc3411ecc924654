"""One platform for all walks of a run: its own servers, ports and folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from inventory_sync.pipeline.watch import watch
from runner.embedded import services as run_services
from tests.walks import witness
from tests.walks.platform import Platform, database_of_its_own
from tests.walks.processes import WORKERS

WALKS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if WALKS in item.path.parents and item.get_closest_marker("browser") is None:
            item.add_marker(pytest.mark.walk)
            item.add_marker(pytest.mark.timeout(300))  # the first one waits for the whole platform


@pytest.fixture(scope="session")
def platform(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Platform]:
    """The whole platform, started once; its own database, broker and twins."""
    folder = tmp_path_factory.mktemp("walks")
    with (
        django_db_blocker.unblock(),
        database_of_its_own(),
        run_services(folder / "var", durable=False, external=False) as services,
    ):
        made = Platform(folder / "var", services)
        try:
            made.prepare()
            made.start("web", "dispatcher", *WORKERS)
            yield made
        finally:
            made.close()


@pytest.fixture
def walk(platform: Platform) -> Iterator[Platform]:
    """The platform at rest; afterwards every step must have been done by a worker.

    The dispatcher may have helped only if it has said meanwhile that a queue takes nothing: a busy machine.
    """
    platform.wait(lambda: not watch(timezone.now()).deaf, "every queue is heard", patience_s=90, every_s=0.5)
    platform.rest(patience_s=60)
    since, told = witness.mark(), len(platform.log_of("dispatcher"))
    yield platform
    by = witness.processes(since)
    deaf = "workers.deaf" in platform.log_of("dispatcher")[told:]
    may = {*WORKERS, "dispatcher"} if deaf else set(WORKERS)
    assert by <= may, f"steps ran outside of workers: {by - may}\n{platform.tails()}"
