"""Killed workers, a wiped and a silent broker, a database that falls over: trade goes on, nothing is lost."""

from __future__ import annotations

import json
import signal
import time
from datetime import datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from inventory_sync.connections.models import Cursor
from inventory_sync.intake.models import Delivery
from inventory_sync.ledger.models import Reservation
from inventory_sync.ledger.selectors import verify
from inventory_sync.propagation.models import Listing, PushAttempt
from tests.walks import retailer, witness
from tests.walks.live_trade import LiveTrade, live, may_be_sold, open_demand
from tests.walks.platform import Platform
from tests.walks.processes import WORKERS

SEED = 20261123


@pytest.fixture(scope="module")
def hardship(platform: Platform) -> Platform:
    """The platform after half a minute of trade in which everything was killed at least once."""
    platform.rest(patience_s=60)
    Cursor.objects.update(run_at=timezone.now())
    since, started = witness.mark(), postmaster_started()
    trade = LiveTrade(platform, seed=SEED)
    trade.start()
    try:
        killed = be_cruel(platform)
    finally:
        trade.stop()
    connection.close()

    assert postmaster_started() > started, "PostgreSQL was not restarted"
    assert killed >= 5
    assert sum(trade.done.values()) - trade.done["refused"] > 60, trade.done
    platform.wait(lambda: not platform.till.outbox.owed(), "the till got rid of everything", patience_s=60)
    ended = timezone.now()
    Cursor.objects.update(run_at=ended)
    platform.wait(
        lambda: not Cursor.objects.exclude(swept_at__gt=ended).exists(), "all was swept", patience_s=60
    )
    platform.rest(patience_s=90)
    by = witness.processes(since)
    assert by & set(WORKERS), "no worker did anything"
    assert by <= {*WORKERS, "dispatcher"}, "only workers work, and the dispatcher while the broker is silent"
    return platform


def be_cruel(platform: Platform) -> int:
    """Kill, wipe, silence and restart while trade goes on; returns how many workers were killed."""
    killed = 0
    for _ in range(4):
        time.sleep(1.2)
        killed += platform.kill_a_pool_child("worker-critical")
    platform.services.broker.flush()
    time.sleep(1.5)
    platform.kill("worker-critical")
    killed += 1
    platform.start("worker-critical")
    platform.services.broker.freeze()
    time.sleep(4)
    platform.services.broker.thaw()
    killed += platform.kill_a_pool_child("worker-critical")
    postgres = platform.services.postgres
    assert postgres.process is not None
    postgres.process.send(signal.SIGQUIT)  # an immediate stop: nothing is flushed, recovery follows
    platform.wait(lambda: not postgres.running(), "PostgreSQL has fallen over")
    time.sleep(1)
    postgres.start()
    time.sleep(3)
    killed += platform.kill_a_pool_child("worker-critical")
    time.sleep(2)
    return killed


def postmaster_started() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_postmaster_start_time()")
        started: datetime = cursor.fetchone()[0]
        return started


def test_everything_the_hub_acknowledged_to_the_till_is_stored_and_applied(hardship: Platform) -> None:
    acknowledged = set(hardship.till.outbox.acked())

    stored = Delivery.objects.filter(connection__code="till")
    heard = {json.loads(bytes(row.body))["id"]: row.state for row in stored}
    assert acknowledged
    assert acknowledged <= heard.keys()
    assert {heard[one] for one in acknowledged} == {Delivery.State.DONE}


@pytest.mark.parametrize("sku", retailer.LIVE)
def test_the_ledger_agrees_with_the_tills_own_book(hardship: Platform, sku: str) -> None:
    assert hardship.hub_book(sku) == hardship.till_book(sku)


def test_every_level_is_the_sum_of_its_movements(hardship: Platform) -> None:
    assert verify() == []


def test_open_reservations_are_the_shops_open_orders_line_by_line(hardship: Platform) -> None:
    rows = Reservation.objects.filter(
        state__in=Reservation.OPEN, item__sku__in=retailer.LIVE, demand__gt=0
    ).select_related("order__connection")

    ours = {
        (row.order.connection.code, row.order.order_ref, row.line_ref): row.demand - row.fulfilled
        for row in rows
    }
    assert ours == open_demand(hardship)


@pytest.mark.parametrize("shop", retailer.SHOPS)
@pytest.mark.parametrize("sku", retailer.LIVE)
def test_each_listing_is_settled_at_what_may_be_sold_by_the_witnesses_books(
    hardship: Platform, sku: str, shop: str
) -> None:
    listing = Listing.objects.get(connection__code=shop, mapping__item__sku=sku)

    figure = may_be_sold(hardship, sku)
    assert (listing.state, listing.desired, listing.acknowledged) == (Listing.State.SETTLED, figure, figure)
    assert hardship.figure(shop, sku) == figure


@pytest.mark.parametrize("shop", retailer.SHOPS)
@pytest.mark.parametrize("sku", retailer.LIVE)
def test_no_figure_landed_after_a_newer_one(hardship: Platform, sku: str, shop: str) -> None:
    ours = [row["value"] for row in hardship.history(shop, sku) if row["who"] == "api"]

    attempts = PushAttempt.objects.filter(
        listing__connection__code=shop, listing__mapping__item__sku=sku, wrote__isnull=False
    ).order_by("id")
    versions = [one.version for one in attempts]
    assert versions == sorted(versions)
    landed = iter(ours)
    confirmed = [one.wrote for one in attempts if one.outcome == "settled"]
    assert all(any(Decimal(value) == wrote for value in landed) for wrote in confirmed), "out of turn"
    assert confirmed, f"{shop} was told nothing of {sku}"


def test_no_trade_was_parked_or_rejected(hardship: Platform) -> None:
    orders = [
        f"order:{order['id']}"
        for twin in hardship.shops.values()
        for order in twin.control.orders()
        if live(order)
    ]
    stuck = Delivery.objects.filter(state__in=("parked", "rejected"))

    assert not stuck.filter(connection__code="till").exists()
    assert not stuck.filter(object_key__in=orders).exists()
