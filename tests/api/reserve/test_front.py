"""The web process's own application: what goes where, how bodies are read, and who waits where."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.db import OperationalError

from inventory_sync.api.front import Front, Threads, environ_of
from inventory_sync.api.hooks.group import Ticket
from inventory_sync.api.reserve.door import ReserveDoor
from inventory_sync.ledger.models import Order

MOST = 1_000


class Hooks:
    """A WSGI application that tells what it was asked."""

    def __init__(self) -> None:
        self.thread: int | None = None
        self.before: Callable[[], object] = lambda: None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.thread = threading.get_ident()
        self.before()
        body = environ["wsgi.input"].read()
        start_response(
            "202 Accepted", [("X-Topic", environ.get("HTTP_X_TOPIC", "")), ("X-Length", str(len(body)))]
        )
        return [body[:4], body[4:8]]


async def django(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


class Told:
    """What one request is answered."""

    def __init__(self, sent: list[dict[str, Any]], read: int) -> None:
        self.status = sent[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        self.body = b"".join(part["body"] for part in sent[1:])
        self.read = read


def ask(front: Front, method: str, path: str, *body: bytes, **headers: str) -> Told:
    """Send a request whose body comes in these pieces."""
    return asyncio.run(asked(front, method, path, *body, **headers))


async def asked(front: Front, method: str, path: str, *body: bytes, **headers: str) -> Told:
    if "transfer_encoding" not in headers:
        headers = {"content_length": str(len(b"".join(body))), **headers}
    pieces = list(body) or [b""]
    left: list[tuple[bytes, bool] | None] = [
        (piece, number < len(pieces)) for number, piece in enumerate(pieces, 1)
    ]
    sent = await raw(front, method, path, left, **headers)
    return Told(sent, len(pieces) - len(left))


class Sent(list[Any]):
    """What is sent to a caller."""

    async def __call__(self, message: Any) -> None:
        self.append(message)


async def raw(
    front: Front, method: str, path: str, left: list[tuple[bytes, bool] | None], **headers: str
) -> Sent:
    """Send these pieces, each with whether more is promised; None: nothing comes for a long time."""
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    sent = Sent()

    async def receive() -> dict[str, Any]:
        piece = left.pop(0) if left else (b"", False)
        if piece is None:
            await asyncio.sleep(20)
            piece = (b"", False)
        elif not piece[0] and not piece[1] and not left and headers.get("content_length") != "0":
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece[0], "more_body": piece[1]}

    await front({"type": "http", "method": method, "path": path, "headers": fields}, receive, sent)
    return sent


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture
def front(hooks: Hooks, door: ReserveDoor) -> Front:
    door._max_body_bytes = MOST
    return Front(
        hooks=hooks, reserve=door, django=django, base_url="http://hub", max_body_bytes=MOST, threads=1
    )


@pytest.mark.parametrize(
    ("method", "path", "by_django"),
    [
        ("GET", "/admin/", True),
        ("GET", "/api/v1/reservations/shop/cart-1", True),
        ("POST", "/api/v1/stock", True),
        ("POST", "/hooks/till/", False),
        ("POST", "/api/v1/reservations", False),
        ("PATCH", "/api/v1/reservations/shop/cart-1", False),
        ("GET", "/api/v1/orders/shop/S-1", True),
        ("POST", "/api/v1/orders", False),
        ("PATCH", "/api/v1/orders/shop/S-1", False),
        ("POST", "/api/v1/orders/shop/S-1/cancel", False),
    ],
)
def test_doors_take_what_is_theirs_and_django_the_rest(front, method, path, by_django):
    assert (ask(front, method, path).status == 204) is by_django


def test_a_hook_is_answered_in_a_thread_with_its_body_whole(front, hooks):
    told = ask(front, "POST", "/hooks/till/", b"one ", b"two ", b"three", x_topic="sale")

    assert (told.status, told.body, told.headers) == (202, b"one two ", {"x-topic": "sale", "x-length": "13"})
    assert hooks.thread != threading.get_ident()


def test_a_body_that_says_it_is_too_large_is_not_read(front):
    told = ask(front, "POST", "/hooks/till/", b"x" * 2_000, content_length="2000")

    assert (told.read, told.headers["x-length"]) == (0, "0")


def test_of_a_body_without_a_length_no_more_is_read_than_shows_that_it_is_too_large(front):
    told = ask(front, "POST", "/hooks/till/", *[b"x" * 400] * 100, transfer_encoding="chunked")

    assert (told.read, told.headers["x-length"]) == (3, "1200")


@pytest.mark.parametrize("length", [{"content_length": "8"}, {"transfer_encoding": "chunked"}])
def test_half_a_message_of_a_caller_that_went_away_reaches_nobody(front, hooks, length):
    sent = asyncio.run(raw(front, "POST", "/hooks/till/", [(b"half", True)], **length))

    assert (sent, hooks.thread) == ([], None)


def test_a_body_that_does_not_come_is_not_waited_for(hooks, door):
    front = Front(
        hooks=hooks, reserve=door, django=django, base_url="http://hub", max_body_bytes=MOST, body_s=0.01
    )

    told = Told(asyncio.run(raw(front, "POST", "/hooks/till/", [(b"half", True), None])), 1)

    assert (told.status, told.headers["connection"]) == (408, "close")
    assert hooks.thread is None


def test_another_protocol_is_refused_and_the_connection_closed(front, hooks):
    told = ask(front, "POST", "/hooks/till/", b"{}", upgrade="h2c", connection="Upgrade, HTTP2-Settings")

    assert (told.status, told.headers["connection"]) == (400, "close")
    assert json.loads(told.body)["code"] == "request.upgrade_not_offered"
    assert hooks.thread is None


def test_a_name_with_an_underscore_does_not_pass_for_one_with_a_dash(front):
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(b"x_forwarded_for", b"1"), (b"a", b"2")],
    }

    asyncio.run(front(scope, None, Sent()))

    assert scope["headers"] == [(b"a", b"2")]


def test_when_many_wait_for_a_thread_the_next_is_told_to_come_back(hooks, door):
    turned_away: list[tuple[str, int, str]] = []
    front = Front(
        hooks=hooks, reserve=door, django=django, base_url="http://hub", max_body_bytes=MOST,
        turned_away=lambda environ, status, code, _: turned_away.append((environ["PATH_INFO"], status, code)),
    )  # fmt: skip
    front._threads = Threads(1, name="hooks", most=2)
    go = threading.Event()
    hooks.before = lambda: go.wait(20)

    async def five() -> list[Told]:
        asking = [asyncio.ensure_future(asked(front, "POST", "/hooks/till/")) for _ in range(5)]
        refused = [await each for each in asking[2:]]
        go.set()
        return [*[await each for each in asking[:2]], *refused]

    told = asyncio.run(five())

    assert [each.status for each in told] == [202, 202, 429, 429, 429]
    assert json.loads(told[-1].body)["code"] == "request.throttled"
    assert turned_away == [("/hooks/till/", 429, "request.throttled")] * 3, "it is counted and logged"


def test_what_waited_too_long_for_a_thread_is_not_begun():
    threads = Threads(1, name="late", patience_s=-1.0)

    with pytest.raises(TimeoutError):
        asyncio.run(threads.run(lambda: pytest.fail("begun")))


def test_a_header_sent_twice_is_one_with_both_values():
    scope = {
        "method": "GET",
        "path": "/",
        "headers": [(b"x-a", b"1"), (b"X-A", b"2"), (b"content-type", b"t")],
    }

    assert environ_of(scope) == {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_X_A": "1,2", "CONTENT_TYPE": "t",
    }  # fmt: skip


def test_a_body_of_a_reservation_that_is_too_large_is_refused(front, key):
    told = ask(
        front, "POST", "/api/v1/reservations", b"x" * 2_000, content_type="application/json",
        authorization=f"Bearer {key}", content_length="2000",
    )  # fmt: skip

    assert (told.status, json.loads(told.body)["code"]) == (413, "request.too_large")


def test_who_is_known_is_served_by_the_loop_and_who_is_not_is_looked_up_in_a_thread(front, door, shop, key):
    threads: list[int] = []
    begin = door.begin

    def watched(*given: Any) -> Any:
        threads.append(threading.get_ident())
        return begin(*given)

    door.begin = watched
    sent = {"authorization": f"Bearer {key}", "content_type": "application/json"}

    async def three_in_a_row() -> list[Told]:
        return [
            await asked(front, "POST", "/api/v1/reservations", order(number), **sent) for number in range(3)
        ]

    told = asyncio.run(three_in_a_row())

    assert [each.status for each in told] == [201, 201, 201]
    assert threads[0] != threading.get_ident()
    assert threads[2] == threading.get_ident()


def order(number: int) -> bytes:
    lines = [{"line": "1", "sku": "MUG", "quantity": 1}]
    return json.dumps({"channel": "shop", "reference": f"c-{number}", "lines": lines}).encode()


def test_while_many_wait_for_their_commits_no_thread_is_held(front, door, key, shop):
    tickets: list[Ticket[Any]] = []
    submit = door._submit
    ask_first = {"authorization": f"Bearer {key}", "content_type": "application/json"}

    async def hundred() -> tuple[int, list[Told]]:
        await asked(front, "POST", "/api/v1/reservations", order(999), **ask_first)
        door._submit = lambda request: tickets.append(Ticket()) or tickets[-1]
        before = threading.active_count()
        waiting = [
            asyncio.ensure_future(asked(front, "POST", "/api/v1/reservations", order(n), **ask_first))
            for n in range(100)
        ]
        async with asyncio.timeout(20):
            while len(tickets) < 100:
                await asyncio.sleep(0)
        more = threading.active_count() - before
        for ticket in tickets:
            ticket.set_exception(TimeoutError("never"))
        return more, await asyncio.gather(*waiting)

    more, told = asyncio.run(hundred())
    door._submit = submit

    assert more == 0
    assert {each.status for each in told} == {503}


def test_an_answer_that_takes_too_long_is_told_to_be_asked_again(front, door, key, shop):
    door._submit, door.patience_s = lambda request: Ticket(), 0.01

    told = ask(
        front, "POST", "/api/v1/reservations", order(1), content_type="application/json",
        authorization=f"Bearer {key}",
    )  # fmt: skip

    assert (told.status, told.headers["retry-after"]) == (503, "2")


def test_at_the_end_of_the_process_the_writer_finishes_what_it_has(front, door, key, shop):
    sent = {"authorization": f"Bearer {key}", "content_type": "application/json"}
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    told_to_the_server = Sent()

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def end_while_five_wait() -> list[Told]:
        await asked(front, "POST", "/api/v1/reservations", order(0), **sent)
        asking = [
            asyncio.ensure_future(asked(front, "POST", "/api/v1/reservations", order(n), **sent))
            for n in range(1, 5)
        ]
        await asyncio.sleep(0)  # each has handed in what it asks
        await front({"type": "lifespan"}, receive, told_to_the_server)
        assert not any(each.name == "reservations" and each.is_alive() for each in threading.enumerate())
        return await asyncio.gather(*asking)

    told = asyncio.run(end_while_five_wait())

    assert [each.status for each in told] == [201, 201, 201, 201]
    assert [each["type"] for each in told_to_the_server] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_who_was_told_to_come_back_is_not_served_behind_his_back(front, door, key, shop):
    sent = {"authorization": f"Bearer {key}", "content_type": "application/json"}
    held, go = threading.Event(), threading.Event()
    group = door._submit.__self__
    flush = group._flush

    def hang(asked: Any) -> Any:
        held.set()
        go.wait(20)
        raise OperationalError("too late")

    group._flush = hang
    door.patience_s = 0.05

    told = [ask(front, "POST", "/api/v1/reservations", order(number), **sent) for number in range(3)]
    assert held.wait(5)
    group._flush = flush
    go.set()
    door.patience_s = 10.0
    after = ask(front, "POST", "/api/v1/reservations", order(9), **sent)

    assert [each.status for each in told] == [503, 503, 503]
    assert after.status == 201
    assert list(Order.objects.values_list("order_ref", flat=True)) == ["c-9"]
