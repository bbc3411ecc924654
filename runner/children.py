"""One child of the supervisor: how it is started, when it counts as ready, how it ends and comes back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from runner.processes import Process, Trouble, kill_group, launched, process
from runner.servers import LOOPBACK, Server
from runner.terminal import ChildLog, Terminal

FIRST_BACK_OFF_S = 0.5
LONGEST_BACK_OFF_S = 30.0
HEALTHY_AFTER_S = 60.0
GIVE_UP_AFTER = 3
"""Failed attempts before the first readiness; after it a child is restarted without end."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Ready when this address answers without a server error."""

    url: str


@dataclass(frozen=True, slots=True)
class Listens:
    """Ready when this loopback port takes connections."""

    port: int


@dataclass(frozen=True, slots=True)
class Says:
    """Ready when its output holds a line with this pattern."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Lives:
    """Ready when it has not ended within these seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Ends:
    """A step: ready when it has ended well."""


Ready = Answers | Listens | Says | Lives | Ends


@dataclass(frozen=True, slots=True)
class Child:
    """One process of the landscape."""

    name: str
    what: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Ready = Lives(1.0)
    server: Server | None = None
    """An embedded server: prepares itself before each start and knows its own command."""
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGTERM
    """What the kernel sends it when the supervisor is killed."""
    grace_s: float = 15.0
    hush: str | None = None
    """Lines with this pattern are not worth showing."""
    ready_timeout_s: float = 90.0

    @property
    def is_step(self) -> bool:
        return isinstance(self.ready, Ends)


class Kept:
    """A child while it is kept alive."""

    def __init__(self, child: Child, log: ChildLog, terminal: Terminal, changed: Callable[[], None]) -> None:
        self.child, self.log, self.terminal, self.changed = child, log, terminal, changed
        self.identity: Process | None = None
        self.ready = asyncio.Event()
        self.failure: str | None = None
        self.stopping = asyncio.Event()
        self.restarts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._silent = asyncio.Event()

    async def keep(self) -> None:
        """Start it, and start it again whenever it ends, until `stop`. A step runs once."""
        back_off_s, failed = FIRST_BACK_OFF_S, 0
        while not self.stopping.is_set():
            began = time.monotonic()
            hopeless = False
            try:
                why = await self._live()
            except Trouble as trouble:
                why, hopeless = str(trouble), True
            except Exception as error:  # noqa: BLE001 - said aloud; a start must not hang on it
                why, hopeless = f"{self.child.name}: {error!r}", True
            if self.stopping.is_set() or why is None:
                return
            failed += 0 if self._passes_by_itself() else 1
            if not self.ready.is_set() and (hopeless or self.child.is_step or failed >= GIVE_UP_AFTER):
                self._give_up(why)
                return
            if time.monotonic() - began > HEALTHY_AFTER_S:
                back_off_s = FIRST_BACK_OFF_S
            self.restarts += 1
            self.terminal.say(f"{why}; starting it again in {back_off_s:g} s", "yellow")
            self.log.note(f"{why}; starting again in {back_off_s:g} s")
            await _either(self.stopping.wait(), timeout_s=back_off_s)
            back_off_s = min(back_off_s * 2, LONGEST_BACK_OFF_S)

    async def stop(self, hurry: asyncio.Event) -> None:
        """Ask it to end, wait its grace, insist. PostgreSQL is asked politely first, hurry or not."""
        self.stopping.set()
        running, server = self._process, self.child.server
        if running is None or _is_over(running):
            return
        insist = server.escalation if server else ((signal.SIGKILL, 5.0),)
        for number, wait_s in ((self._stop_signal, self.child.grace_s), *insist):
            self._send(number)
            impatient = () if server else (hurry.wait(),)
            await _either(running.wait(), *impatient, timeout_s=wait_s)
            if _is_over(running):
                break
        self._sweep_group()

    async def _live(self) -> str | None:
        """Live once; return how it ended, None for a step that is done. Raises Trouble if never ready."""
        await self._spawn()
        if self.stopping.is_set():  # asked while it was being prepared
            self._send(self._stop_signal)
        if await self._until_ready():
            self.ready.set()
        code = await self._ended()
        return None if self.child.is_step and code == 0 else f"{self.child.name} {_how(code)}"

    @property
    def _stop_signal(self) -> signal.Signals:
        return self.child.server.stop_signal if self.child.server else self.child.stop_signal

    def _passes_by_itself(self) -> bool:
        return self.child.server is not None and self.child.server.worth_another_try()

    def _give_up(self, why: str) -> None:
        self.failure = why
        self.ready.set()

    async def _spawn(self) -> None:
        child = self.child
        if child.server is not None:
            await asyncio.to_thread(child.server.prepare)
            command = child.server.command()
        else:
            command = launched(child.command, death_signal=child.death_signal)
        if isinstance(child.ready, Says):
            self.log.watch_for(child.ready.pattern)
        # A pipe of our own: with asyncio's, the end of a child is noticed only when its own children end too.
        output, theirs = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                env=os.environ | dict(child.environment),
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        self.identity = process(self._process.pid)
        self._silent.clear()
        asyncio.get_running_loop().add_reader(output, self._read, output)
        self.changed()

    def _read(self, output: int) -> None:
        data = os.read(output, 65_536)
        if data:
            self.log.feed(data)
            return
        asyncio.get_running_loop().remove_reader(output)
        os.close(output)
        self._silent.set()

    async def _ended(self) -> int:
        assert self._process is not None
        code = await self._process.wait()
        self._sweep_group()
        await _either(self._silent.wait(), timeout_s=2)
        return code

    async def _until_ready(self) -> bool:
        """Return whether it became ready before it ended. Raises Trouble when it lives and never does."""
        running, began = self._process, time.monotonic()
        assert running is not None
        while running.returncode is None and not self.stopping.is_set():
            waited_s = time.monotonic() - began
            if await self._is_ready(waited_s):
                return True
            if waited_s > self.child.ready_timeout_s and not self.child.is_step and not self.ready.is_set():
                self._send(self._stop_signal)
                raise Trouble(f"{self.child.name} runs and is not ready after {waited_s:.0f} s")
            await asyncio.sleep(0.05)
        return self.child.is_step and running.returncode == 0

    async def _is_ready(self, waited_s: float) -> bool:
        if self.child.server is not None:
            return await asyncio.to_thread(self.child.server.ready)
        match self.child.ready:
            case Answers(url):
                return await asyncio.to_thread(_answers, url)
            case Listens(port):
                return await _listens(port)
            case Says():
                return self.log.found
            case Lives(seconds):
                return waited_s >= seconds
            case Ends():
                return False

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    def _sweep_group(self) -> None:
        """End what a killed master left of its own children. PostgreSQL's end themselves, and must."""
        if self._process is not None and self.child.server is None:
            kill_group(self._process.pid)


def _is_over(running: asyncio.subprocess.Process) -> bool:
    return running.returncode is not None


async def _either(*waits: Awaitable[object], timeout_s: float) -> bool:
    """Wait for the first of several, at most so long; return whether one came."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    done, late = await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    for task in late:
        task.cancel()
    return bool(done)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3):  # noqa: S310 - our own loopback address
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def _how(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with status {code}"
