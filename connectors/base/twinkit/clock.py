"""The clock of a twin: real time, a given source, or either moved forward by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class TwinClock:
    """Tells the twin's time; `advance` moves it forward and never back."""

    def __init__(self, source: Callable[[], datetime] | None = None) -> None:
        self._source = source or (lambda: datetime.now(UTC))
        self._offset = timedelta()

    def now(self) -> datetime:
        return self._source() + self._offset

    def seconds(self) -> int:
        """Return whole seconds since the epoch: the resolution most vendors store."""
        return int(self.now().timestamp())

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("a twin's clock only moves forward")
        self._offset += timedelta(seconds=seconds)
