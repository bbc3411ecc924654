"""A new shop's first figures wait for somebody, who sees what they would do and lets them through.

The shop is its twin and the steps are the real ones, done between clicks as a worker would.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: the browser walks are not walked")

from django.conf import LazySettings
from django.db import connection
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from connectors.woocommerce.twin import WooTwin
from inventory_sync.audit.models import Entry
from inventory_sync.cases.models import Case
from inventory_sync.propagation.hold_acts import arm_first_sync
from inventory_sync.propagation.models import LaneGuard, WriteHold
from tests import factories as make
from tests.pipeline.hub import Hub, open_hub
from tests.pipeline.lane import landed, product, shown
from tests.walks.browser import browsing, chromium, picture
from tests.walks.test_browser_inbox import WallClock

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse battery staple"
STOCKED = {101: 48, 102: 7, 103: 120, 104: 16, 105: 9, 106: 0, 107: 3}  # what the till counted
SHOWN = {101: 50, 102: 12, 103: 4, 104: 15, 105: 9, 106: 25, 107: 30}  # what the shop was left with
# playwright's sync API runs an event loop in this thread; Django then refuses the database without this.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="module", autouse=True)
def _chromium_is_there() -> None:
    chromium()


@pytest.fixture
def twin() -> Iterator[WooTwin]:
    twin = WooTwin(now=WallClock())
    twin.seed({"products": [product(number, stock=figure) for number, figure in SHOWN.items()]})
    with twin.serving(ticking=False):
        yield twin


@pytest.fixture
def hub(twin: WooTwin, settings: LazySettings) -> Hub:
    """A shop whose first figures are held; nothing was written to it."""
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"]}
    hub = open_hub(shop_url=twin.url, clock=WallClock())
    arm_first_sync(hub.shop.pk, actor="ada", reason="A new shop.")
    for number, counted in STOCKED.items():
        hub.stocked(f"MUG-{number}", counted, f"product:{number}")
    hub.compute()
    hub.push()
    return hub


@pytest.fixture
def page(live_server: LiveServer, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # threads of the server end with theirs
    make.make_user("ada", password=PASSWORD, superuser=True)
    with browsing(live_server.url) as opened:
        opened.goto("/admin/login/?next=/admin/propagation/writehold/")
        opened.fill("input[name=username]", "ada")
        opened.fill("input[name=password]", PASSWORD)
        opened.click("button[type=submit]")
        expect(opened.get_by_role("heading", name="Held writes").first).to_be_visible()
        yield opened


def test_a_held_first_sync_is_shown_approved_and_written(page: Page, hub: Hub, twin: WooTwin) -> None:
    assert all(landed(twin, number) == [] for number in SHOWN)
    picture(page, "approval-list")

    # What would happen, the biggest shifts first, before anything is clicked.
    page.locator("#result_list tbody a").first.click()
    expect(page.get_by_text("What would happen")).to_be_visible()
    expect(page.get_by_text("6 of 7")).to_be_visible()  # 105 shows the right figure and needs nobody
    picture(page, "approval-hold", whole=True)
    page.get_by_role("link", name="Approve").first.click()
    expect(page.get_by_text("product:103 (MUG-103): 4 → 120")).to_be_visible()
    expect(page.get_by_text("product:106 (MUG-106): 25 → 0")).to_be_visible()
    page.fill("input[name=reason]", "Counted last night; the shop was wrong.")
    picture(page, "approval", whole=True)
    assert WriteHold.objects.get().state == "waiting"
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved: 6 figures of")).to_be_visible()
    picture(page, "approval-done", whole=True)

    hub.push()
    hub.settle()
    assert {number: shown(twin, number) for number in SHOWN} == STOCKED
    assert LaneGuard.objects.get().first_sync == "passed"
    assert Entry.objects.get(action="hold.approved").reason == "Counted last night; the shop was wrong."
    assert Case.objects.get(code="push.held_first_sync").state == Case.State.RESOLVED
