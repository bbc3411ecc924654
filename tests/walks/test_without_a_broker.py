"""No broker, no workers, from the start: the dispatcher does the work itself, one step at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inventory_sync.ledger.models import Reservation
from tests.walks import retailer, witness
from tests.walks.platform import Platform
from tests.walks.processes import WORKERS


@pytest.fixture
def alone(platform: Platform) -> Iterator[Platform]:
    """Web and dispatcher started anew while no broker listens; everything comes back afterwards."""
    platform.rest(patience_s=60)
    platform.stop(*WORKERS, "dispatcher", "web")
    platform.services.broker.stop()
    try:
        platform.start("web", "dispatcher")
        yield platform
    finally:
        platform.services.broker.start()
        platform.start(*WORKERS)


def test_an_order_and_a_sale_still_reach_the_other_shop(alone: Platform) -> None:
    since = witness.mark()
    line = {"product_id": retailer.product_of("woo", "KEG"), "quantity": 4}

    sold = alone.shops["woo"].control.checkout([line])
    alone.till.till.write("sale", "ST-1", [{"sku": "KEG", "quantity": "1"}])

    alone.shows("KEG", 45, patience_s=60)
    reservation = Reservation.objects.get(order__connection__code="woo", order__order_ref=str(sold["id"]))
    assert reservation.demand == 4
    alone.rest(patience_s=60)
    assert witness.seen(since) == {"delivery", "movement", "push"}
    assert witness.processes(since) == {"dispatcher"}
    assert "wake.failed" in alone.log_of("dispatcher")
