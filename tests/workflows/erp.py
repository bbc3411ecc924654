"""A system that takes copies of orders, with its own books and every way of failing to answer.

It knows nothing of the hub: it keeps one document per name, as a database with unique names does, and it
notices when the hub writes to a document while an earlier call about it may still land.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.domain.commands import CopySeen, CopyState, Done, OrderCopy, SeenLine
from inventory_sync.domain.errors import OutcomeUnknown, RateLimited, RemoteRefused, RemoteUnavailable

LIFE = timedelta(seconds=120)
Name = tuple[str, str, str]


class Killed(BaseException):
    """The worker was killed here: nothing of its code runs any more."""


@dataclass(slots=True)
class Document:
    number: str
    state: CopyState = CopyState.DRAFT
    lines: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    delivered: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    made: int = 1


@dataclass(slots=True)
class Late:
    """A call that has not landed yet."""

    at: datetime
    step: str
    copies: tuple[OrderCopy, ...]


@dataclass(slots=True)
class Erp:
    """`fault` is asked before each call what becomes of it, e.g. "" or lost; see _call.

    `bad`: refs of orders it refuses for good, `whole`: by refusing the whole call. `alters`: refs of orders
    of which it keeps one piece per line, whatever was written.
    """

    now: Callable[[], datetime]
    fault: Callable[[str], str] = lambda step: ""
    documents: dict[Name, Document] = field(default_factory=dict)
    late: list[Late] = field(default_factory=list)
    bad: dict[str, str] = field(default_factory=dict)
    whole: bool = False
    alters: set[str] = field(default_factory=set)
    sent: list[tuple[str, str]] = field(default_factory=list)
    sizes: list[tuple[str, int]] = field(default_factory=list)
    when: Callable[[], float] = lambda: 0.5
    trespasses: list[str] = field(default_factory=list)

    # ── what the hub calls ───────────────────────────────────────────────────────────────────────────────

    def read_copies(self, copies: Sequence[OrderCopy]) -> list[CopySeen]:
        self.land()
        self.sizes.append(("read", len(copies)))
        fate = self.fault("read")
        if fate in ("killed", "killed_before"):
            raise Killed
        if fate in ("away", "lost", "late"):
            raise RemoteUnavailable("no answer")
        if fate == "limited":
            raise RateLimited("slow down", retry_after_s=7)
        if fate == "odd":
            raise KeyError("a field nobody expected")
        return [self._seen(copy) for copy in copies]

    def write_copies(self, copies: Sequence[OrderCopy]) -> list[Done]:
        return self._call("write", copies)

    def confirm_copies(self, copies: Sequence[OrderCopy]) -> list[Done]:
        return self._call("confirm", copies)

    def cancel_copies(self, copies: Sequence[OrderCopy]) -> list[Done]:
        return self._call("cancel", copies)

    # ── its own life ─────────────────────────────────────────────────────────────────────────────────────

    def land(self) -> None:
        """Let what was under way arrive, in its own time."""
        now = self.now()
        due = sorted((each for each in self.late if each.at <= now), key=lambda each: each.at)
        self.late = [each for each in self.late if each.at > now]
        for each in due:
            for copy in each.copies:
                self._apply(each.step, copy)

    def document(self, copy: OrderCopy) -> Document | None:
        return self.documents.get(_name(copy))

    def _call(self, step: str, copies: Sequence[OrderCopy]) -> list[Done]:
        self.land()
        self.sizes.append((step, len(copies)))
        under_way = {_name(copy) for each in self.late for copy in each.copies}
        for copy in copies:
            self.sent.append((step, copy.order_ref))
            if _name(copy) in under_way:
                self.trespasses.append(f"{step} {copy.order_ref} while an earlier call may still land")
        fate = self.fault(step)
        if fate == "killed_before":
            raise Killed
        if fate == "away":
            raise RemoteUnavailable("connection refused")
        if fate == "limited":
            raise RateLimited("slow down", retry_after_s=7)
        if fate == "refuse" or (self.whole and any(copy.order_ref in self.bad for copy in copies)):
            raise RemoteRefused("not this call")
        if fate in ("late", "killed_late", "odd_late"):
            self.late.append(Late(self.now() + LIFE * self.when(), step, tuple(copies)))
            if fate == "killed_late":
                raise Killed
            if fate == "odd_late":
                raise KeyError("a field nobody expected")
            raise OutcomeUnknown("timed out")
        results = [self._apply(step, copy) for copy in copies]
        if fate == "killed":
            raise Killed
        if fate == "odd":
            raise KeyError("a field nobody expected")
        if fate == "lost":
            raise OutcomeUnknown("the answer was lost")
        return results

    def _apply(self, step: str, copy: OrderCopy) -> Done:
        if why := self.bad.get(copy.order_ref):
            return Done(error=RemoteRefused(why))
        document = self.documents.get(_name(copy))
        if step == "write":
            wanted = {(line.line_ref, line.item_ref): line.quantity for line in copy.lines if line.quantity}
            if not copy.may_make and (document is None or document.state is CopyState.CANCELLED):
                return Done(error=RemoteUnavailable("gone since it was read"))
            if document is None:
                document = Document(f"S{len(self.documents) + 1:05}")
                self.documents[_name(copy)] = document
            if document.state is CopyState.CANCELLED:
                document.state = CopyState.DRAFT
            if any(wanted.get(key, Decimal(0)) < gone for key, gone in document.delivered.items()):
                return Done(document.number, RemoteRefused("less than was delivered"))
            document.lines = dict.fromkeys(wanted, Decimal(1)) if copy.order_ref in self.alters else wanted
            return Done(document.number)
        if document is None:
            return Done() if step == "cancel" else Done(error=RemoteRefused("there is no such order"))
        if step == "cancel":
            if document.delivered:
                return Done(document.number, RemoteRefused("it was delivered"))
            document.state = CopyState.CANCELLED
        elif document.state is CopyState.DRAFT:
            document.state = CopyState.CONFIRMED
        elif document.state is CopyState.CANCELLED:
            return Done(document.number, RemoteRefused("a cancelled order cannot be confirmed"))
        return Done(document.number)

    def _seen(self, copy: OrderCopy) -> CopySeen:
        document = self.documents.get(_name(copy))
        if document is None:
            return CopySeen(CopyState.ABSENT)
        lines = tuple(
            SeenLine(line, item, quantity, delivered=document.delivered.get((line, item), Decimal(0)))
            for (line, item), quantity in sorted(document.lines.items())
        )
        return CopySeen(document.state, document.number, lines)


def _name(copy: OrderCopy) -> Name:
    return (copy.source, copy.order_ref, copy.location_ref)
