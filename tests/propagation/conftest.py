"""Every rule of the store of lanes is checked in memory and in PostgreSQL alike."""

from __future__ import annotations

import pytest

from tests.propagation.store_contract import MemoryWorld, PostgresWorld, World


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.django_db)])
def world(request: pytest.FixtureRequest) -> World:
    return MemoryWorld() if request.param == "memory" else PostgresWorld()
