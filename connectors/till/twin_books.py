"""The till's own books: items, stores, the numbered events of each store, and what they add up to.

On hand = the latest count + every delta after it; at an equal time the store's sequence decides. A
correction replaces the event it names and keeps its time. Speaks no HTTP and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.base.twinkit import Books, Doc, TwinClock

SIGNS = {"sale": -1, "return": 1, "receipt": 1, "shipment": -1, "transfer": -1, "adjustment": 1}
# What changes the condition of stock, or is said of stock to come and of orders: on hand stays but for scrap.
STAYS = ("condition", "disposition")
SAID = ("pick", "expectation")
IN_SESSION = ("sale", "return", "session.closed")
DOCUMENTS = {
    "sale": ("receipt", "R"), "return": ("return", "RT"), "receipt": ("delivery", "D"),
    "shipment": ("delivery_note", "S"), "transfer": ("transfer", "T"), "adjustment": ("adjustment", "A"),
    "count": ("count", "C"), "session.closed": ("session", "Z"), "condition": ("condition", "K"),
    "disposition": ("disposition", "DP"), "pick": ("pick", "P"), "expectation": ("announcement", "E"),
}  # fmt: skip
ON_A_LINE = ("order_line", "reason", "lot", "owner", "condition", "was", "disposition", "damaged", "expected",
             "short", "due")  # fmt: skip
PLACES = Decimal("0.000001")


def sign_of(event: Doc, line: Doc) -> int:
    """Return what a line does to on hand: −1, 0 or 1 times its quantity."""
    if event["type"] in STAYS:
        return -1 if line.get("disposition") == "scrap" else 0
    return SIGNS.get(event["type"], 0)


class NotEnough(Exception):
    """The goods are not there; the till sells and ships only what it has."""


def plain(quantity: Decimal) -> str:
    text = format(quantity, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class TillBooks:
    """Stock, events and sessions. `announce` hears of every event written, inside its transaction."""

    def __init__(self, books: Books, clock: TwinClock, zone: ZoneInfo) -> None:
        self.books, self.clock, self.zone = books, clock, zone
        self.announce: Callable[[Doc], None] = lambda event: None
        self._by_store: dict[str, list[Doc]] = {}
        self._latest: dict[str, datetime] = {}
        for event in sorted(books.all("event"), key=lambda event: int(event["sequence"])):
            self._remember(event)

    # ── reading ──

    def stores(self) -> list[Doc]:
        return self.books.all("store")

    def items(self) -> list[Doc]:
        return sorted(self.books.all("item"), key=lambda item: str(item["sku"]))

    def events(self, store: str) -> list[Doc]:
        """Return the store's events in sequence; the n-th has sequence n."""
        return self._by_store.get(store, [])

    def event(self, event_id: str) -> Doc:
        found = self.books.get("event", event_id)
        if found is None:
            raise KeyError(event_id)
        return found

    def last_sequence(self, store: str) -> int:
        return len(self.events(store))

    def on_hand(self, store: str, sku: str) -> Decimal:
        level = self.books.get("level", f"{store}|{sku}")
        return Decimal(level["on_hand"]) if level else Decimal(0)

    def levels(self, store: str, skus: set[str] | None = None) -> dict[str, Decimal]:
        if skus is not None:
            return {sku: self.on_hand(store, sku) for sku in skus}
        return {
            level["sku"]: Decimal(level["on_hand"])
            for level in self.books.all("level")
            if level["store"] == store
        }

    # ── writing ──

    def add_store(self, store: str, name: str, location: str) -> None:
        self.books.put("store", store, {"id": store, "name": name, "location": location})

    def add_item(self, sku: str, name: str, gtin: str, uom: str, packs: dict[str, str]) -> None:
        self.books.put("item", sku, {"sku": sku, "name": name, "gtin": gtin, "uom": uom, "packs": packs})

    def write(
        self,
        kind: str,
        store: str,
        lines: Sequence[Doc],
        *,
        at: datetime | None = None,
        document: Doc | None = None,
        strict: bool = True,
        **more: Any,
    ) -> Doc:
        """Write one event and its effect; return its body as the contract has it.

        Raises NotEnough when goods leave that are not there, unless `strict` is off.
        """
        with self.books.transaction():
            if self.books.get("store", store) is None:
                raise KeyError(store)
            from_nothing = kind in ("count", *SAID) or "corrects" in more
            lowest = None if kind == "adjustment" else 0 if from_nothing else 1
            checked = [self._line(number, line, lowest) for number, line in enumerate(lines, 1)]
            if strict and SIGNS.get(kind) == -1 and "corrects" not in more:
                self._require(store, checked)
            sequence = self.last_sequence(store) + 1
            moment = (at or self.clock.now()).astimezone(self.zone)
            event: Doc = {
                "id": f"{store}-{sequence:06d}", "type": kind, "store": store, "sequence": sequence,
                "time": moment.isoformat(),
            }  # fmt: skip
            if kind in IN_SESSION:
                event["session"] = self._session(store, moment)
            prefix, letter = DOCUMENTS[kind]
            event["document"] = document or {"kind": prefix, "number": self._number(letter)}
            event |= {"revision": 0, **more}
            if kind != "session.closed":
                event["lines"] = checked
            self.books.put("event", event["id"], event)
            self._remember(event)
            self._apply(event)
            self._note_shipped(event)
            self.announce(event)
            return event

    def correct(self, event_id: str, lines: Sequence[Doc]) -> Doc:
        """Write a new truth for an event's document; it keeps the time and names the first event.

        Lines are known by their number and keep their item; one left out is sent with quantity 0.
        """
        with self.books.transaction():
            root = self.event(self.event(event_id).get("corrects", event_id))
            if root["type"] not in (*SIGNS, *STAYS):
                raise ValueError(f"a {root['type']} is not corrected but repeated")
            before = {line["line"]: line for line in self._revisions(root)[-1]["lines"]}
            after = {int(line.get("line", number)): line for number, line in enumerate(lines, 1)}
            if any(str(after[number]["sku"]) != before[number]["sku"] for number in after.keys() & before):
                raise ValueError("a line keeps its item; another item is another line")
            full = [{**before.get(number, {}), **line, "line": number} for number, line in after.items()]
            full += [{**line, "quantity": "0"} for number, line in before.items() if number not in after]
            kept = ("order", "to_store", "expectation", "final")
            given: Doc = {name: root[name] for name in kept if name in root}
            return self.write(
                root["type"], root["store"], full, at=datetime.fromisoformat(root["time"]),
                document=root["document"], corrects=root["id"], revision=len(self._revisions(root)), **given,
            )  # fmt: skip

    def close_session(self, store: str) -> Doc:
        """Close the store's open session with its control totals."""
        with self.books.transaction():
            session = self._session(store, self.clock.now().astimezone(self.zone))
            inside = [event for event in self.events(store) if event.get("session") == session]
            totals: dict[str, Any] = {
                "sales": sum(1 for event in inside if event["type"] == "sale" and not event["revision"]),
                "returns": sum(1 for event in inside if event["type"] == "return" and not event["revision"]),
                "last_sequence": self.last_sequence(store),
            }
            closed = self.write("session.closed", store, (), **totals)
            self.books.put("session", session, {"closed": True})
            return closed

    # ── inside ──

    def base_quantity(self, line: Doc) -> Decimal:
        """Return a line's quantity in the item's base unit."""
        item: Doc = self.books.get("item", line["sku"]) or {"uom": "C62", "packs": {}}
        factor = Decimal(item["packs"].get(line["uom"], "1"))
        return Decimal(line["quantity"]) * factor

    def _line(self, number: int, given: Doc, lowest: int | None) -> Doc:
        """Check one line: `lowest` 1 is above nothing, 0 from nothing, None signed."""
        item = self.books.get("item", str(given["sku"]))
        if item is None:
            raise KeyError(given["sku"])
        quantity = Decimal(str(given["quantity"]))
        suits = lowest is None or (quantity > 0 if lowest else quantity >= 0)
        if not suits or quantity != quantity.quantize(PLACES):
            raise ValueError(f"quantity {given['quantity']} does not suit this event")
        uom = str(given.get("uom") or item["uom"])
        if uom != item["uom"] and uom not in item["packs"]:
            raise ValueError(f"{given['sku']} has no unit {uom}")
        line: Doc = {
            "line": int(given.get("line", number)), "sku": item["sku"], "uom": uom,
            "quantity": plain(quantity),
        }  # fmt: skip
        return line | {name: str(given[name]) for name in ON_A_LINE if given.get(name) is not None}

    def _require(self, store: str, lines: Sequence[Doc]) -> None:
        asked: dict[str, Decimal] = {}
        for line in lines:
            asked[line["sku"]] = asked.get(line["sku"], Decimal(0)) + self.base_quantity(line)
        short = [sku for sku, quantity in asked.items() if self.on_hand(store, sku) < quantity]
        if short:
            raise NotEnough(f"{store} has not enough of {', '.join(short)}")

    def _apply(self, event: Doc) -> None:
        kind = event["type"]
        if kind == "count":
            for line in event["lines"]:
                self._count(event, line)
            return
        if kind not in (*SIGNS, *STAYS):
            return
        if event.get("corrects"):
            root = self.event(str(event["corrects"]))
            self._shift(self._revisions(root)[-2], -1)
        self._shift(event, 1)

    def _revisions(self, root: Doc) -> list[Doc]:
        """Return the root event and every correction of it, in order."""
        later = self.events(root["store"])[root["sequence"] :]
        return [root, *(event for event in later if event.get("corrects") == root["id"])]

    def _shift(self, event: Doc, direction: int) -> None:
        for line in event["lines"]:
            level = self._level(event["store"], line["sku"])
            if self._is_after(event, level["count"]):
                by = self.base_quantity(line) * sign_of(event, line) * direction
                level["on_hand"] = plain(Decimal(level["on_hand"]) + by)
            self.books.put("level", f"{event['store']}|{line['sku']}", level)

    def _count(self, event: Doc, line: Doc) -> None:
        store, sku = event["store"], line["sku"]
        level = self._level(store, sku)
        if not self._is_after(event, level["count"]):
            return
        level["count"] = [event["time"], event["sequence"]]
        found = self.base_quantity(line)
        for other in self._effective(store, event):
            for moved in other["lines"]:
                if moved["sku"] == sku:
                    found += self.base_quantity(moved) * sign_of(other, moved)
        level["on_hand"] = plain(found)
        self.books.put("level", f"{store}|{sku}", level)

    def _effective(self, store: str, count: Doc) -> list[Doc]:
        """Return the deltas after a count, corrected ones in their last version."""
        moment = datetime.fromisoformat(count["time"])
        chosen: dict[str, Doc] = {}
        if moment >= self._latest[store]:
            return []
        for event in self.events(store):
            if event["type"] in (*SIGNS, *STAYS):
                chosen[str(event.get("corrects") or event["id"])] = event
        at = [count["time"], count["sequence"]]
        return [event for event in chosen.values() if self._is_after(event, at)]

    def _note_shipped(self, event: Doc) -> None:
        """Keep what has left for an order, so that nobody ships a line twice after a restart."""
        order = event.get("order")
        if event["type"] != "shipment" or not order or event["revision"]:
            return
        key = f"{order['source']}|{order['number']}"
        kept = self.books.get("shipped", key) or {"lines": []}
        kept["lines"] += [line["order_line"] for line in event["lines"] if line.get("order_line")]
        self.books.put("shipped", key, kept)

    def shipped(self, source: str, number: str) -> list[str]:
        """Return the order lines that have left for an order."""
        kept = self.books.get("shipped", f"{source}|{number}")
        return list(kept["lines"]) if kept else []

    def _remember(self, event: Doc) -> None:
        store, moment = event["store"], datetime.fromisoformat(event["time"])
        self._by_store.setdefault(store, []).append(event)
        self._latest[store] = max(moment, self._latest.get(store, moment))

    def _level(self, store: str, sku: str) -> Doc:
        kept = self.books.get("level", f"{store}|{sku}")
        return kept or {"store": store, "sku": sku, "on_hand": "0", "count": None}

    @staticmethod
    def _is_after(event: Doc, count: list[Any] | None) -> bool:
        if count is None:
            return True
        moment, counted = datetime.fromisoformat(event["time"]), datetime.fromisoformat(count[0])
        return moment > counted or (moment == counted and event["sequence"] > count[1])

    def _session(self, store: str, moment: datetime) -> str:
        first = name = f"{store}/{moment.date().isoformat()}"
        again = 1
        while self.books.get("session", name) is not None:
            again += 1
            name = f"{first}-{again}"
        return name

    def _number(self, letter: str) -> str:
        return f"{letter}-{self.books.next_number(f'document.{letter}', start=1001)}"
