"""Running a twin: in a test for the length of a block, or as a process until a signal."""

from __future__ import annotations

import signal
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from connectors.base.twinkit.http import Request, Response, TwinServer


class Twin(ABC):
    """A vendor's server with its own books. Subclasses answer requests and do what time brings."""

    tick_s = 0.1

    def __init__(self) -> None:
        self._server: TwinServer | None = None
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """Answer one request, vendor API and control API alike."""

    @abstractmethod
    def tick(self) -> None:
        """Do what has fallen due: late landings, queues, retries."""

    @abstractmethod
    def close(self) -> None:
        """Put the books away."""

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the twin is not serving")
        return self._server.url

    def start(self, *, host: str = "127.0.0.1", port: int = 0, ticking: bool = True) -> None:
        self._stop.clear()
        self._server = TwinServer(self.answer, host=host, port=port)
        self._server.start()
        if ticking:
            self._ticker = threading.Thread(target=self._run, daemon=True, name="twin-ticker")
            self._ticker.start()

    def stop(self) -> None:
        """Stop serving; the books stay open, so the same twin may start again."""
        self._stop.set()
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._ticker is not None:
            self._ticker.join(timeout=5)
            self._ticker = None

    @contextmanager
    def serving(self, *, host: str = "127.0.0.1", port: int = 0, ticking: bool = True) -> Iterator[Self]:
        """Serve for the length of the block and close the books after it."""
        self.start(host=host, port=port, ticking=ticking)
        try:
            yield self
        finally:
            self.stop()
            self.close()

    def _run(self) -> None:
        while not self._stop.wait(self.tick_s):
            self.tick()


def run_until_signalled(twin: Twin, *, name: str, host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT and return an exit code; prints one line when ready."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with twin.serving(host=host, port=port):
        sys.stdout.write(f"{name} twin listening on {twin.url}\n")
        sys.stdout.flush()
        stopped.wait()
    return 0
