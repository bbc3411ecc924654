"""Blocks of deliveries: ahead of the ids, dropped when old and done, and what outlives them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from inventory_sync.connections.models import Connection
from inventory_sync.intake import partitions
from inventory_sync.intake.models import DedupeKey, Delivery, ParkedLine
from inventory_sync.intake.partitions import blocks, drop_old, make_ahead
from inventory_sync.intake.ports import NewDelivery
from inventory_sync.intake.store import PostgresIntake
from tests.factories import make_channel

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SIZE = 1000
OLD, LATER = NOON, NOON + timedelta(days=1)


@pytest.fixture(autouse=True)
def _ids_go_back(db: None) -> Iterator[None]:
    """What a test does to the sequence outlives its transaction; later tests need ids that have a block."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM intake_delivery_id_seq")
        row = cursor.fetchone()
    yield
    jump_to(row[0] + 1 if row else 1)


@pytest.fixture
def shop() -> Connection:
    return make_channel()


def stored(shop: Connection, key: str) -> int | None:
    message = NewDelivery(
        shop.pk, "order.updated", {}, b"{}", key, "order:1", "standard", "webhook", NOON, "c0ffee00"
    )
    return PostgresIntake().store([message]).ids[0]


def jump_to(next_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('intake_delivery_id_seq', %s, false)", [next_id])


def block_of(delivery_id: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM intake_delivery WHERE id = %s", [delivery_id])
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def past_the_first_block(shop: Connection, **values: object) -> int:
    """Store a delivery in the first block, finish it, and let the ids go on into the next."""
    number = stored(shop, "a")
    assert number is not None
    Delivery.objects.filter(pk=number).update(**{"state": "done", "received_at": OLD, **values})
    jump_to(next(block.end for block in blocks() if block.first <= number < block.end))
    return number


def test_blocks_are_made_until_whole_ones_wait_for_the_next_ids() -> None:
    end = blocks()[-1].end
    jump_to(end - 10)

    made = make_ahead(size=SIZE, ahead=3)

    assert made == 3
    assert blocks()[-1].end == end + 3 * SIZE
    assert make_ahead(size=SIZE, ahead=2) == 0


def test_blocks_leave_no_gap_and_no_overlap() -> None:
    make_ahead(size=SIZE, ahead=5)
    found = blocks()

    assert [block.end for block in found[:-1]] == [block.first for block in found[1:]]


def test_a_row_whose_block_nobody_made_is_kept_and_the_next_blocks_begin_after_it(shop: Connection) -> None:
    jump_to(blocks()[-1].end + SIZE // 2)
    number = stored(shop, "a")
    assert number is not None
    assert block_of(number) == "intake_delivery_default"

    make_ahead(size=SIZE, ahead=2)
    jump_to(blocks()[-1].first)

    assert Delivery.objects.get(pk=number).correlation_id == "c0ffee00"
    assert block_of(stored(shop, "b") or 0) == blocks()[-1].name


def test_an_old_row_of_no_block_goes_too(shop: Connection) -> None:
    jump_to(blocks()[-1].end)
    done, waits = stored(shop, "a"), stored(shop, "b")
    Delivery.objects.filter(pk=done or 0).update(state="done")

    drop_old(before=LATER)

    assert list(Delivery.objects.values_list("pk", flat=True)) == [waits]


def test_an_old_block_that_is_done_goes_and_its_dedupe_keys_stay(shop: Connection) -> None:
    number = past_the_first_block(shop)
    name = block_of(number)

    assert drop_old(before=LATER) == [name]

    assert not Delivery.objects.filter(pk=number).exists()
    assert DedupeKey.objects.filter(connection=shop).count() == 1
    assert stored(shop, "a") is None


@pytest.mark.parametrize("state", ["pending", "parked"])
def test_a_block_in_which_something_waits_stays(shop: Connection, state: str) -> None:
    number = past_the_first_block(shop, state=state)

    assert drop_old(before=LATER) == []
    assert Delivery.objects.filter(pk=number).exists()


def test_a_block_that_is_not_old_enough_stays(shop: Connection) -> None:
    past_the_first_block(shop, received_at=LATER)

    assert drop_old(before=LATER) == []


def test_the_block_that_takes_new_deliveries_stays(shop: Connection) -> None:
    number = stored(shop, "a")
    Delivery.objects.filter(pk=number or 0).update(state="done")

    assert drop_old(before=LATER) == []


def test_resolved_lines_go_with_their_delivery(shop: Connection) -> None:
    number = past_the_first_block(shop)
    ParkedLine.objects.create(
        delivery_id=number,
        connection=shop,
        event_key="a/1",
        code="item.unmapped",
        detail="",
        resolved_at=NOON,
    )

    assert len(drop_old(before=LATER)) == 1
    assert not ParkedLine.objects.exists()


def test_a_delivery_is_looked_up_in_its_own_block_only(shop: Connection) -> None:
    number = stored(shop, "a")
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN SELECT state FROM intake_delivery WHERE id = %s", [number])
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert plan.count("intake_delivery_") >= 1
    assert sum(block.name in plan for block in partitions.blocks()) == 1
