"""A progress bar of one line: share, count and rate; silent lines now and then when nobody watches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TextIO

WIDTH = 30


class Bar:
    """`total` 0 means that the end is not known, only what is left."""

    def __init__(
        self,
        stream: TextIO,
        word: str,
        total: int,
        *,
        on_step: Callable[[int], None] = lambda done: None,
    ) -> None:
        self._stream, self._word, self._total, self._on_step = stream, word, total, on_step
        self._done = 0
        self._began = time.monotonic()
        self._shown_at = 0.0
        self._lock = threading.Lock()
        self._every_s = 0.2 if stream.isatty() else 10.0

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            done = self._done
        self._on_step(done)
        self._show(done)

    def left(self, count: int) -> None:
        """Show how much is left of something without a known total."""
        self._total = max(self._total, count)
        self._done = self._total - count
        self._show(self._done)

    def end(self) -> None:
        self._show(self._done, last=True)
        if self._stream.isatty():
            self._stream.write("\n")

    def _show(self, done: int, *, last: bool = False) -> None:
        now = time.monotonic()
        if not last and now - self._shown_at < self._every_s:
            return
        self._shown_at = now
        share = done / self._total if self._total else 1.0
        rate = done / max(now - self._began, 1e-9)
        bar = "█" * int(share * WIDTH) + "·" * (WIDTH - int(share * WIDTH))
        line = f"{self._word:<9} {bar} {share:6.1%}  {done:,} of {self._total:,}  {rate:,.0f}/s"
        self._stream.write(f"\r{line}   " if self._stream.isatty() else f"{line}\n")
        self._stream.flush()
