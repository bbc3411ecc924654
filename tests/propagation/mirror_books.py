"""A system that keeps a copy of stock: its own books, in memory, with all that can go wrong.

A document is known by its name. It is created, then booked, as two steps, and a name is never given away
again. Requests may be lost before or after they were carried out, or land late. The books are the witness:
they know nothing of the platform, and stop a test when one name comes with two contents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from inventory_sync.domain.commands import DocumentState, Done, MirrorDocument
from inventory_sync.domain.errors import (
    CancelledThere,
    Misconfigured,
    OutcomeUnknown,
    RemoteRefused,
    RemoteUnavailable,
)
from inventory_sync.domain.ports import Capabilities

LIFE_S = 60


@dataclass
class Books:
    """What the system keeps. `fault`: what happens to the next calls, one word each; see `_call`."""

    stock: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    states: dict[str, DocumentState] = field(default_factory=dict)
    contents: dict[str, MirrorDocument] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)
    leaves_drafts: bool = False
    faults: list[str] = field(default_factory=list)
    late: list[Sequence[MirrorDocument]] = field(default_factory=list)
    meanwhile: Callable[[], None] | None = None
    calls: list[tuple[str, int]] = field(default_factory=list)

    def read_documents(self, names: Sequence[str]) -> Mapping[str, DocumentState]:
        self.calls.append(("read", len(names)))
        if self.faults and self.faults[0] == "read fails":
            self.faults.pop(0)
            raise RemoteUnavailable("Nobody answers.")
        if self.faults and self.faults[0] == "read stumbles":
            self.faults.pop(0)
            raise KeyError("a field nobody expected")
        return {name: self.states.get(name, DocumentState.ABSENT) for name in names}

    def book_documents(self, documents: Sequence[MirrorDocument]) -> list[Done]:
        self.calls.append(("book", sum(len(each.lines) for each in documents)))
        fault = self.faults.pop(0) if self.faults and not self.faults[0].startswith("read") else ""
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        match fault:
            case "unavailable":
                raise RemoteUnavailable("It is being updated.")
            case "misconfigured":
                raise Misconfigured("The key has ended.")
            case "lost":
                self.carry_out(documents)
                raise OutcomeUnknown("No answer.")
            case "stumbles":
                self.carry_out(documents)
                raise KeyError("a field nobody expected")
            case "half":
                self.carry_out(documents[: len(documents) // 2])
                raise OutcomeUnknown("No answer.")
            case "draft":
                for each in documents:
                    self._create(each)
                raise OutcomeUnknown("No answer.")
            case "late":
                self.late.append(documents)
                raise OutcomeUnknown("No answer.")
            case "never":
                raise OutcomeUnknown("No answer.")
        return self.carry_out(documents)

    def land(self) -> None:
        """Have every request land that is still on its way."""
        late, self.late = self.late, []
        for documents in late:
            self.carry_out(documents)

    def carry_out(self, documents: Sequence[MirrorDocument]) -> list[Done]:
        return [self._book(each) for each in documents]

    def figure(self, place: str, item: str) -> Decimal:
        return self.stock.get((place, item), Decimal(0))

    def _book(self, document: MirrorDocument) -> Done:
        state = self.states.get(document.name, DocumentState.ABSENT)
        if state is DocumentState.BOOKED:
            self._same(document)
            return Done(document.name)
        if state is DocumentState.CANCELLED:
            return Done(document.name, CancelledThere("It was cancelled."))
        bad = sorted({line.item_ref for line in document.lines} & self.refuses)
        if bad:
            if self.leaves_drafts:
                self._create(document)
            return Done("", RemoteRefused(f"{bad[0]} is archived."))
        self._create(document)
        for line in document.lines:
            sign = 1 if document.arrives else -1
            self.stock[document.location_ref, line.item_ref] += sign * line.quantity
        self.states[document.name] = DocumentState.BOOKED
        return Done(document.name)

    def _create(self, document: MirrorDocument) -> None:
        self._same(document)
        self.states.setdefault(document.name, DocumentState.OPEN)

    def _same(self, document: MirrorDocument) -> None:
        first = self.contents.setdefault(document.name, document)
        assert replace(document, note="") == replace(first, note=""), (
            f"{document.name} came with two contents"
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """It needs none."""


class BooksConnector:
    """The connector of the books, as installed: settings.CONNECTORS names this module."""

    code = "books"
    label = "Books"
    capabilities = Capabilities(
        mirrors_stock=True, max_request_life_s=LIFE_S, calls_per_s=100.0, burst=1000, needs_hooks=False
    )

    config_type = Settings

    def client(self, config: Any, *, connection: str, outside: Any = None) -> Books:
        return Books()


CONNECTOR = BooksConnector()
