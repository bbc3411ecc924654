"""Answer one request about a reservation, in two steps: what is asked, and after the commit what is told.

An order that happened is one too, in mode `record`. No step waits for the commit (api/front.py does); see the
package for the promise it keeps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from wsgiref.types import WSGIEnvironment

from django.db import InterfaceError, OperationalError

from inventory_sync.access.keyring import KnownKey
from inventory_sync.access.models import ApiKey
from inventory_sync.api.hooks.group import Ticket
from inventory_sync.api.reserve import shaping
from inventory_sync.api.reserve.once import Given, Once, fingerprint_of, is_name
from inventory_sync.api.reserve.reading import Asked, Invalid, Unreadable, read
from inventory_sync.domain.errors import Refused, Transient
from inventory_sync.domain.reports import plain
from inventory_sync.domain.requests import Act
from inventory_sync.ledger.request_types import Answer
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

ADDRESS = re.compile(
    r"/api/v1/(?P<what>reservations|orders)"
    r"(?:/(?P<channel>[a-z0-9][a-z0-9-]{0,59})/(?P<reference>[A-Za-z0-9][A-Za-z0-9._~:@#+=-]{0,119})"
    r"(?:/(?P<act>commit|release|cancel|extend|approve))?)?"
)
SCOPES = {"reservations": str(ApiKey.Scope.RESERVE), "orders": str(ApiKey.Scope.WRITE_ORDERS)}
ORDER_ACTS = (None, "cancel")  # what happened is changed or cancelled, and not held, committed or approved
PASSING = (OperationalError, InterfaceError, TimeoutError, OSError, Transient)  # over by itself
BUSY_AT = 2_000
RETRY_AFTER_S = "2"


@dataclass(frozen=True, slots=True)
class Decided:
    """A request's answer after its commit, and what its ids are called; refused: before it was asked.

    given: the answer in bytes, of a request that has a name of its own.
    """

    answer: Answer | None
    names: shaping.Names
    refused: Refused | None = None
    given: Given | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, and the ticket of its answer. told: what every problem says of the request."""

    asked: Asked
    ticket: Ticket[Decided]
    told: dict[str, str]


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
    """Everything it touches is given to it.

    keys: look a key up; kept: a key looked up just now, or None; current: whether nothing else is due to be
    looked up; look_ahead: look that up.
    """

    def __init__(
        self,
        *,
        keys: Callable[..., KnownKey | None],
        kept: Callable[..., KnownKey | None],
        current: Callable[[], bool],
        look_ahead: Callable[[], None],
        submit: Callable[[Asked], Ticket[Decided]],
        waiting: Callable[[], int],
        clock: Callable[[], datetime],
        base_url: str,
        done: Callable[[], None] = lambda: None,
        stop: Callable[[], None] = lambda: None,
        max_body_bytes: int = 1_048_576,
        patience_s: float = 10.0,
    ) -> None:
        self._keys, self._kept, self._clock = keys, kept, clock
        self._current, self._look_ahead = current, look_ahead
        self._submit, self._waiting = submit, waiting
        self._base, self._done, self.stop = base_url.rstrip("/"), done, stop
        self._max_body_bytes, self.patience_s = max_body_bytes, patience_s

    def names_a_key(self, environ: WSGIEnvironment) -> bool:
        """Say whether the request brings what could be a key, and so has to be looked up."""
        return bool(_raw_key(environ.get("HTTP_AUTHORIZATION", "")))

    def known(self, environ: WSGIEnvironment) -> KnownKey | None:
        """Return who asks, if that is known; with it, begin() looks nothing up and takes microseconds."""
        if not self._current():
            return None
        return self._kept(_raw_key(environ.get("HTTP_AUTHORIZATION", "")), now=self._clock())

    def begin(
        self, environ: WSGIEnvironment, correlation: str, known: KnownKey | None = None
    ) -> Question | shaping.Reply:
        """Hand in what is asked, or answer it at once."""
        told = self._told(environ, correlation)
        try:
            asked = self._asked(environ, correlation, known)
            if known is None:
                self._look_ahead()
            return Question(asked, self._submit(asked), told)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            return _failed(error, told)
        finally:
            if known is None:
                self._done()

    def end(self, question: Question) -> shaping.Reply:
        """Return the answer to what was handed in, as its ticket stands now."""
        try:
            decided = question.ticket.result(timeout=0)
        except Exception as error:  # noqa: BLE001 - as above
            return _failed(error, question.told)
        if decided.given is not None:
            return _given(decided.given, question.told)
        return (*put_in_words(question.asked, decided, question.told), ())

    def failed(self, error: Exception, environ: WSGIEnvironment, correlation: str) -> shaping.Reply:
        """Return the answer to a request that was not begun."""
        return _failed(error, self._told(environ, correlation))

    def _told(self, environ: WSGIEnvironment, correlation: str) -> dict[str, str]:
        return {"base": self._base, "instance": environ.get("PATH_INFO", ""), "correlation_id": correlation}

    def _asked(self, environ: WSGIEnvironment, correlation: str, known: KnownKey | None) -> Asked:
        method = environ.get("REQUEST_METHOD", "")
        address = ADDRESS.fullmatch(environ.get("PATH_INFO", ""))
        if address is None:
            raise Problem("resource.not_found")
        what = address["what"]
        if what == "orders" and address["act"] not in ORDER_ACTS:
            raise Problem("resource.not_found")
        channel, reference, act = _act_of(method, *address.group("channel", "reference", "act"))
        key = known or self._key(environ.get("HTTP_AUTHORIZATION", ""))
        scope = SCOPES[what]
        if scope not in key.scopes:
            raise Problem("key.scope_missing", f"This key does not hold the scope {scope!r}.")
        if self._waiting() > BUSY_AT:
            raise Problem("request.throttled", headers=(("Retry-After", RETRY_AFTER_S),))
        body = self._body(environ)
        try:
            asked = read(
                act,
                body,
                channel=channel,
                reference=reference,
                correlation_id=correlation,
                sold=what == "orders",
            )
        except Unreadable:
            raise Problem("request.malformed") from None
        except Invalid as error:
            errors = [{"parameter": name, "detail": detail} for name, detail in error.errors]
            raise Problem("request.invalid", str(error)[:1000], extra={"errors": errors}) from None
        if not key.may(scope, asked.channel):
            raise Problem("key.channel_missing", f"This key may not act for the channel {asked.channel!r}.")
        name = environ.get("HTTP_IDEMPOTENCY_KEY")
        if name is None:
            return asked
        return replace(asked, once=self._once(name, key, environ, body, correlation))

    def _once(
        self, name: str, key: KnownKey, environ: WSGIEnvironment, body: bytes, correlation: str
    ) -> Once:
        if not is_name(name):
            errors = [
                {"parameter": "Idempotency-Key", "detail": "Must be 1 to 255 visible ASCII characters."}
            ]
            raise Problem("request.invalid", errors[0]["detail"], extra={"errors": errors})
        same = fingerprint_of(environ["REQUEST_METHOD"], environ["PATH_INFO"], body)
        return Once(key.id, name, same, self._told(environ, correlation))

    def _key(self, header: str) -> KnownKey:
        if header.strip().partition(" ")[0].lower() != "bearer":
            raise Problem("request.unauthenticated", headers=(_CHALLENGE,))
        raw = _raw_key(header)
        key = self._keys(raw, now=self._clock()) if raw else None
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


def _raw_key(header: str) -> str:
    """Return the key a request brings, or "" if there is none that could be one."""
    kind, _, raw = header.strip().partition(" ")
    raw = raw.strip()
    return raw if kind.lower() == "bearer" and raw.isascii() and raw.isprintable() else ""


def _failed(error: Exception, told: dict[str, str]) -> shaping.Reply:
    if isinstance(error, Problem):
        status, body = shaping.problem(error.code, error.detail, **told, **error.extra)
        return status, body, error.headers
    if isinstance(error, PASSING):
        log.warning("reservation.not_answered", error=repr(error))
        # Whether it was done is unknown: asked again, it is answered as it stands.
        status, body = shaping.problem("server.database_unavailable", "Ask again; it counts once.", **told)
        return status, body, (("Retry-After", RETRY_AFTER_S),)
    # A fault of ours: asked again it would fail again, so nobody is told to.
    log.error("reservation.failed", exc_info=error)
    status, body = shaping.problem("server.failed", "", **told)
    return status, body, ()


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


def _given(given: Given, told: dict[str, str]) -> shaping.Reply:
    if given.status is None:
        return (*shaping.problem("request.idempotency_key_reused", "", **told), ())
    return given.status, given.body, (("Idempotency-Replayed", "true"),) if given.replayed else ()


def put_in_words(asked: Asked, decided: Decided, told: Mapping[str, str]) -> tuple[int, bytes]:
    """Return status and body of the answer to what was decided."""
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
