"""A member of staff mends a mapping in the browser, and the shop shows the right figure."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: the browser walks are not walked")

from playwright.sync_api import Page, expect

from inventory_sync.audit.models import Entry
from inventory_sync.catalog.models import ItemMapping
from inventory_sync.intake.models import Delivery, ParkedLine
from inventory_sync.ledger.models import Reservation
from tests.factories import make_user
from tests.walks import retailer
from tests.walks.browser import browsing, chromium, picture
from tests.walks.platform import Platform

pytestmark = pytest.mark.browser
# playwright's sync API runs an event loop in this thread; Django then refuses the database without this.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
PASSWORD = "correct horse battery staple"
VASE = f"product:{retailer.product_of('woo', retailer.UNMAPPED)}"


@pytest.fixture(scope="module", autouse=True)
def _chromium_is_there() -> None:
    chromium()


@pytest.fixture
def page(walk: Platform) -> Iterator[Page]:
    make_user("jo", password=PASSWORD, superuser=True)
    with browsing(walk.landscape.hub_url) as opened:
        opened.goto("/admin/login/")
        opened.fill("input[name=username]", "jo")
        opened.fill("input[name=password]", PASSWORD)
        picture(opened, "00-sign-in")
        opened.click("button[type=submit]")
        expect(opened.locator("#status")).to_be_visible()
        yield opened


def test_staff_map_a_waiting_id_and_the_channel_follows(walk: Platform, page: Page) -> None:
    walk.till.till.write("sale", "ST-1", [{"sku": "VASE", "quantity": "5"}])
    line = {"product_id": retailer.product_of("woo", "VASE"), "quantity": 2}
    sold = walk.shops["woo"].control.checkout([line])
    waiting = ParkedLine.objects.filter(waits_on=f"item:{VASE}", resolved_at__isnull=True)
    walk.wait(waiting.exists, "the order's line is parked")
    assert walk.figure("woo", "VASE") == 48  # the shop's own: nothing unknown is pushed

    # The control room says that something waits for a person.
    page.goto("/admin/")
    expect(page.locator("#status")).to_contain_text("for a person")
    picture(page, "01-control-room-one-line-waits")

    # The queue names the id; the parked line and its delivery can be read.
    page.goto("/admin/intake/parkedline/?waiting=open")
    picture(page, "02-parked-lines")
    page.goto("/admin/catalog/itemmapping/waiting/")
    expect(page.get_by_text(VASE)).to_be_visible()
    picture(page, "03-ids-that-wait")

    # One click opens the form, filled in; the item is chosen, the reason given.
    page.locator("tr", has_text=VASE).get_by_role("link", name="Map…").click()
    page.locator(".select2-selection").first.click()
    page.locator(".select2-search__field").fill("VASE")
    page.locator(".select2-results__option", has_text="VASE").first.click()
    page.fill("input[name=reason]", "It is our vase; the shop calls it so.")
    picture(page, "04-mapping-form")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("will be applied again")).to_be_visible()
    picture(page, "05-mapping-saved")

    # The line replays by itself, and the shop shows what there really is: 40 + 10 − 5 − 2.
    walk.wait(lambda: not waiting.exists(), "the parked line was replayed")
    walk.wait(lambda: walk.figure("woo", "VASE") == 43, "the shop shows the right figure")
    walk.rest()
    reservation = Reservation.objects.get(order__order_ref=str(sold["id"]), order__connection__code="woo")
    assert (reservation.item.sku, reservation.demand) == ("VASE", 2)
    mapping = ItemMapping.objects.get(connection__code="woo", external_id=VASE)
    entry = Entry.objects.get(action="mapping.created", subject_id=str(mapping.pk))
    assert (entry.actor_name, entry.reason) == ("jo", "It is our vase; the shop calls it so.")

    # Afterwards the pages tell the whole story.
    told = Delivery.objects.filter(object_key=f"order:{sold['id']}", connection__code="woo").order_by("id")
    delivery = told.first()
    assert delivery is not None
    page.goto(f"/admin/intake/delivery/{delivery.pk}/change/")
    picture(page, "06-delivery-and-its-trail", whole=True)
    page.goto("/admin/propagation/listing/?q=VASE")
    expect(page.get_by_text("Settled").first).to_be_visible()
    picture(page, "07-listing-settled")
    page.goto(f"/admin/audit/entry/{entry.pk}/change/")
    picture(page, "08-audit-entry")
    page.goto("/admin/")
    picture(page, "09-control-room-at-rest", whole=True)
