"""What is not plausible waits for a person: first figures, and too many changes no order explains."""

from __future__ import annotations

import pytest
from django.conf import LazySettings

from connectors.woocommerce.twin import WooTwin
from inventory_sync.audit.models import Entry
from inventory_sync.cases.models import Case
from inventory_sync.domain.errors import DecidedAlready
from inventory_sync.propagation.hold_acts import approve, arm_first_sync, keep_holds, reject
from inventory_sync.propagation.models import LaneGuard, Listing, WriteHold
from inventory_sync.propagation.selectors import connections_owed
from tests.pipeline.hub import HandClock, Hub
from tests.pipeline.lane import Between, landed, product, sell, shown

pytestmark = pytest.mark.django_db
MANY = 6
NUMBERS = range(201, 201 + MANY)


@pytest.fixture
def full(hub: Hub, twin: WooTwin, settings: LazySettings) -> Hub:
    """A shop with seven listings, all settled, of which four may not change at once."""
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "GUARD_LEAST_LISTINGS": 4}
    twin.seed({"products": [product(number) for number in NUMBERS]})
    for number in NUMBERS:
        hub.stocked(f"N{number}", 10, f"product:{number}")
    hub.compute()
    hub.settle()
    return hub


def empty(hub: Hub, *numbers: int) -> None:
    """A count that finds nothing: no order explains it."""
    for number in numbers:
        hub.till_says("count", (f"N{number}", "0"))
    hub.drain()
    hub.compute()


def states(hub: Hub) -> set[str]:
    return set(Listing.objects.filter(connection=hub.shop).values_list("state", flat=True))


# ── blast radius ──


def test_many_listings_going_to_zero_at_once_wait_with_their_effect(full: Hub, twin: WooTwin) -> None:
    empty(full, *NUMBERS)

    assert full.push() == {"held_blast_radius": MANY}

    hold = WriteHold.objects.get()
    assert (hold.state, hold.kind, hold.listings, hold.to_zero) == ("waiting", "blast_radius", MANY, MANY)
    assert (hold.shown, hold.wanted, hold.shift, hold.of_listings) == (60, 0, 60, MANY + 1)
    assert [shown(twin, number) for number in NUMBERS] == [10] * MANY
    case = Case.objects.get(code="push.held_blast_radius")
    assert (case.subject_kind, case.subject_id, case.state) == ("write_hold", str(hold.pk), "open")
    calls = len(twin.requests)
    full.clock.advance(3600)
    assert (full.push(), len(twin.requests)) == ({}, calls), "nothing is asked again while somebody thinks"
    assert connections_owed(full.clock()) == []


def test_what_was_approved_is_written_and_the_case_closes(full: Hub, twin: WooTwin) -> None:
    empty(full, *NUMBERS)
    full.push()
    hold = WriteHold.objects.get()

    approve(hold.pk, actor="ada", reason="The stockroom flooded.", now=full.clock())

    assert connections_owed(full.clock()) == [(full.shop.pk, True)]
    full.push()
    full.settle()
    assert [shown(twin, number) for number in NUMBERS] == [0] * MANY
    assert Case.objects.get(code="push.held_blast_radius").state == Case.State.RESOLVED
    entry = Entry.objects.get(action="hold.approved")
    assert (entry.actor_name, entry.reason) == ("ada", "The stockroom flooded.")
    assert WriteHold.objects.count() == 1


def test_an_approval_is_of_the_figures_that_were_shown_and_of_no_others(full: Hub, twin: WooTwin) -> None:
    for number in NUMBERS:
        full.till_says("count", (f"N{number}", "100"))
    full.drain()
    full.compute()
    full.push()
    first = WriteHold.objects.get()
    assert (first.to_zero, first.wanted) == (0, 100 * MANY)
    empty(full, *NUMBERS)

    approve(first.pk, actor="ada", reason="A delivery came in.", now=full.clock())
    full.push()

    assert [shown(twin, number) for number in NUMBERS] == [10] * MANY, "nobody approved zero"
    assert WriteHold.objects.filter(state="waiting", to_zero=MANY).exclude(pk=first.pk).count() == 1


def test_what_was_rejected_stays_as_it_is_until_it_changes(full: Hub, twin: WooTwin) -> None:
    empty(full, *NUMBERS)
    full.push()

    reject(WriteHold.objects.get().pk, actor="ada", reason="The count was wrong.", now=full.clock())
    full.clock.advance(60)
    assert (full.push(), connections_owed(full.clock())) == ({}, [])

    for number in NUMBERS:
        full.till_says("count", (f"N{number}", "9"), at=full.clock().isoformat())
    full.clock.advance(60)
    full.drain()
    full.compute()
    full.settle()
    assert [shown(twin, number) for number in NUMBERS] == [9] * MANY
    assert WriteHold.objects.count() == 1


def test_a_listing_alone_never_trips_it(full: Hub, twin: WooTwin) -> None:
    empty(full, NUMBERS[0])

    full.settle()

    assert (shown(twin, NUMBERS[0]), WriteHold.objects.count()) == (0, 0)


def test_one_after_the_other_within_the_window_trips_it_too(full: Hub, twin: WooTwin) -> None:
    for number in NUMBERS[:3]:
        empty(full, number)
        full.settle()
        full.clock.advance(5)

    empty(full, NUMBERS[3])
    assert full.push() == {"held_blast_radius": 1}

    assert [shown(twin, number) for number in NUMBERS] == [0, 0, 0, 10, 10, 10]


def test_falls_that_orders_explain_pass(full: Hub, twin: WooTwin) -> None:
    for number in NUMBERS:
        sell(twin, 10, number)

    full.clock.advance(1)
    Listing.objects.update(state="owed", dirty_since=full.clock())
    full.push()
    full.settle()

    assert [shown(twin, number) for number in NUMBERS] == [0] * MANY
    assert not WriteHold.objects.exists()


def test_what_nobody_decided_in_a_day_is_judged_anew(full: Hub) -> None:
    empty(full, *NUMBERS)
    full.push()
    old = WriteHold.objects.get()

    full.clock.advance(25 * 3600)
    assert keep_holds(now=full.clock()) == 1
    assert Case.objects.get(subject_id=str(old.pk), subject_kind="write_hold").state == Case.State.RESOLVED
    full.push()

    assert WriteHold.objects.filter(state="waiting").exclude(pk=old.pk).count() == 1


# ── first sync ──


def test_the_first_figures_of_a_channel_wait_where_the_guard_is_armed(hub: Hub, twin: WooTwin) -> None:
    arm_first_sync(hub.shop.pk, actor="ada", reason="a new shop")

    assert hub.push() == {"held_first_sync": 1}

    hold = WriteHold.objects.get()
    assert (hold.state, hold.kind, hold.shown, hold.wanted) == ("waiting", "first_sync", 0, 10)
    assert (landed(twin), Case.objects.get(code="push.held_first_sync").state) == ([], "open")

    approve(hold.pk, actor="ada", reason="Looks right.", now=hub.clock())
    hub.push()
    hub.settle()
    assert shown(twin) == 10
    assert LaneGuard.objects.get().first_sync == "passed"


def test_a_listing_that_shows_the_right_figure_needs_no_approval(hub: Hub, twin: WooTwin) -> None:
    arm_first_sync(hub.shop.pk, actor="ada", reason="a new shop")
    twin.control.set_stock(101, 10)

    assert hub.push() == {"settled": 1}
    assert not WriteHold.objects.exists()


def test_while_listings_are_still_being_read_nothing_is_decided(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    arm_first_sync(hub.shop.pk, actor="ada", reason="a new shop")
    hub.stocked("BOWL", 9, "product:103")
    hub.compute()
    Listing.objects.filter(external_id="product:103").update(run_at=clock.now.replace(year=2027))

    hub.push()
    assert WriteHold.objects.get().state == "gathering"
    assert not Case.objects.filter(subject_kind="write_hold").exists()

    Listing.objects.update(run_at=None)
    hub.push()
    hold = WriteHold.objects.get()
    assert (hold.state, hold.listings) == ("waiting", 2)


# ── races ──


def test_an_approval_while_a_flight_is_under_way_loses_nothing(full: Hub, twin: WooTwin) -> None:
    """The flight held them before the approval and sets them aside after it."""
    empty(full, *NUMBERS)
    full.push()
    hold = WriteHold.objects.get()
    Listing.objects.filter(state="waiting").update(state="owed")
    pulls = {"count": 0}

    class ApprovingAtTheEnd:
        def __init__(self, client: object) -> None:
            self._client = client

        def __getattr__(self, name: str) -> object:
            if name == "sweep":
                pulls["count"] += 1
                if pulls["count"] == 2:
                    approve(hold.pk, actor="ada", reason="Yes.", now=full.clock())
            return getattr(self._client, name)

    full.push(ApprovingAtTheEnd)

    assert connections_owed(full.clock()) == [(full.shop.pk, True)], "what was set aside is found again"
    full.push()
    full.settle()
    assert [shown(twin, number) for number in NUMBERS] == [0] * MANY


def test_a_hold_is_decided_once(full: Hub) -> None:
    empty(full, *NUMBERS)
    full.push()
    hold = WriteHold.objects.get()
    approve(hold.pk, actor="ada", reason="Yes.", now=full.clock())

    with pytest.raises(DecidedAlready):
        reject(hold.pk, actor="bob", reason="No.", now=full.clock())
    assert WriteHold.objects.get().decided_by == "ada"


def test_two_flights_never_pass_half_of_it_each(full: Hub, twin: WooTwin) -> None:
    """The second is judged while the first has not settled: each alone would be too few."""
    empty(full, *NUMBERS[:3])
    inside: list[dict[str, int]] = []

    def another() -> None:
        empty(full, *NUMBERS[3:])
        inside.append(full.push())

    full.push(lambda client: Between(client, before_write_levels=another))

    assert inside == [{"held_blast_radius": 3}]
    assert [shown(twin, number) for number in NUMBERS[3:]] == [10] * 3
