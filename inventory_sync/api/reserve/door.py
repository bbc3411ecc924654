"""Answer one request about a reservation. WSGI in, WSGI out; see the package for the promise it keeps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from django.db import InterfaceError, OperationalError

from inventory_sync.access.keyring import KnownKey
from inventory_sync.access.models import ApiKey
from inventory_sync.api.hooks.group import Awaited
from inventory_sync.api.middleware import accepted_id
from inventory_sync.api.reserve import shaping
from inventory_sync.api.reserve.reading import Asked, Invalid, Unreadable, read
from inventory_sync.domain.errors import Refused, Transient
from inventory_sync.domain.reports import plain
from inventory_sync.domain.requests import Act
from inventory_sync.ledger.request_types import Answer
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

ADDRESS = re.compile(
    r"/api/v1/reservations(?:/(?P<channel>[a-z0-9][a-z0-9-]{0,59})/(?P<reference>[A-Za-z0-9][A-Za-z0-9._~:@#+=-]{0,119})"
    r"(?:/(?P<act>commit|release|cancel|extend|approve))?)?"
)
SCOPE = str(ApiKey.Scope.RESERVE)
STATUS = {
    200: "200 OK",
    201: "201 Created",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    409: "409 Conflict",
    413: "413 Content Too Large",
    415: "415 Unsupported Media Type",
    422: "422 Unprocessable Content",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}
PASSING = (OperationalError, InterfaceError, TimeoutError, OSError, Transient)  # over by itself
BUSY_AT = 2_000
RETRY_AFTER_S = "2"


@dataclass(frozen=True, slots=True)
class Decided:
    """A request's answer after its commit, and what its ids are called; refused: before it was asked."""

    answer: Answer | None
    names: shaping.Names
    refused: Refused | None = None


class Problem(Exception):
    """The request is answered with a problem; nothing was asked of the ledger."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code, self.detail, self.headers, self.extra = code, detail, headers, extra or {}


class ReserveDoor:
    """The WSGI application. Everything it touches is given to it."""

    def __init__(
        self,
        *,
        keys: Callable[..., KnownKey | None],
        submit: Callable[[Asked], Awaited[Decided]],
        waiting: Callable[[], int],
        clock: Callable[[], datetime],
        base_url: str,
        done: Callable[[], None] = lambda: None,
        stop: Callable[[], None] = lambda: None,
        max_body_bytes: int = 1_048_576,
        patience_s: float = 10.0,
    ) -> None:
        self._keys, self._submit, self._waiting, self._clock = keys, submit, waiting, clock
        self._base, self._done, self.stop = base_url.rstrip("/"), done, stop
        self._max_body_bytes, self._patience_s = max_body_bytes, patience_s

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        correlation = accepted_id(environ.get("HTTP_X_CORRELATION_ID", ""))
        status, body, headers = self.answer(environ, correlation)
        content = "application/json" if status < 400 else "application/problem+json"
        start_response(
            STATUS[status],
            [
                ("Content-Type", content),
                ("Content-Length", str(len(body))),
                ("X-Correlation-ID", correlation),
                ("Cache-Control", "no-store"),
                *headers,
            ],
        )
        return [body]

    def answer(
        self, environ: WSGIEnvironment, correlation: str
    ) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
        """Return status, body and further headers."""
        told = {"base": self._base, "instance": environ.get("PATH_INFO", ""), "correlation_id": correlation}
        try:
            asked = self._asked(environ, correlation)
            decided = self._submit(asked).result(timeout=self._patience_s)
        except Problem as found:
            status, body = shaping.problem(found.code, found.detail, **told, **found.extra)
            return status, body, found.headers
        except PASSING as error:
            log.warning("reservation.not_answered", error=repr(error))
            # Whether it was done is unknown: asked again, it is answered as it stands.
            status, body = shaping.problem(
                "server.database_unavailable", "Ask again; it counts once.", **told
            )
            return status, body, (("Retry-After", RETRY_AFTER_S),)
        except Exception:
            # A fault of ours: asked again it would fail again, so nobody is told to.
            log.exception("reservation.failed")
            status, body = shaping.problem("server.failed", "", **told)
            return status, body, ()
        finally:
            self._done()
        return (*_shown(asked, decided, told), ())

    def _asked(self, environ: WSGIEnvironment, correlation: str) -> Asked:
        method = environ.get("REQUEST_METHOD", "")
        address = ADDRESS.fullmatch(environ.get("PATH_INFO", ""))
        if address is None:
            raise Problem("resource.not_found")
        channel, reference, act = _act_of(method, *address.group("channel", "reference", "act"))
        key = self._key(environ.get("HTTP_AUTHORIZATION", ""))
        if SCOPE not in key.scopes:
            raise Problem("key.scope_missing", f"This key does not hold the scope {SCOPE!r}.")
        if self._waiting() > BUSY_AT:
            raise Problem("request.throttled", headers=(("Retry-After", RETRY_AFTER_S),))
        body = self._body(environ)
        try:
            asked = read(act, body, channel=channel, reference=reference, correlation_id=correlation)
        except Unreadable:
            raise Problem("request.malformed") from None
        except Invalid as error:
            errors = [{"parameter": name, "detail": detail} for name, detail in error.errors]
            raise Problem("request.invalid", str(error)[:1000], extra={"errors": errors}) from None
        if not key.may(SCOPE, asked.channel):
            raise Problem("key.channel_missing", f"This key may not act for the channel {asked.channel!r}.")
        return asked

    def _key(self, header: str) -> KnownKey:
        kind, _, raw = header.strip().partition(" ")
        if kind.lower() != "bearer":
            raise Problem("request.unauthenticated", headers=(_CHALLENGE,))
        raw = raw.strip()
        key = self._keys(raw, now=self._clock()) if raw.isascii() and raw.isprintable() else None
        if key is None:
            raise Problem("key.invalid", headers=(_CHALLENGE,))
        return key

    def _body(self, environ: WSGIEnvironment) -> bytes:
        if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() not in ("application/json", ""):
            raise Problem("request.media_type_unsupported")
        try:
            length = int(environ.get("CONTENT_LENGTH") or 0)
        except ValueError:
            raise Problem("request.malformed", "Content-Length is not a number.") from None
        chunked = not length and environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        if length > self._max_body_bytes:
            raise Problem("request.too_large")
        body: bytes = b""
        if length or chunked:
            body = environ["wsgi.input"].read(length or self._max_body_bytes + 1)
        if len(body) > self._max_body_bytes:
            raise Problem("request.too_large")
        if len(body) < length:
            raise Problem("request.malformed", "The body ended before its Content-Length.")
        return body


_CHALLENGE = ("WWW-Authenticate", 'Bearer realm="inventory-sync"')


def _act_of(method: str, channel: str | None, reference: str | None, act: str | None) -> tuple[str, str, Act]:
    """Return what method and address ask, with the channel and reference in the address."""
    if channel is None or reference is None:
        if method == "POST":
            return "", "", Act.RESERVE
        raise Problem("request.method_not_allowed", headers=(("Allow", "GET, POST"),))
    if act is None:
        if method == "PATCH":
            return channel, reference, Act.AMEND
        raise Problem("request.method_not_allowed", headers=(("Allow", "GET, PATCH"),))
    if method == "POST":
        return channel, reference, Act(act)
    raise Problem("request.method_not_allowed", headers=(("Allow", "POST"),))


def _shown(asked: Asked, decided: Decided, told: dict[str, str]) -> tuple[int, bytes]:
    if decided.answer is None:
        assert decided.refused is not None
        return shaping.refusal(decided.refused, **told)
    answer = decided.answer
    shown = None
    if answer.order is not None:
        shown = shaping.reservation(answer.order, decided.names, answer.missing)
    if answer.refused is None:
        assert shown is not None
        return 201 if asked.act is Act.RESERVE else 200, shaping.encoded(shown)
    missing = {line: plain(units) for line, units in answer.missing.items()}
    return shaping.refusal(answer.refused, **told, missing=missing, reservation=shown)
