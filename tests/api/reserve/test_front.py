"""The web process's own application: what goes where, how bodies are read, and who waits where."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from inventory_sync.api.front import Front, environ_of
from inventory_sync.api.hooks.group import Ticket
from inventory_sync.api.reserve.door import ReserveDoor

MOST = 1_000


class Hooks:
    """A WSGI application that tells what it was asked."""

    def __init__(self) -> None:
        self.thread: int | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.thread = threading.get_ident()
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
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    left, sent, pieces = list(body) or [b""], [], 0

    async def receive() -> dict[str, Any]:
        nonlocal pieces
        if not left:
            return {"type": "http.disconnect"}
        pieces += 1
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append(message)

    await front({"type": "http", "method": method, "path": path, "headers": fields}, receive, send)
    return Told(sent, pieces)


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture
def front(hooks: Hooks, door: ReserveDoor) -> Front:
    door._max_body_bytes = MOST
    return Front(hooks=hooks, reserve=door, django=django, max_body_bytes=MOST, threads=1)


@pytest.mark.parametrize(
    ("method", "path", "by_django"),
    [
        ("GET", "/admin/", True),
        ("GET", "/api/v1/reservations/shop/cart-1", True),
        ("POST", "/api/v1/stock", True),
        ("POST", "/hooks/till/", False),
        ("POST", "/api/v1/reservations", False),
        ("PATCH", "/api/v1/reservations/shop/cart-1", False),
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


def test_what_a_caller_that_went_away_has_sent_is_handed_on_as_it_is(front):
    assert ask(front, "POST", "/hooks/till/", b"half", content_length="8").headers["x-length"] == "4"


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
    told = ask(
        front, "POST", "/api/v1/reservations", order(1), content_type="application/json",
        authorization=f"Bearer {key}",
    )  # fmt: skip
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(front({"type": "lifespan"}, receive, send))

    assert told.status == 201
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert not any(thread.name == "reservations" and thread.is_alive() for thread in threading.enumerate())
