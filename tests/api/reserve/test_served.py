"""What the web server itself makes of requests: the front under uvicorn, over a real socket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import uvicorn

from inventory_sync.api.front import Front
from inventory_sync.api.reserve.door import ReserveDoor

PATIENCE_S = 20.0


class Seen:
    """A WSGI application that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        self.asked.append((environ["PATH_INFO"], body))
        start_response("202 Accepted", [("Content-Length", "2")])
        return [b"ok"]


async def no_django(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("Nothing here is for Django.")


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def address(seen: Seen, door: ReserveDoor) -> Iterator[tuple[str, int]]:
    front = Front(hooks=seen, reserve=door, django=no_django, base_url="http://hub", max_body_bytes=1_000)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(front, http="httptools", loop="uvloop", log_level="critical"))
    serving = threading.Thread(target=server.run, args=([listening],), daemon=True)
    serving.start()
    until = time.monotonic() + PATIENCE_S
    while not server.started:
        assert time.monotonic() < until, "uvicorn did not start"
        time.sleep(0.01)
    yield listening.getsockname()
    server.should_exit = True
    serving.join(PATIENCE_S)


def exchange(address: tuple[str, int], *sent: bytes) -> bytes:
    """Send all over one connection, which the last request closes, and return all that is answered."""
    with socket.create_connection(address, timeout=PATIENCE_S) as connection:
        for part in sent:
            connection.sendall(part)
        answered = b""
        while part := connection.recv(65536):
            answered += part
    return answered


def request(path: str, body: bytes = b"{}", *more: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: hub", f"Content-Length: {len(body)}", *more, "", ""]
    return "\r\n".join(head).encode() + body


def test_requests_of_one_connection_are_answered_in_turn(address, seen):
    answered = exchange(address, request("/hooks/a/", b"1"), request("/hooks/b/", b"22", "Connection: close"))

    assert answered.count(b"HTTP/1.1 202") == 2
    assert seen.asked == [("/hooks/a/", b"1"), ("/hooks/b/", b"22")]


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
def test_a_body_after_an_upgrade_does_not_become_a_request_of_its_own(address, seen, protocol):
    smuggled = request("/hooks/smuggled/", b"", "Connection: close")
    outer = request("/hooks/a/", smuggled, f"Upgrade: {protocol}", "Connection: Upgrade, HTTP2-Settings")

    answered = exchange(address, outer)

    assert answered.startswith(b"HTTP/1.1 400")
    assert b"request.upgrade_not_offered" in answered
    assert answered.count(b"HTTP/1.1") == 1
    assert seen.asked == []


def test_a_body_that_is_too_large_is_cut_short(address, seen):
    answered = exchange(address, request("/hooks/a/", b"x" * 5_000, "Connection: close"))

    assert answered.startswith(b"HTTP/1.1 202")
    assert seen.asked == [("/hooks/a/", b"")], "the door is told how long it says it is, and refuses it"
