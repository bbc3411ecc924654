"""`Idempotency-Key`: what was asked under a caller's own name is done once, and answered the same ever after.

The answer is kept in the transaction that decides (access/answers.py), so a crash between the commit and the
answer loses nothing. Only what was decided is kept: a request refused before it was asked, or one that
failed, leaves its name free. Costs those who send no name nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory_sync.access import answers
from inventory_sync.access.answers import Kept, Name

LONGEST = 255


@dataclass(frozen=True, slots=True)
class Once:
    """A request's name, unique for its API key, and what its answer needs to be put in words."""

    key_id: int
    name: str
    fingerprint: bytes
    told: Mapping[str, str]

    @property
    def full_name(self) -> Name:
        return (self.key_id, self.name)


@dataclass(frozen=True, slots=True)
class Given:
    """An answer in bytes; replayed: it was given before. status None: the name belongs to another request."""

    status: int | None
    body: bytes = b""
    replayed: bool = False


REUSED = Given(None)


def is_name(text: str) -> bool:
    """Say whether a header's value can name a request: 1 to 255 visible ASCII characters."""
    return 0 < len(text) <= LONGEST and all("!" <= char <= "~" for char in text)


def fingerprint_of(method: str, path: str, body: bytes) -> bytes:
    """Return what tells one request from another: method, address and body, byte for byte."""
    head = f"{method} {path}\n".encode()
    return hashlib.sha256(head + body).digest()


class Names:
    """The names in one group of requests: which of them must be decided, and what the others are answered.

    Used inside the transaction that decides the group.
    """

    def __init__(self, named: Sequence[Once | None], *, now: datetime, oldest: datetime) -> None:
        self._named = named
        self._first: dict[Name, int] = {}
        asked: dict[Name, bytes] = {}
        for index, once in enumerate(named):
            if once is not None and once.full_name not in self._first:
                self._first[once.full_name] = index
                asked[once.full_name] = once.fingerprint
        self._kept = answers.claim(asked, now=now, oldest=oldest)
        self.to_decide = [
            index for index, once in enumerate(named) if once is None or self._is_new(index, once)
        ]

    def _is_new(self, index: int, once: Once) -> bool:
        return once.full_name not in self._kept and self._first[once.full_name] == index

    def keep(self, tell: Callable[[int], tuple[int, bytes]]) -> dict[int, Given]:
        """Write down the answers of what was decided; returns what every named request is answered."""
        given: dict[int, Given] = {}
        new: list[tuple[Name, int, bytes]] = []
        for index in self.to_decide:
            once = self._named[index]
            if once is not None:
                status, body = tell(index)
                given[index] = Given(status, body)
                new.append((once.full_name, status, body))
                self._kept[once.full_name] = Kept(once.fingerprint, status, body)
        if new:
            answers.write(new)
        for index, once in enumerate(self._named):
            if once is not None and index not in given:
                kept = self._kept[once.full_name]
                same = kept.fingerprint == once.fingerprint
                given[index] = Given(kept.status, kept.body, replayed=True) if same else REUSED
        return given
