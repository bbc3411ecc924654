"""The sandwich against the shop's twin: no sale is overwritten, nothing settles unproven. Time is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import LazySettings

from connectors.woocommerce.twin import WooTwin
from inventory_sync.cases.models import Case
from inventory_sync.connections.models import Budget, Connection
from inventory_sync.ledger.models import Reservation
from inventory_sync.propagation.models import Listing, PushAttempt
from inventory_sync.propagation.services import retry
from tests.pipeline.hub import HandClock, Hub, open_hub

pytestmark = pytest.mark.django_db

MUG, BOWL, LOOSE, PARENT, SHARING = 101, 103, 102, 120, 121


def product(number: int, kind: str = "simple", parent: int = 0, stock: int | None = 0) -> dict[str, Any]:
    return {
        "id": number, "type": kind, "parent_id": parent, "sku": f"SKU-{number}", "name": f"Thing {number}",
        "manage_stock": stock is not None, "stock_quantity": stock,
    }  # fmt: skip


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


class Between:
    """A client during whose calls something happens: before or after the n-th call of a method."""

    def __init__(self, client: Any, **acts: Callable[[], object]) -> None:
        self._client, self._acts = client, acts

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if f"before_{name}" not in self._acts and f"after_{name}" not in self._acts:
            return method

        def call(*args: Any, **more: Any) -> Any:
            self._acts.pop(f"before_{name}", lambda: None)()
            answer = method(*args, **more)
            self._acts.pop(f"after_{name}", lambda: None)()
            return answer

        return call


def shown(twin: WooTwin, number: int = MUG) -> int:
    (row,) = twin.control.book([number], history=False)["products"]
    return int(row["stock_quantity"] or 0)


def sell(twin: WooTwin, quantity: int, number: int = MUG) -> None:
    twin.control.checkout([{"product_id": number, "quantity": quantity}])


def landed(twin: WooTwin, number: int = MUG) -> list[int]:
    """Return the figures our writes brought, in the order they landed."""
    history = twin.products.book.history([number]).get(number, [])
    return [int(row["value"]) for row in history if row["who"] == "api"]


def reasons(hub: Hub, sku: str = "MUG") -> list[str]:
    return list(hub.listing(sku).push_attempts.order_by("id").values_list("outcome", flat=True))


# ── the plain case ──


def test_a_figure_is_read_written_read_back_and_settled_in_one_flight(hub: Hub, twin: WooTwin) -> None:
    assert hub.push() == {"settled": 1}

    listing = hub.listing("MUG")
    assert (shown(twin), listing.state, listing.acknowledged) == (10, "settled", 10)
    attempt = PushAttempt.objects.get()
    assert (attempt.read_before, attempt.wrote, attempt.read_after) == (0, 10, 10)
    assert [one["method"] for one in attempt.exchange or ()].count("POST") == 1
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


# ── answers that do not come ──


@pytest.mark.parametrize("fault", ["timeout_applied", "timeout_lost"])
def test_a_write_without_an_answer_is_settled_only_when_no_request_can_land_any_more(
    hub: Hub, twin: WooTwin, clock: HandClock, fault: str
) -> None:
    twin.faults.inject(fault, only="write", count=1)
    life = hub.ports.connector("woocommerce").capabilities.max_request_life_s

    hub.push()
    listing = hub.listing("MUG")
    assert listing.unanswered is not None
    key = listing.unanswered["write_key"]
    hub.clock.now = listing.run_at or hub.clock.now
    hub.push()
    assert hub.listing("MUG").state == "owed", "one reading proves nothing yet"
    assert (hub.listing("MUG").unanswered or {"write_key": key})["write_key"] == key

    clock.advance(life + 1)
    hub.settle()
    assert (shown(twin), hub.listing("MUG").state) == (10, "settled")


def test_a_write_that_lands_late_over_a_newer_one_is_noticed_and_put_right(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    twin.faults.inject("late_landing", only="write", count=1, seconds=60)
    hub.push()
    hub.till_says("sale", ("MUG", "4"))
    hub.drain()
    hub.compute()
    for _ in range(5):
        clock.advance(3)
        hub.push()
    assert shown(twin) == 6
    assert hub.listing("MUG").state == "owed", "the old request may still land"

    clock.advance(60)
    twin.tick()
    assert shown(twin) == 10, "it landed"

    clock.advance(130)
    hub.settle()
    assert (shown(twin), hub.listing("MUG").acknowledged) == (6, 6)


def test_a_throttle_shuts_the_budget_for_as_long_as_the_shop_asked(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    twin.faults.inject("429", count=1, seconds=30)

    assert hub.push() == {"unread": 1}
    calls = len(twin.requests)
    clock.advance(29)
    Listing.objects.update(run_at=None)
    assert hub.push() == {"waits_for_budget_ms": 1000}
    assert len(twin.requests) == calls, "nobody knocked while it was shut"

    clock.advance(2)
    hub.settle()
    assert shown(twin) == 10


@pytest.mark.parametrize("fault", ["5xx", "html"])
def test_a_shop_that_is_down_is_tried_again_with_longer_waits(
    hub: Hub, twin: WooTwin, clock: HandClock, fault: str
) -> None:
    twin.faults.inject(fault, count=1000)
    waits = []
    for _ in range(4):
        hub.push()
        row = hub.listing("MUG")
        assert row.run_at is not None
        waits.append((row.run_at - clock()).total_seconds())
        clock.now = row.run_at

    assert waits == sorted(waits)
    assert waits[-1] > waits[0]
    twin.faults.clear()
    hub.settle()
    assert shown(twin) == 10


def test_keys_the_shop_refuses_pause_the_connection_and_tell_its_owner(hub: Hub, twin: WooTwin) -> None:
    twin.faults.inject("auth_revoked")

    hub.push()

    hub.shop.refresh_from_db()
    assert hub.shop.state == Connection.State.MISCONFIGURED
    assert Case.objects.get(subject_kind="connection").state == Case.State.OPEN


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

    assert hub.push() == {"waits_for_budget_ms": 2000}
    assert twin.requests == []


def test_two_listings_go_in_one_call(hub: Hub, twin: WooTwin) -> None:
    hub.stocked("BOWL", 9, f"product:{BOWL}")
    hub.compute()
    begun = len(twin.requests)

    assert hub.push() == {"settled": 2}

    writes = [one for one in twin.requests[begun:] if one["method"] != "GET"]
    assert len(writes) == 1
    assert (shown(twin), shown(twin, BOWL)) == (10, 9)
