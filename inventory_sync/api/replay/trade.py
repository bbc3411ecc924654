"""From lines of a transaction file to till events, in the order they are to be delivered. Pure.

The file has the columns InvoiceNo, StockCode, Quantity, InvoiceDate (others are ignored). Line numbers count
from 1 and are the event ids; content cannot be, for equal lines occur.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

# What this file books like goods although nobody could put it on a shelf. A retailer would exclude them.
SERVICES = ("POST", "DOT", "M", "D", "C2", "S", "B", "PADS", "BANK CHARGES", "AMAZONFEE", "CRUK")
SERVICE_PREFIXES = ("GIFT_", "DCGS")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file; `quantity` is positive when goods left."""

    number: int
    invoice: str
    sku: str
    quantity: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Expected:
    """What the file's owner says must come out for one SKU."""

    opening: int
    net_change: int

    @property
    def on_hand(self) -> int:
        return self.opening + self.net_change


@dataclass(frozen=True, slots=True)
class Plan:
    """How the sender behaves: what it repeats, mixes up, counts and falsifies."""

    duplicate: float = 0.0
    shuffle_window: int = 0
    counts: int = 0
    corrupt: int = 0
    seed: int = 1


def read_lines(path: Path, *, limit: int | None = None) -> Iterator[Line]:
    """Yield the lines of a CSV file, gzipped or not. Raises ValueError naming the line that is no line."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = {"InvoiceNo", "StockCode", "Quantity", "InvoiceDate"} - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path.name} lacks the columns {', '.join(sorted(missing))}.")
        for number, row in enumerate(reader, start=1):
            if limit is not None and number > limit:
                return
            try:
                yield Line(
                    number,
                    row["InvoiceNo"],
                    row["StockCode"].upper(),
                    int(row["Quantity"]),
                    datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=UTC),
                )
            except (ValueError, KeyError, AttributeError) as error:
                raise ValueError(f"{path.name}, line {number + 1} of the file: {error}") from error


def read_expected(path: Path) -> dict[str, Expected]:
    """Return what must come out, per upper-cased SKU."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["sku_upper"]: Expected(int(row["opening_stock_to_stay_nonnegative"]), int(row["net_change"]))
            for row in csv.DictReader(file)
        }


def expected_of(lines: Iterable[Line], opening: dict[str, Expected]) -> dict[str, Expected]:
    """Return what a part of the file must bring: its own changes on the full file's opening stock."""
    net: dict[str, int] = {}
    for line in lines:
        net[line.sku] = net.get(line.sku, 0) - line.quantity
    return {
        sku: Expected(opening[sku].opening if sku in opening else 0, change) for sku, change in net.items()
    }


def is_service(sku: str) -> bool:
    return sku in SERVICES or sku.startswith(SERVICE_PREFIXES)


def events(
    lines: list[Line], opening: dict[str, int], plan: Plan, *, store_of: Callable[[str], str]
) -> list[bytes]:
    """Return every event body in delivery order: opening counts first, then trade as the plan disturbs it."""
    chance = random.Random(plan.seed)
    first = lines[0].at - timedelta(days=1) if lines else datetime(2000, 1, 1, tzinfo=UTC)
    placed: list[tuple[float, bytes]] = []
    falsified = set(chance.sample(range(len(lines)), min(plan.corrupt, len(lines))))
    for position, line in enumerate(lines):
        body = _trade(line, store=store_of(line.sku), extra=1 if position in falsified else 0)
        placed.append((position + chance.random() * plan.shuffle_window, body))
        if plan.duplicate and chance.random() < plan.duplicate:
            placed.append((position + chance.random() * max(plan.shuffle_window, 500), body))
    placed += _counts(lines, opening, plan, chance, store_of=store_of)
    placed.sort(key=lambda one: one[0])
    opened = [
        _opening(sku, quantity, first, number, store=store_of(sku))
        for number, (sku, quantity) in enumerate(sorted(opening.items()), start=1)
    ]
    return [*opened, *(body for _, body in placed)]


def _counts(
    lines: list[Line],
    opening: dict[str, int],
    plan: Plan,
    chance: random.Random,
    *,
    store_of: Callable[[str], str],
) -> Iterator[tuple[float, bytes]]:
    """Yield true counts as of random lines, delivered up to the window early or late."""
    if not plan.counts:
        return
    asked: dict[int, list[str]] = {}
    skus = sorted({line.sku for line in lines})
    for _ in range(plan.counts):
        asked.setdefault(chance.randrange(len(lines)), []).append(chance.choice(skus))
    shelf = dict.fromkeys(skus, 0) | opening
    for position, line in enumerate(lines):
        shelf[line.sku] -= line.quantity
        for nth, sku in enumerate(asked.get(position, ())):
            if shelf[sku] >= 0:  # nobody finds less than nothing on a shelf
                when = position + chance.uniform(-1, 1) * max(plan.shuffle_window, 1)
                yield when, _count(line, sku, shelf[sku], nth, store=store_of(sku))


# Each message has a number of its own: the openings first, then every line with the counts after it.
AFTER_OPENING = 1_000_000
PER_LINE = 1_000


def _trade(line: Line, *, store: str, extra: int) -> bytes:
    kind = "sale" if line.quantity >= 0 else "return" if line.invoice.startswith("C") else "adjustment"
    return _event(
        f"line-{line.number}",
        kind,
        store=store,
        sequence=AFTER_OPENING + PER_LINE * line.number,
        at=line.at,
        sku=line.sku,
        quantity=abs(line.quantity) + extra,
        document=("receipt", line.invoice),
    )


def _count(line: Line, sku: str, quantity: int, nth: int, *, store: str) -> bytes:
    return _event(
        f"count-{line.number}-{nth}",
        "count",
        store=store,
        sequence=AFTER_OPENING + PER_LINE * line.number + 1 + nth,
        at=line.at,
        sku=sku,
        quantity=quantity,
        document=("count", f"C{line.number}"),
    )


def _opening(sku: str, quantity: int, at: datetime, number: int, *, store: str) -> bytes:
    return _event(
        f"opening-{sku}"[:120],
        "count",
        store=store,
        sequence=number,
        at=at,
        sku=sku,
        quantity=quantity,
        document=("count", "OPENING"),
    )


def _event(
    event_id: str,
    kind: str,
    *,
    store: str,
    sequence: int,
    at: datetime,
    sku: str,
    quantity: int,
    document: tuple[str, str],
) -> bytes:
    return json.dumps(
        {
            "id": event_id,
            "type": kind,
            "store": store,
            "sequence": sequence,
            "time": at.isoformat(),
            "document": {"kind": document[0], "number": document[1]},
            "lines": [{"line": 1, "sku": sku, "uom": "C62", "quantity": str(Decimal(quantity))}],
        }
    ).encode()


class Pace:
    """Lets a body go when its own time has come, `speed` times faster than it happened; 0 never waits."""

    def __init__(self, bodies: list[bytes], speed: float) -> None:
        self._bodies, self._speed = bodies, speed
        self._began = time.monotonic()
        self._first: datetime | None = None
        self._lock = threading.Lock()

    def wait(self, position: int) -> None:
        if not self._speed:
            return
        event = json.loads(self._bodies[position])
        if event["id"].startswith("opening-"):
            return
        at = datetime.fromisoformat(event["time"])
        with self._lock:
            self._first = self._first or at
        due = self._began + (at - self._first).total_seconds() / self._speed
        time.sleep(max(0.0, due - time.monotonic()))
