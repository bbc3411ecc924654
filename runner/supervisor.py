"""Start the landscape in order, keep every part alive, stop it in reverse.

One supervisor per var folder. Killed with -9 it leaves nobody behind: the kernel tells its children, the
minder ends whoever does not listen, and the next start looks again. What the parts are: landscape.py.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from runner.children import Child, Kept
from runner.minder import CHILDREN_FILE, end_left_overs, read_noted
from runner.processes import Trouble
from runner.terminal import ChildLog, Terminal

Stages = Sequence[Sequence[Child]]
STILL_STARTING_EVERY_S = 5.0


@contextmanager
def only_one(var_dir: Path) -> Iterator[None]:
    """Hold the lock of a var folder. Raises Trouble when a living supervisor has it."""
    var_dir.mkdir(parents=True, exist_ok=True)
    with (var_dir / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise Trouble(
                f"It runs here already (process {holder}). Stop that one with Ctrl-C, or give this one "
                "data and ports of its own: SYNC_VAR_DIR=… make run ARGS=--help shows the ports."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def is_running(var_dir: Path) -> bool:
    """Whether a supervisor holds this var folder."""
    try:
        with only_one(var_dir):
            return False
    except Trouble:
        return True


class Supervisor:
    """Keeps the children of one landscape."""

    def __init__(self, var_dir: Path, terminal: Terminal | None = None) -> None:
        self.var_dir, self.terminal = var_dir, terminal or Terminal()
        self.kept: list[Kept] = []
        self.stop_asked = asyncio.Event()
        self.hurry = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._children_file = var_dir / CHILDREN_FILE
        (var_dir / "log").mkdir(parents=True, exist_ok=True)

    async def run(self, stages: Stages, when_ready: Callable[[], Awaitable[int | None]]) -> int:
        """Start every stage, call `when_ready`, and wait for its answer or to be stopped.

        Its answer is the exit status; None means: until somebody asks to stop. Raises Trouble when a part
        cannot start.
        """
        self._listen_for_signals()
        minder = self._start_minder()
        try:
            for stage in stages:
                await self._start(stage)
                if self.stop_asked.is_set():
                    return 0
            return await self._until_done(when_ready)
        finally:
            await self.stop()
            if minder.stdin is not None:
                minder.stdin.close()
            minder.wait(timeout=30)

    async def stop(self) -> None:
        """End all children, the last started first."""
        self.stop_asked.set()
        began = time.monotonic()
        stopping = list(reversed(self.kept))
        if stopping:
            self.terminal.say("Stopping …")
        # What uses the servers ends side by side; the servers themselves end after it, in turn.
        await asyncio.gather(*(one.stop(self.hurry) for one in stopping if one.child.server is None))
        for one in stopping:
            if one.child.server is not None:
                await one.stop(self.hurry)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in self.kept:
            one.log.close()
        if stopping:
            self._children_file.unlink(missing_ok=True)
            self.terminal.say(f"Stopped everything in {time.monotonic() - began:.1f} s. The data stay.")
        self.kept.clear()

    def ask_to_stop(self) -> None:
        """First time: in good order. Second time: now."""
        if self.stop_asked.is_set():
            self.hurry.set()
        self.stop_asked.set()

    async def _until_done(self, when_ready: Callable[[], Awaitable[int | None]]) -> int:
        foreground = asyncio.ensure_future(when_ready())
        stop = asyncio.ensure_future(self.stop_asked.wait())
        await asyncio.wait({foreground, stop}, return_when=asyncio.FIRST_COMPLETED)
        if foreground.done() and foreground.result() is None:
            await stop
        stop.cancel()
        if not foreground.done():
            foreground.cancel()
            return 130
        return foreground.result() or 0

    async def _start(self, stage: Sequence[Child]) -> None:
        began = time.monotonic()
        starting: dict[asyncio.Task[bool], Kept] = {}
        for child in stage:
            log = ChildLog(child.name, self.var_dir / "log", self.terminal, hush=child.hush)
            kept = Kept(child, log, self.terminal, self._note_children)
            self.kept.append(kept)
            self._tasks.append(asyncio.create_task(kept.keep()))
            starting[asyncio.create_task(kept.ready.wait())] = kept
        stop = asyncio.create_task(self.stop_asked.wait())
        while starting and not stop.done():
            done, _ = await asyncio.wait(
                {*starting, stop}, timeout=STILL_STARTING_EVERY_S, return_when=asyncio.FIRST_COMPLETED
            )
            passed_s = time.monotonic() - began
            if not done:
                names = ", ".join(one.child.name for one in starting.values())
                self.terminal.say(f"  … {passed_s:.0f} s, still starting: {names}", "dim")
            for task in [task for task in starting if task in done]:
                self._report(starting.pop(task), passed_s)
        for task in (stop, *starting):
            task.cancel()

    def _report(self, kept: Kept, passed_s: float) -> None:
        if kept.failure is None:
            self.terminal.step(kept.child.name, kept.child.what, passed_s)
            return
        tail = "\n".join(f"    {line}" for line in kept.log.tail)
        raise Trouble(f"{kept.failure}. The end of {kept.log.path}:\n{tail}")

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.ask_to_stop)

    def _note_children(self) -> None:
        """Keep on disk who lives, for a start after kill -9."""
        living = {
            one.child.name: [one.identity.pid, one.identity.born, one.child.server is not None]
            for one in self.kept
            if one.identity is not None
        }
        draft = self._children_file.with_suffix(".draft")
        draft.write_text(json.dumps(living), encoding="utf-8")
        draft.replace(self._children_file)

    def clear_left_overs(self) -> None:
        """End what a killed supervisor left behind, before its ports and data are used again."""
        servers, others = read_noted(self.var_dir)
        if any(one.alive() for one in [*servers, *others]):
            self.terminal.say("Ending what an earlier start left behind …")
        end_left_overs(servers, others, patience_s=4.0)
        self._children_file.unlink(missing_ok=True)

    def _start_minder(self) -> subprocess.Popen[bytes]:
        """Start the process that outlives a kill -9 of this one and ends the deaf."""
        command = [sys.executable, "-m", "runner.minder", str(self.var_dir)]
        folder = Path(__file__).resolve().parent.parent
        return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=folder, start_new_session=True)
