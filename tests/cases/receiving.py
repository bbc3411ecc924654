"""The other end of telling: an SMTP server and a receiver of webhooks, both real, both on loopback.

Neither imports anything of ours: the receiver checks signatures with code of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Mailbox:
    """What came in. `refuse`: answers by address; `busy`: the answer to every mail, if any; `full`: whose
    mails are refused when they are read to the end."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.rcpt: list[str] = []
        self.refuse: dict[str, str] = {}
        self.busy = self.full = ""

    async def handle_RCPT(  # noqa: N802 aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.busy:
            return self.busy
        if self.full in envelope.rcpt_tos:
            return "552 mailbox full"
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.rcpt += envelope.rcpt_tos
        return "250 taken"


@contextmanager
def mail_server() -> Iterator[tuple[Mailbox, int]]:
    """Run an SMTP server on a free port of loopback."""
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


class Receiver:
    """What was posted. `answers` are given first, then 204; `authentic` says which were signed."""

    def __init__(self, secret: str) -> None:
        self.key = base64.b64decode(secret.removeprefix("whsec_"))
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.authentic: list[bool] = []

    def take(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = base64.b64encode(hmac.new(self.key, signed, hashlib.sha256).digest()).decode()
        self.bodies.append(body)
        self.headers.append(headers)
        self.authentic.append(f"v1,{digest}" in headers["webhook-signature"].split(" "))
        return self.answers.pop(0) if self.answers else (204, {})


@contextmanager
def webhook_receiver(secret: str) -> Iterator[tuple[Receiver, str]]:
    """Run a receiver on a free port of loopback; yields it and its address."""
    receiver = Receiver(secret)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, extra = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the library's name
            """Keep the output of tests clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver, f"http://127.0.0.1:{server.server_address[1]}/in?team=ops"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def dripping_receiver(for_s: float = 10.0) -> Iterator[tuple[threading.Event, str]]:
    """Run a receiver that begins its answer at once and goes on with a byte now and then.

    Yields what is set when it has begun, and its address.
    """
    begun, over = threading.Event(), threading.Event()

    def drip(listener: socket.socket) -> None:
        with suppress(OSError):
            taken, _ = listener.accept()
            with taken:
                taken.recv(65536)
                begun.set()
                taken.sendall(b"HTTP/1.1 204 No Content\r\n")
                for _ in range(int(for_s / 0.2)):
                    if over.wait(0.2):
                        break
                    taken.sendall(b"x")
                taken.sendall(b": y\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        try:
            yield begun, f"http://127.0.0.1:{listener.getsockname()[1]}/in"
        finally:
            over.set()
            thread.join()
