"""Parked lines and what people do with them: put back, or closed by a word, with a reason on record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_sync.audit.models import Entry
from inventory_sync.connections.models import Cursor
from inventory_sync.intake.models import Delivery, ParkedLine, ReadDue
from inventory_sync.intake.ports import Outcome, Parking, ReadWanted, Result
from inventory_sync.intake.services import requeue, requeue_waiting, resolve_parked
from inventory_sync.intake.store import PostgresIntake
from tests.factories import NOON, make_channel, make_delivery, park_line

pytestmark = pytest.mark.django_db
store = PostgresIntake()


def finish(delivery: Delivery, *keys: str, result: Result = Result.PARKED) -> None:
    parked = tuple(Parking(key, "mapping.item_unknown", "Nobody knows it.", f"item:{key}") for key in keys)
    store.finish([Outcome(delivery.pk, delivery.connection_id, result, parked=parked)], now=NOON)


def open_lines(delivery: Delivery) -> list[str]:
    return sorted(delivery.parked_lines.filter(resolved_at=None).values_list("event_key", flat=True))


def test_a_line_parked_again_is_one_line_and_one_no_longer_parked_is_resolved() -> None:
    delivery = make_delivery(make_channel())
    finish(delivery, "1", "2")

    finish(delivery, "2", "3")

    assert open_lines(delivery) == ["2", "3"]
    assert ParkedLine.objects.get(event_key="1").resolution == "replayed by itself"


def test_a_delivery_that_must_wait_keeps_its_parked_lines() -> None:
    delivery = make_delivery(make_channel())
    finish(delivery, "1")

    finish(delivery, result=Result.RETRY)

    assert open_lines(delivery) == ["1"]


def test_a_delivery_that_is_done_has_no_open_line() -> None:
    delivery = make_delivery(make_channel())
    finish(delivery, "1")

    finish(delivery, result=Result.DONE)

    assert open_lines(delivery) == []
    delivery.refresh_from_db()
    assert (delivery.state, delivery.finished_at) == ("done", NOON)


def test_a_delivery_put_back_by_a_person_forgets_its_attempts_and_is_on_record() -> None:
    delivery = make_delivery(make_channel(), state="parked", attempts=5, error_code="delivery.poisoned")

    assert requeue([delivery.pk], actor="ada", reason="fixed", now=NOON + timedelta(hours=1)) == 1

    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.error_code) == ("pending", 0, "")
    entry = Entry.objects.latest("id")
    assert (entry.action, entry.reason) == ("delivery.requeued", "fixed")


def test_only_what_waited_for_this_is_put_back() -> None:
    shop, other = make_channel(), make_channel()
    waiting, another, elsewhere = (make_delivery(one, state="parked") for one in (shop, shop, other))
    park_line(waiting, "item:product:1")
    park_line(another, "item:product:2")
    park_line(elsewhere, "item:product:1")

    assert requeue_waiting(shop.pk, "item:product:1", now=NOON) == 1

    assert set(Delivery.objects.filter(state="pending")) == {waiting}


def test_a_line_closed_by_a_person_leaves_its_delivery_parked_while_another_waits() -> None:
    delivery = make_delivery(make_channel(), state="parked")
    first, second = park_line(delivery, "item:1"), park_line(delivery, "item:2")

    resolve_parked([first.pk], actor="ada", reason="sold by mistake", now=NOON)
    delivery.refresh_from_db()
    assert delivery.state == "parked"

    resolve_parked([first.pk, second.pk], actor="ada", reason="sold by mistake", now=NOON)
    delivery.refresh_from_db()
    assert delivery.state == "done"
    assert Entry.objects.filter(action="line.resolved").count() == 2


def test_many_hints_make_one_read_and_each_raises_its_version() -> None:
    shop = make_channel()
    hint = ReadWanted(shop.pk, "order", "482", "hinted")

    store.want_reads([hint, hint], now=NOON)
    store.want_reads([hint], now=NOON)

    assert list(ReadDue.objects.values_list("kind", "ref", "version")) == [("order", "482", 2)]


def test_a_hint_at_a_stream_makes_its_connections_cursors_due() -> None:
    shop, other = make_channel(), make_channel()
    for one in (shop, other):
        Cursor.objects.create(connection=one, stream="orders", run_at=NOON + timedelta(hours=1))

    store.want_reads([ReadWanted(shop.pk, "stream", "")], now=NOON)

    due = {row.connection_id: row.run_at for row in Cursor.objects.all()}
    assert due == {shop.pk: NOON, other.pk: NOON + timedelta(hours=1)}
