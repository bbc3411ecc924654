"""Accepted is not applied: a shop that applies writes later is asked until the end. Time is given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.woocommerce.twin import WooTwin
from inventory_sync.cases.models import Case
from inventory_sync.domain.errors import OutcomeUnknown
from inventory_sync.pipeline.push import push
from inventory_sync.propagation.models import PushAttempt
from tests.pipeline.hub import HandClock, Hub
from tests.pipeline.lane import BOWL, MUG, Later, landed, sell, shown

pytestmark = pytest.mark.django_db
FIRST = "receipt-1"


@pytest.fixture
def later() -> Later:
    return Later()


def until_applied(hub: Hub, later: Later, clock: HandClock, *, flights: int = 15) -> None:
    """Fly on, every accepted write landing before the next poll, until nothing is owed."""
    for _ in range(flights):
        if hub.listing("MUG").state == "settled":
            return
        for receipt in later.accepted.keys() - later.ends.keys():
            later.apply(receipt)
        clock.advance(4)
        hub.push(later.before)
    raise AssertionError(f"still {hub.listing('MUG').state}")


def test_an_accepted_write_settles_nothing_until_it_is_applied_and_read(
    hub: Hub, twin: WooTwin, later: Later, clock: HandClock
) -> None:
    assert hub.push(later.before) == {"pending": 1}

    listing = hub.listing("MUG")
    assert (listing.state, listing.acknowledged, shown(twin)) == ("owed", None, 0)
    assert (listing.pending or {})["receipt"] == FIRST
    assert hub.push(later.before) == {}, "it is not asked in a hot loop"

    clock.advance(4)
    assert hub.push(later.before) == {"pending": 1}, "asked, and not applied yet"
    until_applied(hub, later, clock)

    assert (shown(twin), hub.listing("MUG").acknowledged, hub.listing("MUG").pending) == (10, 10, None)
    assert len(later.accepted) == 1
    assert list(PushAttempt.objects.order_by("id").values_list("outcome", flat=True)) == [
        "pending",
        "settled",
    ]


def test_while_a_write_is_pending_a_newer_figure_waits_and_is_then_the_one_that_is_shown(
    hub: Hub, twin: WooTwin, later: Later, clock: HandClock
) -> None:
    hub.push(later.before)
    hub.till_says("sale", ("MUG", "4"))
    hub.drain()
    hub.compute()

    clock.advance(4)
    assert hub.push(later.before) == {"pending": 1}
    assert len(later.accepted) == 1, "nothing overtakes what may land at any moment"

    until_applied(hub, later, clock)
    assert (shown(twin), landed(twin)) == (6, [10, 6])


def test_a_sale_while_a_write_is_pending_is_not_written_over(
    hub: Hub, twin: WooTwin, later: Later, clock: HandClock
) -> None:
    hub.settle()
    hub.till_says("receipt", ("MUG", "5"))
    hub.drain()
    hub.compute()
    hub.push(later.before)
    sell(twin, 3)  # from the ten it shows; fifteen lands over it

    until_applied(hub, later, clock)

    assert (shown(twin), hub.listing("MUG").acknowledged) == (12, 12)


def test_a_write_refused_after_it_was_accepted_fails_its_listing_alone(
    hub: Hub, twin: WooTwin, later: Later, clock: HandClock
) -> None:
    hub.stocked("BOWL", 9, f"product:{BOWL}")
    hub.compute()
    assert hub.push(later.before) == {"pending": 2}
    by_product = {write.ref.external_id: receipt for receipt, write in later.accepted.items()}
    later.refuse(by_product[f"product:{MUG}"])
    later.apply(by_product[f"product:{BOWL}"])

    clock.advance(4)
    hub.push(later.before)

    assert (hub.listing("MUG").state, hub.listing("BOWL").state) == ("failed", "settled")
    case = Case.objects.get(subject_kind="listing")
    assert (case.code, case.subject_id) == ("push.refused", str(hub.listing("MUG").pk))


def test_the_units_at_risk_of_a_refused_write_are_those_of_the_item_not_of_the_pack(
    hub: Hub, twin: WooTwin, later: Later, clock: HandClock
) -> None:
    hub.stocked("CRATE", 24, f"product:{BOWL}", numerator=6)
    hub.compute()
    hub.settle()
    hub.till_says("sale", ("CRATE", "13"))
    hub.drain()
    hub.compute()

    assert hub.push(later.before) == {"pending": 1}
    [receipt] = later.accepted
    later.refuse(receipt)
    clock.advance(4)
    hub.push(later.before)

    listing = hub.listing("CRATE")
    assert (listing.observed, listing.desired) == (4, 1)
    assert Case.objects.get(subject_kind="listing").units_at_risk == 18


@pytest.mark.parametrize("how", ["nobody tells", "no answer", "forgotten"])
def test_a_write_whose_end_nobody_tells_is_a_lost_answer(
    hub: Hub, twin: WooTwin, later: Later, clock: HandClock, how: str
) -> None:
    hub.push(later.before)
    limits = hub.ports.connector("woocommerce").capabilities
    later.silent = how == "no answer"
    if how == "forgotten":
        later.forget(FIRST)
    else:
        clock.advance(limits.applies_within_s + 1)

    clock.advance(4)
    hub.push(later.before)

    listing = hub.listing("MUG")
    assert listing.pending is None
    assert listing.ambiguous_until is not None
    assert (listing.ambiguous_until - clock()).total_seconds() <= limits.max_request_life_s
    later.silent = False
    assert listing.state == "owed"
    for _ in range(3):
        clock.advance(4)
        hub.push(later.before)
    assert hub.listing("MUG").state == "owed", "it may yet land"

    clock.advance(limits.max_request_life_s + 1)
    until_applied(hub, later, clock)
    assert shown(twin) == 10


def test_neighbours_settle_while_one_write_is_pending(
    hub: Hub, twin: WooTwin, later: Later, clock: HandClock
) -> None:
    hub.push(later.before)
    hub.stocked("BOWL", 9, f"product:{BOWL}")
    hub.compute()

    clock.advance(4)
    counts = hub.push(lambda client: _OnlyPolls(client, later))

    assert counts == {"pending": 1, "settled": 1}
    assert (hub.listing("MUG").state, shown(twin, BOWL)) == ("owed", 9)


def test_a_worker_that_died_after_the_vendor_accepted_leaves_a_lost_answer(
    hub: Hub, twin: WooTwin, later: Later, clock: HandClock
) -> None:
    class Killed(BaseException):
        """As kill -9 looks from inside."""

    class Dying(Later):
        def write_levels(self, writes):  # type: ignore[no-untyped-def]
            super().write_levels(writes)
            raise Killed

    with pytest.raises(Killed):
        hub.push(Dying().before)

    clock.advance(hub.ports.limits.push_lease.total_seconds() + 1)
    hub.push(later.before)
    assert hub.listing("MUG").ambiguous_until is not None
    assert hub.listing("MUG").state == "owed"


class _OnlyPolls:
    """The shop itself, except that the pending write is asked about."""

    def __init__(self, client: object, later: Later) -> None:
        self._client, self._later = client, later

    def __getattr__(self, name: str) -> object:
        return getattr(self._later.before(self._client) if name == "poll_writes" else self._client, name)


def test_a_write_that_was_accepted_without_an_answer_is_in_doubt_for_as_long_as_it_may_be_applied(
    hub: Hub, twin: WooTwin, clock: HandClock
) -> None:
    """The request has landed long since; the vendor comes to it when it comes to it."""

    class Mute(Later):
        def write_levels(self, writes):  # type: ignore[no-untyped-def]
            super().write_levels(writes)
            raise OutcomeUnknown("No answer.")

    hub.settle()
    can = replace(hub.ports.connector("woocommerce").capabilities, answers_later=True)
    account = hub.ports.account(hub.shop.pk)
    mute = Mute().before(account.client)
    hub.till_says("sale", ("MUG", "4"))
    hub.drain()
    hub.compute()
    push(replace(account, capabilities=can, client=mute), ports=hub.ports)
    [accepted] = mute.accepted
    hub.till_says("sale", ("MUG", "2"))
    hub.drain()
    hub.compute()

    for _ in range(6):
        clock.advance(can.max_request_life_s)
        push(replace(account, capabilities=can), ports=hub.ports)
    assert (shown(twin), hub.listing("MUG").state) == (4, "owed"), "the older figure may still come"

    mute.apply(accepted)
    assert shown(twin) == 6
    clock.advance(can.applies_within_s)
    push(replace(account, capabilities=can), ports=hub.ports)
    hub.settle()
    assert shown(twin) == 4
