"""Read by cursor: `changes` as they happen, `stock` as a full sweep. What pages hold is read by readings.py.

Odoo's `write_date` is the start of the transaction and shows only after its commit, so each round reads again
what is younger than the longest transaction; rows of the overlap that look as they did are left out. Within a
round rows are paged by id under a fixed time, so none is skipped when others change. All times are those of
Odoo's own database, never of the hub or of a web server.

Rows that merge and rows of stock written directly have no new time; only the full sweep sees those.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from connectors.base.http import dump_json
from connectors.odoo.cells import Row, moment, number, plain, ref, stamp, told, words
from connectors.odoo.database import Database
from connectors.odoo.places import HELD_IN, Places
from connectors.odoo.readings import MAX_ITEMS, read_items
from inventory_sync.domain.errors import Misconfigured, RemoteUnavailable, SyncError, Unsupported
from inventory_sync.domain.ports import Found, Stream, SweepPage

CHANGES = Stream(name="changes", every_s=15, overlap_s=150)
STOCK = Stream(name="stock", every_s=900, overlap_s=0, tier="bulk")
ROWS = 500
MAX_SEEN = 4000
PAGE = "changes"  # the object key of all that one page of changes holds
FIRST_BACK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Source:
    """One model that is asked what changed. `product` is looked for in `product_id`."""

    name: str
    model: str
    domain: Sequence[Any]
    changed: str
    specification: Mapping[str, Any]


def _sources(database: Database) -> list[Source]:
    shape = database.shape
    line: dict[str, Any] = {
        "product_id": {}, "location_id": {}, "location_dest_id": {}, "quantity_product_uom": {}, "date": {},
        "reference": {}, "write_date": {},
        **({"move_id": {"fields": {"scrap_id": {}}}} if shape.scrap else {}),
    }  # fmt: skip
    move: dict[str, Any] = {"product_id": {}, "state": {}, "product_qty": {}, "write_date": {}}
    quant: dict[str, Any] = {
        "product_id": {},
        "location_id": {},
        "quantity": {},
        "reserved_quantity": {},
        "write_date": {},
    }
    sold: dict[str, Any] = {
        "product_id": {},
        "qty": {},
        "order_id": {"fields": {"state": {}, "write_date": {}}},
    }
    inside = ["location_id.usage", "in", list(HELD_IN)]
    found = [
        Source("lines", "stock.move.line", [["state", "=", "done"]], "write_date", line),
        Source("moves", "stock.move", [inside, ["state", "not in", ["draft", "done"]]], "write_date", move),
        Source("quants", "stock.quant", [inside], "write_date", quant),
    ]
    if shape.tills:
        unbooked = [["order_id.state", "not in", ["draft", "cancel"]]]
        found.append(Source("tills", "pos.order.line", unbooked, "order_id.write_date", sold))
    return found


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where `changes` stands, per source: `since` the newest time seen by earlier rounds.

    In a round of several pages: `after` the last id read, `newest` what `since` becomes, `ended` the sources
    that are read to their end. `seen` (the round before) and `news` (this one): what rows looked like.
    """

    since: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, int] = field(default_factory=dict)
    newest: Mapping[str, str] = field(default_factory=dict)
    ended: Sequence[str] = ()
    seen: Mapping[str, str] = field(default_factory=dict)
    news: Mapping[str, str] = field(default_factory=dict)

    def dump(self) -> str:
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return json.dumps({name: value for name, value in values.items() if value}, separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Cursor:
        """Raises Unsupported for a text this class did not write."""
        try:
            values = json.loads(text) if text else {}
            cursor = cls(
                since={str(name): str(value) for name, value in values.get("since", {}).items()},
                after={str(name): int(value) for name, value in values.get("after", {}).items()},
                newest={str(name): str(value) for name, value in values.get("newest", {}).items()},
                ended=tuple(map(str, values.get("ended", ()))),
                seen=dict(values.get("seen", {})),
                news=dict(values.get("news", {})),
            )
            for value in (*cursor.since.values(), *cursor.newest.values()):
                moment(value)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Unsupported("This is no cursor of Odoo's changes.") from error
        return cursor


def sweep_changes(database: Database, cursor: str, *, now: datetime) -> SweepPage:
    """Return the move lines that became done, and a whole reading of every product of which anything
    changed.
    """
    state = Cursor.load(cursor)
    since, after, newest = dict(state.since), dict(state.after), dict(state.newest)
    ended, news = list(state.ended), dict(state.news)
    lines: list[Row] = []
    changed: set[int] = set()
    for source in _sources(database):
        if source.name in ended:
            continue
        if source.name not in since:
            since[source.name] = _newest(database, source) or told(now - FIRST_BACK)
        rows = _changed(database, source, since[source.name], after.get(source.name, 0))
        if source.name not in newest:
            full = len(rows) >= ROWS
            seen_now = _newest(database, source) if full else max((_when(row) for row in rows), default="")
            newest[source.name] = max(since[source.name], seen_now)
        for row in rows:
            key, mark = f"{source.name}:{row['id']}", hashlib.sha256(dump_json(row)).hexdigest()[:10]
            news[key] = mark
            if state.seen.get(key) != mark:
                changed.add(ref(row, "product_id"))
                lines += [row] if source.name == "lines" else []
        if len(rows) < ROWS:
            ended.append(source.name)
        else:
            after[source.name] = int(rows[-1]["id"])
    found = _found(database, sorted(changed - {0}), lines, now)
    if len(ended) < len(_sources(database)):
        further = Cursor(since, after, newest, tuple(ended), state.seen, news)
        return SweepPage(found, further.dump(), done=False)
    kept = dict(list(news.items())[-MAX_SEEN:])
    return SweepPage(found, Cursor(since={**since, **newest}, seen=kept).dump(), done=True)


def _changed(database: Database, source: Source, since: str, after: int) -> list[dict[str, Any]]:
    begin = told(moment(since) - timedelta(seconds=CHANGES.overlap_s))
    rows = database.odoo.rows(
        source.model,
        "web_search_read",
        domain=[*source.domain, [source.changed, ">=", begin], ["id", ">", after]],
        specification=dict(source.specification),
        order="id",
        limit=ROWS,
        context={"active_test": False},
    )
    if rows and min(int(row["id"]) for row in rows) <= after:
        raise RemoteUnavailable(f"Odoo answered a page of {source.model} with rows of an earlier one.")
    return rows


def _newest(database: Database, source: Source) -> str:
    """Return the newest time a model knows: the clock of Odoo's own database."""
    model = "pos.order" if source.name == "tills" else source.model
    rows = database.odoo.rows(
        model, "search_read", domain=[], fields=["write_date"], order="write_date desc", limit=1, load=None
    )
    return stamp(rows[0], "write_date") if rows else ""


def _when(row: Row) -> str:
    order = row.get("order_id")
    return stamp(order, "write_date") if isinstance(order, Mapping) else stamp(row, "write_date")


def _found(database: Database, products: Sequence[int], lines: Sequence[Row], now: datetime) -> list[Found]:
    """Return the readings of the products, after the lines that explain them.

    All of a page have one object key, so that they are applied together: a line whose figure is there already
    has nothing read again.
    """
    readings = [
        read_items(database, products[start : start + MAX_ITEMS], now=now)
        for start in range(0, len(products), MAX_ITEMS)
    ]
    kept = {item for reading in readings for item in reading["items"]}
    places = database.places()
    told_lines = [line for line in (_line(row, places) for row in lines) if line and line["item"] in kept]
    explained = [Found("lines.read", dump_json({"lines": told_lines}), "", PAGE)] if told_lines else []
    return [*explained, *(found_items(reading, PAGE) for reading in readings if reading["items"])]


def _line(row: Row, places: Places) -> dict[str, Any] | None:
    """Return one done move line by places, or None when it changed nothing at any: from shelf to shelf."""
    source, target = ref(row, "location_id"), ref(row, "location_dest_id")
    leaves, comes = places.place(source), places.place(target)
    if leaves == comes:
        return None
    move = row.get("move_id")
    scrapped = isinstance(move, Mapping) and bool(move.get("scrap_id"))
    there = places.locations.get(target)
    return {
        "id": row["id"],
        "item": f"product:{ref(row, 'product_id')}",
        "from": leaves,
        "to": comes,
        "was": places.usage(source),
        "is": "scrap" if scrapped or (there and there.scrap) else places.usage(target),
        "quantity": format(plain(number(row, "quantity_product_uom")), "f"),
        "date": stamp(row, "date"),
        "write_date": stamp(row, "write_date"),
        "reference": words(row, "reference", limit=120),
    }


# ── whole readings ───────────────────────────────────────────────────────────────────────────────────


def found_items(reading: Mapping[str, Any], key: str = "") -> Found:
    items = reading["items"]
    return Found("figures.read", dump_json(reading), "", key or (items[0] if items else ""))


def sweep_stock(database: Database, cursor: str, *, now: datetime) -> SweepPage:
    """Return the next page of all products of which stock is kept, archived ones too, by id."""
    products, behind = _stock_page(database, cursor)
    found = [found_items(read_items(database, products, now=now))] if products else []
    return SweepPage(found, behind, done=not behind)


def skip_stock(database: Database, cursor: str, *, now: datetime) -> SweepPage:
    """Return the same page product by product, and those that cannot be read as unread.

    Raises what failed when not one of them can be read: then it is no matter of products.
    """
    products, behind = _stock_page(database, cursor)
    found: list[Found] = []
    unread: list[str] = []
    last: SyncError | None = None
    for product in products:
        try:
            found.append(found_items(read_items(database, [product], now=now)))
        except Misconfigured:
            raise
        except SyncError as error:
            last = error
            unread.append(f"product:{product}")
    if last is not None and not found:
        raise last
    if unread:
        body = {"at": now.isoformat(), "places": list(database.places().refs), "items": unread}
        found.append(Found("figures.unread", dump_json(body), "", unread[0]))
    return SweepPage(found, behind, done=not behind, unread=bool(unread))


def _stock_page(database: Database, cursor: str) -> tuple[list[int], str]:
    """Return the ids of the page at a cursor, and the cursor behind it, "" after the last."""
    if not (cursor == "" or (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19)):
        raise Unsupported("This is no cursor of Odoo's stock.")
    last, size = int(cursor or 0), database.config.page_size
    rows = database.odoo.rows(
        "product.product",
        "search_read",
        domain=[*database.storable(), ["id", ">", last]],
        fields=["id"],
        order="id",
        limit=size,
        load=None,
        context={"active_test": False},
    )
    products = [int(row["id"]) for row in rows]
    if products and min(products) <= last:
        raise RemoteUnavailable("Odoo answered a page of products with those of an earlier one.")
    return products, "" if len(products) < size else str(products[-1])


def read_together(database: Database, refs: Sequence[str], *, now: datetime) -> list[Found]:
    """Return many items whole, out of one reading; those that Odoo has no more are said to be gone in it."""
    return [found_items(read_items(database, [_product(ref) for ref in refs], now=now))]


def read_item(database: Database, item: str, *, now: datetime) -> Found:
    """Return one item whole; one that Odoo does not have any more is Found under a topic that says so."""
    product = _product(item)
    reading = read_items(database, [product], now=now)
    found = found_items(reading)
    topic = "item.gone" if reading.get("gone") else found.topic
    return Found(topic, found.body, found.dedupe_key, f"product:{product}")


def _product(item: str) -> int:
    kind, _, text = item.partition(":")
    if kind != "product" or not (text.isascii() and text.isdecimal() and 0 < len(text) < 19 and int(text)):
        raise Unsupported(f"Odoo has no item {item[:60]!r}.")
    return int(text)
