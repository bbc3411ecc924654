"""The TCP fault proxy: each way to misbehave, seen from the client."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from runner.faultproxy import DROP_BYTES, HEALTHY, Fault, FaultProxy

ANSWER = b"0123456789"


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while self.request.recv(1024):
            self.request.sendall(ANSWER)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A reset connection is what these tests make."""


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with _Server(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with FaultProxy(("127.0.0.1", int(server.server_address[1]))) as proxy:
            yield proxy
        server.shutdown()
        thread.join()


def connect(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def ask(connection: socket.socket) -> bytes:
    connection.sendall(b"?")
    return read(connection, len(ANSWER))


def read(connection: socket.socket, size: int) -> bytes:
    answer = b""
    while len(answer) < size and (more := connection.recv(size - len(answer))):
        answer += more
    return answer


def test_a_healthy_proxy_passes_both_directions_unchanged(proxy: FaultProxy) -> None:
    with connect(proxy) as connection:
        assert ask(connection) == ANSWER
        assert ask(connection) == ANSWER


def test_latency_keeps_an_answer_back_for_at_least_that_long(proxy: FaultProxy) -> None:
    proxy.behave(Fault(latency_s=0.3))

    with connect(proxy) as connection:
        connection.settimeout(0.2)
        connection.sendall(b"?")
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(5)
        assert read(connection, len(ANSWER)) == ANSWER


def test_a_dripping_answer_comes_a_few_bytes_at_a_time(proxy: FaultProxy) -> None:
    proxy.behave(Fault(drip_s=0.5))

    with connect(proxy) as connection:
        connection.sendall(b"?")
        assert read(connection, DROP_BYTES) == ANSWER[:DROP_BYTES]
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(5)
        assert read(connection, len(ANSWER) - DROP_BYTES) == ANSWER[DROP_BYTES:]


def test_a_cut_answer_ends_after_the_given_bytes(proxy: FaultProxy) -> None:
    proxy.behave(Fault(cut_after_bytes=4))

    with connect(proxy) as connection:
        connection.sendall(b"?")
        assert read(connection, 100) == ANSWER[:4]


def test_a_reset_reaches_open_connections_and_new_ones(proxy: FaultProxy) -> None:
    with connect(proxy) as connection:
        assert ask(connection) == ANSWER
        proxy.behave(Fault(reset=True))
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            assert ask(connection) == ANSWER

    with pytest.raises((ConnectionResetError, BrokenPipeError)), connect(proxy) as connection:
        assert ask(connection) == ANSWER


def test_a_blackhole_takes_the_question_and_answers_once_healed(proxy: FaultProxy) -> None:
    proxy.behave(Fault(blackhole=True))

    with connect(proxy) as connection:
        connection.settimeout(0.2)
        connection.sendall(b"?")
        with pytest.raises(TimeoutError):
            connection.recv(1)
        proxy.behave(HEALTHY)
        connection.settimeout(5)
        assert read(connection, len(ANSWER)) == ANSWER


def test_a_refusing_proxy_is_no_listener_and_listens_again_when_healed(proxy: FaultProxy) -> None:
    proxy.behave(Fault(refuse=True))
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)

    proxy.behave(HEALTHY)

    with connect(proxy) as connection:
        assert ask(connection) == ANSWER


def test_a_dead_target_shows_as_a_reset() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        target = unused.getsockname()

    # The reset may come while connecting or at the first word.
    with FaultProxy(target) as proxy, pytest.raises(ConnectionResetError), connect(proxy) as connection:
        ask(connection)
