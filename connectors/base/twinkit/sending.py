"""How a twin posts to its receiver: one request, one answer or a reason, nothing retried here."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` 0 means no answer; `error` then says why."""

    status: int
    body: bytes = b""
    error: str = ""


def post(url: str, headers: Sequence[tuple[str, str]], body: bytes, *, timeout_s: float) -> Answer:
    """Send exactly these headers and bytes; redirects are not followed, nothing raises."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.putrequest("POST", target, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, response.read(65536))
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return Answer(0, error=f"{type(problem).__name__}: {problem}")
    finally:
        connection.close()
