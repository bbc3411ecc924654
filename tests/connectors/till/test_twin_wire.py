"""The till's wire: signed events that keep coming until acknowledged, and what can be read back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.base.twinkit import Request, Response, TwinServer
from connectors.till.twin import SECRET, TOKEN, TillTwin
from tests.connectors.till.test_twin_books import SEED, Clock, line

OTHER = "whsec_" + base64.b64encode(b"another secret").decode()


class Hub:
    """A receiver that notes every message and answers as told."""

    def __init__(self) -> None:
        self.heard: list[Request] = []
        self.says: list[int] = []
        self.headers: tuple[tuple[str, str], ...] = ()
        self._server = TwinServer(self._hear)
        self._server.start()
        self.url = f"{self._server.url}/hooks/till/"

    def _hear(self, request: Request) -> Response:
        self.heard.append(request)
        return Response(self.says.pop(0) if self.says else 202, b"{}", self.headers)

    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.heard]

    def close(self) -> None:
        self._server.stop()


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    yield hub
    hub.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def twin(hub: Hub, clock: Clock) -> TillTwin:
    twin = TillTwin(hook_url=hub.url, now=clock, more_secrets=[OTHER])
    twin.seed(SEED)
    return twin


def test_an_event_is_signed_with_every_secret_over_id_time_and_bytes(twin: TillTwin, hub: Hub) -> None:
    twin.tick()

    request = hub.heard[0]
    event_id, stamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    signed = f"{event_id}.{stamp}.".encode() + request.body
    expected = [
        "v1," + base64.b64encode(hmac.new(base64.b64decode(s[6:]), signed, hashlib.sha256).digest()).decode()
        for s in (SECRET, OTHER)
    ]
    assert request.headers["webhook-signature"].split(" ") == expected
    assert json.loads(request.body)["id"] == event_id
    assert request.headers["content-type"] == "application/json"


def test_all_is_delivered_in_turn_and_the_sender_keeps_its_own_list(twin: TillTwin, hub: Hub) -> None:
    twin.till.write("sale", "S-1", [line(1)])

    twin.tick()

    assert [i for i in hub.ids() if i.startswith("S")] == ["S-1-000001", "S-1-000002", "S-1-000003"]
    assert sorted(twin.outbox.acked()) == sorted(hub.ids())
    assert twin.outbox.owed() == []


@pytest.mark.parametrize(
    ("status", "again", "acked"),
    [(200, False, True), (202, False, True), (410, False, False), (404, True, True), (401, True, True),
     (413, True, True), (429, True, True), (500, True, True), (503, True, True), (302, True, True)],
)  # fmt: skip
def test_anything_but_2xx_and_410_is_sent_again(
    twin: TillTwin, hub: Hub, clock: Clock, status: int, again: bool, acked: bool
) -> None:
    twin.tick()
    hub.heard.clear()
    event = twin.till.write("sale", "S-1", [line(1)])
    hub.says = [status]

    twin.tick()
    twin.tick()
    at_once = list(hub.ids())
    clock.at += timedelta(seconds=60)
    twin.tick()

    assert at_once == [event["id"]]
    assert hub.ids() == [event["id"]] * (2 if again else 1)
    assert (event["id"] in twin.outbox.acked()) is acked


def test_an_overloaded_hub_is_left_alone_for_as_long_as_it_asks(
    twin: TillTwin, hub: Hub, clock: Clock
) -> None:
    twin.tick()
    hub.heard.clear()
    hub.says, hub.headers = [503], (("Retry-After", "20"),)
    for _ in range(3):
        twin.till.write("sale", "S-1", [line(1)])

    twin.tick()
    clock.at += timedelta(seconds=19)
    twin.tick()
    waited = len(hub.heard)
    clock.at += timedelta(seconds=2)
    twin.tick()

    assert (waited, len(hub.heard)) == (1, 4)


def test_one_store_in_trouble_does_not_hold_up_another_nor_one_event_its_neighbours(
    twin: TillTwin, hub: Hub, clock: Clock
) -> None:
    twin.tick()
    hub.heard.clear()
    hub.says = [400]
    for _ in range(2):
        twin.till.write("sale", "S-1", [line(1)])

    twin.tick()

    assert hub.ids() == ["S-1-000003", "S-1-000004"]
    assert [row["id"] for row in twin.outbox.owed()] == ["S-1-000003"]


def test_what_is_owed_survives_a_kill(hub: Hub, tmp_path: Path) -> None:
    first = TillTwin(state_dir=tmp_path)
    first.seed(SEED)
    first.till.write("sale", "S-1", [line(1)])

    second = TillTwin(state_dir=tmp_path, hook_url=hub.url)
    second.seed(SEED)
    second.tick()

    assert sorted(hub.ids()) == ["S-1-000001", "S-1-000002", "S-1-000003", "W-1-000001"]
    assert second.till.on_hand("S-1", "MUG") == 9


# (fault, how often the hub hears the one event, acknowledged, lost)
FAULTS = [
    ("webhook_duplicate", 2, True, False),
    ("drop_webhooks", 0, False, True),
    ("webhook_delay", 0, False, False),
]


@pytest.mark.parametrize(("kind", "heard", "acked", "lost"), FAULTS)
def test_events_are_doubled_lost_or_late(
    twin: TillTwin, hub: Hub, clock: Clock, kind: str, heard: int, acked: bool, lost: bool
) -> None:
    twin.tick()
    hub.heard.clear()
    twin.faults.inject(kind, seconds=30)

    event = twin.till.write("sale", "S-1", [line(1)])
    twin.tick()

    assert hub.ids() == [event["id"]] * heard
    assert (event["id"] in twin.outbox.acked(), event["id"] in twin.outbox.lost()) == (acked, lost)
    clock.at += timedelta(seconds=31)
    twin.tick()
    assert (event["id"] in hub.ids()) is not lost
    assert twin.till.events("S-1")[-1] == event


def test_events_overtake_each_other_when_shuffled(twin: TillTwin, hub: Hub) -> None:
    twin.tick()
    hub.heard.clear()
    twin.faults.inject("webhook_reorder")
    written = [twin.till.write("sale", "S-1", [line(1)])["id"] for _ in range(6)]

    twin.tick()

    assert hub.ids() != written
    assert sorted(hub.ids()) == written


# ── what can be read ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def client(twin: TillTwin) -> Iterator[httpx.Client]:
    with twin.serving(ticking=False), httpx.Client(base_url=twin.url) as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        yield client


def test_the_events_of_a_store_are_read_page_by_page(client: httpx.Client, twin: TillTwin) -> None:
    for _ in range(3):
        twin.till.write("sale", "S-1", [line(1)])

    first = client.get("/v1/events", params={"store": "S-1", "after_sequence": 1, "limit": 2}).json()
    rest = client.get("/v1/events", params={"store": "S-1", "after_sequence": first["next_after"]}).json()

    assert [event["sequence"] for event in first["events"]] == [2, 3]
    assert (first["last_sequence"], first["next_after"]) == (5, 3)
    assert [event["sequence"] for event in rest["events"]] == [4, 5]
    assert rest["next_after"] is None


def test_stock_stores_and_items_are_read(client: httpx.Client) -> None:
    stock = client.get("/v1/stock", params={"store": "S-1"}).json()
    items = client.get("/v1/items", params={"limit": 1}).json()
    more = client.get("/v1/items", params={"after": items["next_after"]}).json()

    assert stock["items"] == [{"sku": "MUG", "on_hand": "10"}, {"sku": "PEN", "on_hand": "5.5"}]
    assert stock["as_of_sequence"] == 2
    assert datetime.fromisoformat(stock["time"]).astimezone(UTC).hour == 12
    assert items["items"] == [{"sku": "MUG", "name": "Mug", "gtin": "1", "uom": "C62"}]
    assert ([item["sku"] for item in more["items"]], more["next_after"]) == (["PEN"], None)
    assert [store["id"] for store in client.get("/v1/stores").json()["stores"]] == ["W-1", "S-1"]


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/v1/stores", "wrong", 401),
        ("/v1/events?store=NOPE", TOKEN, 404),
        ("/v1/stock?store=", TOKEN, 404),
        ("/v1/events?store=S-1&after_sequence=x", TOKEN, 400),
        ("/v1/nothing", TOKEN, 404),
    ],
)
def test_what_cannot_be_read_says_why(client: httpx.Client, path: str, token: str, status: int) -> None:
    answer = client.get(path, headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == status
    assert answer.json()["error"]


def test_a_throttle_names_the_wait(client: httpx.Client, twin: TillTwin) -> None:
    twin.faults.inject("429", seconds=9)

    answer = client.get("/v1/stores")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "9")


def test_the_shop_floor_is_driven_over_http(client: httpx.Client, hub: Hub) -> None:
    def act(name: str, **body: Any) -> httpx.Response:
        return client.post(f"/_twin/{name}", json=body)

    sale = act("sale", store="S-1", lines=[line(2)])
    too_much = act("sale", store="S-1", lines=[line(99)])
    act("correct", event=sale.json()["id"], lines=[line(1)])
    act("count", store="W-1", lines=[line(90)])
    act("transfer", store="W-1", to_store="S-1", lines=[line(10)])
    act("shipment", store="W-1", order={"source": "woo", "number": "5"}, lines=[line(1, order_line="9")])
    closed = act("session-close", store="S-1").json()
    unknown = act("sale", store="S-9", lines=[line(1)])
    sent = act("send").json()

    book = client.get("/_twin/book").json()["stores"]
    assert (sale.status_code, too_much.status_code, unknown.status_code) == (201, 409, 404)
    assert book["S-1"]["on_hand"] == {"MUG": "19", "PEN": "5.5"}
    assert book["W-1"]["on_hand"] == {"MUG": "79"}
    assert closed["type"] == "session.closed"
    assert sent["acknowledged"] == len(hub.heard) == len(client.get("/_twin/acked").json()["acked"])
    assert client.get("/_twin/shipped", params={"source": "woo", "number": "5"}).json() == {"lines": ["9"]}
