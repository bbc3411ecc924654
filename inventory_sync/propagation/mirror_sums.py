"""From movements of mirrored levels to lines of documents: what is summed, what cancels out. Pure.

Reading movements and writing documents is mirror_cut.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from inventory_sync.domain.external import Reason

# The virtual location at the other end says why stock moved, where the kind of the movement does not.
_BY_OTHER_END = {
    ("customer", True): Reason.RETURN,
    ("customer", False): Reason.SALE,
    ("vendor", True): Reason.RECEIPT,
    ("vendor", False): Reason.RECEIPT,
    ("transit", True): Reason.TRANSFER_IN,
    ("transit", False): Reason.TRANSFER_OUT,
    ("scrap", True): Reason.SCRAP,
    ("scrap", False): Reason.SCRAP,
}
_REASONS = {reason.value: reason for reason in Reason}


@dataclass(frozen=True, slots=True)
class Moved:
    """Movements of one kind of one level, summed by the database; `quantity` is positive."""

    level_id: int
    kind: str
    other_end: str
    arrives: bool
    lot: str
    quantity: Decimal
    movements: int


@dataclass(frozen=True, slots=True)
class Summed:
    """What one level owes in one line; `quantity` is positive, in base units."""

    level_id: int
    reason: Reason
    arrives: bool
    lot: str
    quantity: Decimal
    movements: int


def reason_of(kind: str, other_end: str, *, arrives: bool) -> Reason:
    """Return why stock moved: what was reported, else what the other end says, else an adjustment."""
    return _REASONS.get(kind) or _BY_OTHER_END.get((other_end, arrives)) or Reason.ADJUSTMENT


def summed(moved: Iterable[Moved]) -> list[Summed]:
    """Sum by level, reason, direction and lot. Adjustments of both directions cancel out, no others."""
    totals: dict[tuple[int, Reason, bool, str], Decimal] = defaultdict(Decimal)
    counts: dict[tuple[int, Reason, bool, str], int] = defaultdict(int)
    for each in moved:
        reason = reason_of(each.kind, each.other_end, arrives=each.arrives)
        is_netted = reason is Reason.ADJUSTMENT
        key = (each.level_id, reason, is_netted or each.arrives, each.lot)
        totals[key] += each.quantity if each.arrives or not is_netted else -each.quantity
        counts[key] += each.movements
    return [
        Summed(level_id, reason, arrives if total > 0 else not arrives, lot, abs(total), counts[key])
        for key, total in sorted(totals.items(), key=lambda one: (one[0][0], one[0][1].value, *one[0][2:]))
        for level_id, reason, arrives, lot in (key,)
        if total
    ]


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line to be frozen: `told` in the target's unit of `item_ref`, the rest as in Summed."""

    place_id: int
    item_id: int
    reason: Reason
    arrives: bool
    lot: str
    quantity: Decimal
    movements: int
    item_ref: str
    told: Decimal
    after_id: int
    upto_id: int


def in_documents(lines: Iterable[NewLine], *, most: int) -> Iterator[Sequence[NewLine]]:
    """Yield the lines of each document: one place, reason and direction, at most so many lines."""

    def kind(line: NewLine) -> tuple[int, str, bool]:
        return (line.place_id, line.reason.value, line.arrives)

    for _, group in groupby(sorted(lines, key=lambda one: (*kind(one), one.item_id, one.lot)), key=kind):
        together = list(group)
        for start in range(0, len(together), most):
            yield together[start : start + most]
