"""How a twin posts to its receiver: one request, one answer or a reason, nothing retried here."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` 0 means no answer; `error` then says why. Header names are lower-cased."""

    status: int
    body: bytes = b""
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def post(url: str, headers: Sequence[tuple[str, str]], body: bytes, *, timeout_s: float) -> Answer:
    """Send exactly these headers and bytes; redirects are not followed, nothing raises."""
    line = Line(url, timeout_s=timeout_s)
    try:
        return line.post(headers, body)
    finally:
        line.close()


class Line:
    """One kept-alive connection to one address; for one thread."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._parts, self._timeout_s = urlsplit(url), timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def post(self, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        """Post and return the answer; a connection the other side let go is opened again once."""
        kept = self._connection is not None
        try:
            try:
                return self._try(headers, body)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.close()
                if not kept:
                    raise
                return self._try(headers, body)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            self.close()
            return Answer(0, error=f"{type(problem).__name__}: {problem}")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _try(self, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        if self._connection is None:
            self._connection = self._open()
        parts = self._parts
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection.putrequest("POST", target, skip_accept_encoding=True)
        for name, value in headers:
            self._connection.putheader(name, value)
        self._connection.putheader("Content-Length", str(len(body)))
        self._connection.endheaders(body)
        response = self._connection.getresponse()
        content = response.read()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, content[:65536], headers=found)

    def _open(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)
