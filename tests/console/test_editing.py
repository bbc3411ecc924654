"""Editing in the admin: through the services, with a reason, and a refusal is a sentence in the form."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from inventory_sync.access.models import ApiKey
from inventory_sync.access.services import verify
from inventory_sync.audit.models import Entry
from inventory_sync.availability.models import Policy
from inventory_sync.catalog.models import Item, ItemMapping, Location
from inventory_sync.connections import secrets
from inventory_sync.connections.models import Connection
from inventory_sync.ledger.models import DirtyItem
from inventory_sync.propagation.models import Listing
from tests import factories as make
from tests.console.conftest import Retailer

pytestmark = pytest.mark.django_db
WOO = {
    "setting_base_url": "https://shop.example.com",
    "setting_consumer_key": "ck_" + "a" * 40,
    "setting_consumer_secret": "cs_" + "b" * 40,
    "setting_webhook_secret": "w" * 32,
    "setting_auth_mode": "auto",
    "setting_hold_unpaid_minutes": "60",
    "setting_first_sweep_days": "30",
    "setting_page_size": "100",
    "setting_timeout_s": "60",
    "setting_user_agent": "inventory-sync/1.0",
}


def rows(prefix: str, *entries: dict[str, Any]) -> dict[str, Any]:
    """Return an inline formset's fields; an entry with an id is there already."""
    there = sum(1 for entry in entries if entry.get("id"))
    fields: dict[str, Any] = {f"{prefix}-TOTAL_FORMS": len(entries), f"{prefix}-INITIAL_FORMS": there}
    for number, entry in enumerate(entries):
        fields |= {f"{prefix}-{number}-{name}": value for name, value in entry.items()}
    return fields


def errors(answer: Any) -> str:
    return str(answer.context["adminform"].form.errors) + str(
        answer.context["adminform"].form.non_field_errors()
    )


def test_an_item_is_made_with_its_packs(boss: Client) -> None:
    answer = boss.post(
        reverse("admin:catalog_item_add"),
        {"sku": "MUG", "name": "Mug", "gtin": "", "kind": "stocked", "base_unit": "C62", "active": "on"}
        | {"reason": "new in the range"}
        | rows("units", {"unit": "CT", "numerator": "12", "denominator": "1", "gtin": ""}),
    )

    assert answer.status_code == 302, errors(answer)
    assert Item.objects.get(sku="MUG").units.get().numerator == 12
    assert Entry.objects.get(action="item.created").reason == "new in the range"


def test_a_wrong_gtin_is_told_in_the_form(boss: Client) -> None:
    answer = boss.post(
        reverse("admin:catalog_item_add"),
        {"sku": "MUG", "name": "Mug", "gtin": "4006381333932", "kind": "stocked", "base_unit": "C62"}
        | {"reason": "new"}
        | rows("units"),
    )

    assert "check digit" in errors(answer)
    assert not Item.objects.filter(sku="MUG").exists()


def test_nothing_is_saved_without_a_reason(boss: Client, retailer: Retailer) -> None:
    answer = boss.post(
        reverse("admin:catalog_item_change", args=[retailer.mug.pk]),
        {
            "sku": "MUG-BLUE",
            "name": "Other",
            "gtin": "",
            "kind": "stocked",
            "base_unit": "C62",
            "active": "on",
        }
        | rows("units"),
    )

    assert "reason" in errors(answer)
    retailer.mug.refresh_from_db()
    assert retailer.mug.name == "Blue mug"


def test_the_recipe_of_a_kit_is_edited_and_its_figure_worked_out_anew(
    boss: Client, retailer: Retailer
) -> None:
    row = retailer.kit.components.get()
    DirtyItem.objects.all().delete()

    answer = boss.post(
        reverse("admin:catalog_item_change", args=[retailer.kit.pk]),
        {"sku": "SET-1", "name": "Set", "gtin": "", "kind": "kit", "base_unit": "C62", "active": "on"}
        | {"reason": "bigger set"}
        | rows(
            "components",
            {"id": row.pk, "kit": retailer.kit.pk, "component": retailer.mug.pk, "quantity": "4"},
        )
        | rows("levels") | rows("figures") | rows("mappings"),
    )  # fmt: skip

    assert answer.status_code == 302, errors(answer)
    row.refresh_from_db()
    assert row.quantity == Decimal(4)
    assert DirtyItem.objects.filter(item=retailer.kit).exists()


def test_a_kit_that_would_contain_itself_is_refused_in_words(boss: Client, retailer: Retailer) -> None:
    row = retailer.kit.components.get()

    answer = boss.post(
        reverse("admin:catalog_item_change", args=[retailer.kit.pk]),
        {"sku": "SET-1", "name": "Set", "gtin": "", "kind": "kit", "base_unit": "C62", "active": "on"}
        | {"reason": "a set of sets"}
        | rows(
            "components",
            {"id": row.pk, "kit": retailer.kit.pk, "component": retailer.kit.pk, "quantity": "1"},
        )
        | rows("levels") | rows("figures") | rows("mappings"),
        follow=True,
    )  # fmt: skip

    row.refresh_from_db()
    assert row.component == retailer.mug
    assert "itself" in answer.content.decode()


@pytest.mark.parametrize("typed", ["NaN", "Infinity", "-1", "0", "0.0000001", "1,5"])
def test_a_quantity_that_is_none_is_refused_and_the_recipe_stays(
    boss: Client, retailer: Retailer, typed: str
) -> None:
    row = retailer.kit.components.get()

    answer = boss.post(
        reverse("admin:catalog_item_change", args=[retailer.kit.pk]),
        {"sku": "SET-1", "name": "Set", "gtin": "", "kind": "kit", "base_unit": "C62", "active": "on"}
        | {"reason": "a slip"}
        | rows(
            "components",
            {"id": row.pk, "kit": retailer.kit.pk, "component": retailer.mug.pk, "quantity": typed},
        )
        | rows("levels") | rows("figures") | rows("mappings"),
        follow=True,
    )  # fmt: skip

    row.refresh_from_db()
    assert (answer.status_code, row.quantity) == (200, 2)
    assert not Entry.objects.filter(action="kit.component_changed").exists()


def test_a_location_gets_its_authority(boss: Client, retailer: Retailer) -> None:
    answer = boss.post(
        reverse("admin:catalog_location_add"),
        {
            "code": "ST-BER", "name": "Berlin", "kind": "store", "parent": retailer.site.parent_id,
            "mode": "movements", "rank": "50", "active": "on", "decided_by": retailer.till.pk,
            "reason": "a new store",
        },
    )  # fmt: skip

    assert answer.status_code == 302, errors(answer)
    authority = Location.objects.get(code="ST-BER").authority
    assert authority is not None
    assert authority.connection == retailer.till


def test_mapping_a_waiting_id_replays_its_lines(
    boss: Client, retailer: Retailer, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = boss.post(
            reverse("admin:catalog_itemmapping_add"),
            {
                "connection": retailer.shop.pk, "external_id": "product:646", "external_parent": "",
                "label": "Gift card", "external_sku": "", "item": retailer.mug.pk, "kind": "variant",
                "numerator": "1", "denominator": "1", "publishes": "on", "reason": "it is the mug",
            },
        )  # fmt: skip

    assert answer.status_code == 302, errors(answer)
    mapping = ItemMapping.objects.get(external_id="product:646")
    retailer.delivery.refresh_from_db()
    assert (mapping.state, mapping.item) == ("confirmed", retailer.mug)
    assert retailer.delivery.state == "pending"
    assert Listing.objects.filter(mapping=mapping).exists()
    assert Entry.objects.filter(action="mapping.created", reason="it is the mug").count() == 1


def test_another_factor_owes_the_listing_another_figure(boss: Client, retailer: Retailer) -> None:
    boss.post(
        reverse("admin:catalog_itemmapping_change", args=[retailer.mapping.pk]),
        {
            "external_parent": "", "label": "Blue mug", "external_sku": "", "item": retailer.mug.pk,
            "kind": "pack", "numerator": "3", "denominator": "1", "publishes": "on", "reason": "in threes",
        },
    )  # fmt: skip

    retailer.listing.refresh_from_db()
    assert (retailer.listing.desired, retailer.listing.state) == (
        Decimal(2),
        "owed",
    )  # 7 pieces are two threes


def test_a_policy_is_changed_by_its_service(boss: Client, retailer: Retailer) -> None:
    policy = Policy.objects.get()

    answer = boss.post(
        reverse("admin:availability_policy_change", args=[policy.pk]),
        {
            "share_percent": "50", "buffer": "2", "buffer_percent": "0", "cap": "", "threshold": "0",
            "safety_stock": "0", "shrink_percent": "50", "backorder_allowance": "0",
            "preorder_allowance": "0", "preorder_days": "0", "fallback": "hold_last",
            "reason": "a second channel opens",
        },
    )  # fmt: skip

    assert answer.status_code == 302, errors(answer)
    policy.refresh_from_db()
    assert (policy.share_percent, policy.buffer, policy.version) == (50, 2, 2)


def test_a_connection_is_made_from_what_its_connector_declares(boss: Client) -> None:
    url = f"{reverse('admin:connections_connection_add')}?connector=woocommerce"
    asked = boss.get(url).content.decode()
    answer = boss.post(
        url,
        WOO
        | {"code": "north", "label": "North", "owner_team": "support", "sells": "on", "reason": "new shop"},
    )

    assert "Consumer secret" in asked
    assert answer.status_code == 302, errors(answer)
    row = Connection.objects.get(code="north")
    assert row.config["base_url"] == "https://shop.example.com"
    assert "consumer_secret" not in row.config
    assert secrets.read_all(row)["consumer_secret"] == "cs_" + "b" * 40


def test_a_secret_is_never_rendered_and_stays_when_left_empty(boss: Client) -> None:
    boss.post(
        f"{reverse('admin:connections_connection_add')}?connector=woocommerce",
        WOO
        | {"code": "north", "label": "North", "owner_team": "support", "sells": "on", "reason": "new shop"},
    )
    row = Connection.objects.get(code="north")
    url = reverse("admin:connections_connection_change", args=[row.pk])

    page = boss.get(url).content.decode()
    kept = {name: "" if name.endswith(("_key", "_secret")) else value for name, value in WOO.items()}
    answer = boss.post(
        url,
        kept
        | {"label": "North two", "owner_team": "support", "sells": "on", "reason": "renamed"}
        | rows("cursors") | rows("hooks") | rows("budget") | rows("breaker") | rows("maintenances"),
    )  # fmt: skip

    assert "b" * 40 not in page
    assert "w" * 32 not in page
    assert answer.status_code == 302, errors(answer)
    row.refresh_from_db()
    assert row.label == "North two"
    assert secrets.read_all(row)["consumer_secret"] == "cs_" + "b" * 40


def test_what_the_connector_refuses_is_told_in_the_form(boss: Client) -> None:
    answer = boss.post(
        f"{reverse('admin:connections_connection_add')}?connector=woocommerce",
        WOO
        | {"setting_webhook_secret": "too short", "code": "north", "label": "North", "owner_team": "x"}
        | {"reason": "new shop"},
    )

    assert "webhook secret must be" in errors(answer)
    assert not Connection.objects.filter(code="north").exists()


def test_a_new_key_is_shown_once_and_opens(boss: Client) -> None:
    answer = boss.post(
        reverse("admin:access_apikey_add"),
        {"consumer": "partner", "scopes": ["stock:read"], "expires_at": "", "reason": "go live"},
    )

    page = answer.content.decode()
    raw_key = page.split('id="secret">')[1].split("<")[0]
    assert verify(raw_key, now=make.NOON) == ApiKey.objects.get()
    assert "no-store" in answer["Cache-Control"]
    assert raw_key not in boss.get(reverse("admin:access_apikey_changelist")).content.decode()


def test_making_a_user_is_written_down(boss: Client) -> None:
    boss.post(
        reverse("admin:auth_user_add"),
        {
            "username": "jo",
            "usable_password": "true",
            "password1": "a long pass phrase",
            "password2": "a long pass phrase",
        },
    )

    assert Entry.objects.get(action="user.created").actor_name == "boss"
