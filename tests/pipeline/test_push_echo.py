"""Our own write coming back is known by what is wanted, not by a timer: an edit in the window survives."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.woocommerce.twin import WooTwin
from inventory_sync.propagation.ports import Sighting
from tests.pipeline.hub import Hub
from tests.pipeline.lane import MUG, landed, shown

pytestmark = pytest.mark.django_db


def heard(hub: Hub, figure: int, stamp: str) -> int:
    sighting = Sighting(hub.shop.pk, f"product:{MUG}", Decimal(figure), stamp, managed=True)
    with hub.ports.lanes.transaction():
        return hub.ports.lanes.observe([sighting], now=hub.clock())


def test_an_edit_to_a_figure_we_wrote_before_is_noticed_in_the_second_of_our_own_write(
    hub: Hub, twin: WooTwin
) -> None:
    hub.settle()
    hub.till_says("sale", ("MUG", "4"))
    hub.drain()
    hub.compute()
    hub.settle()
    assert landed(twin) == [10, 6]

    assert heard(hub, 6, "ours") == 0, "the echo of our write is no news"
    twin.control.set_stock(MUG, 10, silent=True)  # the very figure we wrote a moment ago
    assert heard(hub, 10, "theirs") == 1

    hub.settle()
    assert (shown(twin), landed(twin)[-1]) == (6, 6)
