"""Draining on PostgreSQL: one bad row harms nobody else, and nothing counts twice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from inventory_sync.cases.models import Case
from inventory_sync.domain.errors import FenceLost
from inventory_sync.domain.ports import Delivery
from inventory_sync.intake import services as intake
from inventory_sync.intake.models import ParkedLine, ReadDue
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.models import DirtyItem, Movement, Order, Reservation
from inventory_sync.pipeline import drain as draining
from inventory_sync.propagation.services import sync_listings
from tests.factories import NOON, change, make_item, map_item
from tests.pipeline.hub import Hub, open_hub

pytestmark = pytest.mark.django_db


@pytest.fixture
def hub() -> Hub:
    hub = open_hub()
    hub.stocked("MUG", 10, "product:101")
    return hub


def poison(monkeypatch: pytest.MonkeyPatch, delivery_id: int) -> None:
    """Have the ledger fail on every batch that holds this delivery."""

    def failing(events: Any, orders: Any, **more: Any) -> Any:
        if any(event.delivery_id == delivery_id for event in events):
            raise ZeroDivisionError("a bug")
        return apply_batch(events, orders, **more)

    monkeypatch.setattr(draining, "apply_batch", failing)


def test_a_poison_row_is_found_by_halving_and_its_neighbours_proceed(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [hub.till_says("sale", ("MUG", "1")) for _ in range(7)]
    poison(monkeypatch, ids[3])

    counts = hub.drain()

    assert [hub.delivery(one).state for one in ids] == ["done"] * 3 + ["pending"] + ["done"] * 3
    assert (counts["deliveries"], counts["retried"]) == (6, 1)
    assert hub.on_hand("MUG") == 4


def test_a_poison_row_is_tried_a_few_times_then_parked_with_a_case(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = hub.till_says("sale", ("MUG", "1"))
    poison(monkeypatch, bad)

    for _ in range(hub.ports.limits.max_attempts):
        hub.drain()
        hub.clock.advance(600)

    row = hub.delivery(bad)
    assert (row.state, row.attempts, row.error_code) == ("parked", 5, "delivery.poisoned")
    assert "ZeroDivisionError: a bug" in ParkedLine.objects.get(delivery=row).detail
    assert Case.objects.get(subject_kind="delivery", subject_id=str(bad)).code == "delivery.poisoned"
    assert hub.on_hand("MUG") == 10


def test_a_poison_row_waits_longer_each_time_and_is_not_claimed_before(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = hub.till_says("sale", ("MUG", "1"))
    poison(monkeypatch, bad)
    waits = []
    for _ in range(4):
        hub.drain()
        row = hub.delivery(bad)
        waits.append((row.run_at - hub.clock()).total_seconds())
        assert hub.drain() == {}
        hub.clock.now = row.run_at

    assert waits == [1, 2, 4, 8]


def test_a_row_that_killed_its_worker_several_times_is_parked_unread(hub: Hub) -> None:
    killer = hub.till_says("sale", ("MUG", "1"))
    for _ in range(hub.ports.limits.max_attempts):
        assert hub.ports.intake.claim("standard", now=hub.clock(), lease=hub.ports.limits.lease, limit=100)
        hub.clock.advance(61)  # the worker is dead; its lease runs out

    hub.drain()

    row = hub.delivery(killer)
    assert (row.state, row.error_code) == ("parked", "delivery.poisoned")
    assert hub.on_hand("MUG") == 10


def test_whoever_lost_the_shard_rolls_back_and_the_new_owner_applies_once(hub: Hub) -> None:
    sale = hub.till_says("sale", ("MUG", "3"))
    lease, intake_store = hub.ports.limits.lease, hub.ports.intake
    slow = intake_store.claim("standard", now=hub.clock(), lease=lease, limit=100)
    assert slow is not None
    hub.clock.advance(61)
    assert hub.drain()["deliveries"] == 1
    movements = Movement.objects.count()

    with pytest.raises(FenceLost):
        draining.drain_claim(slow, ports=hub.ports, counts=Counter())

    assert (hub.on_hand("MUG"), Movement.objects.count()) == (7, movements)
    assert hub.delivery(sale).state == "done"


def test_a_batch_that_takes_longer_than_its_lease_is_kept_as_long_as_its_worker_goes_on(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [hub.till_says("sale", ("MUG", "1")) for _ in range(6)]
    lease, store = hub.ports.limits.lease, hub.ports.intake
    translating = draining.translate
    others = []

    def slowly(stored: Any, *, ports: Any) -> Any:
        others.append(store.claim("standard", now=hub.clock(), lease=lease, limit=100))
        hub.clock.advance(lease.total_seconds() * 0.9)
        return translating(stored, ports=ports)

    monkeypatch.setattr(draining, "translate", slowly)
    counts = hub.drain()

    assert counts["deliveries"] == 6
    assert others == [None] * 6
    assert {(hub.delivery(one).state, hub.delivery(one).attempts) for one in ids} == {("done", 1)}
    assert hub.on_hand("MUG") == 4


def test_halving_a_batch_that_fails_slowly_does_not_lose_its_shard(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [hub.till_says("sale", ("MUG", "1")) for _ in range(4)]
    lease, store = hub.ports.limits.lease, hub.ports.intake
    others = []

    def slowly(events: Any, orders: Any, **more: Any) -> Any:
        others.append(store.claim("standard", now=hub.clock(), lease=lease, limit=100))
        hub.clock.advance(lease.total_seconds() * 0.9)
        if any(event.delivery_id == ids[2] for event in events):
            raise ZeroDivisionError("a bug")
        return apply_batch(events, orders, **more)

    monkeypatch.setattr(draining, "apply_batch", slowly)
    claim = store.claim("standard", now=hub.clock(), lease=lease, limit=100)
    assert claim is not None
    draining.drain_claim(claim, ports=hub.ports, counts=Counter())

    assert [hub.delivery(one).state for one in ids] == ["done", "done", "pending", "done"]
    assert others == [None] * 5


def test_a_shard_given_back_late_stays_with_its_new_owner(hub: Hub) -> None:
    hub.till_says("sale", ("MUG", "3"))
    store, lease = hub.ports.intake, hub.ports.limits.lease
    slow = store.claim("standard", now=hub.clock(), lease=lease, limit=100)
    hub.clock.advance(61)
    fast = store.claim("standard", now=hub.clock(), lease=lease, limit=100)
    assert slow is not None
    assert fast is not None

    store.release(slow)

    assert store.claim("standard", now=hub.clock(), lease=lease, limit=100) is None
    store.check_fence(fast)


def test_the_same_till_event_counts_once_however_often_it_is_applied(hub: Hub) -> None:
    sale = hub.till_says("sale", ("MUG", "3"))
    hub.drain()
    intake.requeue([sale], actor="tests", reason="again", now=hub.clock())

    counts = hub.drain()

    assert (counts["deliveries"], counts["duplicates"]) == (1, 1)
    assert hub.on_hand("MUG") == 7


def test_an_unmapped_line_is_parked_and_the_mapped_line_is_reserved_at_once(hub: Hub) -> None:
    order = hub.order(482, (1, 101, 2), (2, 555, 1))

    hub.drain()

    (line,) = ParkedLine.objects.filter(resolved_at=None)
    assert (line.waits_on, line.code) == ("item:product:555", "mapping.item_unknown")
    assert line.summary == "Order 482: 1 × SKU-555"
    assert hub.delivery(order).state == "parked"
    assert [(row.item.sku, row.demand) for row in Reservation.objects.all()] == [("MUG", 2)]


def test_a_parked_line_replays_by_itself_once_it_is_mapped_and_its_neighbour_is_left_alone(hub: Hub) -> None:
    order = hub.order(482, (1, 101, 2), (2, 555, 1))
    hub.drain()
    plate = hub.stocked("PLATE", 4)
    map_item(hub.shop, plate, "product:555")
    sync_listings(hub.shop.pk, now=hub.clock())

    assert intake.requeue_waiting(hub.shop.pk, "item:product:555", now=hub.clock()) == 1
    hub.drain()

    assert {row.item.sku: row.demand for row in Reservation.objects.all()} == {"MUG": 2, "PLATE": 1}
    assert hub.delivery(order).state == "done"
    assert ParkedLine.objects.get().resolution == "replayed by itself"


def test_a_line_that_still_cannot_be_resolved_stays_parked_after_a_replay(hub: Hub) -> None:
    order = hub.order(482, (1, 101, 2), (2, 555, 1), (3, 556, 1))
    hub.drain()
    map_item(hub.shop, hub.stocked("PLATE", 4), "product:555")

    intake.requeue_waiting(hub.shop.pk, "item:product:555", now=hub.clock())
    hub.drain()

    assert hub.delivery(order).state == "parked"
    waiting = ParkedLine.objects.filter(resolved_at=None)
    assert [line.waits_on for line in waiting] == ["item:product:556"]


def test_an_item_nobody_counted_is_unknown_to_its_channel_never_zero(hub: Hub) -> None:
    item = make_item("PLATE")
    map_item(hub.shop, item, "product:102")
    sync_listings(hub.shop.pk, now=hub.clock())
    hub.order(482, (1, 102, 1))

    hub.drain()
    hub.compute()

    assert Reservation.objects.get().demand == 1, "what was sold is recorded all the same"
    assert (hub.listing("PLATE").desired, hub.listing("PLATE").state) == (None, "unknown")


def test_an_order_of_the_same_second_with_other_content_is_read_again(hub: Hub) -> None:
    hub.order(482, (1, 101, 2))
    hub.drain()

    hub.order(482, (1, 101, 5))
    hub.drain()

    assert list(ReadDue.objects.values_list("kind", "ref")) == [("order", "482")]
    assert Reservation.objects.get().demand == 2


def test_an_older_version_of_an_order_changes_nothing(hub: Hub) -> None:
    hub.order(482, (1, 101, 2), modified="2026-11-23T11:00:00")
    hub.drain()

    hub.order(482, (1, 101, 1), modified="2026-11-23T10:59:59")
    hub.drain()

    assert Reservation.objects.get().demand == 2
    assert not ReadDue.objects.exists()


def test_an_older_version_that_asks_for_more_has_the_order_read_in_case_a_clock_was_set_back(
    hub: Hub,
) -> None:
    hub.order(482, (1, 101, 2), modified="2026-11-23T11:00:00")
    hub.drain()

    hub.order(482, (1, 101, 9), modified="2026-11-23T10:59:59")
    hub.drain()

    assert Reservation.objects.get().demand == 2
    assert list(ReadDue.objects.values_list("kind", "ref")) == [("order", "482")]


def test_a_report_of_somebody_without_authority_moves_nothing_and_is_shown(hub: Hub) -> None:
    stranger = hub.till_says("sale", ("MUG", "1"))
    authority = hub.store.authority
    assert authority is not None
    change(authority, valid_to=NOON - timedelta(days=1))

    hub.drain()

    assert (hub.delivery(stranger).state, hub.delivery(stranger).error_code) == (
        "parked", "report.not_the_authority",
    )  # fmt: skip
    assert hub.on_hand("MUG") == 10


def test_a_report_from_the_future_waits(hub: Hub) -> None:
    early = hub.till_says("sale", ("MUG", "1"), at="2026-11-24T10:00:00+00:00")

    hub.drain()

    assert hub.delivery(early).error_code == "report.from_the_future"
    assert hub.on_hand("MUG") == 10


def test_a_connector_that_breaks_parks_its_delivery_and_no_other(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = hub.ports.connector("woocommerce")
    real = type(connector).translate

    def broken(self: Any, delivery: Delivery, config: Any = None) -> Any:
        if delivery.id == bad:
            raise IndexError("list index out of range")
        return real(self, delivery, config)

    monkeypatch.setattr(type(connector), "translate", broken)
    bad, good = hub.order(482, (1, 101, 2)), hub.order(483, (2, 101, 1))

    hub.drain()

    assert (hub.delivery(bad).state, hub.delivery(good).state) == ("parked", "done")


def test_what_nobody_signed_is_believed_in_nothing_but_what_to_read(hub: Hub) -> None:
    hub.order(482, (1, 101, 2), source="hint")
    DirtyItem.objects.all().delete()

    hub.drain()

    assert list(ReadDue.objects.values_list("kind", "ref")) == [("order", "482")]
    assert not Order.objects.exists()
    assert not DirtyItem.objects.exists()


def test_a_list_that_shows_less_of_the_same_second_is_read_again_by_id_before_it_is_believed(
    hub: Hub,
) -> None:
    begin = hub.ports.cursors.next_reading
    hub.order(482, (1, 101, 2), source="read", reading=begin())
    hub.drain()
    hub.order(482, (1, 101, 1), source="pull", reading=begin())
    hub.drain()

    assert Reservation.objects.get().demand == 2
    assert list(ReadDue.objects.values_list("kind", "ref")) == [("order", "482")]

    hub.order(482, (1, 101, 1), source="read", reading=begin())
    hub.drain()
    assert Reservation.objects.get().demand == 1


def test_an_order_unsettles_the_listings_it_touches_even_if_their_figure_stays(hub: Hub) -> None:
    hub.compute()
    before = hub.listing("MUG")
    hub.order(482, (1, 101, 0))
    hub.order(483, (1, 101, 1))

    hub.drain()

    after = hub.listing("MUG")
    assert after.news > before.news
    assert after.state == "owed"
