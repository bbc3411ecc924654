"""A copy of an order at another system: which one step is missing between what is wanted and what was read.

Nothing is concluded from what was sent, only from what a reading shows. What people did there on purpose is
not undone: a copy they cancelled or deleted is not made again without a person asking for it.

Pure. Does not say when a step may be taken (workflows/sending.py) or what is wanted (workflows/deriving.py).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from inventory_sync.domain.commands import CopySeen, CopyState, OrderCopy
from inventory_sync.domain.errors import CopyCancelledThere, SyncError
from inventory_sync.domain.reports import ZERO, plain

LineKey = tuple[str, str]
"""(line_ref, item_ref)."""


class Step(StrEnum):
    """What to call next; one step, then the copy is read again."""

    CANCEL = "cancel"
    WRITE = "write"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Equal:
    """The target has what is wanted."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Only a person can say how to go on."""

    error: SyncError


Decision = Step | Equal | Refuse
OVER = (CopyState.ABSENT, CopyState.CANCELLED, CopyState.DONE)


def decide(wanted: OrderCopy, seen: CopySeen, *, known: bool, may_revive: bool) -> Decision:
    """Return the missing step.

    known: an earlier reading has shown the copy. may_revive: the hub cancelled it itself, or a person asked
    for it again. What has left is not taken back: money given back for it later changes nothing here.
    """
    if wanted.cancelled:
        return Equal() if seen.state in OVER or nothing_is_left(seen) else Step.CANCEL
    want, have = still_wanted(wanted, seen), seen_lines(seen)
    if seen.state is CopyState.ABSENT and not want:
        return Equal()
    if not may_revive and seen.state is CopyState.CANCELLED:
        return Refuse(CopyCancelledThere(f"{seen.document or 'It'} was cancelled there and is still wanted."))
    if not may_revive and seen.state is CopyState.ABSENT and known:
        return Refuse(CopyCancelledThere("It was deleted there and is still wanted."))
    if want != have or seen.state in (CopyState.ABSENT, CopyState.CANCELLED):
        return Step.WRITE
    return Step.CONFIRM if seen.state is CopyState.DRAFT else Equal()


def nothing_is_left(seen: CopySeen) -> bool:
    """Say whether some of it has left and nothing is about to."""
    return any(line.delivered for line in seen.lines) and not any(line.open for line in seen.lines)


def still_wanted(wanted: OrderCopy, seen: CopySeen) -> dict[LineKey, Decimal]:
    """Return what the target should have ordered: what is wanted, and at least what has left."""
    want = wanted_lines(wanted)
    for line in seen.lines:
        if line.delivered:
            key = (line.line_ref, line.item_ref)
            want[key] = max(want.get(key, ZERO), line.delivered)
    return want


def wanted_lines(copy: OrderCopy) -> dict[LineKey, Decimal]:
    """Return what the target should have ordered, lines of nothing left out."""
    sums: dict[LineKey, Decimal] = defaultdict(Decimal)
    for line in copy.lines:
        sums[line.line_ref, line.item_ref] += line.quantity
    return {key: quantity for key, quantity in sums.items() if quantity}


def seen_lines(seen: CopySeen) -> dict[LineKey, Decimal]:
    """Return what the target has ordered, lines of nothing left out."""
    sums: dict[LineKey, Decimal] = defaultdict(Decimal)
    for line in seen.lines:
        sums[line.line_ref, line.item_ref] += line.ordered
    return {key: quantity for key, quantity in sums.items() if quantity}


def difference(wanted: OrderCopy, seen: CopySeen) -> str:
    """Return in words what the target has that is not wanted, or lacks."""
    want, have = still_wanted(wanted, seen), seen_lines(seen)
    told = [
        f"{item} of line {line}: wanted {plain(want.get((line, item), ZERO))}, "
        f"has {plain(have.get((line, item), ZERO))}"
        for line, item in sorted(want.keys() | have.keys())
        if want.get((line, item)) != have.get((line, item))
    ]
    return "; ".join(told) or f"its state is {seen.state.value}"
