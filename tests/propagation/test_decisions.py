"""Which decision about a held write counts for which listing, and who waits for whom. Time is given."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import LazySettings
from django.db import connection

from connectors.woocommerce.twin import WooTwin
from inventory_sync.propagation.guarding import judge
from inventory_sync.propagation.hold_acts import approve, reject
from inventory_sync.propagation.models import LaneGuard, Listing, WriteHold
from inventory_sync.propagation.ports import WouldWrite
from inventory_sync.propagation.selectors import connections_owed
from inventory_sync.propagation.store import PostgresLanes
from tests import factories
from tests.pipeline.conftest import clock, hub, lone_session, nothing_learnt, twin
from tests.pipeline.hub import Hub
from tests.pipeline.lane import product, shown

pytestmark = pytest.mark.django_db
__all__ = ["clock", "hub", "lone_session", "nothing_learnt", "twin"]
EARLY, LATE = range(201, 205), range(301, 305)


@pytest.fixture
def full(hub: Hub, twin: WooTwin, settings: LazySettings) -> Hub:
    """A shop with nine listings, all settled, of which four may not change at once."""
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "GUARD_LEAST_LISTINGS": 4}
    twin.seed({"products": [product(number) for number in (*EARLY, *LATE)]})
    for number in (*EARLY, *LATE):
        hub.stocked(f"N{number}", 10, f"product:{number}")
    hub.compute()
    hub.settle()
    return hub


def counted(hub: Hub, numbers: range, found: int) -> None:
    for number in numbers:
        hub.till_says("count", (f"N{number}", str(found)), at=hub.clock().isoformat())
    hub.drain()
    hub.compute()


def open_hold() -> WriteHold:
    return WriteHold.objects.get(state="waiting")


def figures(twin: WooTwin, numbers: range) -> set[int]:
    return {shown(twin, number) for number in numbers}


def test_what_is_approved_is_written_though_something_else_was_rejected_today(
    full: Hub, twin: WooTwin
) -> None:
    counted(full, EARLY, 0)
    full.push()
    reject(open_hold().pk, actor="ada", reason="The count was wrong.", now=full.clock())
    full.clock.advance(1200)
    counted(full, LATE, 0)
    full.push()

    approve(open_hold().pk, actor="ada", reason="These are gone.", now=full.clock())

    assert connections_owed(full.clock()) == [(full.shop.pk, True)]
    full.push()
    full.settle()
    assert (figures(twin, EARLY), figures(twin, LATE)) == ({10}, {0})
    assert connections_owed(full.clock()) == [], "and what was rejected is not asked about again and again"


def test_the_newest_decision_about_a_listing_counts_and_no_older_one(full: Hub, twin: WooTwin) -> None:
    counted(full, EARLY, 0)
    full.push()
    reject(open_hold().pk, actor="ada", reason="Not zero.", now=full.clock())
    full.clock.advance(60)
    counted(full, EARLY, 90)
    full.push()
    approve(open_hold().pk, actor="ada", reason="A delivery came in.", now=full.clock())
    full.clock.advance(60)
    counted(full, EARLY, 0)
    full.push()

    assert open_hold().to_zero == len(EARLY), "what was refused before the approval is asked anew"


def test_an_expired_rejection_gives_its_listings_back(full: Hub, twin: WooTwin) -> None:
    counted(full, EARLY, 0)
    full.push()
    reject(open_hold().pk, actor="ada", reason="Not zero.", now=full.clock())
    assert connections_owed(full.clock()) == []

    full.clock.advance(25 * 3600)

    assert connections_owed(full.clock()) == [(full.shop.pk, True)]


def test_what_nobody_was_shown_is_not_rejected_with_the_rest(full: Hub, twin: WooTwin) -> None:
    counted(full, EARLY, 0)
    full.push()
    first = open_hold()
    counted(full, LATE, 0)
    full.push()
    assert set(Listing.objects.filter(state="waiting").values_list("connection_id", flat=True)) == {
        full.shop.pk
    }
    assert first.figures.count() == len(EARLY), "a frozen effect stays as it was shown"

    reject(first.pk, actor="ada", reason="The count was wrong.", now=full.clock())
    full.push()

    second = open_hold()
    assert {row.listing.external_id for row in second.figures.all()} == {f"product:{n}" for n in LATE}


# ── who waits for whom ──


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("lone_session")
def test_two_flights_that_are_judged_at_once_wait_for_each_other_only_in_one_direction(
    settings: LazySettings,
) -> None:
    """Each holds its own listings; the first to hold the guard writes down those of the other, too."""
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "GUARD_LEAST_LISTINGS": 2}
    shop = factories.make_channel("shop")
    owed = {
        "state": "owed", "desired": 0, "desired_version": 1, "dirty_since": factories.NOON, "writes": 1,
        "observed": 9, "acknowledged": 9,
    }  # fmt: skip
    mappings = [factories.map_item(shop, factories.make_item(f"N{n}"), f"n{n}") for n in range(4)]
    rows = [factories.make_listing(mapping, **owed) for mapping in mappings]
    LaneGuard.objects.create(connection=shop)
    both_hold, outcomes = threading.Barrier(2, timeout=20), list[int | str]()
    store = PostgresLanes()

    def fly(ours: list[Listing]) -> None:
        try:
            with store.transaction():
                store.lock([row.pk for row in ours])
                both_hold.wait()
                writes = [WouldWrite(row.pk, Decimal(9), Decimal(0), first=False) for row in ours]
                outcomes.append(len(judge(shop.pk, writes, now=factories.NOON + timedelta(seconds=1)).held))
        except Exception as error:
            outcomes.append(str(error).splitlines()[0])
        connection.close()

    flights = [threading.Thread(target=fly, args=(rows[:2],)), threading.Thread(target=fly, args=(rows[2:],))]
    for flight in flights:
        flight.start()
    for flight in flights:
        flight.join(30)

    assert outcomes == [2, 2]
    assert WriteHold.objects.get().figures.count() == 4
