"""How WooCommerce writes and reads the wire: JSON as PHP prints it, errors, dates, lists, parameters.

No books and no routes. Every rule here is one the contract page names or a recording shows.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote
from zoneinfo import ZoneInfo

from connectors.base.twinkit import Doc, Request, Response

API = "/wp-json/wc/v3"
SHOP_HEADERS: tuple[tuple[str, str], ...] = (
    ("Content-Type", "application/json; charset=UTF-8"),
    ("X-Powered-By", "PHP/8.2.36"),
    ("X-Robots-Tag", "noindex"),
    ("X-Content-Type-Options", "nosniff"),
    ("Access-Control-Expose-Headers", "X-WP-Total, X-WP-TotalPages, Link"),
    ("Expires", "Wed, 11 Jan 1984 05:00:00 GMT"),
    ("Cache-Control", "no-cache, must-revalidate, max-age=0, no-store, private"),
)
_WP_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?P<zone>[Zz]|[+-]\d{2}:?\d{2})?$")
_LEADING_NUMBER = re.compile(r"^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class ShopError(Exception):
    """A WordPress REST error. `data` of None leaves out the status object and sends the bare number."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        data: Mapping[str, Any] | None = None,
        bare: bool = False,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.document: Doc = {
            "code": code, "message": message, "data": status if bare else {"status": status, **(data or {})},
        }  # fmt: skip


def no_route() -> ShopError:
    return ShopError(404, "rest_no_route", "No route was found matching the URL and request method.")


def invalid_id(code: str = "woocommerce_rest_product_invalid_id", status: int = 404) -> ShopError:
    return ShopError(status, code, "Invalid ID.")


def invalid_param(
    name: str, code: str, message: str, data: Any = None, shown: str | None = None
) -> ShopError:
    return ShopError(
        400, "rest_invalid_param", f"Invalid parameter(s): {name}",
        data={
            "params": {name: shown or message},
            "details": {name: {"code": code, "message": message, "data": data}},
        },
    )  # fmt: skip


def php_json(document: Any) -> bytes:
    """Return JSON as PHP's json_encode writes it: `\\/`, `\\uXXXX`, and 10.0 as 10."""
    return json.dumps(_php_numbers(document), separators=(",", ":")).replace("/", "\\/").encode()


def _php_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _php_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_php_numbers(inner) for inner in value]
    return value


def shop_response(status: int, document: Any, extra: Iterable[tuple[str, str]] = ()) -> Response:
    return Response(status, php_json(document), (*SHOP_HEADERS, *extra))


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────


def body_of(request: Request) -> Doc:
    """Return the parameters of the body; a content type that is neither JSON nor a form is ignored."""
    kind = request.content_type
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        if not request.body:
            return {}
        try:
            parsed = json.loads(request.body)
        except ValueError:
            raise ShopError(
                400, "rest_invalid_json", "Invalid JSON body passed.",
                data={"json_error_code": 4, "json_error_message": "Syntax error"},
            ) from None  # fmt: skip
        return parsed if isinstance(parsed, dict) else {}
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    return {}


# ── values ───────────────────────────────────────────────────────────────────────────────────────────


def is_rest_integer(value: Any) -> bool:
    """Return what WordPress accepts as `integer`: a number or numeric string without a fraction."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return math.isfinite(value) and float(value).is_integer()
    if isinstance(value, str):
        try:
            return float(value).is_integer() and bool(value.strip())
        except ValueError:
            return False
    return False


def php_int(value: Any) -> int:
    """Return PHP's intval: the leading number, cut off at the point, else 0."""
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float):
        return int(value) if math.isfinite(value) else 0
    if isinstance(value, str):
        found = _LEADING_NUMBER.match(value)
        return int(float(found.group())) if found else 0
    return 0


def truthy(value: Any) -> bool:
    return value is True or (value is not False and str(value).lower() in ("1", "true", "yes", "on"))


def require_enum(body: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> None:
    if name in body and body[name] not in allowed:
        listed = f"{', '.join(allowed[:-1])}, and {allowed[-1]}"
        raise invalid_param(name, "rest_not_in_enum", f"{name} is not one of {listed}.")


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────


def gmt_text(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def local_text(seconds: int | None, zone: ZoneInfo) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%dT%H:%M:%S")


def date_bound(name: str, value: str, zone: ZoneInfo) -> str:
    """Return the bound as the naive text WordPress compares a date column with.

    A value that carries an offset is first turned into shop-local time, whichever column it is then
    compared with: that is why `+00:00` together with `dates_are_gmt` finds nothing.
    """
    found = _WP_DATE.match(value)
    if not found:
        raise invalid_param(name, "rest_invalid_date", "Invalid date.", shown="Invalid date.")
    bare = value[:19].upper().replace(" ", "T")
    offset = found.group("zone")
    if not offset:
        return bare
    try:
        moment = datetime.fromisoformat(bare + ("+00:00" if offset in "Zz" else offset))
    except ValueError:
        raise invalid_param(name, "rest_invalid_date", "Invalid date.", shown="Invalid date.") from None
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


def date_filter(query: Mapping[str, str], zone: ZoneInfo) -> Callable[[Doc], bool]:
    """Return the filter of `after`, `before`, `modified_after`, `modified_before`: all of them strict."""
    gmt = truthy(query.get("dates_are_gmt", "false"))
    tests: list[tuple[str, bool, str]] = []
    for name, field, later in (
        ("after", "created", True), ("before", "created", False),
        ("modified_after", "modified", True), ("modified_before", "modified", False),
    ):  # fmt: skip
        if query.get(name):
            tests.append((field, later, date_bound(name, query[name], zone)))

    def keep(doc: Doc) -> bool:
        for field, later, bound in tests:
            text = (gmt_text(doc[field]) if gmt else local_text(doc[field], zone)) or ""
            if not (text > bound if later else text < bound):
                return False
        return True

    return keep


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────


def id_list(value: str) -> list[int]:
    return [php_int(part) for part in value.split(",") if part.strip()]


def bounded(query: Mapping[str, str], name: str, default: int, highest: int | None) -> int:
    text = query.get(name)
    if text is None or text == "":
        return default
    if not is_rest_integer(text):
        raise invalid_param(name, "rest_invalid_type", f"{name} is not of type integer.", {"param": name})
    number = int(float(text))
    if number < 1 or (highest is not None and number > highest):
        span = (
            f"must be between 1 (inclusive) and {highest} (inclusive)"
            if highest
            else "must be greater than or equal to 1"
        )
        raise invalid_param(name, "rest_out_of_bounds", f"{name} {span}")
    return number


def page_of(
    request: Request, rows: list[Doc], render: Callable[[Doc], Doc], *, home: str, orderings: tuple[str, ...]
) -> Response:
    """Return one page of rows with the totals and links WordPress sends; newest first unless asked."""
    query = request.query
    per_page, page = bounded(query, "per_page", 10, 100), bounded(query, "page", 1, None)
    orderby, order = query.get("orderby", "date"), query.get("order", "desc")
    require_enum({"order": order}, "order", ("asc", "desc"))
    require_enum({"orderby": orderby}, "orderby", orderings)
    include = id_list(query.get("include", ""))
    if include:
        wanted = set(include)
        rows = [row for row in rows if row["id"] in wanted]
    exclude = set(id_list(query.get("exclude", "")))
    rows = [row for row in rows if row["id"] not in exclude]
    if orderby == "include" and include:
        rows.sort(key=lambda row: include.index(row["id"]))
    else:
        field = {"modified": "modified", "id": "id", "title": "name", "slug": "name"}.get(orderby, "created")
        rows.sort(key=lambda row: (row.get(field, 0), row["id"]), reverse=order == "desc")
    pages = math.ceil(len(rows) / per_page)
    headers = [("X-WP-Total", str(len(rows))), ("X-WP-TotalPages", str(pages))]
    if links := _page_links(request, home, page, pages):
        headers.append(("Link", links))
    chosen = rows[(page - 1) * per_page : page * per_page]
    return shop_response(200, [only_fields(render(row), query, listed=True) for row in chosen], headers)


def _page_links(request: Request, home: str, page: int, pages: int) -> str:
    pairs = [(name, value) for name, value in request.pairs if name != "page"]
    text = "&".join(f"{quote(name, safe='[]')}={quote(value, safe='')}" for name, value in pairs)
    base = f"{home}{request.path}?{text}{'&' if text else ''}page="
    links = []
    if page > 1:
        links.append(f'<{base}{min(page - 1, pages)}>; rel="prev"')
    if page < pages:
        links.append(f'<{base}{page + 1}>; rel="next"')
    return ", ".join(links)


def only_fields(document: Doc, query: Mapping[str, str], *, listed: bool = False) -> Doc:
    """Return the document cut by `_fields`; a single one keeps its `_links`, a listed one does not."""
    wanted = {part.strip().split(".")[0] for part in query.get("_fields", "").split(",") if part.strip()}
    if not wanted:
        return document
    if not listed:
        wanted.add("_links")
    return {name: value for name, value in document.items() if name in wanted}


def links(home: str, path: str, collection: str, *, up: str = "", allow: tuple[str, ...] = ()) -> Doc:
    hints = list(allow or ("GET", "POST", "PUT", "PATCH", "DELETE"))
    found: Doc = {
        "self": [{"href": f"{home}{API}/{path}", "targetHints": {"allow": hints}}],
        "collection": [{"href": f"{home}{API}/{collection}"}],
    }
    if up:
        found["up"] = [{"href": f"{home}{API}/{up}"}]
    return found
