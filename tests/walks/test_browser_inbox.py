"""The support desk in a real browser: one case is retried, then its group, and a number explained.

The shop is its twin and the steps are the real ones, done between clicks as a worker would.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: the browser walks are not walked")

from django.conf import LazySettings
from django.db import connection
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from connectors.woocommerce.twin import WooTwin
from inventory_sync.cases.models import Case, RetryRun
from inventory_sync.cases.services import open_case
from inventory_sync.pipeline.retrying import retry_due
from inventory_sync.pipeline.wake import Waker
from inventory_sync.propagation.models import Listing
from inventory_sync.support.clock import utc_now
from tests import factories as make
from tests.pipeline.hub import HandClock, Hub, open_hub
from tests.pipeline.lane import product
from tests.walks.browser import browsing, chromium, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse battery staple"
THERE = (101, 102, 103, 104)
GONE = 999
# playwright's sync API runs an event loop in this thread; Django then refuses the database without this.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


class WallClock(HandClock):
    """The wall's time and what was added to it: the pages in other threads look at the wall."""

    def __init__(self) -> None:
        super().__init__(utc_now())
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture(scope="module", autouse=True)
def _chromium_is_there() -> None:
    chromium()


@pytest.fixture
def hub(settings: LazySettings) -> Iterator[Hub]:
    """A shop that refused five figures; one of its products is gone for good."""
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"]}
    clock = WallClock()
    twin = WooTwin(now=clock)
    twin.seed({"products": [product(number) for number in THERE]})
    with twin.serving(ticking=False):
        hub = open_hub(shop_url=twin.url, clock=clock)
        for number in (*THERE, GONE):
            hub.stocked(f"MUG-{number}", 10, f"product:{number}")
        hub.compute()
        for row in Listing.objects.select_related("mapping__item"):
            Listing.objects.filter(pk=row.pk).update(
                state="failed", error_code="push.refused", error_detail="Stock is locked by a plugin."
            )
            assert row.mapping.item is not None
            open_case(
                code="push.refused", subject_kind="listing", subject_id=row.pk, connection_code=hub.shop.code,
                item_sku=row.mapping.item.sku, units_at_risk=Decimal(10), now=clock(),
                summary=f"{hub.shop.code} does not take the figure of {row.external_id}: Stock is locked.",
            )  # fmt: skip
        yield hub


@pytest.fixture
def page(live_server: LiveServer, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # threads of the server end with theirs
    make.make_user("ada", password=PASSWORD, superuser=True)
    with browsing(live_server.url) as opened:
        opened.goto("/admin/login/?next=/admin/cases/case/inbox/")
        opened.fill("input[name=username]", "ada")
        opened.fill("input[name=password]", PASSWORD)
        opened.click("button[type=submit]")
        expect(opened.get_by_role("heading", name="Inbox")).to_be_visible()
        yield opened


def work_off(hub: Hub, rounds: int = 12) -> None:
    """Do what the workers do until no line of a run is under way."""
    quiet = Waker(lambda task, queue, arguments: None)
    for _ in range(rounds):
        retry_due(clock=hub.clock, wake=quiet)
        if not RetryRun.objects.filter(state="running").exists():
            return
        hub.push()
        hub.clock.advance(3)
    raise AssertionError("a run is still under way")


def test_one_is_retried_then_its_group_and_what_stays_is_explained(page: Page, hub: Hub) -> None:
    expect(page.get_by_text("5 open cases in 1 group")).to_be_visible()
    page.get_by_text("Act…").click()
    picture(page, "inbox-groups")

    # One first: it goes through, and the rest is offered.
    page.get_by_role("link", name="Retry one first").click()
    expect(page.get_by_text("Would send")).to_be_visible()
    page.fill("input[name=reason]", "The plugin is off.")
    page.get_by_role("button", name="Retry one first").click()
    expect(page.locator("#run-state")).to_contain_text("0 of 1 over")
    work_off(hub)
    expect(page.get_by_text("The first one succeeded.")).to_be_visible()

    # The group: previewed, frozen, throttled, every outcome told.
    page.get_by_role("link", name="Retry the other 4").click()
    expect(page.get_by_text("recomputed", exact=True)).to_be_visible()
    page.fill("input[name=per_minute]", "600")
    page.fill("input[name=reason]", "The first one went through.")
    picture(page, "inbox-group-retry", whole=True)
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#run-state")).to_contain_text("of 4 over")
    work_off(hub)
    expect(page.locator("#run-state")).to_contain_text("Done: 4 of 4 over")
    expect(page.get_by_role("link", name="3 succeeded")).to_be_visible()
    expect(page.get_by_role("link", name="1 failed again")).to_be_visible()
    picture(page, "inbox-outcomes", whole=True)
    assert Case.objects.filter(state="resolved", resolution__startswith="A").count() == 4

    # What stays: told whole, and its number explained from there.
    page.get_by_role("link", name="1 failed again").click()
    page.locator("table a", has_text="product:999").click()
    expect(page.get_by_text("What a retry would do")).to_be_visible()
    expect(page.get_by_text("Runbook: push.refused")).to_be_visible()
    picture(page, "inbox-case", whole=True)
    page.get_by_role("link", name="Why MUG-999 shows what it shows").click()
    expect(page.locator(".console-figure .number").first).to_contain_text("10")

    # Given up on purpose, and taken back.
    page.goto("/admin/cases/case/inbox/")
    page.get_by_text("Act…").click()
    page.get_by_role("link", name="Discard").click()
    page.fill("input[name=reason]", "The product is gone for good.")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Open it again")).to_be_visible()
    page.get_by_role("button", name="Open it again").click()
    expect(page.get_by_text("What people did")).to_be_visible()
    assert Case.objects.filter(state="open").count() == 1
