"""A TCP proxy that misbehaves on request: late, dripping, cut, reset, silent, refusing.

    with FaultProxy(("127.0.0.1", 8101)) as proxy:
        client(f"http://127.0.0.1:{proxy.port}")
        proxy.behave(Fault(latency_s=0.5))      # each chunk comes late
        proxy.behave(Fault(drip_s=0.1))         # the answer comes a few bytes at a time, as a slow loris does
        proxy.behave(Fault(cut_after_bytes=10)) # the answer ends in the middle of itself
        proxy.behave(Fault(reset=True))         # RST, now and for every connection to come
        proxy.behave(Fault(blackhole=True))     # takes connections and bytes, answers nothing
        proxy.behave(Fault(refuse=True))        # nobody listens
        proxy.behave(HEALTHY)

Knows no protocol above TCP. From a shell:

    python -m runner.faultproxy --listen 9000 --to 127.0.0.1:8101 --latency 0.5
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from types import TracebackType

from runner.servers import LOOPBACK, free_port


@dataclass(frozen=True, slots=True)
class Fault:
    """How the proxy behaves from now on, towards open connections too."""

    latency_s: float = 0.0
    drip_s: float = 0.0
    """Wait so long after every few bytes of an answer."""
    cut_after_bytes: int | None = None
    """Close a connection once this much of the answer has passed, counted per connection."""
    reset: bool = False
    blackhole: bool = False
    refuse: bool = False


HEALTHY = Fault()
DROP_BYTES = 8


class _Cut(Exception):
    """The answer has been cut as asked."""


class FaultProxy:
    """One listening port in front of one target. Runs in a thread of its own."""

    def __init__(self, target: tuple[str, int], *, port: int | None = None) -> None:
        self.target, self.port = target, port or free_port()
        self.fault = HEALTHY
        self.accepted = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faultproxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._healed = asyncio.Event()

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        self._await(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._await(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def behave(self, fault: Fault) -> None:
        """Change the behaviour; in force when this returns."""
        self._await(self._behave(fault))

    def _await(self, work: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _behave(self, fault: Fault) -> None:
        self.fault = fault
        if fault.reset or fault.refuse:
            for writer in list(self._open):
                _reset(writer)
        if fault.refuse:
            await self._stop_listening()
        elif self._server is None:
            await self._listen()
        if not fault.blackhole:
            self._healed.set()
            self._healed = asyncio.Event()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _close(self) -> None:
        await self._stop_listening()
        for writer in list(self._open):
            writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.fault.reset:
            _reset(to_client)
            return
        self._open.add(to_client)
        try:
            await self._while_silent()
            server, to_server = await asyncio.open_connection(*self.target)
        except OSError:
            self._open.discard(to_client)
            _reset(to_client)
            return
        self._open.add(to_server)
        try:
            await asyncio.gather(
                self._pump(client, to_server, answer=False), self._pump(server, to_client, answer=True)
            )
        except _Cut:
            to_server.transport.abort()
        except OSError:
            _reset(to_client)
        finally:
            for writer in (to_client, to_server):
                self._open.discard(writer)
                writer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answer: bool) -> None:
        """Carry one direction until its end, as the fault of the moment allows."""
        passed = 0
        while data := await source.read(65_536):
            if self.fault.latency_s:
                await asyncio.sleep(self.fault.latency_s)
            await self._while_silent()
            limit = self.fault.cut_after_bytes
            if answer and limit is not None and passed + len(data) >= limit:
                sink.write(data[: max(0, limit - passed)])
                await sink.drain()
                sink.close()  # FIN: the client sees an answer that simply stops
                raise _Cut
            await self._carry(data, sink, drips=answer)
            passed += len(data)
        if sink.can_write_eof():
            with contextlib.suppress(OSError):
                sink.write_eof()

    async def _carry(self, data: bytes, sink: asyncio.StreamWriter, *, drips: bool) -> None:
        while drips and data and self.fault.drip_s:
            sink.write(data[:DROP_BYTES])
            data = data[DROP_BYTES:]
            await sink.drain()
            await asyncio.sleep(self.fault.drip_s)
        sink.write(data)
        await sink.drain()

    async def _while_silent(self) -> None:
        while self.fault.blackhole:
            await self._healed.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def main() -> None:
    parser = argparse.ArgumentParser(description="A TCP proxy that misbehaves.")
    parser.add_argument("--listen", type=int, required=True, metavar="PORT")
    parser.add_argument("--to", required=True, metavar="HOST:PORT")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--drip", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--cut-after", type=int, metavar="BYTES")
    parser.add_argument("--reset", action="store_true")
    parser.add_argument("--blackhole", action="store_true")
    options = parser.parse_args()
    host, _, port = options.to.rpartition(":")
    fault = Fault(options.latency, options.drip, options.cut_after, options.reset, options.blackhole)
    with FaultProxy((host or LOOPBACK, int(port)), port=options.listen) as proxy:
        proxy.behave(fault)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
