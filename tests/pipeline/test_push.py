"""The sandwich against the shop's twin: no sale is overwritten, nothing settles unproven. Time is given."""

from __future__ import annotations

import pytest

from connectors.woocommerce.twin import WooTwin
from inventory_sync.cases.models import Case
from inventory_sync.connections.models import Budget
from inventory_sync.ledger.models import Reservation
from inventory_sync.propagation.models import PushAttempt
from inventory_sync.propagation.services import retry
from tests.pipeline.hub import HandClock, Hub
from tests.pipeline.lane import BOWL, LOOSE, MUG, PARENT, SHARING, Between, landed, product, sell, shown

pytestmark = pytest.mark.django_db


# ── the plain case ──


def test_a_figure_is_read_written_read_back_and_settled_in_one_flight(hub: Hub, twin: WooTwin) -> None:
    assert hub.push() == {"settled": 1}

    listing = hub.listing("MUG")
    assert (shown(twin), listing.state, listing.acknowledged) == (10, "settled", 10)
    attempt = PushAttempt.objects.get()
    assert (attempt.read_before, attempt.wrote, attempt.read_after) == (0, 10, 10)
    assert attempt.call is not None
    assert [one["method"] for one in attempt.call.exchanges].count("POST") == 1
    assert hub.push() == {}, "nothing is owed any more"


def test_a_figure_that_is_there_already_is_confirmed_without_a_write(hub: Hub, twin: WooTwin) -> None:
    twin.control.set_stock(MUG, 10)

    hub.settle()

    assert (landed(twin), hub.listing("MUG").state) == ([], "settled")


# ── the overwritten sale ──


def test_a_sale_between_read_and_write_is_pulled_and_never_overwritten(hub: Hub, twin: WooTwin) -> None:
    hub.settle()
    hub.till_says("receipt", ("MUG", "5"))
    hub.drain()
    hub.compute()

    hub.push(lambda client: Between(client, after_read_levels=lambda: sell(twin, 3)))
    hub.settle()

    assert (shown(twin), Reservation.objects.get().demand) == (12, 3)
    assert max(landed(twin)) == 12, "15 would have given the three back to other customers"


def test_a_sale_between_pull_and_write_unsettles_the_write_and_is_put_right(hub: Hub, twin: WooTwin) -> None:
    hub.settle()
    hub.till_says("receipt", ("MUG", "5"))
    hub.drain()
    hub.compute()

    counts = hub.push(lambda client: Between(client, before_write_levels=lambda: sell(twin, 3)))

    assert counts == {"superseded": 1}, "the pull after the write found the order"
    hub.settle()
    assert shown(twin) == 12


def test_a_sale_after_the_write_is_seen_by_the_second_reading(hub: Hub, twin: WooTwin) -> None:
    hub.push(lambda client: Between(client, after_write_levels=lambda: sell(twin, 4)))

    assert hub.listing("MUG").state == "owed"
    hub.settle()
    assert (shown(twin), hub.listing("MUG").acknowledged) == (6, 6)


def test_a_fall_no_order_explains_is_not_undone_until_its_order_shows(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    hub.settle()
    twin.faults.inject("orders_invisible_s", seconds=8)
    sell(twin, 3)
    twin.faults.clear()
    hub.till_says("receipt", ("MUG", "5"))
    hub.drain()
    hub.compute()
    before = len(landed(twin))

    hub.push()
    assert landed(twin)[before:] == [], "15 is wanted, but 3 fell and nobody knows why"
    assert hub.listing("MUG").fall_quantity == 3

    clock.advance(9)
    hub.settle()
    assert (shown(twin), landed(twin)[before:]) == (12, [12])


def test_a_fall_nobody_ever_explains_is_somebodys_edit_and_is_put_right(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    hub.settle()
    twin.control.set_stock(MUG, 4, silent=True)
    hub.till_says("receipt", ("MUG", "1"))
    hub.drain()
    hub.compute()

    hub.push()
    assert shown(twin) == 4

    clock.advance(20)
    hub.settle()
    assert (shown(twin), hub.listing("MUG").state) == (11, "settled")


def test_a_figure_may_fall_while_a_fall_is_unexplained(hub: Hub, twin: WooTwin) -> None:
    hub.settle()
    twin.control.set_stock(MUG, 8, silent=True)
    hub.till_says("sale", ("MUG", "9"))
    hub.drain()
    hub.compute()

    hub.push()

    assert shown(twin) == 1


# ── one line's own trouble ──


def test_a_listing_the_shop_keeps_no_stock_for_fails_alone(hub: Hub, twin: WooTwin) -> None:
    hub.stocked("LOOSE", 5, f"product:{LOOSE}")
    hub.compute()

    hub.push()
    hub.settle()

    assert (hub.listing("MUG").state, hub.listing("LOOSE").state) == ("settled", "failed")
    assert hub.listing("LOOSE").error_code == "push.not_applied"
    case = Case.objects.get(subject_kind="listing")
    assert case.subject_id == str(hub.listing("LOOSE").pk)


def test_a_listing_the_shop_does_not_have_fails_alone_and_can_be_tried_again(hub: Hub, twin: WooTwin) -> None:
    hub.stocked("GONE", 5, "product:9999")
    hub.compute()
    hub.push()
    gone = hub.listing("GONE")
    assert (hub.listing("MUG").state, gone.state) == ("settled", "failed")

    twin.seed({"products": [product(9999)]})
    retry([gone.pk], actor="tests", reason="it is back", now=hub.clock())
    hub.settle()

    assert (shown(twin, 9999), hub.listing("GONE").state) == (5, "settled")
    assert Case.objects.get(subject_kind="listing").state == Case.State.RESOLVED


def test_stock_that_variations_share_is_written_to_their_parent(hub: Hub, twin: WooTwin) -> None:
    hub.stocked("POOL", 9, f"product:{PARENT}", kind="parent_pool")
    hub.compute()

    hub.settle()

    assert shown(twin, PARENT) == 9
    assert hub.listing("POOL").state == "settled"


def test_a_variation_that_shares_its_parents_stock_takes_no_figure_and_says_so(
    hub: Hub, twin: WooTwin
) -> None:
    hub.stocked("SHARED", 9, f"variation:{SHARING}", external_parent=f"product:{PARENT}")
    hub.compute()

    hub.push()

    assert (hub.listing("SHARED").state, shown(twin, PARENT)) == ("failed", 7)
    assert hub.listing("SHARED").error_detail


# ── owners and order ──


def test_a_flight_whose_worker_died_after_writing_is_carried_on_by_the_next(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    class Killed(BaseException):
        """As kill -9 looks from inside."""

    def die() -> None:
        raise Killed

    with pytest.raises(Killed):
        hub.push(lambda client: Between(client, after_write_levels=die))
    assert hub.listing("MUG").aim is not None, "what it was about to write is on record"
    assert hub.push() == {}, "its lease still runs"

    clock.advance(hub.ports.limits.push_lease.total_seconds() + 1)
    hub.push()
    assert hub.listing("MUG").state == "owed"
    clock.advance(130)
    hub.settle()
    assert (shown(twin), hub.listing("MUG").state) == (10, "settled")


def test_the_report_of_an_older_flight_settles_nothing(hub: Hub, twin: WooTwin, clock: HandClock) -> None:
    def overtake() -> None:
        clock.advance(hub.ports.limits.push_lease.total_seconds() + 1)
        assert "settled" not in hub.push(), "the older flight may still write"

    counts = hub.push(lambda client: Between(client, before_write_levels=overtake))

    assert "settled" not in counts
    clock.advance(130)
    hub.settle()
    assert shown(twin) == 10


def test_the_newest_figure_wins_and_those_between_are_never_sent(hub: Hub, twin: WooTwin) -> None:
    for _ in range(4):
        hub.till_says("sale", ("MUG", "1"))
        hub.drain()
        hub.compute()

    hub.settle()

    assert (landed(twin), shown(twin)) == ([6], 6)


def test_a_spent_budget_makes_the_lane_wait_and_says_for_how_long(hub: Hub, twin: WooTwin) -> None:
    Budget.objects.update(tokens=2, rate_per_s=2, burst=10, refilled_at=hub.clock())

    assert hub.push() == {"waits_for_budget_ms": 3000}
    assert twin.requests == []


def test_two_listings_go_in_one_call(hub: Hub, twin: WooTwin) -> None:
    hub.stocked("BOWL", 9, f"product:{BOWL}")
    hub.compute()
    begun = len(twin.requests)

    assert hub.push() == {"settled": 2}

    writes = [one for one in twin.requests[begun:] if one["method"] != "GET"]
    assert len(writes) == 1
    assert (shown(twin), shown(twin, BOWL)) == (10, 9)
