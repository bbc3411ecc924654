"""A server with bad manners, for tests: it answers every request with the same prepared bytes, or hangs up.

Used by the contract suite; never imported by a connector.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


def answer(status: int, body: bytes, content_type: str = "application/json", extra: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    )
    return head.encode() + body


_HTML = b"<html><title>Just a moment...</title></html>"
_BOMB = gzip.compress(b"[" + b" " * 40_000_000)

HOSTILITIES: Mapping[str, bytes] = {
    "hangs up without a word": b"",
    "speaks another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "cuts the answer in the middle": b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{"id": 1',
    "breaks the chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a page instead of JSON": answer(200, _HTML, "text/html"),
    "nothing at all under a 200": answer(200, b""),
    "a firewall's 403": answer(403, _HTML, "text/html"),
    "a firewall's 406": answer(406, _HTML, "text/html"),
    "a 404 page": answer(404, _HTML, "text/html"),
    "a 401 without a body": answer(401, b""),
    "429 with seconds": answer(429, b"slow down", "text/plain", "Retry-After: 7\r\n"),
    "429 with nonsense": answer(429, b"{}", extra="Retry-After: soon\r\n"),
    "503 with a page": answer(503, _HTML, "text/html", "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n"),
    "500 with JSON": answer(500, b'{"code":"internal_error","data":{"status":500}}'),
    "moved for good": answer(301, b"", extra="Location: https://elsewhere.example/\r\n"),
    "a login page for now": answer(302, b"", extra="Location: /login\r\n"),
    "a null": answer(200, b"null"),
    "a number": answer(200, b"1e400"),
    "an exponent no number has": answer(200, b'[{"id":1,"x":1e99999999999999999999}]'),
    "NaN": answer(200, b'{"events":[NaN]}'),
    "an empty list": answer(200, b"[]"),
    "an empty object": answer(200, b"{}"),
    "rows that are none": answer(200, b'[null,1,"x",[],{},{"id":"1"},{"id":true},{"id":-1}]'),
    "a row without anything": answer(200, b'[{"id":1}]'),
    "lists of the wrong things": answer(
        200, b'{"update":[null,1],"events":[1,null,{}],"items":[{}],"stores":[1,{}],"id":0,"next_after":"x"}'
    ),
    "wild types": answer(
        200,
        b'{"id":1,"status":5,"refunds":[{"id":7}],"line_items":{},"update":[{"id":1,"stock_quantity":[]}],'
        b'"events":[{"sequence":1e3}],"items":[{"sku":5,"on_hand":{}}],"stores":[null],"last_sequence":null}',
    ),
    "too deep": answer(200, b"[" * 200_000),
    "a number too long": answer(200, b'[{"id":' + b"9" * 10_000 + b"}]"),
    "not UTF-8": answer(200, b'[{"id":1,"name":"\xff\xfe"}]'),
    "broken gzip": answer(200, b"\x1f\x8bnonsense", extra="Content-Encoding: gzip\r\n"),
    "a gzip bomb": answer(200, _BOMB, extra="Content-Encoding: gzip\r\n"),
    "a header bomb": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
}


@contextmanager
def hostile_server(payload: bytes) -> Iterator[str]:
    """Serve `payload` to everybody on a loopback port; yields the base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                _read_request(connection)
                connection.sendall(payload)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _read_request(connection: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            return
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        chunk = connection.recv(65536)
        if not chunk:
            return
        body += chunk
