"""The recorded exchanges as test material: read, with a server's ids exchanged for others, and compared.

Knows nothing of the twin or of the connector: both are held against these files, each by its own tests.
"""

from __future__ import annotations

import json
import re
import xmlrpc.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PAYLOADS = Path(__file__).parent / "payloads"
TRANSPORT = {18: "jsonrpc", 19: "json2"}
PLACEHOLDER = re.compile(r"<(?:API_KEY_(\w+)|DB)>")
TRACEBACK = re.compile(r"<server-side traceback text[^>]*>")
DIGITS = re.compile(r"\d+")

# Which record an id in a request means, by the name of its field. `ids` mean the model that is called.
MODELS = {
    "product_id": "product.product", "location_id": "stock.location", "location_dest_id": "stock.location",
    "location": "stock.location", "picking_type_id": "stock.picking.type", "partner_id": "res.partner",
    "lot_id": "stock.lot", "picking_id": "stock.picking", "pick_ids": "stock.picking",
    "button_validate_picking_ids": "stock.picking", "picking_ids_not_to_backorder": "stock.picking",
    "default_pick_ids": "stock.picking", "allowed_company_ids": "res.company",
}  # fmt: skip
# Ids of records that every database has, by the names the tests give them.
FIXED: Mapping[int, Mapping[str, Mapping[int, str]]] = {
    18: {
        "stock.location": {8: "stock", 14: "inventory", 5: "customers", 4: "vendors", 18: "shelf"},
        "stock.picking.type": {1: "receipts", 7: "internal"},
    },
    19: {
        "stock.location": {5: "stock", 11: "inventory", 2: "customers", 1: "vendors", 14: "shelf"},
        "stock.picking.type": {1: "receipts", 7: "internal"},
    },
}
SEARCHES = frozenset({"search", "search_count", "search_read", "read_group"})
WITHOUT_IDS = SEARCHES | {"create", "load", "web_search_read", "formatted_read_group", "context_get"}


@dataclass(frozen=True, slots=True)
class Recording:
    """One exchange. `scene` is its name without the transport: the same on both versions."""

    version: int
    name: str
    document: Mapping[str, Any]

    @property
    def transport(self) -> str:
        return self.name.split("-", 1)[0]

    @property
    def scene(self) -> str:
        return self.name.split("-", 1)[1]

    @property
    def request(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["request"]
        return found

    @property
    def status(self) -> int:
        return int(self.document["response"]["status"])

    @property
    def headers(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.document["response"]["headers"]
        return found

    @property
    def answer(self) -> Any:
        return self.document["response"]["body"]


def recording(version: int, name: str) -> Recording:
    return Recording(
        version, name, json.loads((PAYLOADS / str(version) / f"{name}.json").read_text(encoding="utf-8"))
    )


def names(version: int) -> list[str]:
    return sorted(path.stem for path in (PAYLOADS / str(version)).glob("*.json"))


@dataclass
class Ids:
    """Which id another database has for a recorded one.

    `given` are handed out per model in the order in which the recorded ids appear.
    """

    version: int
    fixed: Mapping[str, int]
    given: Mapping[str, list[int]] = field(default_factory=dict)
    learned: dict[tuple[str, int], int] = field(default_factory=dict)

    def of(self, model: str, recorded: int) -> int:
        name = FIXED[self.version].get(model, {}).get(recorded)
        if name is not None:
            return self.fixed[name]
        if model not in self.given:
            return recorded  # nobody has it
        if (model, recorded) not in self.learned:
            taken = sum(1 for known, _ in self.learned if known == model)
            self.learned[model, recorded] = self.given[model][taken]
        return self.learned[model, recorded]


def filled(value: Any, words: Callable[[str | None], str]) -> Any:
    """Return the value with every placeholder replaced; `words(None)` is the database, else a user's key."""
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda found: words(found.group(1)), value)
    if isinstance(value, dict):
        return {name: filled(part, words) for name, part in value.items()}
    if isinstance(value, list):
        return [filled(part, words) for part in value]
    return value


def mapped(body: Any, ids: Ids, path: str) -> Any:
    """Return a request's body with the ids of the recorded server exchanged."""
    if isinstance(body, str) and body.startswith("<?xml"):
        args, method = xmlrpc.client.loads(body)
        given: list[Any] = list(args)
        if len(given) > 5:
            given[5] = _positional(given[5], ids, given[3], given[4])
        return xmlrpc.client.dumps(tuple(given), method)
    if isinstance(body, dict) and "params" in body:
        args = body["params"]["args"]
        if len(args) < 6:
            return body
        model, method, given, named = args[3], args[4], args[5], args[6] if len(args) > 6 else {}
        changed = [*args[:5], _positional(given, ids, model, method), _named(named, ids, model)]
        return {**body, "params": {**body["params"], "args": changed}}
    if isinstance(body, dict):
        return _named(body, ids, path.split("/")[3])
    return body


def _positional(args: list[Any], ids: Ids, model: str, method: str) -> list[Any]:
    if method == "load":
        return [args[0], _rows(args[0], args[1], ids)]
    if method in SEARCHES and args:
        return [_domain(args[0], ids, model), *args[1:]]
    if method not in WITHOUT_IDS and args:
        return [[ids.of(model, one) for one in args[0]], *(_value(part, None, ids) for part in args[1:])]
    return [_value(part, None, ids) for part in args]


def _named(body: Mapping[str, Any], ids: Ids, model: str) -> dict[str, Any]:
    found = {}
    for name, value in body.items():
        if name == "ids":
            found[name] = [ids.of(model, one) for one in value]
        elif name == "domain":
            found[name] = _domain(value, ids, model)
        elif name == "data":
            found[name] = _rows(body["fields"], value, ids)
        elif name in ("specification", "fields"):
            found[name] = value
        else:
            found[name] = _value(value, name, ids)
    return found


def _value(value: Any, name: str | None, ids: Ids) -> Any:
    if isinstance(value, dict):
        return {key: _value(part, key, ids) for key, part in value.items()}
    if isinstance(value, list) and name in MODELS and value and isinstance(value[0], list):
        return [[*command[:-1], _value(command[-1], name, ids)] for command in value]
    if isinstance(value, list):
        return [_value(part, name, ids) for part in value]
    if name in MODELS and type(value) is int:
        return ids.of(MODELS[name], value)
    return value


def _domain(domain: list[Any], ids: Ids, model: str) -> list[Any]:
    found = []
    for leaf in domain:
        if isinstance(leaf, list) and leaf[1] in ("=", "in"):
            meant = model if leaf[0] == "id" else MODELS.get(leaf[0])
            value = leaf[2]
            if meant is not None:
                value = (
                    [ids.of(meant, one) for one in value] if isinstance(value, list) else ids.of(meant, value)
                )
            found.append([leaf[0], leaf[1], value])
        else:
            found.append(leaf)
    return found


def _rows(columns: list[str], rows: list[list[str]], ids: Ids) -> list[list[str]]:
    meant = [MODELS.get(column.split("/")[-2]) if column.endswith("/.id") else None for column in columns]
    return [
        [
            cell if model is None else str(ids.of(model, int(cell)))
            for model, cell in zip(meant, row, strict=True)
        ]
        for row in rows
    ]


# ── comparing ──

DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?")
# Lists that are longer or shorter with a database's age, and texts that only its data decide.
GROWN = frozenset({"stock_quant_ids", "records"})
UNLIKE = frozenset({"debug", "default_code", "barcode", "display_name", "server_version"})
COUNTED = frozenset({"length", "__count"})


def differences(
    recorded: Any, answered: Any, path: str = "", *, data: frozenset[str] = frozenset(), figures: bool = False
) -> list[str]:
    """Return where an answer differs from the recorded one in shape, type or in what the data do not decide.

    Digits in texts count as alike (names carry running numbers); ids and the fields named in `data` are
    compared by type only, and so are quantities unless the scene has the same `figures`.
    """
    name = path.rsplit(".", 1)[-1].split("[")[0]
    if isinstance(recorded, dict) and isinstance(answered, dict):
        found = [f"{path}: {one} is missing" for one in sorted(recorded.keys() - answered.keys())]
        found += [f"{path}: {one} is too much" for one in sorted(answered.keys() - recorded.keys())]
        for one in recorded.keys() & answered.keys():
            found += differences(recorded[one], answered[one], f"{path}.{one}", data=data, figures=figures)
        return found
    if isinstance(recorded, list) and isinstance(answered, list):
        grown = name in GROWN
        if (grown and bool(recorded) != bool(answered)) or (not grown and len(recorded) != len(answered)):
            return [f"{path}: {len(recorded)} were recorded, {len(answered)} came"]
        pairs = zip(recorded, answered, strict=not grown)
        return [
            line
            for n, pair in enumerate(pairs)
            for line in differences(*pair, f"{path}[{n}]", data=data, figures=figures)
        ]
    if name in data and (answered is False or recorded is False):
        return []
    if type(recorded) is not type(answered):
        return [f"{path}: recorded {recorded!r}, came {answered!r}"]
    if isinstance(recorded, str):
        alike = _alike(recorded, str(answered))
        return [] if alike or name in UNLIKE | data else [f"{path}: recorded {recorded!r}, came {answered!r}"]
    if isinstance(recorded, bool) or recorded is None or (figures and isinstance(recorded, float)):
        return [] if recorded == answered else [f"{path}: recorded {recorded!r}, came {answered!r}"]
    return []


def _alike(recorded: str, answered: str) -> bool:
    if DATE.fullmatch(recorded):
        return DATE.fullmatch(answered) is not None
    if TRACEBACK.search(recorded):
        return True
    return DIGITS.sub("0", recorded) == DIGITS.sub("0", answered)


def xmlrpc_answer(text: str) -> Any:
    """Return what an XML-RPC answer says: the value, or the fault's code and last line."""
    shortened = re.sub(r"<server-side traceback text; last line: ([^>]*)>", r"\1", text)
    try:
        values, _ = xmlrpc.client.loads(shortened)
    except xmlrpc.client.Fault as fault:
        last = [line for line in fault.faultString.splitlines() if line.strip()][-1]
        return {"faultCode": fault.faultCode, "last_line": last}
    return values[0]
