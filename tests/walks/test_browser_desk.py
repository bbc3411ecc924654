"""Every page of the desk opens in a real browser, its scripts run, and a deed is shown before it is done."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: the browser walks are not walked")

from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from inventory_sync.audit.models import Entry
from inventory_sync.pipeline.models import Sign
from inventory_sync.propagation.models import Listing
from tests import factories as make
from tests.console.conftest import Retailer, retailer
from tests.walks.browser import browsing, chromium, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
__all__ = ["retailer"]
PASSWORD = "correct horse battery staple"
# playwright's sync API runs an event loop in this thread; Django then refuses the database without this.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="module", autouse=True)
def _chromium_is_there() -> None:
    chromium()


@pytest.fixture
def page(live_server: LiveServer, retailer: Retailer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # threads of the server end with theirs
    Sign.objects.create(name="dispatcher", at=timezone.now(), detail={"broker": True})
    Sign.objects.create(name="canary:critical", at=timezone.now() - timedelta(hours=1))
    make.make_user("boss", password=PASSWORD, superuser=True)
    with browsing(live_server.url) as opened:
        opened.goto("/admin/login/")
        opened.fill("input[name=username]", "boss")
        opened.fill("input[name=password]", PASSWORD)
        opened.click("button[type=submit]")
        expect(opened.locator("#status")).to_be_visible()
        yield opened


def test_every_page_of_the_sidebar_opens(page: Page, live_server: LiveServer) -> None:
    links = page.locator("#nav-sidebar a[href], nav a[href], aside a[href]").evaluate_all(
        "all => [...new Set(all.map(a => a.getAttribute('href')))].filter(h => h.startsWith('/admin/'))"
    )
    assert len(links) >= 20

    for link in links:
        if "logout" in link or "password" in link:
            continue
        answer = page.goto(link)
        assert answer is not None
        assert answer.status == 200, link


def test_a_retry_is_shown_before_the_click_and_after_it(page: Page, retailer: Retailer) -> None:
    page.goto("/admin/")
    expect(page.locator("#status")).to_contain_text("1 push failed")
    picture(page, "20-control-room-with-troubles")
    page.goto(f"/admin/propagation/listing/{retailer.listing.pk}/change/")
    picture(page, "21-listing-that-failed")

    page.get_by_role("link", name="Retry…").click()
    expect(page.get_by_text("Would send")).to_be_visible()
    expect(page.get_by_text("The shop said no.")).to_be_visible()
    assert Listing.objects.get().state == Listing.State.FAILED
    page.fill("input[name=reason]", "The shop is back.")
    picture(page, "22-retry-before-the-click")
    page.get_by_role("button", name="Retry").click()

    expect(page.get_by_text("This is how it stands now")).to_be_visible()
    picture(page, "23-retry-afterwards")
    assert Listing.objects.get().state == Listing.State.OWED
    assert Entry.objects.get(action="push.retried").reason == "The shop is back."


def test_one_search_leads_to_item_order_and_trail(page: Page) -> None:
    page.keyboard.press("Control+k")
    box = page.locator("#command-search, input[type=search]:visible, #search-command").first
    box.press_sequentially("MUG-BLUE", delay=20)

    expect(page.locator("#command-results-list").get_by_text("MUG-BLUE · Blue mug")).to_be_visible()
    picture(page, "24-search")


def test_the_pages_of_the_desk_as_pictures(page: Page, retailer: Retailer) -> None:
    figure = retailer.mug.figures.get()
    for name, address in (
        ("30-item", f"/admin/catalog/item/{retailer.mug.pk}/change/"),
        ("31-locations", "/admin/catalog/location/"),
        ("32-connection-choose", "/admin/connections/connection/add/"),
        ("33-connection-form", "/admin/connections/connection/add/?connector=woocommerce"),
        ("34-connection", f"/admin/connections/connection/{retailer.shop.pk}/change/"),
        ("35-delivery", f"/admin/intake/delivery/{retailer.delivery.pk}/change/"),
        ("36-replay-before-the-click", f"/admin/intake/delivery/deed/replay/?ids={retailer.delivery.pk}"),
        ("37-figure-explained", f"/admin/availability/channelfigure/{figure.pk}/change/"),
        ("38-policies", "/admin/availability/policy/"),
        ("39-new-key", "/admin/access/apikey/add/"),
        ("40-audit", "/admin/audit/entry/"),
    ):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        picture(page, name, whole=name.startswith(("35", "37")))
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.documentElement.classList.add('dark')")
    page.goto("/admin/")
    page.evaluate("document.documentElement.classList.add('dark')")
    picture(page, "41-control-room-dark")
