"""A small threaded HTTP/1.1 server: requests in, responses out, keep-alive, clean stop.

Knows nothing of vendors, books or faults. One handler function answers every path.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came over the wire. Header names are lower-cased."""

    method: str
    path: str
    raw_query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return parse_qsl(self.raw_query, keep_blank_values=True)

    @property
    def query(self) -> dict[str, str]:
        """Return the query by name; `name[]=a&name[]=b` reads as `name=a,b`, as PHP forms mean it."""
        found: dict[str, str] = {}
        for name, value in self.pairs:
            bare = name.split("[", 1)[0]
            found[bare] = f"{found[bare]},{value}" if "[" in name and bare in found else value
        return found

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").split(";", 1)[0].strip().lower()

    def json(self) -> Any:
        return json.loads(self.body) if self.body else {}


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. `hang_up` closes the connection without a byte: the caller knows nothing."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    hang_up: bool = False


def json_response(status: int, document: Any) -> Response:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, body, (("Content-Type", "application/json"),))


class TwinServer:
    """Serve one handler on a port (0 picks a free one) until stopped."""

    def __init__(
        self, handle: Callable[[Request], Response], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._http = _server(handle, host, port, self._open, self._guard)
        self._thread: threading.Thread | None = None
        self.host = host
        self.port: int = self._http.server_address[1]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name="twin-http"
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and cut every open connection, as a killed server would."""
        self._http.shutdown()
        self._http.server_close()
        with self._guard:
            left = list(self._open)
        for connection in left:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def _server(
    handle: Callable[[Request], Response],
    host: str,
    port: int,
    open_sockets: set[socket.socket],
    guard: threading.Lock,
) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 120

        def setup(self) -> None:
            super().setup()
            with guard:
                open_sockets.add(self.connection)

        def finish(self) -> None:
            with guard:
                open_sockets.discard(self.connection)
            try:
                super().finish()
            except OSError:
                return

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
            return

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            request = Request(
                method=self.command,
                path=parts.path,
                raw_query=parts.query,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length) if length else b"",
            )
            try:
                response = handle(request)
            except Exception:  # noqa: BLE001 (a server outlives any bug of one request)
                traceback.print_exc(file=sys.stderr)
                response = json_response(500, {"error": "the twin itself failed; see its log"})
            self.reply(response)

        def reply(self, response: Response) -> None:
            if response.hang_up:
                self.close_connection = True
                return
            head = [f"HTTP/1.1 {response.status} {self.responses.get(response.status, ('',))[0]}"]
            head += [f"{name}: {value}" for name, value in response.headers]
            head.append(f"Date: {self.date_time_string()}")
            head.append(f"Content-Length: {len(response.body)}")
            payload = "\r\n".join(head).encode("latin-1") + b"\r\n\r\n"
            if self.command != "HEAD":
                payload += response.body
            try:
                self.wfile.write(payload)
            except OSError:
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 256

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A caller that goes away is an everyday thing and worth no traceback."""

    return Server((host, port), Handler)
