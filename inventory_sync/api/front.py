"""What the web server talks to (ASGI): the two doors, and Django in threads behind them.

    /hooks/…                          → hooks/door.py, in a thread
    POST, PATCH /api/v1/reservations… → reserve/door.py, on the loop: who waits for a commit holds no thread
    everything else                   → Django

Reads requests and writes answers. Does not decide what is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import Executor, ThreadPoolExecutor
from io import BytesIO
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

from inventory_sync.api.hooks.group import Ticket
from inventory_sync.api.middleware import accepted_id
from inventory_sync.api.reserve.door import Question, ReserveDoor

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
Answer = tuple[int, list[tuple[str, str]], bytes]

THREADS = 16  # that take in webhooks, and as many for Django: each may hold a connection to the database
LOOKS = 2  # threads that look up who asks
DECIDES = ("POST", "PATCH")  # what else is asked of reservations is reading


class Front:
    """The ASGI application. Everything it sends requests to is given to it."""

    def __init__(
        self,
        *,
        hooks: WSGIApplication,
        reserve: ReserveDoor,
        django: Application,
        max_body_bytes: int,
        threads: int = THREADS,
    ) -> None:
        self._hooks, self._reserve, self._django = hooks, reserve, django
        self._max_body_bytes = max_body_bytes
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="hooks")
        self._looks = ThreadPoolExecutor(LOOKS, thread_name_prefix="looks")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/hooks/"):
            environ = await self._read(scope, receive)
            loop = asyncio.get_running_loop()
            await _tell(send, await loop.run_in_executor(self._threads, answer_of, self._hooks, environ))
        elif (
            scope["type"] == "http"
            and scope["method"] in DECIDES
            and scope["path"].startswith("/api/v1/reservations")
        ):
            await _tell(send, await decided(self._reserve, await self._read(scope, receive), self._looks))
        else:
            await self._django(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Start at once; at the end let the writer of reservations finish what it was given."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self._reserve.stop)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _read(self, scope: Scope, receive: Receive) -> WSGIEnvironment:
        """Return the request as WSGI has it; of a body that is too large no more than shows that."""
        environ = environ_of(scope)
        declared = environ.get("CONTENT_LENGTH", "")
        body, more = bytearray(), not (declared.isdigit() and int(declared) > self._max_body_bytes)
        while more and len(body) <= self._max_body_bytes:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)  # a caller that is gone sends no more
        environ["wsgi.input"] = BytesIO(body)
        return environ


async def decided(door: ReserveDoor, environ: WSGIEnvironment, looks: Executor | None = None) -> Answer:
    """Return the answer to a request about reservations, after its commit.

    What is asked is read here unless something has to be looked up first, which would hold up everybody: that
    is done in a thread of `looks`.
    """
    correlation = accepted_id(environ.get("HTTP_X_CORRELATION_ID", ""))
    known = door.known(environ)
    if known is not None:
        begun = door.begin(environ, correlation, known)
    else:
        begun = await asyncio.get_running_loop().run_in_executor(looks, door.begin, environ, correlation)
    if isinstance(begun, Question):
        await _answered(begun.ticket, timeout=door.patience_s)
        begun = door.end(begun)
    return door.shown(begun, correlation)


async def _answered(ticket: Ticket[Any], *, timeout: float) -> None:
    """Wait until the ticket has its result, or too long; which of them, the ticket tells."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    late = loop.call_later(timeout, _end, over)
    ticket.when_done(lambda: loop.call_soon_threadsafe(_end, over))
    await over
    late.cancel()


def _end(waited_for: asyncio.Future[None]) -> None:
    if not waited_for.done():
        waited_for.set_result(None)


def answer_of(application: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    """Return what a WSGI application answers, in the thread that asks."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
        started.extend((int(status[:3]), headers))
        return started.append

    body = b"".join(application(environ, start_response))
    return started[0], started[1], body


def environ_of(scope: Scope) -> WSGIEnvironment:
    """Return what the doors ask of a request, as WSGI names it."""
    environ: dict[str, Any] = {"REQUEST_METHOD": scope["method"], "PATH_INFO": scope["path"]}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").upper().replace("-", "_"), raw_value.decode("latin-1")
        key = name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


async def _tell(send: Send, answer: Answer) -> None:
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": list(_encoded(headers))})
    await send({"type": "http.response.body", "body": body})


def _encoded(headers: Iterable[tuple[str, str]]) -> Iterable[tuple[bytes, bytes]]:
    for name, value in headers:
        yield name.lower().encode("latin-1"), value.encode("latin-1")
