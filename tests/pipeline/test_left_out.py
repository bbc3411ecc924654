"""From the sweep's cursor to the ledger: what a till leaves out holds figures back, and somebody owns it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connectors.till.client import EVENTS, TillClient
from inventory_sync.cases.models import Case
from inventory_sync.connections.models import Cursor
from inventory_sync.connections.registry import connector
from inventory_sync.domain.ports import Outside
from inventory_sync.ledger.gap_acts import declare_lost
from inventory_sync.ledger.models import Gap
from inventory_sync.pipeline.left_out import own_overdue
from inventory_sync.pipeline.ports import Account
from inventory_sync.pipeline.sweep import sweep
from tests.pipeline import accounts
from tests.pipeline.hub import Hub, open_hub

pytestmark = pytest.mark.django_db
AFTER = timedelta(minutes=15)


def answer(body: dict) -> httpx.Response:
    stream = httpx.ByteStream(json.dumps(body).encode())
    return httpx.Response(200, headers={"content-type": "application/json"}, stream=stream)


class Feed:
    """A till that shows these of its events, read by the real client through the real sweep."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.shown: dict[int, dict] = {}

    def event(self, number: int, kind: str = "return", *lines: tuple[str, str], **more) -> bytes:
        at = (self.hub.clock() - timedelta(hours=1)).isoformat()
        return accounts.till_event(number, kind, *(lines or (("MUG", "1"),)), at=at, **more)

    def show(self, number: int, body: bytes | None = None) -> None:
        self.shown[number] = json.loads(body or self.event(number))

    def webhook(self, number: int, body: bytes | None = None) -> None:
        told = body or self.event(number)
        key = json.loads(told)["id"]
        self.hub.receive(self.hub.till, told, topic="x", object_key="store:ST-1", tier="standard", key=key)
        self.hub.drain()

    def sweep(self) -> None:
        config = self.hub.ports.config(self.hub.till.pk)
        books, near = httpx.MockTransport(self._answer), Outside(private_hosts=("127.0.0.1",))
        client = TillClient(config, connection="till", outside=near, transport=books)
        account = Account(self.hub.till.pk, "till", connector("till").capabilities, client, [])
        sweep(account, EVENTS, ports=self.hub.ports)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/stores":
            return answer({"stores": [{"id": "ST-1"}]})
        after = int(request.url.params["after_sequence"])
        rows = [row for number, row in sorted(self.shown.items()) if number > after]
        return answer({"events": rows, "last_sequence": 0, "next_after": None})

    def own(self) -> list[str]:
        own_overdue(ports=self.hub.ports, after=AFTER)
        return list(Case.objects.filter(code="feed.number_missing").values_list("state", flat=True))

    @property
    def is_known(self) -> bool:
        return self.hub.items["MUG"].levels.get(location=self.hub.store).known

    @property
    def gaps(self) -> list[tuple[int, str]]:
        return list(Gap.objects.order_by("sequence").values_list("sequence", "state"))


@pytest.fixture
def feed(settings) -> Feed:
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"]}
    hub = open_hub()
    feed = Feed(hub)
    hub.stocked("MUG", 10)  # number 1
    feed.show(1, feed.event(1, "count", ("MUG", "10")))
    return feed


def test_a_number_the_sweep_does_not_see_holds_the_level_until_it_comes(feed: Feed) -> None:
    feed.show(3)
    feed.sweep()
    assert feed.gaps == [(2, "open")], "noted with the cursor, before anything was applied"
    feed.hub.drain()
    assert (feed.is_known, feed.hub.on_hand("MUG")) == (False, 11)

    feed.show(2)
    feed.sweep()
    feed.hub.drain()

    assert (feed.is_known, feed.hub.on_hand("MUG"), feed.gaps) == (True, 12, [(2, "filled")])


def test_a_webhook_fills_it_as_well_whether_before_or_after_the_sweep(feed: Feed) -> None:
    feed.webhook(2)
    feed.show(3)
    feed.show(5)
    feed.sweep()
    feed.hub.drain()
    assert feed.gaps == [(4, "open")], "2 had come"

    feed.webhook(4)

    assert (feed.is_known, feed.gaps) == (True, [(4, "filled")])


def test_a_message_that_moves_no_stock_has_a_number_too(feed: Feed) -> None:
    closed = {"sales": 0, "returns": 1, "last_sequence": 1, "session": "ST-1/1"}
    for number in (2, 4):
        feed.show(number + 1)
    feed.webhook(2, feed.event(2, "session.closed", **closed))
    feed.sweep()
    feed.hub.drain()
    assert (feed.is_known, feed.gaps) == (False, [(4, "open")])

    feed.webhook(4, feed.event(4, "session.closed", **closed))

    assert (feed.is_known, feed.gaps) == (True, [(4, "filled")])


def test_a_control_total_shows_what_its_session_left_out(feed: Feed) -> None:
    feed.show(4, feed.event(4, "session.closed", sales=0, returns=2, last_sequence=3, session="ST-1/1"))

    feed.sweep()

    assert feed.gaps == [(2, "open"), (3, "open")]


def test_sweeping_again_notes_nothing_twice_and_no_cursor_is_kept_without_its_gaps(feed: Feed) -> None:
    feed.show(3)
    hub, marks = feed.hub, feed.hub.ports.cursors

    class Breaking:
        load, save = marks.load, marks.save
        taken = 0

        def next_reading(self) -> int:
            self.taken += 1
            if self.taken > 1:
                raise OSError("the connection is gone")
            return marks.next_reading()

    hub.ports = replace(hub.ports, cursors=Breaking())
    with pytest.raises(OSError, match="gone"):
        feed.sweep()
    assert (feed.gaps, Cursor.objects.get(connection=hub.till).value) == ([], "")

    hub.ports = replace(hub.ports, cursors=marks)
    feed.sweep()
    feed.sweep()

    assert feed.gaps == [(2, "open")]


def test_what_was_before_the_first_number_read_is_not_missed(feed: Feed) -> None:
    feed.shown.clear()
    feed.show(40)
    feed.show(42)

    feed.sweep()
    feed.sweep()

    assert feed.gaps == [(41, "open")]


def test_a_number_missing_for_long_is_a_case_until_it_comes_or_is_lost(feed: Feed) -> None:
    feed.show(3)
    feed.show(5)
    feed.sweep()
    feed.hub.clock.advance(14 * 60)
    assert feed.own() == []
    feed.hub.clock.advance(2 * 60)

    assert (feed.own(), feed.own()) == (["open"], ["open"])
    case = Case.objects.get()
    assert ("2, 4" in case.summary, case.connection_code, case.times) == (True, "till", 1)

    feed.webhook(2)
    assert feed.own() == ["open"]
    declare_lost(Gap.objects.get(sequence=4).pk, actor="jo", reason="burnt", now=feed.hub.clock())
    assert feed.own() == ["resolved"]

    feed.sweep()
    assert feed.gaps == [(2, "filled"), (4, "lost")], "what was lost is not missed again"


def test_what_came_of_a_feed_is_found_by_an_index(feed: Feed) -> None:
    feed.show(3)
    with CaptureQueriesContext(connection) as asked:
        feed.sweep()
    about = [
        one["sql"]
        for one in asked
        if ("ledger_event" in one["sql"] and "ledger_gap" in one["sql"]) or "max(sequence)" in one["sql"]
    ]
    assert len(about) == 2
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql in about:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert re.search(r"Index Cond: .*sequence [=>]", plan), plan
