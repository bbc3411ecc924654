"""Changing who decides what is at a place: chosen, shown, confirmed with a reason, and undone likewise."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from inventory_sync.audit.models import Entry
from inventory_sync.catalog.models import Tenure
from inventory_sync.ledger.models import StockLevel
from tests import factories as make
from tests.console.conftest import Retailer

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(retailer: Retailer) -> str:
    StockLevel.objects.create(item=retailer.mug, location=retailer.site, on_hand=Decimal(8), known=True)
    make.park_line(retailer.delivery, "authority:WH-HAM", code="report.not_the_authority")
    return reverse("admin:catalog_location_authority", args=[retailer.site.pk])


def said(other: Any, **values: Any) -> dict[str, Any]:
    return {
        "attribute": "on_hand",
        "decides": other.pk,
        "mode": "movements",
        "reason": "a new till",
        **values,
    }


def shown(answer: Any) -> str:
    found = re.search(r'name="shown" value="(\w+)"', answer.content.decode())
    assert found is not None
    return found.group(1)


def test_it_shows_what_would_change_and_changes_nothing_yet(
    boss: Client, retailer: Retailer, page: str
) -> None:
    answer = boss.post(page, said(make.make_till("till-2")))

    text = answer.content.decode()
    assert "1 level known now would be unknown" in text
    assert "Figures may fall and never rise: " in text
    assert "reports that wait for this" in text
    assert retailer.site.authorities.get().connection == retailer.till


def test_what_was_shown_is_confirmed_with_a_reason(boss: Client, retailer: Retailer, page: str) -> None:
    other = make.make_till("till-2")
    look = boss.post(page, said(other))

    answer = boss.post(page, said(other, shown=shown(look), confirm="1"))

    assert answer.status_code == 302
    assert retailer.site.authority is not None
    assert retailer.site.authority.connection == other
    assert Tenure.objects.get().location == retailer.site
    entry = Entry.objects.get(action="authority.changed")
    assert (entry.actor_name, entry.reason) == ("boss", "a new till")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"reason": " "}, "Say why"),
        ({"shown": "somethingelse"}, "It has changed since you looked"),
    ],
)
def test_nothing_is_done_without_a_reason_or_on_what_was_not_shown(
    boss: Client, retailer: Retailer, page: str, values: dict[str, str], why: str
) -> None:
    other = make.make_till("till-2")
    look = boss.post(page, said(other))

    answer = boss.post(page, said(other, **{"shown": shown(look), "confirm": "1", **values}))

    assert why in answer.content.decode()
    assert retailer.site.authorities.get().connection == retailer.till


def test_a_change_of_mode_and_of_authority_at_once_begins_one_tenure_and_is_undone_by_another(
    boss: Client, retailer: Retailer, page: str
) -> None:
    other = make.make_till("till-2")
    for decides, mode in ((other, "figures"), (retailer.till, "movements")):
        wanted = said(decides, mode=mode)
        look = boss.post(page, wanted)
        assert boss.post(page, {**wanted, "shown": shown(look), "confirm": "1"}).status_code == 302

    assert list(Tenure.objects.order_by("id").values_list("was", "mode")) == [
        ("movements", "figures"),
        ("figures", "movements"),
    ]
    assert retailer.site.authority is not None
    assert retailer.site.authority.connection == retailer.till


def test_only_who_may_sees_the_page_and_a_virtual_place_has_none(
    signed_in: Any, retailer: Retailer, page: str
) -> None:
    assert signed_in("catalog.view_location").get(page).status_code == 403
    client = signed_in("console.assign_authority", "catalog.view_location")
    assert client.get(page).status_code == 200
    adjustment = reverse("admin:catalog_location_authority", args=[make.virtual("adjustment").pk])
    assert client.get(adjustment).status_code == 404
    button = client.get(reverse("admin:catalog_location_change", args=[retailer.site.pk])).content.decode()
    assert "Change authority or mode" in button
