"""Read what changed since a cursor: orders with their refunds, products and variations.

`modified_after` is strict, counts whole seconds and reads a bare time as shop-local, so times go out as
`YYYY-MM-DDTHH:MM:SS` with `dates_are_gmt=true`. Pages are cut by time and not by number: each begins at the
second the last one ended in, less the rows already read, so a row that changes meanwhile moves to a later
page and none is skipped. The next sweep begins at the newest row seen, less the overlap, by the shop's own
stamps alone; once that row is older than the overlap by the hub's clock, the overlap is dropped. Rows of an
overlap that look as they did are left out. A shop whose clock is set back stamps new orders before the
cursor: from time to time the newest orders are also listed by number, which no clock turns round.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.base.http import Query, dump_json
from connectors.woocommerce.rest import NO_ROUTE, Rest, missing
from inventory_sync.domain.errors import RemoteRefused, RemoteUnavailable, Unsupported
from inventory_sync.domain.ports import Found, Stream, SweepPage

ORDERS = Stream(name="orders", every_s=30, overlap_s=60, tier="critical")
PRODUCTS = Stream(name="products", every_s=120, overlap_s=60)

ORDER_FIELDS = ("_fields", "id,number,status,date_created_gmt,date_modified_gmt,line_items,refunds")
PRODUCT_FIELDS = (
    "_fields",
    "id,parent_id,type,status,sku,manage_stock,stock_quantity,stock_status,backorders,date_modified_gmt",
)
PARENT_FIELDS = ("_fields", "id,type,date_modified_gmt")
MAX_SEEN = 1000
MAX_TIE = 800
REREADS = 3
LOOK_S = 300
"""How often the newest orders are listed by number: one call."""
LOOK_PAGES = 10


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a sweep stands. `after`, `begin` and `newest` are shop times in UTC; `part` is the list read.

    `begin`: where this sweep began, "" between sweeps. `newest`: the latest row seen, first seen at the hub's
    `newest_at`. `tie`: rows already read of the second behind `after`. `seen` (the last sweep) and `news`
    (this one): what rows looked like. `top`: the highest number seen, 0 if nobody looked; `looked_at`: when
    rows were last listed by number, by the hub's clock.
    """

    after: str
    part: str
    begin: str = ""
    newest: str = ""
    newest_at: float = 0.0
    tie: tuple[int, ...] = ()
    seen: Mapping[str, str] = field(default_factory=dict)
    news: Mapping[str, str] = field(default_factory=dict)
    top: int = 0
    looked_at: float = 0.0

    def dump(self) -> str:
        values = [getattr(self, one.name) for one in fields(self)]
        return json.dumps(values, separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Cursor:
        """Raises Unsupported for a text this class did not write."""
        try:
            # Cursors of before rows were listed by number end after eight.
            after, part, begin, newest, newest_at, tie, seen, news, *look = json.loads(text)
            top, looked_at = look or (0, 0.0)
            cursor = cls(
                str(after), str(part), str(begin), str(newest), float(newest_at),
                tuple(map(int, tie)), dict(seen), dict(news), int(top), float(looked_at),
            )  # fmt: skip
            datetime.fromisoformat(cursor.after)
        except (ValueError, TypeError, RecursionError) as error:
            raise Unsupported("This is no cursor of a WooCommerce sweep.") from error
        return cursor


def sweep_orders(rest: Rest, cursor: str, *, now: datetime, first_days: int) -> SweepPage:
    state = Cursor.load(cursor) if cursor else Cursor(_text(now - timedelta(days=first_days)), "orders")
    source = _Source(ORDERS, "/orders", ORDER_FIELDS, lambda row: found_order(rest, row), ("orders",))
    page = _page(rest, state, source, now)
    return _look_by_number(rest, page, state.begin or state.after, now) if page.done else page


def sweep_products(rest: Rest, cursor: str, *, now: datetime) -> SweepPage:
    """Products first, then variations; on shops before 10.3 the variations of each changed parent."""
    start = Cursor(_text(now - timedelta(days=1)), "products")
    state = Cursor.load(cursor) if cursor else start
    products = _Source(
        PRODUCTS, "/products", PRODUCT_FIELDS, lambda row: [found_product(row)], ("products", "variations")
    )
    if state.part == "products":
        return _page(rest, state, products, now)
    if state.part == "variations":
        variations = _Source(PRODUCTS, "/variations", PRODUCT_FIELDS, _found_variation, ("products",))
        try:
            return _page(rest, state, variations, now)
        except RemoteRefused as refused:
            if refused.vendor_code != NO_ROUTE:
                raise
    parents = _Source(PRODUCTS, "/products", PARENT_FIELDS, _of_parent(rest), ("products",))
    return _page(rest, replace(state, part="parents"), parents, now)


@dataclass(frozen=True, slots=True)
class _Source:
    """One list of the shop: what its rows become, and the parts of the stream that follow it."""

    stream: Stream
    path: str
    fields: tuple[str, str]
    found_of: Callable[[Mapping[str, Any]], Sequence[Found]]
    parts: tuple[str, ...]


def _page(rest: Rest, state: Cursor, source: _Source, now: datetime) -> SweepPage:
    rows, _ = rest.page(source.path, _query(rest, state, source.fields))
    found: list[Found] = []
    news = dict(state.news)
    for row in rows:
        for item in source.found_of(row):
            mark = hashlib.sha256(item.body).hexdigest()[:12]
            if state.seen.get(item.object_key) != mark:
                found.append(item)
            news.pop(item.object_key, None)
            news[item.object_key] = mark
    state = replace(state, top=max([state.top, *(row["id"] for row in rows)]))
    newest = max([_modified(row) for row in rows], default="")
    if newest > state.newest:
        state = replace(state, newest=newest, newest_at=now.timestamp())
    state = replace(state, begin=state.begin or state.after, news=dict(list(news.items())[-MAX_SEEN:]))
    if len(rows) >= rest.page_size:
        return SweepPage(found, _further(state, rows).dump(), done=False)
    if len(source.parts) > 1:
        return SweepPage(
            found, replace(state, part=source.parts[1], after=state.begin, tie=()).dump(), done=False
        )
    ended = Cursor(
        after=_next_start(state, source.stream, now),
        part=source.parts[0],
        newest=state.newest,
        newest_at=state.newest_at,
        seen=state.news,
        top=state.top,
        looked_at=state.looked_at,
    )
    return SweepPage(found, ended.dump(), done=True)


def _look_by_number(rest: Rest, page: SweepPage, begin: str, now: datetime) -> SweepPage:
    """Add the orders no sweep can have seen: numbered above all that were, stamped before this one began."""
    state = Cursor.load(page.cursor)
    if now.timestamp() - state.looked_at < LOOK_S:
        return page
    known, found = state.top, list(page.found)
    for number in range(1, LOOK_PAGES + 1):
        fixed = (
            ("orderby", "id"),
            ("order", "desc"),
            ("per_page", str(rest.page_size)),
            ("page", str(number)),
        )
        rows, _ = rest.page("/orders", (*fixed, ORDER_FIELDS))
        newer = [row for row in rows if row["id"] > known]
        state = replace(state, top=max([state.top, *(row["id"] for row in newer)]))
        if not known:
            break
        for row in newer:
            if _modified(row) <= begin:
                found += found_order(rest, row)
        if len(newer) < rest.page_size:
            break
    return replace(page, found=found, cursor=replace(state, looked_at=now.timestamp()).dump())


def _query(rest: Rest, state: Cursor, wanted: tuple[str, str]) -> Query:
    query = [
        ("modified_after", state.after),
        ("dates_are_gmt", "true"),
        ("orderby", "modified"),
        ("order", "asc"),
        ("per_page", str(rest.page_size)),
        wanted,
    ]
    if len(state.tie) > MAX_TIE:
        return [*query, ("page", str(len(state.tie) // rest.page_size + 1))]
    return [*query, ("exclude", ",".join(map(str, state.tie)))] if state.tie else query


def _further(state: Cursor, rows: Sequence[Mapping[str, Any]]) -> Cursor:
    """Begin the next page at the second this one ended in, without the rows of it that were read."""
    last = _modified(rows[-1])
    if not last:
        raise RemoteUnavailable("The shop lists rows without a modification time.")
    after = _text(datetime.fromisoformat(last).replace(tzinfo=UTC) - timedelta(seconds=1))
    tied = tuple(row["id"] for row in rows if _modified(row) == last)
    if after <= state.after:
        return replace(state, tie=(*state.tie, *(number for number in tied if number not in state.tie)))
    return replace(state, after=after, tie=tied)


def _next_start(state: Cursor, stream: Stream, now: datetime) -> str:
    """Return the newest row's second less the overlap, and less one second only when that row is old news."""
    if not state.newest:
        return state.begin
    fresh = now.timestamp() - state.newest_at < stream.overlap_s
    newest = datetime.fromisoformat(state.newest).replace(tzinfo=UTC)
    return max(state.begin, _text(newest - timedelta(seconds=stream.overlap_s if fresh else 1)))


def _modified(row: Mapping[str, Any]) -> str:
    value = row.get("date_modified_gmt")
    if not isinstance(value, str):
        return ""
    try:
        return _text(datetime.fromisoformat(value).replace(tzinfo=UTC))
    except ValueError:
        return ""


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


# ── one object ───────────────────────────────────────────────────────────────────────────────────────


def found_order(rest: Rest, order: Mapping[str, Any]) -> list[Found]:
    """Return the order with all its refunds, or as gone when it vanished under our hands."""
    try:
        body = read_refunds(rest, order)
    except RemoteRefused as refused:
        if not missing(refused):
            raise
        return [gone("order", order["id"])]
    return [Found("order.read", dump_json(body), "", f"order:{order['id']}", "critical")]


def read_refunds(rest: Rest, order: Mapping[str, Any]) -> dict[str, Any]:
    """Return an order and exactly the refunds it names; read again while they do not agree."""
    for _ in range(REREADS):
        named = _ids(order.get("refunds"))
        refunds = list(rest.pages(f"/orders/{order['id']}/refunds", ())) if named else []
        if {refund["id"] for refund in refunds} == named:
            return {"order": order, "refunds": [_slim(refund) for refund in refunds]}
        order = rest.get_object(f"/orders/{order['id']}", (ORDER_FIELDS,))
    raise RemoteUnavailable(f"Order {order['id']} and its refunds do not agree; they are changing.")


def _ids(stubs: Any) -> set[int]:
    return {
        stub["id"] for stub in stubs or () if isinstance(stub, Mapping) and isinstance(stub.get("id"), int)
    }


def _slim(refund: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": refund["id"], "line_items": refund.get("line_items")}


def found_product(row: Mapping[str, Any]) -> Found:
    topic = "variation.read" if row.get("type") == "variation" else "product.read"
    return Found(topic, dump_json(row), "", f"product:{row['id']}")


def _found_variation(row: Mapping[str, Any]) -> list[Found]:
    return [replace(found_product(row), topic="variation.read")]


def _of_parent(rest: Rest) -> Callable[[Mapping[str, Any]], Sequence[Found]]:
    """A variation's stock change also touches its parent: that is how old shops tell."""

    def found(row: Mapping[str, Any]) -> Sequence[Found]:
        if row.get("type") != "variable":
            return []
        try:
            variations = list(rest.pages(f"/products/{row['id']}/variations", (PRODUCT_FIELDS,)))
        except RemoteRefused as refused:
            if not missing(refused):
                raise
            return []
        return [item for variation in variations for item in _found_variation(variation)]

    return found


def gone(kind: str, number: int) -> Found:
    tier = "critical" if kind == "order" else "standard"
    return Found(f"{kind}.gone", dump_json({"id": number}), "", f"{kind}:{number}", tier)


def read_object(rest: Rest, kind: str, ref: str) -> Found:
    """Return one object as it is now; what is not there comes back under a topic that says so."""
    if kind not in ("order", "product") or not (ref.isascii() and ref.isdigit() and 0 < len(ref) <= 18):
        raise Unsupported(f"WooCommerce has no {kind!r} {ref[:60]!r} that can be read by itself.")
    number = int(ref)
    try:
        if kind == "order":
            order = rest.get_object(f"/orders/{number}", (ORDER_FIELDS,))
            return found_order(rest, {**order, "id": number})[0]
        return found_product({**rest.get_object(f"/products/{number}", (PRODUCT_FIELDS,)), "id": number})
    except RemoteRefused as refused:
        if not missing(refused):
            raise
        return gone(kind, number)
