"""The three kinds of report about stock, and which of two comes later.

A delta happened; a shelf count found; a book figure was read. They are never mixed: what each may do to a
level is in levels.py. Quantities are exact decimals in the item's base unit, times are aware.

Does not know modes, postings or levels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class Counterpart(StrEnum):
    """The virtual location at the other end of a posting."""

    CUSTOMER = "customer"
    VENDOR = "vendor"
    ADJUSTMENT = "adjustment"
    TRANSIT = "transit"
    SCRAP = "scrap"
    PRODUCTION = "production"
    OPENING = "opening"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in one source's history: its time, and its own sequence number if it gives one.

    Positions of different sources' clocks must never be compared.
    """

    occurred_at: datetime
    sequence: int | None = None

    def __post_init__(self) -> None:
        if self.occurred_at.tzinfo is None:
            raise ValueError("a position needs an aware time")


@dataclass(frozen=True, slots=True)
class Delta:
    """A movement that happened: signed quantity in base units, positive into the location.

    (key, revision) identifies one statement; a higher revision of a key replaces the lower ones.
    """

    key: str
    revision: int
    quantity: Decimal
    at: Position
    counterpart: Counterpart


@dataclass(frozen=True, slots=True)
class Count:
    """A shelf count: the quantity found, in base units, as of a position."""

    key: str
    quantity: Decimal
    at: Position


@dataclass(frozen=True, slots=True)
class LineContained:
    """How much of one reservation line a book figure already holds, in base units of its item.

    contained: assigned + delivered outward (see reservations.contained); delivered: the delivered part.
    """

    line: str
    contained: Decimal
    delivered: Decimal


@dataclass(frozen=True, slots=True)
class BookFigure:
    """What the authority's books said of this item and location in one complete reading.

    reading is the hub's own number, taken when the reading begins. Quantity, reserved, unassigned,
    unavailable and containment belong together: they are applied together or not at all. A line absent from
    contained holds nothing (0).
    """

    key: str
    reading: int
    quantity: Decimal
    reserved: Decimal = ZERO
    contained: tuple[LineContained, ...] = ()
    unassigned: Decimal = ZERO
    unavailable: Decimal = ZERO


Report = Delta | Count | BookFigure


@dataclass(frozen=True, slots=True)
class BookReading:
    """One call that held every row of its items, at every location of the authority.

    Read page by page, a page is a reading of its own: whole items, never some rows of one. rows: what was
    found, by (item, location). complete is False when the call failed or was cut: then nothing of it counts.
    """

    number: int
    items: frozenset[str]
    locations: frozenset[str]
    rows: Mapping[tuple[str, str], BookFigure] = field(default_factory=dict)
    complete: bool = True

    def __post_init__(self) -> None:
        for (item, location), row in self.rows.items():
            if item not in self.items or location not in self.locations or row.reading != self.number:
                raise ValueError(f"reading {self.number} does not cover {item} at {location}")


def figures_in(reading: BookReading) -> dict[tuple[str, str], BookFigure]:
    """Return one figure per item and location covered: an absent key is 0, the rest stays unmentioned."""
    if not reading.complete:
        return {}
    nothing = BookFigure(f"reading:{reading.number}", reading.number, ZERO)
    return {
        (item, location): reading.rows.get((item, location), nothing)
        for item in sorted(reading.items)
        for location in sorted(reading.locations)
    }


def is_after(delta: Position, count: Position) -> bool:
    """Say whether a delta happened after a count, so that the count does not hold it.

    At an equal time the source's sequence decides; without one on both sides the delta is contained.
    """
    if delta.occurred_at != count.occurred_at:
        return delta.occurred_at > count.occurred_at
    return delta.sequence is not None and count.sequence is not None and delta.sequence > count.sequence


def latest_count(counts: Iterable[Count]) -> Count | None:
    """Return the count that rules: the latest by time, sequence (none before any) and key."""
    return max(counts, key=_count_rank, default=None)


def effective(deltas: Iterable[Delta]) -> dict[str, Delta]:
    """Return the highest revision of each key."""
    chosen: dict[str, Delta] = {}
    for delta in deltas:
        if delta.key not in chosen or delta.revision > chosen[delta.key].revision:
            chosen[delta.key] = delta
    return chosen


def plain(quantity: Decimal) -> str:
    """Write a quantity so that equal quantities look equal (1, 1.0 and 1E0 are "1")."""
    text = format(quantity, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0") else text


def _count_rank(count: Count) -> tuple[datetime, int, str, Decimal]:
    sequence = -1 if count.at.sequence is None else count.at.sequence
    return (count.at.occurred_at, sequence, count.key, count.quantity)
