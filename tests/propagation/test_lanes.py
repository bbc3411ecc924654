"""The lane's rows on PostgreSQL: what is owed, what is claimed, what is news, what is only an echo."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from inventory_sync.audit.models import Entry
from inventory_sync.availability.models import ChannelFigure
from inventory_sync.catalog.models import Item, ItemMapping
from inventory_sync.connections.models import Budget, Connection
from inventory_sync.propagation.models import Listing
from inventory_sync.propagation.ports import Flight, News, Sighting, Wanted
from inventory_sync.propagation.selectors import connections_owed
from inventory_sync.propagation.services import preview, retry, sync_listings
from inventory_sync.propagation.store import PostgresLanes
from tests.factories import NOON, change, make_channel, make_item, make_listing, map_item
from tests.sessions import end_other_sessions

LEASE = timedelta(seconds=60)
lanes = PostgresLanes(near_zero=Decimal(2), budgets_by_callers_clock=True)


@pytest.fixture
def shop(db: None) -> Connection:
    return make_channel("woo")


def listing(
    shop: Connection,
    item: Item | None = None,
    *,
    factor: int = 1,
    desired: int | None = None,
    **values: object,
) -> Listing:
    mapping = map_item(shop, item or make_item(), numerator=factor)
    return make_listing(mapping, desired=desired, **values)


def owed(shop: Connection, figure: int = 5, *, since: datetime = NOON, **values: object) -> Listing:
    state = {"desired": figure, "state": "owed", "dirty_since": since, "desired_version": 1, **values}
    return listing(shop, **state)  # type: ignore[arg-type]


def claim(shop: Connection, *, now: datetime = NOON, limit: int = 100) -> Flight:
    return lanes.claim(shop.pk, now=now, limit=limit, calls=1, lease=LEASE, longest_life=LEASE)


def owe(row: Listing, figure: int | None, version: int = 2) -> frozenset[int]:
    item_id = row.mapping.item_id
    assert item_id is not None
    amount = None if figure is None else Decimal(figure)
    return lanes.owe([Wanted(row.connection_id, item_id, amount, version, "0123456789abcdef")], now=NOON)


# ── owing ──


def test_a_new_figure_is_owed_under_the_correlation_id_of_its_cause(shop: Connection) -> None:
    row = listing(shop)

    assert owe(row, 7) == {shop.pk}

    row.refresh_from_db()
    assert (row.desired, row.state, row.correlation_id) == (7, "owed", "0123456789abcdef")


def test_a_pack_is_offered_in_whole_packs(shop: Connection) -> None:
    row = listing(shop, factor=12)

    owe(row, 35)

    row.refresh_from_db()
    assert row.desired == 2


def test_an_older_figure_never_replaces_a_newer_one(shop: Connection) -> None:
    row = listing(shop)
    owe(row, 7, version=5)

    owe(row, 9, version=4)

    row.refresh_from_db()
    assert (row.desired, row.desired_version) == (7, 5)


def test_an_unknown_figure_holds_what_is_shown_and_owes_nothing(shop: Connection) -> None:
    row = owed(shop, acknowledged=5)

    assert owe(row, None) == frozenset()

    row.refresh_from_db()
    assert (row.desired, row.state, row.acknowledged) == (None, "unknown", 5)


def test_an_order_makes_its_listing_owe_again_and_tells_by_how_much_the_shop_fell(shop: Connection) -> None:
    row = listing(shop, factor=2, desired=5, acknowledged=5, observed=5, state="settled")

    lanes.note_news([News(shop.pk, row.mapping.item_id or 0, Decimal(6))], now=NOON)

    row.refresh_from_db()
    assert (row.state, row.news, row.lowered) == ("owed", 1, 3)


def test_the_echo_of_our_own_write_changes_nothing_and_an_edit_does(shop: Connection) -> None:
    row = listing(shop, desired=5, acknowledged=5, observed=5, state="settled", desired_version=1)

    assert lanes.observe([Sighting(shop.pk, row.external_id, Decimal(5), "1", True)], now=NOON) == 0
    row.refresh_from_db()
    assert row.state == "settled"

    assert lanes.observe([Sighting(shop.pk, row.external_id, Decimal(9), "2", True)], now=NOON) == 1
    row.refresh_from_db()
    assert row.state == "owed"


# ── claiming ──


def test_half_a_call_is_for_the_urgent_and_the_rest_for_those_that_wait_longest(shop: Connection) -> None:
    old = [owed(shop, since=NOON - timedelta(minutes=9 - nth)) for nth in range(4)]
    urgent = [owed(shop, 0, urgent=True) for _ in range(4)]

    taken = {row.id for row in claim(shop, limit=4).rows}

    assert taken == {row.pk for row in (*old[:2], *urgent[:2])}


def test_places_the_urgent_do_not_need_go_to_the_oldest(shop: Connection) -> None:
    for _ in range(5):
        owed(shop)

    assert len(claim(shop, limit=4).rows) == 4


def test_a_listing_in_flight_is_claimed_by_nobody_until_its_lease_ran_out(shop: Connection) -> None:
    row = owed(shop)
    (first,) = claim(shop).rows
    assert claim(shop).rows == ()

    (second,) = claim(shop, now=NOON + LEASE).rows

    assert second.state.token == first.state.token + 1
    row.refresh_from_db()
    assert row.token == second.state.token


def test_a_claim_that_finds_no_budget_takes_nothing_and_says_how_long_to_wait(shop: Connection) -> None:
    row = owed(shop)
    Budget.objects.update(tokens=0, rate_per_s=2, burst=10, refilled_at=NOON)

    flight = claim(shop)

    assert (flight.rows, flight.wait_s) == ((), 1.5)  # one call, and the two that only urgent ones may take
    row.refresh_from_db()
    assert row.lease_until is None


def test_what_is_settled_failed_or_unknown_is_not_claimed(shop: Connection) -> None:
    for state in ("settled", "failed", "unknown"):
        owed(shop, state=state)

    assert claim(shop).rows == ()
    assert connections_owed(NOON) == []


def test_connections_with_something_urgent_come_first(shop: Connection) -> None:
    owed(shop)
    outlet = make_channel("outlet")
    owed(outlet, 0, urgent=True)

    assert connections_owed(NOON) == [(outlet.pk, True), (shop.pk, False)]


@pytest.fixture
def committed(transactional_db: None) -> Iterator[Connection]:
    yield make_channel("woo")
    end_other_sessions()


def test_workers_at_the_same_moment_never_fly_with_the_same_listing(committed: Connection) -> None:
    rows = {owed(committed).pk for _ in range(60)}
    together = Barrier(6)

    def work(_: int) -> list[int]:
        mine: list[int] = []
        together.wait(30)
        while flight := claim(committed, limit=7).rows:
            mine += [row.id for row in flight]
        connection.close()
        return mine

    with ThreadPoolExecutor(6) as pool:
        taken = [one for mine in pool.map(work, range(6)) for one in mine]

    assert len(taken) == len(set(taken))
    # Rows another worker held at that instant were passed over, never shared: one more look takes them.
    assert {*taken, *(row.id for row in claim(committed).rows)} == rows


# ── people ──


def test_a_failed_push_is_tried_again_at_once_with_the_figure_of_now_and_is_on_record(
    shop: Connection,
) -> None:
    row = owed(shop, state="failed", attempts=8, error_code="push.rejected", error_detail="No such product.")
    assert preview(row)["would_send"] == 5

    assert retry([row.pk], actor="ada", reason="the product is back", now=NOON) == 1

    row.refresh_from_db()
    assert (row.state, row.attempts, row.error_code) == ("owed", 0, "")
    assert Entry.objects.latest("id").action == "push.retried"


def test_a_failed_push_of_an_unknown_figure_sends_nothing_when_tried_again(shop: Connection) -> None:
    row = listing(shop, state="failed")

    retry([row.pk], actor="ada", reason="again", now=NOON)

    row.refresh_from_db()
    assert row.state == "unknown"


def test_a_new_mapping_becomes_a_listing_that_owes_the_figure_that_stands(shop: Connection) -> None:
    item = make_item()
    ChannelFigure.objects.create(connection=shop, item=item, figure=8, version=3, computed_at=NOON)
    map_item(shop, item, "product:1")

    assert sync_listings(shop.pk, now=NOON) == 1

    row = Listing.objects.get()
    assert (row.desired, row.desired_version, row.state) == (8, 3, "owed")
    assert sync_listings(shop.pk, now=NOON) == 0


def test_a_mapping_that_publishes_no_more_loses_its_listing(shop: Connection) -> None:
    mapping = map_item(shop, make_item(), "product:1")
    sync_listings(shop.pk, now=NOON)

    change(mapping, state=ItemMapping.State.SUSPENDED)
    sync_listings(shop.pk, now=NOON)

    assert not Listing.objects.exists()
