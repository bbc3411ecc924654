"""Every page of the admin opens, says what it should, and shows nothing it should not."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from inventory_sync.cases.services import open_case
from tests.console.conftest import Retailer
from tests.factories import NOON

pytestmark = pytest.mark.django_db
OURS = sorted(
    f"{model._meta.app_label}_{model._meta.model_name}"
    for model in admin.site._registry
    if model.__module__.startswith("inventory_sync.") or model._meta.app_label == "auth"
)


@pytest.mark.parametrize("page", OURS)
def test_every_list_opens_with_rows_and_searches(page: str, boss: Client, retailer: Retailer) -> None:
    open_case(code="push.refused", subject_kind="listing", subject_id=1, summary="no", now=NOON)
    app, name = page.split("_", 1)
    url = reverse(f"admin:{page}_changelist")
    answer = boss.get(url)

    assert answer.status_code == 200
    assert boss.get(url, {"q": "MUG-BLUE"}).status_code == 200
    row = apps.get_model(app, name)._default_manager.first()
    if row is not None:
        assert boss.get(reverse(f"admin:{page}_change", args=[row.pk])).status_code == 200


def test_the_control_room_says_in_one_sentence_how_it_stands(boss: Client, retailer: Retailer) -> None:
    page = boss.get(reverse("admin:index")).content.decode()

    assert "1 push failed" in page
    assert "1 line waits for a person" in page
    assert "product:646" in page


def test_an_empty_control_room_is_calm(boss: Client) -> None:
    page = boss.get(reverse("admin:index")).content.decode()

    assert "Everything flows: nothing is late, nothing waits for a person." in page
    assert "Connect a shop" in page


def test_the_body_of_a_delivery_is_shown_without_the_customer(boss: Client, retailer: Retailer) -> None:
    page = boss.get(reverse("admin:intake_delivery_change", args=[retailer.delivery.pk])).content.decode()

    assert "Blue mug" in page
    assert "Erika" not in page
    assert "erika@example.org" not in page


def test_a_trail_is_found_by_its_correlation_id(boss: Client, retailer: Retailer) -> None:
    page = boss.get(reverse("admin:intake_delivery_trail", args=["c0ffee0000000001"])).content.decode()

    assert f"order.updated #{retailer.delivery.pk}" in page


@pytest.mark.parametrize(
    "term", ["MUG-BLUE", "4006381333931", "product:92", "92", "c0ffee0000000001", "WH-HAM"]
)
def test_one_search_finds_everything(term: str, boss: Client, retailer: Retailer) -> None:
    page = boss.get(reverse("admin:search"), {"s": term, "extended": "1"}).content.decode()

    assert "/admin/" in page


def test_a_search_shows_only_what_the_person_may_see(signed_in, retailer: Retailer) -> None:
    client = signed_in("ledger.view_order")

    page = client.get(reverse("admin:search"), {"s": "MUG-BLUE", "extended": "1"}).content.decode()

    assert "MUG-BLUE ·" not in page


@pytest.mark.parametrize("page", ["ledger_stocklevel", "ledger_movement", "ledger_order", "intake_delivery"])
def test_what_other_rooms_own_is_read_only(page: str, boss: Client, retailer: Retailer) -> None:
    assert boss.get(reverse(f"admin:{page}_add")).status_code == 403


def test_nothing_is_deleted_in_the_admin(boss: Client, retailer: Retailer) -> None:
    answer = boss.post(reverse("admin:catalog_item_delete", args=[retailer.mug.pk]), {"post": "yes"})

    assert answer.status_code == 403


def test_staff_without_permissions_see_nothing(signed_in, retailer: Retailer) -> None:
    client = signed_in()

    for page in OURS:
        assert client.get(reverse(f"admin:{page}_changelist")).status_code == 403


def test_the_waiting_queue_names_ids_and_offers_to_map_them(boss: Client, retailer: Retailer) -> None:
    page = boss.get(reverse("admin:catalog_itemmapping_waiting")).content.decode()

    assert "product:646" in page
    assert "Gift card 10 euro" in page
    assert "external_id=product%3A646" in page
