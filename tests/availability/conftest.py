"""Every rule of this room is checked in memory and in PostgreSQL alike."""

from __future__ import annotations

import pytest

from tests.availability.worlds import MemoryWorld, PostgresWorld, World


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.django_db)])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return MemoryWorld()
    return PostgresWorld()
