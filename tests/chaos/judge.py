"""What the witnesses' journals say of the figures a shop showed. Pure: journals in, findings out.

Nobody at the hub knows a fall before somebody told it. A fall therefore counts against the hub from the
moment its message was acknowledged, plus the bound within which the platform declares to have applied it;
a rise counts from when it happened. The highest figure the hub may have believed in is their sum.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.journal import Doc

BOUND_S = 20.0
"""From acknowledged to shown, while everything is being broken: the declared recovery and a lane's turn."""
OWN_ORDER_S = 1.0
"""A shop's own order is there to be pulled a second after it was placed."""
WRITTEN_OVER_S = 30.0
"""The longest a write may stand over a sale: a lost answer's request life, a lease, a turn of the lane."""

ENDED = frozenset({"cancelled", "refunded", "failed", "trash"})
"""What an order is that wants nothing any more; one that was sent is told by the till's shipment."""


@dataclass(frozen=True, slots=True)
class Change:
    """What may be sold of an item changed. `known`: since when the hub was told; None: never by message."""

    at: float
    delta: float
    known: float | None
    shop: str


@dataclass(frozen=True, slots=True)
class Landing:
    """A figure in a shop's book, and who wrote it there."""

    at: float
    value: float
    who: str
    before: float


@dataclass(frozen=True, slots=True)
class Fault:
    """A time in which a shop could not be reached."""

    shop: str
    began: float
    ended: float


@dataclass(slots=True)
class Findings:
    """Sales and writes that should not have been, in words and numbers."""

    sales: int = 0
    landed: int = 0
    oversold: int = 0
    oversold_inherent: int = 0
    regressed: int = 0
    written_over: int = 0
    written_over_longest_s: float = 0.0
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Books:
    """The witnesses' books of one campaign: by item what changed, by shop and item what landed."""

    changes: dict[str, list[Change]]
    landings: dict[tuple[str, str], list[Landing]]

    def highest(self, sku: str, shop: str, at: float, slack_s: float, own_s: float) -> float:
        """Return the most that the hub may have believed at `at`."""
        total = 0.0
        for one in self.changes[sku]:
            if one.at > at:
                break
            if one.delta >= 0:
                total += one.delta
            elif one.shop == shop:
                total += one.delta if one.at + own_s <= at else 0
            elif one.known is not None and one.known + slack_s <= at:
                total += one.delta
        return max(0.0, total)

    def drift(self) -> list[str]:
        """Return where these books end otherwise than what is shown: then they are wrong, or the shop is."""
        last = {key: landings[-1].value for key, landings in sorted(self.landings.items()) if landings}
        return [
            f"{shop} shows {value:g} of {sku} in the end, the witnesses' own sum is {right:g}"
            for (shop, sku), value in last.items()
            if value != (right := max(0.0, sum(one.delta for one in self.changes[sku])))
        ]

    def there(self, sku: str, at: float) -> float:
        """Return what there was, before what happened at that very moment."""
        return sum(one.delta for one in self.changes[sku] if one.at < at)


def read_books(
    shops: Mapping[str, Iterable[Doc]], till: Iterable[Doc], *, products: Mapping[str, Mapping[int, str]],
    sold_from: Sequence[str],
) -> Books:  # fmt: skip
    """Return the books of the journals.

    A shop does not always put back all that an order had taken when it ends (part of it was refunded, and
    with it the whole); it is free all the same, from when the order had ended.
    """
    changes: dict[str, list[Change]] = defaultdict(list)
    landings: dict[tuple[str, str], list[Landing]] = defaultdict(list)
    for sku, made in _till_changes(till, sold_from):
        changes[sku].append(made)
    for shop, lines in shops.items():
        told: dict[int, list[float]] = defaultdict(list)
        moved: list[tuple[float, float, int, str]] = []
        shown: dict[str, float] = defaultdict(float)
        ended: dict[int, float] = {}
        for line in lines:
            if line["what"] == "sent" and 200 <= line["status"] < 300 and line["topic"].startswith("order."):
                told[int(line["id"])].append(line["t"])
            if line["what"] == "order" and line["status"] in ENDED:
                ended.setdefault(int(line["key"]), line["t"])
            if line["what"] != "history" or line["product_id"] not in products[shop]:
                continue
            sku, value = products[shop][line["product_id"]], float(line["value"] or 0)
            landing = Landing(line["t"], value, line["who"], shown[sku])
            landings[shop, sku].append(landing)
            kind, _, order = line["who"].partition(":")
            if kind in ("order", "refund"):
                moved.append((line["t"], value - shown[sku], int(order), sku))
            shown[sku] = value
        taken: dict[tuple[int, str], float] = defaultdict(float)
        for _, delta, order_id, sku in moved:
            taken[order_id, sku] -= delta
        for (order_id, sku), left in taken.items():
            if left and order_id in ended:
                changes[sku].append(Change(ended[order_id], left, None, shop))
        for at, delta, order_id, sku in moved:
            times = told[order_id]
            nth = bisect_right(times, at - 0.001)
            changes[sku].append(Change(at, delta, times[nth] if nth < len(times) else None, shop))
    for made_of in changes.values():
        made_of.sort(key=lambda one: one.at)
    return Books(changes, landings)


def _till_changes(lines: Iterable[Doc], sold_from: Sequence[str]) -> list[tuple[str, Change]]:
    """Return how each event of the till changed what may be sold.

    What leaves for an order was taken when the order was placed, so that such a shipment changes nothing.
    One that a count of a later time already contains (a till whose clock was set) takes nothing off the
    shelf: then the order's goods are free again.
    """
    levels: dict[tuple[str, str], float] = defaultdict(float)
    made: list[tuple[str, float, float, str]] = []
    told: dict[str, float] = {}
    event = ""
    taken: dict[str, float] = {}
    for line in lines:
        if line["what"] == "acked":
            told.setdefault(line["key"], line["t"])
        elif line["what"] == "event":
            event, taken = line["id"], defaultdict(float)
            if line["type"] == "shipment" and line["order"]:
                for sent in line["lines"]:
                    taken[sent["sku"]] += float(sent["quantity"])
        elif line["what"] == "level":
            place, sku, now = line["store"], line["sku"], float(line["on_hand"])
            delta, levels[place, sku] = now - levels[place, sku], now
            delta += taken.pop(sku, 0.0)
            if event and delta and place in sold_from:
                made.append((sku, line["t"], delta, event))
    return [(sku, Change(at, delta, told.get(event), "till")) for sku, at, delta, event in made]


def find(books: Books, faults: Sequence[Fault]) -> Findings:
    """Return what the shops showed that they should not have."""
    found = Findings()
    for (shop, sku), landings in sorted(books.landings.items()):
        _sales(found, books, shop, sku, landings, faults)
        _writes(found, books, shop, sku, landings, faults)
    return found


def _sales(
    found: Findings, books: Books, shop: str, sku: str, landings: Sequence[Landing], faults: Sequence[Fault]
) -> None:
    for one in landings:
        sold = one.before - one.value
        if not one.who.startswith("order:") or sold <= 0:
            continue
        found.sales += 1
        short = min(sold, sold - max(0.0, books.there(sku, one.at)))
        if short <= 0:
            continue
        slack_s = BOUND_S + unreachable_s(faults, shop, one.at)
        believed = books.highest(sku, shop, one.at, slack_s, slack_s)
        if one.before > believed:
            found.oversold += int(short)
            found.notes.append(
                f"{shop} sold {sold:g} of {sku} at {one.at:.2f}, showing {one.before:g}, not {believed:g}"
            )
        else:
            found.oversold_inherent += int(short)


def _writes(
    found: Findings, books: Books, shop: str, sku: str, landings: Sequence[Landing], faults: Sequence[Fault]
) -> None:
    """Judge each write of the hub by what it may have believed, and how long a wrong one stood."""
    since, wrote = None, 0.0
    for nth, one in enumerate(landings):
        ours = one.who == "api"
        found.landed += ours
        slack_s = BOUND_S + unreachable_s(faults, shop, one.at)
        wrong = one.value > books.highest(sku, shop, one.at, slack_s, OWN_ORDER_S)
        if ours and wrong and since is None:
            since, wrote = one.at, one.value
            found.written_over += 1
        last = nth == len(landings) - 1
        if since is not None and (not wrong or last):
            stood_s = one.at - since - (unreachable_s(faults, shop, one.at) if one.at > since else 0)
            found.written_over_longest_s = max(found.written_over_longest_s, stood_s)
            if stood_s > WRITTEN_OVER_S:
                found.regressed += 1
                found.notes.append(
                    f"{shop} {sku}: {wrote:g} written at {since:.2f} stood for {stood_s:.1f} s"
                )
            since = None


def unreachable_s(faults: Sequence[Fault], shop: str, at: float) -> float:
    """Return for how long the shop could not be reached lately; nothing is held against the hub meanwhile."""
    total, reached = 0.0, float("-inf")
    for one in sorted(faults, key=lambda one: one.began):
        if one.shop not in (shop, "") or one.began > at or one.ended + BOUND_S < at:
            continue
        until = min(one.ended, at)
        total += max(0.0, until - max(one.began, reached))
        reached = max(reached, until)
    return total
