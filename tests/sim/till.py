"""A till and stockroom system: the authority, in movements mode, with books of its own.

Counts and deltas of one clock, whole seconds, a sequence that decides ties. `book` is what its own counts and
deltas add up to: the truth the ledger must arrive at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

Place = tuple[str, str]  # (item, location)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal, in its newest revision."""

    number: int
    kind: str  # delta or count
    item: str
    location: str
    quantity: int
    at_s: int
    reason: str = ""
    revision: int = 0
    fulfils: tuple[str, str] | None = None

    def body(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "kind": self.kind,
            "item": self.item,
            "location": self.location,
            "quantity": self.quantity,
            "at_s": self.at_s,
            "reason": self.reason,
            "revision": self.revision,
            "fulfils": list(self.fulfils) if self.fulfils else None,
        }


@dataclass(slots=True)
class Till:
    """`clock_s` is the till's own clock, off by a constant."""

    clock_s: Callable[[], float]
    tell: Callable[[list[Entry]], None]
    journal: list[Entry] = field(default_factory=list)
    versions: list[Entry] = field(default_factory=list)  # every revision ever told, in order
    book: dict[Place, int] = field(default_factory=dict)
    counted: dict[Place, int] = field(default_factory=dict)  # number of the last count

    def has(self, item: str, location: str) -> int:
        return self.book.get((item, location), 0)

    def move(
        self,
        item: str,
        location: str,
        quantity: int,
        reason: str,
        *,
        fulfils: tuple[str, str] | None = None,
    ) -> Entry:
        self.book[item, location] = self.has(item, location) + quantity
        return self._write("delta", item, location, quantity, reason, fulfils)

    def transfer(self, item: str, source: str, destination: str, quantity: int) -> None:
        out = self._entry("delta", item, source, -quantity, "transfer_out", None)
        into = self._entry("delta", item, destination, quantity, "transfer_in", None)
        self.book[item, source] = self.has(item, source) - quantity
        self.book[item, destination] = self.has(item, destination) + quantity
        self.tell([out, into])

    def count(self, item: str, location: str, found: int) -> Entry:
        self.book[item, location] = found
        entry = self._write("count", item, location, found, "", None)
        self.counted[item, location] = entry.number
        return entry

    def revise(self, entry: Entry, quantity: int) -> None:
        """Correct what was reported: a newer revision of the same entry, at its own time."""
        place = (entry.item, entry.location)
        if self.counted.get(place, 0) < entry.number:
            self.book[place] = self.has(*place) + quantity - entry.quantity
        newer = replace(entry, quantity=quantity, revision=entry.revision + 1)
        self.journal[entry.number - 1] = newer
        self.versions.append(newer)
        self.tell([newer])

    def _write(
        self,
        kind: str,
        item: str,
        location: str,
        quantity: int,
        reason: str,
        fulfils: tuple[str, str] | None,
    ) -> Entry:
        entry = self._entry(kind, item, location, quantity, reason, fulfils)
        self.tell([entry])
        return entry

    def _entry(
        self,
        kind: str,
        item: str,
        location: str,
        quantity: int,
        reason: str,
        fulfils: tuple[str, str] | None,
    ) -> Entry:
        number = len(self.journal) + 1
        entry = Entry(number, kind, item, location, quantity, int(self.clock_s()), reason, fulfils=fulfils)
        self.journal.append(entry)
        self.versions.append(entry)
        return entry
