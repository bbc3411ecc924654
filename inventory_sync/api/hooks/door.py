"""Answer one webhook. WSGI in, WSGI out; see the package for the promise it keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from inventory_sync.api.hooks.backlog import BACKLOG, DISK_FULL
from inventory_sync.api.hooks.group import Awaited
from inventory_sync.api.hooks.lookup import Knocked, token_matches
from inventory_sync.domain.errors import Misconfigured, Unauthentic
from inventory_sync.domain.ports import InboundRequest, Received, Reply
from inventory_sync.intake.ports import NewDelivery
from inventory_sync.support.correlation import bound
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

ADDRESS = re.compile(r"^/hooks/(?P<code>[a-z0-9][a-z0-9-]{0,59})/(?:(?P<token>[A-Za-z0-9_-]{16,128})/)?$")
KEPT_HEADERS = re.compile(
    r"^(x-wc-(?!webhook-signature)|webhook-(?!signature)|content-type|user-agent|x-correlation-id)"
)
CORRELATION = re.compile(r"^[A-Za-z0-9._-]{8,40}$")
STATUS = {
    200: "200 OK",
    202: "202 Accepted",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    413: "413 Content Too Large",
    429: "429 Too Many Requests",
    503: "503 Service Unavailable",
}


class Answered(Exception):
    """The request is answered with a problem; nothing was stored."""

    def __init__(
        self, status: int, code: str, detail: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers


class Door:
    """The WSGI application. Everything it touches is given to it."""

    def __init__(
        self,
        *,
        lookup: Callable[[str], Knocked | None],
        submit: Callable[[NewDelivery], Awaited[int | None]],
        wake: Callable[[str], None],
        refuses: Callable[[str], str],
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        note: Callable[[str], None] = lambda code: None,
        done: Callable[[], None] = lambda: None,
        max_body_bytes: int = 1_048_576,
        patience_s: float = 10.0,
    ) -> None:
        self._lookup, self._submit, self._wake, self._refuses = lookup, submit, wake, refuses
        self._clock, self._new_id, self._note, self._done = clock, new_id, note, done
        self._max_body_bytes, self._patience_s = max_body_bytes, patience_s

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        correlation = environ.get("HTTP_X_CORRELATION_ID", "")
        if not CORRELATION.match(correlation):
            correlation = self._new_id()
        with bound(correlation_id=correlation):
            return self._answer(environ, start_response, correlation)

    def turned_away(self, environ: WSGIEnvironment, status: int, code: str, correlation: str) -> None:
        """Count and log a message that was refused before it came here: nobody had a thread for it."""
        self._note(code)
        with bound(correlation_id=correlation):
            log.info("hook.refused", connection=_code(environ), status=status, code=code)

    def _answer(
        self, environ: WSGIEnvironment, start_response: StartResponse, correlation: str
    ) -> Iterable[bytes]:
        try:
            status, content_type, body = self._receive(environ, correlation)
            headers: tuple[tuple[str, str], ...] = ()
        except Answered as answer:
            status, content_type = answer.status, "application/problem+json"
            headers = answer.headers
            self._note(answer.code)
            body = json.dumps(
                {
                    "type": "about:blank",
                    "title": STATUS[status][4:],
                    "status": status,
                    "detail": answer.detail,
                    "code": answer.code,
                    "correlation_id": correlation,
                }
            ).encode()
            log.info("hook.refused", connection=_code(environ), status=status, code=answer.code)
        finally:
            self._done()
        start_response(
            STATUS[status],
            [
                ("Content-Type", content_type),
                ("Content-Length", str(len(body))),
                ("X-Correlation-ID", correlation),
                *headers,
            ],
        )
        return [body]

    def _receive(self, environ: WSGIEnvironment, correlation: str) -> tuple[int, str, bytes]:
        address = ADDRESS.match(environ.get("PATH_INFO", ""))
        if address is None:
            raise Answered(404, "hook.unknown", "There is no connection at this address.")
        if environ.get("REQUEST_METHOD") != "POST":
            raise Answered(405, "hook.method", "Webhooks are sent with POST.", (("Allow", "POST"),))
        known = self._known(address["code"])
        token = address["token"] or ""
        if token and not token_matches(known, token):
            raise Answered(401, Unauthentic.code, "The address holds a wrong token.")
        body = self._body(environ)
        headers = _headers(environ)
        try:
            received = known.connector.receive(
                InboundRequest(headers=headers, body=body, path_token=token), known.config, now=self._clock()
            )
        except Unauthentic as error:
            raise Answered(401, error.code, error.detail or "The signature does not match.") from None
        if isinstance(received, Reply):
            return received.status, "text/plain", received.body
        if known.connector.capabilities.retries_on_refusal:
            self._ask_to_come_later(received.tier)
        self._keep(known, received, headers, body, token, correlation)
        return 202, "application/json", json.dumps({"correlation_id": correlation}).encode()

    def _ask_to_come_later(self, tier: str) -> None:
        """Only senders declared to repeat what is refused are asked; for others the door stores on."""
        later = (("Retry-After", "30"),)
        why = self._refuses(tier)
        if why == BACKLOG:
            raise Answered(503, "hook.backlog", "Too much waits to be applied; send it again later.", later)
        if why == DISK_FULL:
            raise Answered(
                503, "hook.disk_full", "There is hardly room to store; send it again later.", later
            )

    def _known(self, code: str) -> Knocked:
        try:
            known = self._lookup(code)
        except Misconfigured as error:
            log.error("hook.misconfigured", connection=code, detail=error.detail)
            raise _unavailable() from error
        except Exception as error:
            log.warning("hook.database_unavailable", error=repr(error))
            raise _unavailable() from error
        if known is None:
            raise Answered(404, "hook.unknown", "There is no connection at this address.")
        return known

    def _body(self, environ: WSGIEnvironment) -> bytes:
        too_large = Answered(
            413, "hook.too_large", f"At most {self._max_body_bytes} bytes are taken in one message."
        )
        try:
            length = int(environ.get("CONTENT_LENGTH") or 0)
        except ValueError:
            raise Answered(400, "hook.length", "Content-Length is not a number.") from None
        if length > self._max_body_bytes:
            raise too_large
        stream: Any = environ["wsgi.input"]
        body: bytes = stream.read(length) if length else b""
        if not length and environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
            body = stream.read(self._max_body_bytes + 1)
        if len(body) > self._max_body_bytes:
            raise too_large
        if len(body) < length:
            raise Answered(400, "hook.truncated", "The body ended before its Content-Length.")
        return body

    def _keep(
        self,
        known: Knocked,
        received: Received,
        headers: dict[str, str],
        body: bytes,
        token: str,
        correlation: str,
    ) -> None:
        future = self._submit(
            NewDelivery(
                connection_id=known.id,
                topic=received.topic,
                headers={name: value for name, value in headers.items() if KEPT_HEADERS.match(name)},
                body=body,
                dedupe_key=received.dedupe_key,
                object_key=received.object_key,
                tier=received.tier,
                source="hint" if received.hint_only or token else "webhook",
                received_at=self._clock(),
                correlation_id=correlation,
            )
        )
        try:
            delivery_id = future.result(timeout=self._patience_s)
        except Exception as error:
            log.warning("hook.not_stored", connection=known.code, error=repr(error))
            raise _unavailable() from error
        if delivery_id is not None:
            self._wake(received.tier)


def _unavailable() -> Answered:
    return Answered(
        503,
        "hook.unavailable",
        "The message could not be stored. Send it again later.",
        (("Retry-After", "5"),),
    )


def _code(environ: WSGIEnvironment) -> str:
    """Return whose address was asked, for people to read. What stands behind it may be a token: a secret."""
    return str(environ.get("PATH_INFO", "")).removeprefix("/hooks/").split("/")[0][:60]


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    """Return the request's headers in lower case, as WSGI has them."""
    headers = {
        key[5:].replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = str(environ["CONTENT_TYPE"])
    return headers
