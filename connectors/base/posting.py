"""Post a signed message to an address somebody typed: Standard Webhooks, once, through the egress guard.

For messages of our own, not for a vendor's API (http.py): the answer's body is read by nobody. 2xx is taken;
410 means never again; whatever else happens may be tried again with the same id. However slowly the other
side drips its answer, a try ends: who waits longer than its lease would see the message sent by another.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from connectors.base.egress import EgressGuard, Resolver, Target, parse_target, system_resolver
from connectors.base.fields import clean
from connectors.base.http import http_date, public_authorities, retry_after_s
from connectors.base.signatures import sign_standard
from inventory_sync.domain.errors import Misconfigured, RemoteRefused, RemoteUnavailable

CONNECT_S = 5.0
READ_S = 10.0
TOTAL_S = 20.0


def post_signed(
    url: str,
    *,
    secret: str,
    message_id: str,
    body: bytes,
    now: datetime,
    private_hosts: Sequence[str] = (),
    resolver: Resolver = system_resolver,
) -> None:
    """Return when the other side took it.

    Plain http only to hosts that are expressly allowed. Raises RemoteUnavailable (with the wait it asked
    for), RemoteRefused (410: never again) and Misconfigured.
    """
    target, query = _target(url, private_hosts)
    headers = {
        "Host": target.authority,
        "User-Agent": "inventory-sync/1.0",
        "Content-Type": "application/json",
        **sign_standard([secret], message_id=message_id, now=now, body=body),
    }
    guard = EgressGuard(private_hosts=private_hosts, resolver=resolver)
    began = time.monotonic()
    failure = ""
    for address in guard.addresses(target):
        if time.monotonic() - began > TOTAL_S:
            failure = failure or f"{target.host} gave no answer in {TOTAL_S:g} s."
            break
        try:
            _judge(_post(target, address, query, headers, body, began), now=now)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            failure = f"No connection to {target.host}: {clean(str(error)) or type(error).__name__}."
            continue
        except httpx.HTTPError as error:
            raise RemoteUnavailable(f"{target.host} gave no answer: {type(error).__name__}.") from error
        return
    raise RemoteUnavailable(failure)


def _target(url: str, private_hosts: Sequence[str]) -> tuple[Target, str]:
    parts = urlsplit(url.strip())
    plain = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    allowed = (parts.hostname or "") in private_hosts
    return parse_target(plain, allow_insecure=allowed), parts.query


def _post(
    target: Target, address: str, query: str, headers: dict[str, str], body: bytes, began: float
) -> httpx.Response:
    """Post to the address that was checked, naming the host; the answer's body is not waited for."""
    host = f"[{address}]" if ":" in address else address
    url = f"{target.scheme}://{host}:{target.port}{target.path or '/'}"
    left = max(1.0, TOTAL_S - (time.monotonic() - began))
    patience = httpx.Timeout(min(READ_S, left), connect=CONNECT_S)
    with (
        _cut_after(left) as trace,
        httpx.Client(
            verify=public_authorities(), trust_env=False, follow_redirects=False, timeout=patience
        ) as client,
        client.stream(
            "POST",
            f"{url}?{query}" if query else url,
            headers=headers,
            content=body,
            extensions={"sni_hostname": target.host.rstrip("."), "trace": trace},
        ) as response,
    ):
        return response


@contextmanager
def _cut_after(seconds: float) -> Iterator[Callable[[str, Any], None]]:
    """Yield what httpx tells of its connection, which is cut when time is up: each read has patience of its
    own, and a head that comes byte by byte would never use it up.
    """
    open_: list[socket.socket] = []

    def note(event: str, info: Any) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            open_.append(info["return_value"].get_extra_info("socket"))

    def cut() -> None:
        for each in open_[-1:]:
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield note
    finally:
        timer.cancel()


def _judge(response: httpx.Response, *, now: datetime) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    if status == 410:
        raise RemoteRefused("The receiver answered 410: it wants no more messages.", status=status)
    if status in (301, 302, 303, 307, 308):
        raise Misconfigured(f"The receiver answered {status}: its address has moved; correct the route.")
    date = http_date(response.headers.get("date", ""))
    wish = retry_after_s(response.headers.get("retry-after", ""), date=date, now=now)
    raise RemoteUnavailable(f"The receiver answered {status}.", retry_after_s=wish)
