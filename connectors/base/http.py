"""One small synchronous HTTP client for every connector.

It sends once, never follows a redirect, never retries, and turns everything that can go wrong into our
errors by what happens next: proved not carried out (RemoteUnavailable), asked to wait (RateLimited), or
sent without a readable answer (OutcomeUnknown for a write). What 4xx means is the vendor's: the client of
a connector looks at the Answer. Does not know any vendor, and keeps no secret in what it notes.
"""

from __future__ import annotations

import json
import logging
import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache, cached_property
from typing import Any
from urllib.parse import urlencode

import httpx

from connectors.base.egress import EgressGuard, Resolver, parse_target, system_resolver
from connectors.base.fields import clean
from connectors.base.limits import Teller, told_by_headers
from connectors.base.redaction import Redactor
from inventory_sync.domain.budget import Told
from inventory_sync.domain.errors import (
    Misconfigured,
    OutcomeUnknown,
    RateLimited,
    RemoteUnavailable,
    SyncError,
    Transient,
)
from inventory_sync.domain.ports import Exchange, Outside

log = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 16 * 1024 * 1024
MAX_RETRY_AFTER_S = 3600.0
CORRELATION_HEADER = "X-Correlation-ID"

Query = Sequence[tuple[str, str]]
Signer = Callable[[str, str, Query], tuple[Mapping[str, str], Query]]
"""(method, path, query) → (headers to add, query to send)."""

OwnError = Callable[["Answer"], bool]
"""Whether an answer of 500 or more is the vendor's own word, and not that of something in front of it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Patience and size; `total_s` bounds the whole call, so a dripping answer ends too."""

    connect_s: float = 5.0
    read_s: float = 60.0
    total_s: float = 110.0
    answer_bytes: int = MAX_ANSWER_BYTES


@dataclass(frozen=True)
class Answer:
    """A complete answer that is neither a redirect nor a 429; from 500 on only the vendor's own errors.

    `date` is the vendor's clock.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def data(self) -> Any:
        """The body with exact numbers, or UNREADABLE when it is not JSON."""
        return parse_json(self.body)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def date(self) -> datetime | None:
        return http_date(self.headers.get("date", ""))


@cache
def public_authorities() -> ssl.SSLContext:
    """Return what trusts the public authorities; reading their certificates takes tens of milliseconds."""
    return httpx.create_ssl_context(trust_env=False)


class _Unreadable:
    def __bool__(self) -> bool:
        return False


UNREADABLE = _Unreadable()


def parse_json(body: bytes) -> Any:
    """Return JSON with Decimals, or UNREADABLE: too deep, not JSON, not UTF-8, or NaN and Infinity."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError, ArithmeticError):
        return UNREADABLE


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def dump_json(value: Any) -> bytes:
    """Return compact JSON of what parse_json returned; a Decimal becomes the number it was."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain).encode(
        "utf-8", "surrogatepass"
    )


def _plain(value: Any) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def retry_after_s(value: str, *, date: datetime | None, now: datetime) -> float | None:
    """Return the wait a Retry-After asks for, in either form, at most an hour.

    A date is held against the answer's own `date` where it has one.
    """
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return min(float(value), MAX_RETRY_AFTER_S)
    moment = http_date(value)
    if moment is None:
        return None
    return min(max((moment - (date or now)).total_seconds(), 0.0), MAX_RETRY_AFTER_S)


@dataclass
class _Call:
    """What is known of one call while it runs, for the note and for naming its failure."""

    method: str
    path: str
    write: bool
    correlation_id: str
    sent: bytes = b""
    on_the_wire: bool = False
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class HttpClient:
    """Calls one base URL. `sign` adds the vendor's authentication; `secrets` never reach a note.

    `own_error`: answers of 500 and more that it recognises are handed over instead of raised.
    `told`: reads what an answer says of the limits; headers in wide use are read without it.
    """

    def __init__(
        self,
        *,
        connection: str,
        base_url: str,
        sign: Signer,
        secrets: Sequence[str] = (),
        allow_insecure: bool = False,
        user_agent: str = "inventory-sync/1.0",
        limits: Limits | None = None,
        outside: Outside | None = None,
        own_error: OwnError | None = None,
        told: Teller = told_by_headers,
        transport: httpx.BaseTransport | None = None,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver = system_resolver,
    ) -> None:
        self._connection = connection
        self._target = parse_target(base_url, allow_insecure=allow_insecure)
        self._sign = sign
        self._outside = outside or Outside()
        self._own_error = own_error
        self._told = told
        self._limits = limits or Limits()
        self._redactor = Redactor(secrets)
        self._guard = EgressGuard(private_hosts=self._outside.private_hosts, resolver=resolver)
        self._user_agent = user_agent
        self._client = httpx.Client(
            transport=transport,
            verify=tls or public_authorities(),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(
                self._limits.read_s, connect=self._limits.connect_s, pool=self._limits.connect_s
            ),
            limits=httpx.Limits(max_connections=8, max_keepalive_connections=4, keepalive_expiry=15.0),
        )

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, query: Query = ()) -> Answer:
        return self.call("GET", path, query)

    def call(
        self, method: str, path: str, query: Query = (), *, json_body: Any = None, write: bool | None = None
    ) -> Answer:
        """Return the answer, whatever its status below 500 but for redirects and 429, and own errors above.

        A 2xx of this client always holds JSON. Raises RateLimited, RemoteUnavailable (proved not
        carried out, or a read that got no answer), OutcomeUnknown (a write without one), Misconfigured, and
        what `before_call` raises.
        """
        is_write = method != "GET" if write is None else write
        correlation = self._outside.correlation_id() if self._outside.correlation_id else ""
        body = b"" if json_body is None else dump_json(json_body)
        call = _Call(method, path, is_write, correlation, sent=body)
        if self._outside.before_call is not None:
            self._outside.before_call()
        started = time.monotonic()
        outcome = ""
        try:
            self._exchange(call, query, started)
            return self._judge(call)
        except SyncError as error:
            outcome = error.code
            raise
        finally:
            self._note(call, query, outcome, started)

    def _exchange(self, call: _Call, query: Query, started: float) -> None:
        headers, query = self._sign(call.method, self._target.path + call.path, query)
        addresses = self._guard.addresses(self._target)
        for position, address in enumerate(addresses):
            try:
                with _named_failures(call):
                    self._send(call, address, headers, query, started)
                return
            except RemoteUnavailable:
                if call.on_the_wire or position == len(addresses) - 1:
                    raise

    def _send(
        self, call: _Call, address: str, signed: Mapping[str, str], query: Query, started: float
    ) -> None:
        host = f"[{address}]" if ":" in address else address
        url = f"{self._target.scheme}://{host}:{self._target.port}{self._target.path}{call.path}"
        headers = {
            "Host": self._target.authority,
            "User-Agent": self._user_agent,
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            **({"Content-Type": "application/json"} if call.sent else {}),
            **({CORRELATION_HEADER: call.correlation_id} if call.correlation_id else {}),
            **signed,
        }
        request = self._client.build_request(
            call.method,
            f"{url}?{urlencode(query)}" if query else url,
            headers=headers,
            content=call.sent or None,
            extensions={"sni_hostname": self._target.host.rstrip(".")},
        )
        response = self._client.send(request, stream=True)
        try:
            call.on_the_wire = True
            call.status = response.status_code
            call.headers = {name.lower(): value for name, value in response.headers.items()}
            call.body = self._read(response, started)
        finally:
            response.close()
            self._client.cookies.clear()

    def _read(self, response: httpx.Response, started: float) -> bytes:
        """Return the unpacked body; neither its size nor its slowness has the last word."""
        packed = response.headers.get("content-encoding", "").lower() in ("gzip", "x-gzip")
        unpack = zlib.decompressobj(31) if packed else None
        body = bytearray()
        for chunk in response.iter_raw():
            room = self._limits.answer_bytes - len(body) + 1
            body += unpack.decompress(chunk, room) if unpack else chunk
            if len(body) > self._limits.answer_bytes:
                raise _Broken(f"The answer is larger than {self._limits.answer_bytes} bytes.")
            if time.monotonic() - started > self._limits.total_s:
                raise _Broken(f"The answer was not complete after {self._limits.total_s:.0f} s.")
        return bytes(body)

    def _judge(self, call: _Call) -> Answer:
        answer = Answer(call.status, call.headers, call.body)
        wish = retry_after_s(call.headers.get("retry-after", ""), date=answer.date, now=datetime.now(UTC))
        if call.status == 429:
            raise RateLimited("The vendor asks for fewer calls.", retry_after_s=wish)
        if 300 <= call.status < 400:
            where = self._redactor.text(call.headers.get("location", ""), limit=200)
            if call.status in (301, 308):
                raise Misconfigured(
                    f"The address has moved ({call.status}) to {where}; correct the base URL."
                )
            raise Transient(f"The vendor redirects ({call.status}) to {where}.", retry_after_s=wish)
        if call.status >= 500 and self._own_error is not None and self._own_error(answer):
            return answer
        if call.status >= 500 or call.status < 200:
            detail = f"The vendor answered {call.status}."
            if call.write:
                raise OutcomeUnknown(detail, retry_after_s=wish)
            if wish is not None:
                raise RateLimited(detail, retry_after_s=wish)
            raise RemoteUnavailable(detail)
        if answer.ok and answer.data is UNREADABLE:
            detail = f"The answer to {call.method} {call.path} is not JSON."
            raise OutcomeUnknown(detail) if call.write else RemoteUnavailable(detail)
        return answer

    def _note(self, call: _Call, query: Query, outcome: str, started: float) -> None:
        if self._outside.on_exchange is None:
            return
        worth_showing = call.write or outcome or not 200 <= call.status < 300
        shown = f"{call.path}?{urlencode(query)}" if query else call.path
        exchange = Exchange(
            connection=self._connection,
            method=call.method,
            path=self._redactor.path(shown),
            status=call.status,
            outcome=outcome,
            correlation_id=call.correlation_id,
            sent_bytes=len(call.sent),
            received_bytes=len(call.body),
            elapsed_ms=round((time.monotonic() - started) * 1000),
            sent=self._redactor.body(call.sent),
            answer=self._redactor.body(call.body) if worth_showing else "",
            told=self._limits_told(call),
        )
        try:
            self._outside.on_exchange(exchange)
        except Exception:  # the note must not undo the call it describes
            log.exception("exchange.not_noted")

    def _limits_told(self, call: _Call) -> Told | None:
        """Return what the answer said of the limits, if anything; no answer may spoil the note."""
        if not call.status:
            return None
        date = http_date(call.headers.get("date", ""))
        wish = retry_after_s(call.headers.get("retry-after", ""), date=date, now=datetime.now(UTC))
        try:
            return self._told(call.status, call.headers, call.body, wish)
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
            return None


class _Broken(Exception):
    """The answer began and cannot be used."""


@contextmanager
def _named_failures(call: _Call) -> Iterator[None]:
    """Turn whatever the network does into the error that says what happens next."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise RemoteUnavailable(f"No connection: {clean(str(error)) or type(error).__name__}.") from error
    except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError) as error:
        raise Misconfigured("The request cannot be formed from this connection's settings.") from error
    except (httpx.HTTPError, httpx.StreamError, zlib.error, _Broken, OSError) as error:
        call.on_the_wire = True
        detail = str(error) if isinstance(error, _Broken) else f"{type(error).__name__} during the call."
        if call.write:
            raise OutcomeUnknown(f"Sent, but no usable answer: {detail}") from error
        raise RemoteUnavailable(f"No usable answer: {detail}") from error
