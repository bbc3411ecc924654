"""What the web server talks to (ASGI): the two doors, and Django in threads behind them.

    /hooks/…                          → hooks/door.py, in a thread
    POST, PATCH /api/v1/reservations… → reserve/door.py, on the loop: who waits for a commit holds no thread
    POST, PATCH /api/v1/orders…       → the same
    everything else                   → Django

Reads requests and writes answers, and bounds how many wait, how long, and with how much. Does not decide
what is answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from typing import Any, TypeVar
from wsgiref.types import WSGIApplication, WSGIEnvironment

from inventory_sync.api.hooks.group import Ticket
from inventory_sync.api.middleware import accepted_id
from inventory_sync.api.reserve import shaping
from inventory_sync.api.reserve.door import Question, ReserveDoor

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
Answer = tuple[int, list[tuple[str, str]], bytes]
Told = TypeVar("Told")

THREADS = 16  # that take in webhooks, and as many for Django: each may hold a connection to the database
LOOKS = 2  # threads that look up who asks
MOST_WAITING = 500  # for one of these threads: each holds its request, and its caller will not wait for ever
PATIENCE_S = 10.0  # after which a caller is told to come back, and not served behind his back
BODY_S = 30.0  # in which a body must have come
SMALL = 65_536  # bytes of a body that are read in less time than the loop's other callers notice
DECIDES = ("POST", "PATCH")  # what else is asked of them is reading
DECIDED = ("/api/v1/reservations", "/api/v1/orders")


class Busy(Exception):
    """As many wait already as can be served in the time a caller waits."""


class Threads:
    """A few threads for what waits, and a bounded queue before them. Raises Busy and TimeoutError."""

    def __init__(
        self, number: int, *, name: str, most: int = MOST_WAITING, patience_s: float = PATIENCE_S
    ) -> None:
        self._pool = ThreadPoolExecutor(number, thread_name_prefix=name)
        self._most, self._patience_s, self._under_way = most, patience_s, 0

    async def run(self, do: Callable[..., Told], *given: Any) -> Told:
        """Return what do(*given) does in one of the threads; what had to wait too long is not begun."""
        if self._under_way >= self._most:
            raise Busy
        until = time.monotonic() + self._patience_s

        def in_time() -> Told:
            if time.monotonic() > until:
                raise TimeoutError("waited too long for a thread")
            return do(*given)

        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, in_time)
        finally:
            self._under_way -= 1


class Front:
    """The ASGI application. Everything it sends requests to is given to it."""

    def __init__(
        self,
        *,
        hooks: WSGIApplication,
        reserve: ReserveDoor,
        django: Application,
        base_url: str,
        max_body_bytes: int,
        turned_away: Callable[[WSGIEnvironment, int, str, str], None] = lambda *_: None,
        threads: int = THREADS,
        body_s: float = BODY_S,
    ) -> None:
        self._turned_away = turned_away
        self._hooks, self._reserve, self._django = hooks, reserve, django
        self._base_url, self._max_body_bytes, self._body_s = base_url.rstrip("/"), max_body_bytes, body_s
        self._threads = Threads(threads, name="hooks")
        self._looks = Threads(LOOKS, name="looks")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            await self._django(scope, receive, send)
            return
        # An underscore would name the same variable as a dash, and slip past a proxy that sets the latter.
        scope["headers"] = [field for field in scope["headers"] if b"_" not in field[0]]
        environ = environ_of(scope)
        door = self._door(scope)
        if "HTTP_UPGRADE" in environ:
            # The server would hand on no body, and take it for the next request of this connection.
            await _tell(send, self._refusal("request.upgrade_not_offered", environ, ("Connection", "close")))
        elif door is None:
            await self._django(scope, receive, send)
        else:
            await self._ask(door, environ, receive, send)

    def _door(self, scope: Scope) -> Callable[[WSGIEnvironment], Awaitable[Answer]] | None:
        path = scope["path"]
        if path.startswith("/hooks/"):
            return self._knock
        if path.startswith(DECIDED) and scope["method"] in DECIDES:
            return self._decide
        return None

    async def _ask(
        self,
        door: Callable[[WSGIEnvironment], Awaitable[Answer]],
        environ: WSGIEnvironment,
        receive: Receive,
        send: Send,
    ) -> None:
        try:
            async with asyncio.timeout(self._body_s):
                whole = await self._read(environ, receive)
        except TimeoutError:
            await _tell(send, self._refusal("request.too_slow", environ, ("Connection", "close")))
            return
        if whole:  # else nobody is there to be answered, and half of a message says something else
            await _tell(send, await door(environ))

    async def _read(self, environ: WSGIEnvironment, receive: Receive) -> bool:
        """Add the body, of one that is too large no more than shows that; False: the caller went away."""
        declared = environ.get("CONTENT_LENGTH", "")
        body, more = bytearray(), not (declared.isdigit() and int(declared) > self._max_body_bytes)
        while more and len(body) <= self._max_body_bytes:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            body += message.get("body", b"")
            more = message.get("more_body", False)
        environ["wsgi.input"] = BytesIO(body)
        return True

    async def _knock(self, environ: WSGIEnvironment) -> Answer:
        try:
            return await self._threads.run(answer_of, self._hooks, environ)
        except (Busy, TimeoutError):
            return self._refusal("request.throttled", environ, ("Retry-After", "5"))

    async def _decide(self, environ: WSGIEnvironment) -> Answer:
        try:
            return await decided(self._reserve, environ, self._looks)
        except Busy:
            return self._refusal("request.throttled", environ, ("Retry-After", "2"))

    def _refusal(self, code: str, environ: WSGIEnvironment, header: tuple[str, str]) -> Answer:
        correlation = accepted_id(environ.get("HTTP_X_CORRELATION_ID", ""))
        status, body = shaping.problem(
            code, "", base=self._base_url, instance=environ["PATH_INFO"], correlation_id=correlation
        )
        if environ["PATH_INFO"].startswith("/hooks/"):
            self._turned_away(environ, status, code, correlation)
        return shaping.shown((status, body, (header,)), correlation)

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


async def decided(door: ReserveDoor, environ: WSGIEnvironment, looks: Threads) -> Answer:
    """Return the answer to a request about reservations, after its commit. Raises Busy.

    What is asked is read here unless something has to be looked up first or there is much of it, which would
    hold up everybody: that is done in a thread of `looks`.
    """
    correlation = accepted_id(environ.get("HTTP_X_CORRELATION_ID", ""))
    known = door.known(environ)
    small = len(environ["wsgi.input"].getbuffer()) <= SMALL
    if small and (known is not None or not door.names_a_key(environ)):
        begun = door.begin(environ, correlation, known)
    else:
        try:
            begun = await looks.run(door.begin, environ, correlation, known)
        except TimeoutError as error:
            begun = door.failed(error, environ, correlation)
    if isinstance(begun, Question):
        await _answered(begun.ticket, timeout=door.patience_s)
        begun = door.end(begun)
    return shaping.shown(begun, correlation)


async def _answered(ticket: Ticket[Any], *, timeout: float) -> None:
    """Wait until the ticket has its result, or too long; which of them, the ticket tells."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    late = loop.call_later(timeout, _end, over)

    def tell() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(_end, over)

    ticket.when_done(tell)
    try:
        await over
    finally:
        late.cancel()
        ticket.give_up()


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
    fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
