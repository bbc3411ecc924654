"""Fixtures every room may use: the servers of the run, and servers of one's own to be cruel to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker

from runner.embedded import External, Services
from runner.embedded import services as run_services
from tests.draws import draw_by_seed_alone
from tests.services import RUN, environment_for_processes

# With CI=true a run judges the change, not the luck of its draw; every other run draws anew.
settings.register_profile(
    "project",
    deadline=None,
    print_blob=True,
    derandomize=os.environ.get("CI", "").lower() == "true",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("project")
draw_by_seed_alone()


@pytest.fixture(scope="session")
def services() -> Services:
    """PostgreSQL of this run, started at the first test that needs it."""
    return RUN.services


@pytest.fixture(scope="session")
def broker(services: Services) -> Services:
    """The run's servers with the broker started too."""
    if not isinstance(services.queue, External):
        services.queue.start()
    return services


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    services: Services, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """Have PostgreSQL up before pytest-django makes the test database."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Let tests that commit empty their database: only there may what is append-only be truncated."""
    from django.db import connection

    from inventory_sync.availability.partitions import make_months
    from inventory_sync.support.months import months_from

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        make_months(months_from(datetime.now(UTC), 5))  # what processes of a walk make later is guarded
        cursor.execute(
            "SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname) FROM pg_trigger"
            " WHERE tgname ~ '_no_truncate$'"
        )
        for (allow,) in cursor.fetchall():
            cursor.execute(allow)


@pytest.fixture
def process_environment(transactional_db: None, broker: Services) -> dict[str, str]:
    """Environment for real workers and web processes on the test database."""
    from django.db import connection

    return environment_for_processes(str(connection.settings_dict["NAME"]))


@pytest.fixture
def own_services(tmp_path: Path) -> Iterator[Services]:
    """Servers of this test alone, to kill, freeze and wipe."""
    with run_services(tmp_path / "var", durable=False, external=False) as running:
        yield running
