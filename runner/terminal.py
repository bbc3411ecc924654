"""What the person at the terminal sees, and what goes to var/log.

Each child's whole output is kept in var/log/NAME.log. Its warnings and errors also show here, named, a
traceback as its last line, and never more than a few a second.
"""

from __future__ import annotations

import re
import sys
import time
from collections import deque
from pathlib import Path

KEEP_BYTES = 20_000_000
SHOWN_AT_MOST = 5
SHOWN_WITHIN_S = 10.0
TROUBLED = re.compile(
    r"\b(WARNING|ERROR|CRITICAL|FATAL|PANIC)\b"
    r"|\blevel=(warning|error|critical)\b"
    r"|\[(warning|error|critical) *\]"
    r'|"level": ?"(warning|error|critical)"'
)
TRACEBACK = "Traceback (most recent call last)"
COLOURS = {"dim": "2", "red": "31", "green": "32", "yellow": "33", "bold": "1"}


class Terminal:
    """Plain lines, coloured only where somebody looks."""

    def __init__(self) -> None:
        self.coloured = sys.stdout.isatty()

    def say(self, text: str = "", colour: str | None = None) -> None:
        shown = f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if colour and self.coloured else text
        try:
            print(shown, flush=True)
        except OSError:  # the terminal was closed; the children still have to be stopped
            return

    def step(self, name: str, text: str, seconds: float) -> None:
        self.say(f"  {name:<18} {seconds:5.1f} s  {text}")

    def from_child(self, name: str, line: str) -> None:
        self.say(f"{name:>18} | {line[:400]}", "yellow")


class ChildLog:
    """One child's output: a file that turns over, the last lines, and an eye for trouble."""

    def __init__(self, name: str, folder: Path, terminal: Terminal, hush: str | None = None) -> None:
        self.name, self.path, self.terminal = name, folder / f"{name}.log", terminal
        self.tail: deque[str] = deque(maxlen=20)
        self.seen: re.Pattern[str] | None = None
        self.found = False
        self._hush = re.compile(hush) if hush else None
        self._file = self.path.open("ab")
        self._rest = b""
        self._in_traceback = False
        self._shown: deque[float] = deque(maxlen=SHOWN_AT_MOST)
        self._hidden = 0

    def watch_for(self, pattern: str) -> None:
        """Set `found` when a line with `pattern` comes."""
        self.seen, self.found = re.compile(pattern), False

    def feed(self, data: bytes) -> None:
        if self._file.closed:  # the last words of one that was killed
            return
        self._file.write(data)
        self._file.flush()
        if self._file.tell() > KEEP_BYTES:
            self._turn_over()
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-65_536:]
        for raw in lines:
            self._line(raw.decode(errors="replace").rstrip())

    def note(self, text: str) -> None:
        """Write a line of our own between the child's."""
        self.feed(f"--- {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n".encode())

    def close(self) -> None:
        self._file.close()

    def _line(self, line: str) -> None:
        self.tail.append(line)
        if self.seen is not None and self.seen.search(line):
            self.found = True
        if line.startswith(TRACEBACK):
            self._in_traceback = True
        elif self._in_traceback:
            if line and not line[0].isspace():
                self._in_traceback = False
                self._show(line)
        elif TROUBLED.search(line) and not (self._hush and self._hush.search(line)):
            self._show(line)

    def _show(self, line: str) -> None:
        now = time.monotonic()
        if len(self._shown) == SHOWN_AT_MOST and now - self._shown[0] < SHOWN_WITHIN_S:
            self._hidden += 1
            return
        if self._hidden:
            self.terminal.from_child(self.name, f"({self._hidden} more in {self.path})")
            self._hidden = 0
        self._shown.append(now)
        self.terminal.from_child(self.name, line)

    def _turn_over(self) -> None:
        self._file.close()
        self.path.replace(self.path.with_suffix(".log.1"))
        self._file = self.path.open("ab")
