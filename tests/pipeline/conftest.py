"""What the tests of this room share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from connectors.odoo.connector import CONNECTOR as ODOO
from connectors.woocommerce.twin import WooTwin
from tests.pipeline.hub import HandClock, Hub, open_hub
from tests.pipeline.lane import BOWL, LOOSE, MUG, PARENT, SHARING, product
from tests.sessions import end_other_sessions


@pytest.fixture
def lone_session(transactional_db: None) -> Iterator[None]:
    """A committed database, and no session of a thread left in it afterwards."""
    yield
    end_other_sessions()


@pytest.fixture(autouse=True)
def nothing_learnt() -> None:
    """Odoos of different tests may stand behind one address."""
    ODOO.memory.clear()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def twin(clock: HandClock) -> Iterator[WooTwin]:
    twin = WooTwin(now=clock)
    twin.seed(
        {
            "products": [
                product(MUG), product(BOWL, stock=4), product(LOOSE, stock=None),
                product(PARENT, "variable", stock=7), product(SHARING, "variation", PARENT, stock=None),
            ]
        }
    )  # fmt: skip
    with twin.serving(ticking=False):
        yield twin


@pytest.fixture
def hub(twin: WooTwin, clock: HandClock, settings: LazySettings) -> Hub:
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"]}
    hub = open_hub(shop_url=twin.url, clock=clock)
    hub.stocked("MUG", 10, f"product:{MUG}")
    hub.compute()
    return hub
