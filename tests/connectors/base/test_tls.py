"""TLS is checked against the name of the base URL although the connection goes to a checked address."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.base.http import HttpClient
from inventory_sync.domain.errors import RemoteUnavailable
from inventory_sync.domain.ports import Outside


def certificate_for(name: str, folder: Path) -> Path:
    """Write a self-signed certificate and its key into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "shop.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def secure_server(pem: Path, names: list[str]) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            names.append(f"host {self.headers['Host']}")
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.set_servername_callback(lambda _socket, name, _context: names.append(f"sni {name}"))
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[assignment, method-assign]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def client(base_url: str, trusted: Path | None) -> HttpClient:
    return HttpClient(
        connection="c",
        base_url=base_url,
        sign=lambda method, path, query: ({}, query),
        outside=Outside(private_hosts=("127.0.0.1",)),
        tls=ssl.create_default_context(cafile=str(trusted)) if trusted else None,
        resolver=lambda host, port: ["127.0.0.1"],
    )


def test_the_name_is_sent_and_checked_while_the_address_is_called(tmp_path: Path) -> None:
    pem, names = certificate_for("shop.test", tmp_path), list[str]()
    with secure_server(pem, names) as port:
        assert client(f"https://shop.test:{port}", pem).get("/x").ok

    assert names == ["sni shop.test", f"host shop.test:{port}"]


def test_a_certificate_of_another_name_is_not_accepted(tmp_path: Path) -> None:
    pem = certificate_for("shop.test", tmp_path)
    with secure_server(pem, []) as port, pytest.raises(RemoteUnavailable, match="No connection"):
        client(f"https://evil.test:{port}", pem).get("/x")


def test_a_certificate_nobody_vouches_for_is_not_accepted(tmp_path: Path) -> None:
    pem = certificate_for("shop.test", tmp_path)
    with secure_server(pem, []) as port, pytest.raises(RemoteUnavailable, match="No connection"):
        client(f"https://shop.test:{port}", None).get("/x")
