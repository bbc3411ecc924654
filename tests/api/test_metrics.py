"""Every debt and counter is a number that whoever may know can scrape; none of them counts a history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import F
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from inventory_sync.api.measures import MEASURES
from inventory_sync.cases.services import open_case
from inventory_sync.catalog.models import ItemMapping
from inventory_sync.connections.models import Breaker, Budget, Cursor
from inventory_sync.domain.errors import RemoteUnavailable
from inventory_sync.intake.models import Shard
from inventory_sync.ledger.models import DirtyItem
from inventory_sync.pipeline.models import Sign
from inventory_sync.pipeline.ports import Acknowledged
from inventory_sync.pipeline.sampling import sample
from inventory_sync.pipeline.tallies import count_flight
from inventory_sync.propagation.models import Listing
from inventory_sync.support.clock import utc_now
from tests import factories
from tests.cases.telling import Desk, make_route

pytestmark = pytest.mark.django_db


def scrape(client: Client, **headers: Any) -> dict[tuple[str, tuple[str, ...]], float]:
    response = client.get("/metrics", **headers)
    assert response.status_code == 200
    return {
        (
            sample.name.removeprefix("inventory_sync_"),
            tuple(value for _, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def test_every_debt_is_a_number(client: Client):
    shop = factories.make_channel("shop")
    before = utc_now() - timedelta(minutes=10)
    delivery = factories.make_delivery(shop, received_at=before, run_at=before, tier="critical")
    factories.make_delivery(shop, state="done", received_at=utc_now())
    factories.park_line(delivery)
    item = factories.make_item("MUG")
    mapping: ItemMapping = factories.map_item(shop, item)
    factories.make_listing(mapping, state=Listing.State.OWED, dirty_since=before)
    factories.make_listing(factories.map_item(shop, factories.make_item("CUP")), state=Listing.State.FAILED)
    count_flight(shop.pk, {"settled": 2, "ambiguous": 1}, [], now=utc_now())
    DirtyItem.objects.update_or_create(item=item, defaults={"since": before, "urgent": True})
    Cursor.objects.create(connection=shop, stream="orders", swept_at=before, reads=100, finds=3)
    Sign.objects.update_or_create(name="canary:critical", defaults={"at": before})

    found = scrape(client)

    assert found["deliveries_open", ("pending", "critical")] == 1
    assert 599 < found["deliveries_oldest_pending_seconds", ("critical",)] < 700
    assert found["parked_lines", ("mapping.item_unknown", "shop")] == 1
    assert found["listings", ("shop", "owed")] == 1
    assert found["listings", ("shop", "failed")] == 1
    assert 599 < found["pushes_oldest_owed_seconds", ("all", "shop")] < 700
    assert found["push_attempts_total", ("shop", "settled")] == 2
    assert found["pushes_owed", ("other", "shop")] == 1
    assert found["dirty_items", ("yes",)] >= 1
    assert found["dirty_items_oldest_seconds", ()] > 599
    assert found["webhooks_lost_total", ("shop", "orders")] == 3
    assert 599 < found["sweep_age_seconds", ("shop", "orders")] < 700
    assert found["budget_tokens", ("shop",)] == 100
    assert found["connection_active", ("shop", "active", "live")] == 1
    assert 599 < found["sign_age_seconds", ("canary:critical",)] < 700


def test_freshness_is_a_histogram_that_a_restart_does_not_empty(client: Client) -> None:
    shop, now = factories.make_channel("shop"), utc_now()
    for age_s in (0.04, 0.2, 70.0, 20_000.0):
        owed = Acknowledged(now - timedelta(seconds=age_s), "", True)
        count_flight(shop.pk, {"settled": 1}, [owed], now=now)

    found = scrape(client)

    def within(end: str) -> float:
        return found["freshness_seconds_bucket", ("shop", end, "occurred", "critical")]

    assert [within(end) for end in ("0.05", "0.25", "60", "120", "14400", "+Inf")] == [1, 2, 2, 3, 3, 4]
    assert found["freshness_seconds_count", ("shop", "occurred", "critical")] == 4
    assert found["figures_acknowledged_total", ("shop",)] == 4
    assert found["error_budget_spent_ratio", ("critical",)] == pytest.approx(2 / 4 / 0.01)
    assert found["error_budget_burn_rate", ("critical", "1h")] == pytest.approx(2 / 4 / 0.01)
    assert found["error_budget_spent_ratio", ("standard",)] == 0
    assert found["freshness_target_seconds", ("critical",)] == 60


def test_what_arrives_and_what_is_drained_only_ever_grows(client: Client) -> None:
    shop, now = factories.make_channel("shop"), utc_now()
    arrived, drained = (f"deliveries_{what}_total" for what in ("arrived", "drained"))
    critical = ("critical",)
    factories.make_delivery(shop, tier="critical", received_at=now)
    taken_away = factories.make_delivery(shop, tier="critical", received_at=now)
    sample(now=now - timedelta(seconds=60))
    first = scrape(client)

    Shard.objects.filter(tier="critical", number=0).update(drained=F("drained") + 5)
    taken_away.delete()
    sample(now=now - timedelta(seconds=30))
    second = scrape(client)
    factories.make_delivery(shop, tier="critical", received_at=now)
    sample(now=now)
    third = scrape(client)

    assert [each[drained, critical] - first[drained, critical] for each in (second, third)] == [5, 5]
    assert [each[arrived, critical] - first[arrived, critical] for each in (second, third)] == [4, 5]


def test_a_breaker_says_which_phase_it_is_in_and_a_budget_how_it_is_used(client: Client) -> None:
    shop, quiet = factories.make_channel("shop"), factories.make_channel("quiet")
    Breaker.objects.create(connection=shop, phase="open", openings=3)
    Budget.objects.filter(connection=shop).update(calls=40, refusals=2, eased=0.5)

    found = scrape(client)

    phases = ("closed", "half_open", "open")
    assert [found["breaker_state", ("shop", phase)] for phase in phases] == [0, 0, 1]
    assert [found["breaker_state", (quiet.code, phase)] for phase in phases] == [1, 0, 0]
    assert found["breaker_openings_in_a_row", ("shop",)] == 3
    assert (found["budget_calls_total", ("shop",)], found["budget_refusals_total", ("shop",)]) == (40, 2)
    full, eased = (found["budget_rate_per_second", (code,)] for code in ("quiet", "shop"))
    assert eased == full / 2


def test_a_case_is_counted_by_who_owns_it_and_how_bad_it_is(client: Client) -> None:
    open_case(code="push.refused", subject_kind="listing", subject_id=1, summary="no", now=utc_now())

    found = scrape(client)
    ((code, owner, severity), count), *others = [
        (labels, value) for (name, labels), value in found.items() if name == "cases_open"
    ]

    assert (code, count, others) == ("push.refused", 1, [])
    assert owner
    assert severity
    assert found["cases_oldest_seconds", (code, owner, severity)] < 60
    assert found["cases_unacknowledged", (code, owner, severity)] == 1


def test_a_counter_stands_still_while_nobody_samples_and_never_falls(client: Client) -> None:
    shop, now = factories.make_channel("shop"), utc_now()
    factories.make_delivery(shop, tier="critical", received_at=now)
    sample(now=now - timedelta(hours=3))

    found = scrape(client)

    assert found["deliveries_arrived_total", ("critical",)] == 1
    assert found["sample_age_seconds", ()] > 3 * 3600 - 60
    assert ("pushes_bound_seconds", ("all", "shop")) not in found, "a bound of three hours ago is no bound"


def test_one_late_figure_by_night_burns_half_the_allowance_and_alarms_nobody(client: Client) -> None:
    shop, now = factories.make_channel("shop"), utc_now()
    for age_s in (1.0, 70.0):
        owed = Acknowledged(now - timedelta(seconds=age_s), "", True)
        count_flight(shop.pk, {"settled": 1}, [owed], now=now)

    found = scrape(client)

    assert found["error_budget_burn_rate", ("critical", "1h")] > 14.4
    assert found["error_budget_burn_rate", ("critical", "6h")] > 6
    assert found["late_slots", ("critical",)] == 1, "the rules ask for three"

    for minutes in (12, 24):
        then = now - timedelta(minutes=minutes)
        late = Acknowledged(then - timedelta(seconds=70), "", True)
        count_flight(shop.pk, {"settled": 1}, [late], now=then)
    assert scrape(client)["late_slots", ("critical",)] == 3


def test_how_old_figures_get_at_most_is_told_per_class(client: Client) -> None:
    shop, now = factories.make_channel("shop"), utc_now()
    for number in range(3):
        mapping = factories.map_item(shop, factories.make_item(f"MUG-{number}"))
        factories.make_listing(mapping, state=Listing.State.OWED, dirty_since=now, urgent=number == 0)
    sample(now=now)

    found = scrape(client)

    urgent, every = (found["pushes_bound_seconds", (name, "shop")] for name in ("urgent", "all"))
    assert every == pytest.approx(3 * urgent)
    assert urgent > 0


def test_whether_people_are_told_is_a_number(client: Client) -> None:
    desk = Desk(now=utc_now() - timedelta(hours=1))
    make_route("desk")
    make_route("at night", digest="daily")
    make_route("off", active=False)
    desk.fail(severity="normal")
    assert scrape(client)["happenings_unsettled_seconds", ()] > 3500

    desk.carried.failing = RemoteUnavailable("The mail server cannot be reached.")
    desk.tell()
    found = scrape(client)
    assert found["happenings_unsettled_seconds", ()] == 0
    assert (found["notices_waiting", ("at night",)], found["notices_due_seconds", ("at night",)]) == (1, 0)
    assert (found["notices_waiting", ("desk",)], found["messages_unsent", ("desk",)]) == (0, 1)
    assert found["route_failing_seconds", ("desk",)] > 3500
    assert ("messages_unsent", ("off",)) not in found

    desk.carried.failing = None
    desk.tell(timedelta(minutes=5))
    found = scrape(client)
    assert (found["messages_unsent", ("desk",)], found["route_failing_seconds", ("desk",)]) == (0, 0)


def test_a_route_fails_since_its_first_try_whatever_was_given_up_and_owed_again(client: Client) -> None:
    desk = Desk(now=utc_now() - timedelta(hours=9))
    make_route("desk")
    desk.fail()
    desk.carried.failing = RemoteUnavailable("The mail server cannot be reached.")
    for _ in range(16):
        desk.tell(timedelta(minutes=30))

    assert scrape(client)["route_failing_seconds", ("desk",)] > 8.4 * 3600


def test_a_scrape_asks_the_same_number_of_questions_however_much_there_is(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(3):
        shop = factories.make_channel(f"shop-{number}")
        factories.make_delivery(shop)
        factories.make_listing(factories.map_item(shop, factories.make_item(f"MUG-{number}")))

    with django_assert_max_num_queries(45):
        scrape(client)


def test_every_family_is_named_explained_and_readable_when_nothing_has_happened(client: Client):
    text = client.get("/metrics").content.decode()

    for measure in MEASURES:
        assert f"# HELP {measure.name} {measure.help}" in text
        assert measure.help.endswith(".")


@pytest.mark.parametrize(
    ("why", "headers", "status"),
    [
        ("this machine", {}, 200),
        ("this machine, IPv6", {"REMOTE_ADDR": "::1"}, 200),
        ("another machine", {"REMOTE_ADDR": "10.0.0.7"}, 403),
        ("a guest of the proxy on this machine", {"HTTP_X_FORWARDED_FOR": "10.0.0.7"}, 403),
        ("no address at all", {"REMOTE_ADDR": ""}, 403),
    ],
)
def test_without_a_token_only_this_machine_reads_them(client: Client, why, headers, status):
    assert client.get("/metrics", **headers).status_code == status, why


def test_with_a_token_only_its_holder_reads_them(client: Client, settings):
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "METRICS_TOKEN": "t0ken"}

    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer wrong").status_code == 403
    assert (
        client.get("/metrics", HTTP_AUTHORIZATION="Bearer t0ken", REMOTE_ADDR="10.0.0.7").status_code == 200
    )


def test_without_the_database_there_is_no_half_answer(client: Client, monkeypatch):
    def refuse(*_: Any) -> Any:
        raise OperationalError("password=hunter2")

    monkeypatch.setattr("inventory_sync.api.metrics.render", refuse)
    response = client.get("/metrics")

    assert response.status_code == 503
    assert b"hunter2" not in response.content
