"""Orders at the ERP and deliveries told: wanted against seen, what was done, and what people do about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from inventory_sync.audit.models import Entry
from inventory_sync.domain.errors import RemoteRefused
from inventory_sync.ledger.models import Order
from inventory_sync.support.clock import utc_now
from inventory_sync.workflows.models import Attempt, Copy
from tests.factories import make_user
from tests.workflows.retailer import CONNECTORS, Retailer

pytestmark = pytest.mark.django_db


@pytest.fixture
def sold(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Retailer:
    """An order of which the ERP took one line, refused by its channel when told of a part of it."""
    settings.CONNECTORS = {**settings.CONNECTORS, **CONNECTORS}
    retailer = Retailer()
    retailer.item("MUG", mapped="product:1")
    retailer.item("LAMP")
    retailer.books("MUG", 10)
    retailer.order("77", ("a", "MUG", 3), ("b", "LAMP", 1))
    retailer.run()
    return retailer


def text(answer: Any) -> str:
    return str(answer.content.decode())


def deed(client: Client, model: str, name: str, ids: int, reason: str = "we looked into it") -> str:
    url = f"{reverse(f'admin:workflows_{model}_deed', args=[name])}?ids={ids}"
    shown = text(client.get(url))
    done = client.post(url, {"reason": reason}, follow=True)
    assert done.status_code == 200
    return shown


def test_the_page_of_a_copy_shows_wanted_against_seen_and_what_it_cannot_carry(
    boss: Client, sold: Retailer
) -> None:
    copy = sold.copy("77")
    sold.erp.documents["shop", "77", "warehouse:1"].lines["a", "product:1"] *= 2
    sold.wait(3600)
    sold.erp.alters = {"77"}
    sold.send()

    page = text(boss.get(reverse("admin:workflows_copy_change", args=[copy.pk])))

    assert "LAMP (line b) has no mapping there" in page
    assert "product:1" in page
    assert "S00001" in page
    assert "console-bad" in page
    assert "requests and answers" in page


def test_the_orders_own_page_leads_to_its_copies(boss: Client, sold: Retailer) -> None:
    order = Order.objects.get(order_ref="77")

    page = text(boss.get(reverse("admin:ledger_order_change", args=[order.pk])))

    assert reverse("admin:workflows_copy_change", args=[sold.copy("77").pk]) in page
    assert "S00001" in page


def test_an_order_nobody_else_knows_says_so(boss: Client, sold: Retailer) -> None:
    sold.order("78", ("a", "LAMP", 1), at=sold.store)
    order = Order.objects.get(order_ref="78")

    assert boss.get(reverse("admin:ledger_order_change", args=[order.pk])).status_code == 200


def test_copies_that_carry_less_are_found_by_a_filter(boss: Client, sold: Retailer) -> None:
    url = reverse("admin:workflows_copy_changelist")

    assert "#77" in text(boss.get(url, {"carries": "less"}))
    assert "#77" not in text(boss.get(url, {"carries": "all"}))


def test_empty_pages_say_what_to_do(boss: Client) -> None:
    assert "Switch on Send orders" in text(boss.get(reverse("admin:workflows_copy_changelist")))
    assert "Switch on Tell deliveries" in text(boss.get(reverse("admin:workflows_deliverytold_changelist")))


def test_a_step_shows_its_requests_and_answers(boss: Client, sold: Retailer) -> None:
    attempt = Attempt.objects.filter(step="write").get()

    page = text(boss.get(reverse("admin:workflows_attempt_change", args=[attempt.pk])))

    assert "S00001" in page


def test_a_refused_copy_is_tried_again_or_given_up_with_a_reason(boss: Client, sold: Retailer) -> None:
    sold.erp.bad = {"79": "the customer is blocked"}
    sold.order("79", ("a", "MUG", 1))
    sold.run()
    copy = sold.copy("79")
    assert copy.state == "refused"

    shown = deed(boss, "copy", "give-up", copy.pk)
    assert "the customer is blocked" in shown
    assert sold.copy("79").state == "given_up"
    assert [code for code, _ in sold.cases()] == ["copy.not_mapped"]

    sold.erp.bad = {}
    deed(boss, "copy", "retry", copy.pk)
    assert sold.copy("79").state == "owed"
    sold.now = utc_now()
    sold.run()

    assert sold.there("79") == ("confirmed", {"product:1": 1})
    actions = Entry.objects.filter(action__startswith="order_copy.").order_by("id")
    assert [(each.action, each.reason) for each in actions] == [
        ("order_copy.given_up", "we looked into it"),
        ("order_copy.retried", "we looked into it"),
    ]


def test_a_refused_delivery_is_told_again_or_given_up_with_a_reason(boss: Client, sold: Retailer) -> None:
    sold.channel.errors = [RemoteRefused("the order is not paid"), RemoteRefused("still not")]
    sold.books("MUG", 9, held={("77", "a"): (3, 1)})
    sold.run()
    row = sold.told("77")

    shown = deed(boss, "deliverytold", "retry", row.pk)
    sold.now = utc_now()
    sold.run()
    again = sold.told("77")
    deed(boss, "deliverytold", "give-up", row.pk)

    assert "the order is not paid" in shown
    assert (again.state, again.error_detail) == ("refused", "still not")
    assert sold.told("77").state == "given_up"
    assert not [code for code, kind in sold.cases() if kind == "delivery_told"]
    assert "1" in text(boss.get(reverse("admin:workflows_deliverytold_change", args=[row.pk])))


def test_who_may_only_look_is_offered_no_deed(sold: Retailer, client: Client) -> None:
    user = make_user("looker")
    user.user_permissions.add(
        Permission.objects.get(codename="view_copy", content_type__app_label="workflows")
    )
    client.force_login(user)
    copy = sold.copy("77")

    assert client.get(reverse("admin:workflows_copy_change", args=[copy.pk])).status_code == 200
    url = f"{reverse('admin:workflows_copy_deed', args=['give-up'])}?ids={copy.pk}"
    assert client.post(url, {"reason": "no"}).status_code == 403


def test_the_control_room_counts_orders_owed_and_says_when_they_are_late(
    boss: Client, sold: Retailer
) -> None:
    Copy.objects.update(state=Copy.State.OWED, since=utc_now() - timedelta(seconds=30))
    calm = text(boss.get(reverse("admin:index")))
    Copy.objects.update(since=utc_now() - timedelta(minutes=9))

    late = text(boss.get(reverse("admin:index")))

    label = sold.odoo.label
    assert f"{label}: orders</a>" in calm
    assert f"rders for {label} wait for" not in calm
    assert f"rders for {label} wait for 9 min" in late
