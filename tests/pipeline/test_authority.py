"""Who may say what is at a place: by the time it happened, with observers kept apart."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from inventory_sync.catalog import authorities
from inventory_sync.catalog.models import LocationMapping
from inventory_sync.console.effects import act_on
from inventory_sync.intake.models import ReadDue
from inventory_sync.ledger.models import Event, Observation, StockLevel
from tests import factories as make
from tests.factories import NOON, change
from tests.pipeline.hub import Hub, open_hub

pytestmark = pytest.mark.django_db
BY = {"actor": "jo", "reason": "a new till"}


@pytest.fixture
def hub() -> Hub:
    hub = open_hub()
    hub.stocked("MUG", 10, "product:101")
    return hub


HANDED_OVER = NOON - timedelta(minutes=30)


def hand_over(hub: Hub) -> None:
    """Give the store to another till."""
    with transaction.atomic():
        effect = authorities.assign_authority(
            hub.store,
            make.make_till("till-2"),
            at=HANDED_OVER,
            after_reading=100,
            **BY,  # type: ignore[arg-type]
        )
        act_on(effect, now=NOON)


def test_a_late_report_of_the_old_authority_still_counts_and_a_newer_one_is_parked(hub: Hub) -> None:
    hand_over(hub)
    late = hub.till_says("sale", ("MUG", "2"), at="2026-11-23T11:15:00+00:00")
    foreign = hub.till_says("sale", ("MUG", "1"), at="2026-11-23T11:45:00+00:00")

    hub.drain()

    assert hub.delivery(late).state == "done"
    assert (hub.delivery(foreign).state, hub.delivery(foreign).error_code) == (
        "parked",
        "report.not_the_authority",
    )
    level = StockLevel.objects.get()
    assert (level.on_hand, level.known, level.last_known_free) == (8, False, 8)


def test_what_an_observer_says_is_kept_and_moves_nothing(hub: Hub) -> None:
    hand_over(hub)
    change(LocationMapping.objects.get(connection=hub.till, counts_from=True), observes=True)

    seen = hub.till_says("sale", ("MUG", "1"), at="2026-11-23T11:45:00+00:00")
    hub.drain()

    assert hub.delivery(seen).state == "done"
    row = Observation.objects.get()
    assert (row.connection, row.quantity, row.delivery_id) == (hub.till, Decimal(-1), seen)
    assert not Event.objects.filter(delivery_id=seen).exists()
    assert hub.on_hand("MUG") == 10


def test_a_movement_where_figures_decide_has_the_item_read_again(hub: Hub) -> None:
    with transaction.atomic():
        effect = authorities.change_mode(
            hub.store,
            "figures",
            at=HANDED_OVER,
            after_reading=100,
            **BY,  # type: ignore[arg-type]
        )
        act_on(effect, now=NOON)

    hub.till_says("sale", ("MUG", "1"), at="2026-11-23T11:45:00+00:00")
    hub.drain()

    assert hub.on_hand("MUG") == 10
    assert ReadDue.objects.filter(connection=hub.till, kind="item", ref="MUG").exists()


def test_a_count_of_a_figures_tenure_waits_for_the_mode(hub: Hub) -> None:
    with transaction.atomic():
        effect = authorities.change_mode(
            hub.store,
            "figures",
            at=HANDED_OVER,
            after_reading=100,
            **BY,  # type: ignore[arg-type]
        )
        act_on(effect, now=NOON)

    counted = hub.till_says("count", ("MUG", "4"), at="2026-11-23T11:45:00+00:00")
    hub.drain()

    assert hub.delivery(counted).error_code == "report.wrong_mode"
    parked = hub.delivery(counted).parked_lines.get()
    assert parked.waits_on == "mode:ST-1"
