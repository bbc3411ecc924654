"""The two ledgers every contract test runs against."""

from __future__ import annotations

import pytest

from tests.ledger.shops import Shop
from tests.ledger.worlds import MemoryWorld, PostgresWorld, World


@pytest.fixture(params=[MemoryWorld, PostgresWorld], ids=["memory", "postgres"])
def world(request: pytest.FixtureRequest, db: None) -> World:
    made: World = request.param()
    return made


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world)
