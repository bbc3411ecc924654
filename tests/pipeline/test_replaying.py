"""Replays of a stretch: what was chosen, frozen, at its pace; the state stays what it was."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from inventory_sync.intake.models import Delivery
from inventory_sync.ledger.models import Movement, Reservation
from inventory_sync.pipeline.models import EditedCopy, Replay
from inventory_sync.pipeline.replaying import (
    Wanted,
    _chosen,
    any_due,
    cancel,
    found,
    outcomes,
    progress,
    replay_due,
    start,
)
from inventory_sync.pipeline.wake import Waker
from tests.factories import NOON
from tests.pipeline.hub import HandClock, Hub, open_hub

pytestmark = pytest.mark.django_db
STATE = {
    "ledger_stocklevel": "item_id, location_id",
    "ledger_movement": "id",
    "ledger_event": "id",
    "ledger_order": "id",
    "ledger_reservation": "id",
    "availability_channelfigure": "connection_id, item_id",
    "propagation_listing": "id",
}
NO_STATE = ("seen_at", "updated_at", "computed_at")
"""When it was looked at last: it is looked at again."""


@pytest.fixture
def quiet() -> Waker:
    return Waker(lambda task, queue, arguments: None)


@pytest.fixture
def hub(clock: HandClock) -> Hub:
    """A morning's trade: counts, receipts, sales, an order changed, one cancelled, one line nobody knows."""
    hub = open_hub(clock=clock)
    hub.stocked("MUG", 10, "product:101")
    hub.stocked("BOWL", 6, "product:103")
    hub.till_says("receipt", ("MUG", "5"))
    hub.till_says("sale", ("BOWL", "2"))
    hub.order(482, (91, 101, 2))
    hub.drain()
    clock.advance(60)
    hub.order(482, (91, 101, 3), modified="2026-11-23T11:30:00")
    hub.order(483, (92, 103, 1), (93, 646, 1))
    hub.order(484, (94, 101, 1), status="cancelled")
    hub.drain()
    hub.compute()
    return hub


def state_hash() -> str:
    """Return a digest of all that trade leaves: stock, events, orders, demand, figures, listings."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        for table, order in STATE.items():
            less = " - ".join(["to_jsonb(t)", *(f"'{name}'" for name in NO_STATE)])
            cursor.execute(f"SELECT ({less})::text FROM {table} t ORDER BY {order}")
            for (row,) in cursor.fetchall():
                digest.update(f"{table} {row}\n".encode())
    return digest.hexdigest()


def wanted(hub: Hub, **values: object) -> Wanted:
    usual: dict[str, object] = {"since": NOON - timedelta(hours=1), "until": NOON + timedelta(hours=1)}
    return Wanted(**{**usual, **values})  # type: ignore[arg-type]


def frozen(hub: Hub, which: Wanted, per_minute: int = 60_000) -> Replay:
    return start(
        which,
        up_to=found(which).last_id,
        actor="ada",
        reason="to be sure",
        now=hub.clock(),
        per_minute=per_minute,
    )


def work_off(hub: Hub, quiet: Waker, most: int = 50) -> None:
    for _ in range(most):
        if not Replay.objects.filter(state="running").exists():
            break
        replay_due(clock=hub.clock, wake=quiet)
        hub.drain()
        hub.compute()
        hub.clock.advance(2)


def test_everything_applied_again_leaves_the_state_as_it_was(hub: Hub, quiet: Waker) -> None:
    before = state_hash()
    moved, wants = Movement.objects.count(), Reservation.objects.count()
    assert moved >= 4
    assert wants >= 3

    row = frozen(hub, wanted(hub))
    work_off(hub, quiet)

    assert len(row.delivery_ids) == Delivery.objects.count() >= 8
    assert set(Delivery.objects.values_list("tier", flat=True)) == {"replay"}
    assert state_hash() == before
    assert (Movement.objects.count(), Reservation.objects.count()) == (moved, wants)


def test_in_any_order_and_twice_it_is_still_the_same(hub: Hub, quiet: Waker) -> None:
    before = state_hash()

    first = frozen(hub, wanted(hub))
    Replay.objects.filter(pk=first.pk).update(delivery_ids=list(reversed(first.delivery_ids)))
    work_off(hub, quiet)
    frozen(hub, wanted(hub))
    work_off(hub, quiet)

    assert state_hash() == before


def test_the_state_hash_sees_a_single_unit(hub: Hub) -> None:
    before = state_hash()

    hub.till_says("sale", ("MUG", "1"))
    hub.drain()

    assert state_hash() != before


@pytest.mark.parametrize(
    ("by", "count"),
    [("connection", 4), ("topic", 4), ("item", 2), ("state", 1), ("time", 3)],
)
def test_a_stretch_is_chosen_by_time_connection_topic_item_or_state(hub: Hub, by: str, count: int) -> None:
    chosen = {
        "connection": wanted(hub, connection=hub.shop),
        "topic": wanted(hub, topic="order.updated"),
        "item": wanted(hub, item=hub.items["BOWL"], connection=hub.till),
        "state": wanted(hub, state="parked"),
        "time": wanted(hub, since=NOON + timedelta(seconds=30)),
    }[by]

    seen = found(chosen)

    assert seen.total == count == sum(kind[3] for kind in seen.kinds)
    assert len(seen.sample) == count


def test_orders_that_want_an_item_are_about_it(hub: Hub) -> None:
    about = found(wanted(hub, item=hub.items["MUG"], connection=hub.shop))

    assert {row.object_key for row in about.sample} >= {"order:482"}
    assert "order:483" not in {row.object_key for row in about.sample}


def test_what_came_in_after_it_was_shown_and_what_still_waits_is_left_out(hub: Hub, quiet: Waker) -> None:
    which = wanted(hub)
    shown = found(which)
    hub.order(485, (95, 101, 1))
    hub.drain()
    waits = hub.order(486, (96, 101, 1))

    row = start(which, up_to=shown.last_id, actor="ada", reason="to be sure", now=hub.clock())

    assert len(row.delivery_ids) == shown.total
    assert waits not in row.delivery_ids


def test_a_stretch_of_time_is_found_without_reading_every_delivery(hub: Hub) -> None:
    """Tables of a test are read whole in no time: the planner is told that they are not."""
    rows = _chosen(wanted(hub)).values("id")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")

    plan = rows.order_by().explain()

    assert "received_at_idx" in plan


def test_the_origin_of_an_edited_copy_is_never_applied_over_it(hub: Hub) -> None:
    first, second = Delivery.objects.filter(topic="order.updated", state="done").order_by("id")[:2]
    EditedCopy.objects.create(copy_id=second.pk, origin_id=first.pk, edited_by="ada", at=NOON)

    row = frozen(hub, wanted(hub))

    assert first.pk not in row.delivery_ids
    assert second.pk in row.delivery_ids


def test_no_more_are_handed_back_than_asked_for_and_the_rest_can_be_cancelled(hub: Hub, quiet: Waker) -> None:
    row = frozen(hub, wanted(hub), per_minute=60)
    total = len(row.delivery_ids)

    handed = []
    for _ in range(3):
        replay_due(clock=hub.clock, wake=quiet)
        replay_due(clock=hub.clock, wake=quiet)
        row.refresh_from_db()
        handed.append(row.position)
        hub.clock.advance(2)
    left = cancel(row.pk, actor="ada", reason="enough", now=hub.clock())

    assert handed == [2, 4, 6]
    assert left == total - 6
    assert not any_due(hub.clock() + timedelta(hours=1))
    assert progress(row) == {"waiting": total - 6, "gone": 0, "pending": 6}
    assert outcomes(row).count() == 6


def test_the_command_shows_first_and_replays_when_told_to(hub: Hub) -> None:
    def said(*more: str) -> str:
        out = StringIO()
        stretch = (iso(NOON - timedelta(hours=1)), iso(NOON + timedelta(hours=1)))
        call_command("replay_deliveries", "--since", stretch[0], "--until", stretch[1], *more, stdout=out)
        return out.getvalue()

    assert "4 deliveries" in said("--connection", hub.shop.code)
    assert Replay.objects.count() == 0
    assert "Replay #" in said("--connection", hub.shop.code, "--go", "--reason", "a mapping was wrong")
    assert len(Replay.objects.get().delivery_ids) == 4
    with pytest.raises(CommandError, match="why"):
        said("--go")


def iso(at: datetime) -> str:
    return at.isoformat()
