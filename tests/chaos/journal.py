"""What a witness writes down: one JSON line per thing seen, stamped with the machine's own clock.

Imports nothing of the platform: its processes are witnesses against it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Doc = dict[str, Any]


class Journal:
    """Appends lines; what was written is in the file when `note` returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._guard = threading.Lock()

    def note(self, what: str, **seen: Any) -> None:
        with self._guard:
            self._file.write(json.dumps({"t": time.time(), "what": what, **seen}) + "\n")
            self._file.flush()

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> Iterator[Doc]:
    """Return what was written, in order; a line cut off by the end of its writer is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)
