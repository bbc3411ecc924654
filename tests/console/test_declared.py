"""Staff set stock aside, keep some back, and say how old reports may be."""

from __future__ import annotations

import pytest
from django.urls import reverse

from inventory_sync.availability.models import Allotment, Freshness, SafetyStock
from inventory_sync.ledger.models import DirtyItem, StockLevel
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client):
    client.force_login(factories.make_user(superuser=True))
    return client


@pytest.fixture
def shop():
    """Five mugs at W1, sold by one shop."""
    shop, place = factories.make_channel("shop"), factories.make_location("W1")
    factories.map_location(shop, place, sells_for=True)
    mug = factories.make_item("MUG")
    factories.map_item(shop, mug)
    StockLevel.objects.create(item=mug, location=place, on_hand=5, known=True)
    return shop, place, mug


def post(client, page: str, **values):
    return client.post(reverse(f"admin:availability_{page}_add"), {"reason": "season", **values})


def test_an_allotment_is_granted_from_its_page(staff, shop):
    answer = post(staff, "allotment", connection=shop[0].pk, item=shop[2].pk, quantity=3)

    assert answer.status_code == 302
    row = Allotment.objects.get()
    assert (row.quantity, row.expires_at, row.ended_at) == (3, None, None)
    assert DirtyItem.objects.filter(item=shop[2]).exists()


def test_an_allotment_that_does_not_fit_is_refused_in_words(staff, shop):
    answer = post(staff, "allotment", connection=shop[0].pk, item=shop[2].pk, quantity=6)

    assert "1 of MUG more would be set aside" in answer.content.decode()
    assert not Allotment.objects.exists()


def test_safety_stock_and_ages_are_declared_from_their_pages(staff, shop):
    assert post(staff, "safetystock", location=shop[1].pk, quantity=2).status_code == 302
    assert post(staff, "freshness", location=shop[1].pk, max_age_s=3600).status_code == 302

    assert SafetyStock.objects.get().quantity == 2
    assert Freshness.objects.get().max_age_s == 3600
    assert DirtyItem.objects.filter(item=shop[2]).exists()


@pytest.mark.parametrize("page", ["allotment", "safetystock", "freshness", "policyversion"])
def test_each_page_opens(staff, shop, page):
    assert staff.get(reverse(f"admin:availability_{page}_changelist")).status_code == 200
