"""The control room says in rows how every tier, lane, team and worker stands, and links to what it counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from inventory_sync.api.measures import MEASURES
from inventory_sync.cases.services import open_case
from inventory_sync.console.charts import bars, meter, spark
from inventory_sync.console.dashboard import control_room
from inventory_sync.console.waiting import waiting_ids
from inventory_sync.ledger.models import Order, Reservation
from inventory_sync.pipeline.gauges import Look
from inventory_sync.pipeline.ports import Acknowledged
from inventory_sync.pipeline.sampling import sample
from inventory_sync.pipeline.tallies import count_flight
from inventory_sync.propagation.models import Listing
from inventory_sync.support.clock import utc_now
from inventory_sync.support.metrics import Measure
from tests import factories
from tests.console.conftest import Retailer

pytestmark = pytest.mark.django_db


def owe(listing: Listing, *, for_s: float, urgent: bool = False) -> None:
    since = utc_now() - timedelta(seconds=for_s)
    Listing.objects.filter(pk=listing.pk).update(state="owed", dirty_since=since, urgent=urgent)


def test_the_page_and_the_metrics_say_the_same(retailer: Retailer) -> None:
    now = utc_now()
    for tier, count in (("critical", 3), ("bulk", 2)):
        for _ in range(count):
            factories.make_delivery(retailer.shop, tier=tier, received_at=now, run_at=now)
    owe(retailer.listing, for_s=90)
    count_flight(retailer.shop.pk, {}, [Acknowledged(now - timedelta(seconds=90), "", True)], now=now)
    open_case(code="push.refused", subject_kind="listing", subject_id=1, summary="no", now=now)

    shown = control_room(now=now)
    look = Look(now)
    told = {
        measure.name.removeprefix("inventory_sync_"): {
            tuple(labels): number for labels, number in measure.read(look)
        }
        for measure in MEASURES
        if isinstance(measure, Measure)
    }

    for tier in shown["tiers"]:
        assert tier["waiting"] == told["deliveries_open"]["pending", tier["name"]]
    (lane,) = shown["lanes"]
    assert lane["owed"] == 1 == sum(told["pushes_owed"].values())
    assert sum(team["cases"] for team in shown["teams"]) == sum(told["cases_open"].values())
    spent = {row["tier"]: row["spent"] for row in shown["freshness"]}
    assert spent == {tier: f"{share:.0%}" for (tier,), share in told["error_budget_spent_ratio"].items()}
    assert spent["critical"] == "10000%"


def test_every_figure_leads_to_the_rows_it_counts(boss: Client, retailer: Retailer) -> None:
    factories.make_delivery(retailer.shop, tier="critical", received_at=utc_now())
    owe(retailer.listing, for_s=3600)
    open_case(code="push.refused", subject_kind="listing", subject_id=1, summary="no", now=utc_now())
    shown = control_room(now=utc_now())
    links = [
        *(tier["link"] for tier in shown["tiers"]),
        *(lane["link"] for lane in shown["lanes"]),
        *(lane["own"] for lane in shown["lanes"]),
        *(team["link"] for team in shown["teams"]),
        *(named["link"] for named in shown["lists"]),
    ]
    page = boss.get(reverse("admin:index")).content.decode()

    assert len(links) == 4 + 1 + 1 + 1 + 3
    for link in links:
        assert f'href="{escape(link)}"' in page, link
        assert boss.get(link).status_code == 200, link


@pytest.mark.parametrize(
    ("for_s", "urgent", "is_late"),
    [(50, True, False), (70, True, True), (70, False, False), (310, False, True)],
)
def test_a_figure_is_late_beyond_what_its_own_tier_may_take(
    boss: Client, retailer: Retailer, for_s: float, urgent: bool, is_late: bool
) -> None:
    owe(retailer.listing, for_s=for_s, urgent=urgent)

    answer = boss.get(reverse("admin:propagation_listing_changelist"), {"late": "tier"})

    assert answer.context["cl"].result_count == is_late
    assert control_room(now=utc_now())["lists"][0]["none"] is not is_late


def test_a_refused_request_is_on_its_list(boss: Client, retailer: Retailer) -> None:
    for requested, state in ((True, "rejected"), (True, "held"), (False, "rejected")):
        order = Order.objects.create(
            connection=retailer.shop,
            order_ref=f"{requested}-{state}",
            status="open",
            stamp=1,
            seen_at=utc_now(),
            requested=requested,
        )
        Reservation.objects.create(order=order, line_ref="1", item=retailer.mug, demand=1, state=state)

    answer = boss.get(reverse("admin:ledger_reservation_changelist"), {"request": "failed"})

    assert [row.order.order_ref for row in answer.context["cl"].result_list] == ["True-rejected"]


def test_pace_and_curve_come_from_the_samples(boss: Client, retailer: Retailer) -> None:
    now = utc_now()
    sample(now=now - timedelta(seconds=60))
    for _ in range(30):
        factories.make_delivery(retailer.shop, tier="critical", received_at=now, run_at=now)
    sample(now=now)

    critical = control_room(now=now)["tiers"][0]

    assert (critical["waiting"], critical["comes"], critical["goes"]) == (30, "30.0/min", "0")
    assert critical["clears"] == "not at this rate"
    assert "<polyline" in critical["chart"]


def test_an_empty_room_says_what_each_table_would_hold(boss: Client) -> None:
    page = boss.get(reverse("admin:index")).content.decode()

    for words in (
        "No case is open.",
        "every figure is shown in time",
        "nothing was shown of late",
        "Connect a shop",
    ):
        assert words in page


def test_charts_say_their_words_escaped_and_stay_inside_their_frame() -> None:
    assert spark([1], words="x") == ""
    assert bars([("a", None)], limit=1, words="x") == ""
    assert "&lt;b&gt;" in spark([1, 5, 2], words="<b>")
    chart = bars([("low", 0.001), ("limit", 60.0), ("far over", 1e9)], limit=60, words="x")
    assert chart.count('class="under"') == 2
    assert chart.count('class="over"') == 1
    assert 'height="48.0"' in chart
    assert "width:100.0%" in meter(7.5, words="x")


def test_the_page_asks_no_more_questions_the_more_ids_wait_for_a_meaning(
    retailer: Retailer, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        delivery = factories.make_delivery(retailer.shop, object_key=f"order:{number}")
        factories.park_line(
            delivery, f"item:product:{9000 + number}", summary=f"Order {number}: 2 × Card {number}"
        )
    certain = factories.make_item("CARD-3", name="Card 3")

    with django_assert_max_num_queries(45):
        shown = control_room(now=utc_now())

    assert len(shown["waiting_ids"]) == 6
    found = {each.external_id: each.suggestion for each in waiting_ids()}
    assert found["product:9003"] == certain
    assert found["product:9004"] is None


def test_what_piles_up_is_read_from_a_fresh_sample_and_live_without_one(retailer: Retailer) -> None:
    now = utc_now()
    Listing.objects.filter(pk=retailer.listing.pk).update(state="failed")
    assert Look(now).listings[retailer.shop.code]["failed"] == 1

    sample(now=now)
    Listing.objects.filter(pk=retailer.listing.pk).update(state="settled")

    assert Look(now).listings[retailer.shop.code]["failed"] == 1
    assert "failed" not in Look(now + timedelta(minutes=6)).listings[retailer.shop.code]
