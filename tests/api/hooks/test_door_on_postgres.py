"""The door as the web process makes it, on PostgreSQL, with signed messages of both vendors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from inventory_sync.api.hooks import wiring
from inventory_sync.api.hooks.door import Door
from inventory_sync.connections.services import rotate_hook_token
from inventory_sync.intake.models import Delivery, ParkedLine, ReadDue
from inventory_sync.ledger.models import Order
from inventory_sync.pipeline import steps
from inventory_sync.pipeline.wake import Waker
from runner.servers import free_port
from tests.api.hooks.knocking import knock
from tests.pipeline import accounts
from tests.sessions import end_other_sessions

pytestmark = pytest.mark.django_db(transaction=True)


class Silent:
    """A broker that takes connections and says nothing."""

    def __init__(self) -> None:
        self.asked, self.let_go = threading.Event(), threading.Event()

    def send(self, task: str, queue: str, arguments: dict[str, Any]) -> None:
        self.asked.set()
        self.let_go.wait(30)
        raise ConnectionError("no answer")


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    silent = Silent()
    waker = Waker(silent.send, every_s=0, rest_s=0)
    monkeypatch.setattr(wiring, "waker", lambda: waker)
    monkeypatch.setattr(steps, "waker", lambda: waker)
    yield silent
    silent.let_go.set()


@pytest.fixture
def door(broker: Silent, lone_session: None) -> Door:
    return wiring.make_door()


def test_a_shops_order_is_stored_and_a_silent_broker_delays_nobody(door: Door, broker: Silent) -> None:
    accounts.woo()
    body = accounts.order_body(482, (1, 101, 2))

    answer = knock(door, "/hooks/woo/", body, accounts.woo_headers(body))

    assert answer.status == 202
    assert broker.asked.wait(10), "the broker was asked, in a thread of its own"
    kept = Delivery.objects.get()
    assert (bytes(kept.body), kept.state, kept.tier, kept.attempts) == (body, "pending", "critical", 0)
    assert kept.correlation_id == answer.headers["X-Correlation-ID"]


def test_a_wrong_signature_leaves_no_row(door: Door) -> None:
    accounts.woo()
    body = accounts.order_body(482, (1, 101, 2))

    answer = knock(door, "/hooks/woo/", body, accounts.woo_headers(body, secret="somebody-elses-secret"))
    assert answer.status == 401
    assert not Delivery.objects.exists()


def test_the_shops_unsigned_ping_is_answered_200_and_leaves_no_row(door: Door) -> None:
    accounts.woo()

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert knock(door, "/hooks/woo/", b"webhook_id=7", form).status == 200
    assert not Delivery.objects.exists()


def test_a_till_message_sent_again_is_answered_and_stored_once(door: Door) -> None:
    accounts.till()
    body = accounts.till_event(1, "sale", ("MUG", "1"))

    answers = [knock(door, "/hooks/till/", body, accounts.till_headers(body)).status for _ in range(3)]
    assert answers == [202, 202, 202]
    assert Delivery.objects.count() == 1


def test_forty_senders_at_once_lose_and_double_nothing(door: Door) -> None:
    accounts.till()
    bodies = [accounts.till_event(number, "sale", ("MUG", "1")) for number in range(40)]

    def send(number: int) -> int:
        headers = accounts.till_headers(bodies[number], message_id=f"T1-{number}")
        return knock(door, "/hooks/till/", bodies[number], headers).status

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, [*range(40), *range(40)]))

    assert set(answers) == {202}
    assert sorted(bytes(row.body) for row in Delivery.objects.all()) == sorted(bodies)


NO_ORDERS = (
    b"{not json", b"", b"\xff\xfe", b"[" * 50_000, b'{"id":1}', b"null", b'{"id":"1","line_items":7}',
)  # fmt: skip


def test_bodies_that_are_no_orders_are_stored_and_parked_each_with_a_reason(door: Door) -> None:
    accounts.woo()

    answers = [knock(door, "/hooks/woo/", body, accounts.woo_headers(body)).status for body in NO_ORDERS]
    steps.drain_intake("critical")

    assert answers == [202] * len(NO_ORDERS)
    stored = Delivery.objects.values_list("state", "error_code")
    assert list(stored) == [("parked", "payload.malformed")] * len(NO_ORDERS)
    reasons = [line.detail for line in ParkedLine.objects.all()]
    assert len(reasons) == len(NO_ORDERS)
    assert all(len(reason) > 15 and "Traceback" not in reason for reason in reasons)


@pytest.mark.parametrize("signed", [True, False])
def test_what_comes_under_the_token_makes_the_hub_read_and_is_believed_in_nothing(
    door: Door, signed: bool
) -> None:
    shop = accounts.woo()
    token = rotate_hook_token(connection_id=shop.pk, actor="tests", reason="a sender that cannot sign")
    body = accounts.order_body(482, (1, 101, 2))

    headers = accounts.woo_headers(body)
    if not signed:
        del headers["X-WC-Webhook-Signature"]

    answer = knock(door, f"/hooks/woo/{token}/", body, headers)
    steps.drain_intake("critical")

    assert answer.status == 202
    assert list(ReadDue.objects.values_list("kind", "ref")) == [("order", "482")]
    assert not Order.objects.exists()


def test_a_database_that_is_away_is_answered_503_and_taken_when_it_is_back(door: Door) -> None:
    accounts.till()
    body = accounts.till_event(1, "sale", ("MUG", "1"))
    assert knock(door, "/hooks/till/", body, accounts.till_headers(body, message_id="warm-up")).status == 202
    settings = connections["default"].settings_dict
    port = settings["PORT"]

    end_other_sessions()
    settings["PORT"] = str(free_port())
    try:
        away = knock(door, "/hooks/till/", body, accounts.till_headers(body))
    finally:
        settings["PORT"] = port
    back = knock(door, "/hooks/till/", body, accounts.till_headers(body))

    assert (away.status, back.status) == (503, 202)
    assert Delivery.objects.count() == 2
