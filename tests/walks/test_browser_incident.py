"""One incident from the first mail to the calm after it, seen through the pages alone.

Somebody at the shop puts four products into the trash while they sell. The platform is the real one, the shop
its twin, the mail server a real one; what workers do is done between the clicks. The pictures of
docs/incident.md are these: INCIDENT_PICTURES=docs/images has them taken anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="playwright is not installed: the browser walks are not walked")

from django.conf import LazySettings
from django.db import connection
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from connectors.woocommerce.twin import WooTwin
from inventory_sync.cases.models import Case
from inventory_sync.cases.telling import mail
from inventory_sync.cases.telling.rounds import World, tell_people
from inventory_sync.pipeline.sampling import sample
from inventory_sync.support.clock import utc_now
from tests import factories as make
from tests.cases.receiving import Mailbox, mail_server, text_of
from tests.cases.telling import make_route
from tests.pipeline.hub import Hub, open_hub
from tests.pipeline.lane import product, shown
from tests.walks.browser import browsing, chromium, picture
from tests.walks.test_browser_inbox import PASSWORD, WallClock, work_off

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
THERE, TRASHED = (101, 102), (201, 202, 203, 204)
HUB = "http://hub.example"


@dataclass
class Scene:
    """What an incident happens to, and who is told of it."""

    hub: Hub
    twin: WooTwin
    post: Mailbox

    def work(self, flights: int = 8) -> None:
        """Do what the workers do for a while."""
        for _ in range(flights):
            self.hub.drain()
            self.hub.compute()
            self.hub.push()
            self.hub.clock.advance(3)
        sample(now=utc_now())

    def tell(self) -> None:
        world = World(
            clock=self.hub.clock,
            new_id=self.hub.ports.new_id,
            jitter=lambda: 0.5,
            carriers={"email": mail.carry},
            hub=HUB,
            settle=timedelta(0),
        )
        tell_people(world, until=lambda: False)


@pytest.fixture(scope="module", autouse=True)
def _chromium_is_there() -> None:
    chromium()


@pytest.fixture
def scene(settings: LazySettings) -> Iterator[Scene]:
    settings.INVENTORY_SYNC = {
        **settings.INVENTORY_SYNC,
        "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"],
        "HUB_URL": HUB,
    }
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    clock = WallClock()
    twin = WooTwin(now=clock)
    twin.seed({"products": [product(number) for number in THERE]})
    with twin.serving(ticking=False), mail_server() as (post, port):
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        hub = open_hub(shop_url=twin.url, clock=clock)
        for number in (*THERE, *TRASHED):
            hub.stocked(f"MUG-{number}", 10, f"product:{number}")
        make_route("support desk", team="support", addresses="support@retailer.example")
        yield Scene(hub, twin, post)


@pytest.fixture
def page(live_server: LiveServer, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # threads of the server end with theirs
    make.make_user("ada", password=PASSWORD, superuser=True)
    with browsing(live_server.url) as opened:
        opened.goto("/admin/login/?next=/admin/")
        opened.fill("input[name=username]", "ada")
        opened.fill("input[name=password]", PASSWORD)
        opened.click("button[type=submit]")
        expect(opened.locator("#control-room")).to_be_visible()
        yield opened


def keep(page: Page, number: int, name: str, *, whole: bool = False) -> None:
    """Keep a picture of one step of the story; where asked, also beside the page that tells it."""
    taken = picture(page, f"incident-{number}-{name}", whole=whole)
    if wanted := os.environ.get("INCIDENT_PICTURES"):
        Path(wanted).mkdir(parents=True, exist_ok=True)
        shutil.copy(taken, Path(wanted) / taken.name)


def test_an_incident_is_seen_told_understood_put_right_and_over(page: Page, scene: Scene) -> None:
    scene.work()
    scene.tell()
    failed = list(Case.objects.filter(state="open"))
    assert len(failed) == len(TRASHED)
    [letter] = scene.post.mails
    assert f"{len(TRASHED)} cases" in letter["subject"]

    # The control room says so in a sentence.
    page.goto("/admin/")
    expect(page.locator("#status")).to_contain_text("4 pushes failed")
    keep(page, 1, "control-room")

    # Whoever is on duty was told; the link needs no login.
    body = letter.get_body(("html",))
    assert body is not None
    link = next(line for line in text_of(letter).splitlines() if line.startswith("I HAVE IT: "))
    page.set_viewport_size({"width": 480, "height": 900})
    page.set_content(body.get_content())
    expect(page.get_by_role("link", name="I have it")).to_be_visible()
    keep(page, 2, "mail", whole=True)
    page.goto(link.removeprefix(f"I HAVE IT: {HUB}"))
    page.fill("input[name=name]", "Ada, on duty")
    page.get_by_role("button", name="I have all 4").click()
    expect(page.get_by_text("Acknowledged by Ada, on duty")).to_be_visible()  # a browser may post this form

    # The inbox: one group, not four failures. A case of it, told whole.
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/admin/cases/case/inbox/")
    expect(page.get_by_text("4 open cases in 1 group")).to_be_visible()
    keep(page, 3, "group")
    page.goto(f"/admin/cases/case/{failed[0].pk}/change/")
    expect(page.get_by_text("What a retry would do")).to_be_visible()
    keep(page, 4, "case", whole=True)

    # The products come back out of the trash; one is retried first, then the rest.
    scene.twin.seed({"products": [product(number) for number in TRASHED]})
    page.goto("/admin/cases/case/inbox/")
    page.get_by_text("Act…").click()
    page.get_by_role("link", name="Retry one first").click()
    page.fill("input[name=reason]", "The shop took its products out of the trash.")
    page.get_by_role("button", name="Retry one first").click()
    work_off(scene.hub)
    expect(page.get_by_text("The first one succeeded.")).to_be_visible()
    page.get_by_role("link", name="Retry the other 3").click()
    page.fill("input[name=per_minute]", "600")
    page.fill("input[name=reason]", "The first one went through.")
    keep(page, 5, "retry", whole=True)
    page.get_by_role("button", name="Retry").click()
    work_off(scene.hub)
    expect(page.get_by_role("link", name="3 succeeded")).to_be_visible()
    keep(page, 6, "outcomes", whole=True)

    # It closed itself, whoever was told hears of it, and the room is calm.
    assert [shown(scene.twin, number) for number in TRASHED] == [10] * 4
    assert not Case.objects.filter(state="open").exists()
    scene.work(1)
    scene.tell()
    assert scene.post.mails[-1]["subject"].startswith("Over:")
    page.goto("/admin/")
    expect(page.locator("#status")).to_contain_text("Everything flows")
    keep(page, 7, "calm")
