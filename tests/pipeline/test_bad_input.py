"""Bad input through the real drain on PostgreSQL: its own code, kept to be read, nothing half applied."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inventory_sync.domain.periods import LatePolicy
from inventory_sync.intake.models import ParkedLine
from inventory_sync.ledger import periods
from inventory_sync.ledger.models import Event, Movement
from tests.pipeline.hub import Hub, open_hub

pytestmark = pytest.mark.django_db


@pytest.fixture
def hub() -> Hub:
    hub = open_hub()
    hub.stocked("MUG", 10, "product:101")
    return hub


def line(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {"line": number, "sku": "MUG", "uom": "C62", "quantity": "1", **changes}


def outcome(hub: Hub, number: int) -> tuple[str, str]:
    hub.drain()
    row = hub.delivery(number)
    return row.state, row.error_code


@pytest.mark.parametrize(
    ("kind", "changes", "code"),
    [
        ("sale", {"lines": [line(), line(2, quantity="NaN")]}, "quantity.not_finite"),
        ("sale", {"lines": [line(), line(2, quantity="Infinity")]}, "quantity.not_finite"),
        ("sale", {"lines": [line(), line(2, quantity=float("nan"))]}, "quantity.not_finite"),
        ("sale", {"lines": [line(), line(2, quantity=1.5)]}, "quantity.not_exact"),
        ("sale", {"lines": [line(), line(2, quantity="0.0000001")]}, "quantity.not_exact"),
        ("count", {"lines": [line(), line(2, quantity="-1")]}, "quantity.negative"),
        ("sale", {"lines": [line(), line(2, quantity="-1")]}, "quantity.negative"),
        ("sale", {"lines": [line()], "at": "2026-11-23T11:00:00"}, "time.without_zone"),
    ],
)
def test_a_message_that_cannot_be_read_is_kept_whole_and_nothing_of_it_is_applied(
    hub: Hub, kind: str, changes: dict[str, Any], code: str
) -> None:
    events = Event.objects.count()

    bad = hub.till_says(kind, **changes)

    assert outcome(hub, bad) == ("parked", code)
    assert (hub.on_hand("MUG"), Event.objects.count()) == (10, events)
    assert ParkedLine.objects.get(delivery_id=bad).detail
    assert hub.delivery(bad).body


def test_an_unknown_unit_and_a_far_future_park_their_line_with_a_code_of_their_own(hub: Hub) -> None:
    unit = hub.till_says("sale", lines=[line(), line(2, uom="KGM")])
    ahead = hub.till_says("sale", ("MUG", "1"), at=(hub.clock() + timedelta(days=400)).isoformat())

    assert outcome(hub, unit) == ("parked", "mapping.unit_unknown")
    assert outcome(hub, ahead) == ("parked", "report.from_the_future")
    assert hub.on_hand("MUG") == 9


def test_a_number_that_another_message_has_sets_the_second_one_aside(hub: Hub) -> None:
    hub.till_says("sale", ("MUG", "1"))
    hub.drain()

    hub.sequence -= 1
    second = hub.till_says("sale", ("MUG", "5"), id="ST-1-other")

    assert outcome(hub, second) == ("parked", "report.sequence_reused")
    assert hub.on_hand("MUG") == 9


def test_the_same_message_twice_is_one_and_neither_is_set_aside(hub: Hub) -> None:
    first = hub.till_says("sale", ("MUG", "1"))
    hub.drain()
    body = json.dumps(json.loads(bytes(hub.delivery(first).body)), indent=1).encode()

    again = hub.receive(hub.till, body, topic="sale", object_key="store:ST-1", tier="standard")

    assert again is not None
    assert outcome(hub, again) == ("done", "")
    assert hub.on_hand("MUG") == 9


def test_the_same_key_with_another_body_is_shown_and_the_first_stands(hub: Hub) -> None:
    hub.till_says("sale", ("MUG", "1"))
    hub.drain()
    movements = Movement.objects.count()

    hub.sequence -= 1
    other = hub.till_says("sale", ("MUG", "5"))

    assert outcome(hub, other) == ("parked", "event.key_reused")
    assert (hub.on_hand("MUG"), Movement.objects.count()) == (9, movements)
    assert ParkedLine.objects.get(delivery_id=other).event_key == f"ST-1-{hub.sequence}/1"


def test_both_bodies_in_one_batch_are_told_apart_too(hub: Hub) -> None:
    first = hub.till_says("sale", ("MUG", "1"))
    hub.sequence -= 1
    other = hub.till_says("sale", ("MUG", "5"))

    assert outcome(hub, other) == ("parked", "event.key_reused")
    assert hub.delivery(first).state == "done"
    assert hub.on_hand("MUG") == 9


def test_a_shipment_for_a_channel_nobody_knows_waits_for_it(hub: Hub) -> None:
    lost = hub.till_says(
        "shipment", lines=[line(order_line="91")], order={"source": "nowhere", "number": "1"}
    )

    assert outcome(hub, lost) == ("parked", "channel.unknown")
    assert hub.on_hand("MUG") == 10
    assert ParkedLine.objects.get(delivery_id=lost).waits_on == "channel:nowhere"


def test_a_movement_of_a_closed_period_is_posted_after_it_or_parked_as_declared(hub: Hub) -> None:
    closing = {"actor": "tests", "reason": "the books are closed", "now": hub.clock() + timedelta(days=40)}
    hub.clock.advance(40 * 86_400)
    periods.close_period("2026-11", **closing)  # type: ignore[arg-type]
    at = datetime(2026, 11, 24, tzinfo=UTC).isoformat()

    posted = hub.till_says("sale", ("MUG", "1"), at=at)
    assert outcome(hub, posted) == ("done", "")
    movement = Movement.objects.latest("id")
    assert (movement.period, movement.occurred_at.month) == ("2026-12", 11)

    hub.ports = replace(hub.ports, limits=replace(hub.ports.limits, late_movements=LatePolicy.PARK))
    parked = hub.till_says("sale", ("MUG", "1"), at=at)
    assert outcome(hub, parked) == ("parked", "period.closed")
    assert ParkedLine.objects.get(delivery_id=parked).waits_on == "period:2026-11"
    assert hub.on_hand("MUG") == 9


def test_an_announcement_whose_version_says_something_else_is_shown(hub: Hub) -> None:
    about = {"key": "PO-1", "version": 1, "kind": "purchase", "status": "open"}
    hub.till_says("expectation", lines=[line(quantity="5")], expectation=about)
    other = hub.till_says("expectation", lines=[line(quantity="6")], expectation=about)

    assert outcome(hub, other) == ("parked", "event.key_reused")
