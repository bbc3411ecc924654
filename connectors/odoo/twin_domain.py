"""Search domains: Polish notation over sets of ids, with indexes where a leaf has one.

A domain is a list of leaves (field, operator, value) and the operators "&", "|", "!". Dotted paths go through
any relation. Does not know rights: twin_rights adds its own domain before searching.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from connectors.odoo.twin_errors import value_error
from connectors.odoo.twin_model import COMPUTED, MODELS, NUMBERS, TEXTS, X2MANY, Field
from connectors.odoo.twin_values import one_field

if TYPE_CHECKING:
    from connectors.odoo.twin_orm import Env

Ids = AbstractSet[int]
OPERATORS = frozenset(
    ("=", "!=", "<>", "<", "<=", ">", ">=", "in", "not in", "like", "not like", "ilike", "not ilike",
     "=like", "=ilike", "not =like", "not =ilike", "=?", "child_of", "parent_of", "any", "not any")
)  # fmt: skip
NEGATED = {
    "!=": "=", "<>": "=", "not in": "in", "not like": "like", "not ilike": "ilike", "not any": "any",
    "not =like": "=like", "not =ilike": "=ilike",
}  # fmt: skip
_STORED_TIME = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d(\.\d+)?)?)?")


def search(env: Env, model: str, domain: list[Any], *, active_test: bool) -> Ids:
    """Return the ids that satisfy a domain; archived ones hide unless the domain speaks of `active`."""
    if active_test and "active" in env.fields(model) and not _names_active(domain):
        domain = [("active", "=", True), *domain]
    return _Search(env, model).run(domain)


def ordered(env: Env, model: str, found: Iterable[int], order: str) -> list[int]:
    """Sort ids by an order such as `write_date desc, id`; ends equal on id."""
    ids = sorted(found)
    if order.strip() in ("id", "id asc"):
        return ids
    for part in reversed(order.split(",")):
        name, _, direction = part.strip().partition(" ")
        field = one_field(env, model, name)
        values: Any = env.values(model, ids, name)
        if field.type == "many2one" and field.comodel in MODELS:
            rank = {one: place for place, one in enumerate(_ranked(env, field, values))}
            values = [None if one is None else rank[one] for one in values]
        descending = direction.strip().lower().startswith("desc")
        keyed = sorted(zip(values, ids, strict=True), key=_null_last(descending), reverse=descending)
        ids = [number for _, number in keyed]
    return ids


def _ranked(env: Env, field: Field, values: Iterable[int | None]) -> list[int]:
    theirs = MODELS[field.comodel].order
    wanted = {one for one in values if one is not None}
    return sorted(wanted) if theirs == "id" else ordered(env, field.comodel, wanted, theirs)


def _null_last(descending: bool) -> Callable[[tuple[Any, int]], tuple[bool, Any]]:
    """PostgreSQL sorts null last going up and first going down; both are `null is biggest`."""

    def key(pair: tuple[Any, int]) -> tuple[bool, Any]:
        value = pair[0]
        return (value is None, 0 if value is None else value)

    return key


def _names_active(domain: list[Any]) -> bool:
    return any(isinstance(leaf, (list, tuple)) and leaf and leaf[0] == "active" for leaf in domain)


class _Search:
    def __init__(self, env: Env, model: str) -> None:
        self.env, self.model = env, model
        self.table = env.db.store.tables[model]

    def run(self, domain: list[Any], within: Ids | None = None) -> Ids:
        """Return the ids, among `within` when given."""
        stack: list[list[Any]] = []
        for token in reversed(domain):
            if token == "!":  # noqa: S105 (an operator, no secret)
                stack.append(["!", stack.pop()])
            elif token in ("&", "|"):
                stack.append([token, stack.pop(), stack.pop()])
            elif isinstance(token, (list, tuple)) and len(token) == 3:
                stack.append(["leaf", tuple(token)])
            else:
                raise value_error(f"Malformed domain {domain!r}")
        if not stack:
            return set(self.table) if within is None else within
        for node in stack:
            self._check(node)
        return self._all(stack, within)

    def _check(self, node: list[Any]) -> None:
        if node[0] != "leaf":
            for part in node[1:]:
                self._check(part)
            return
        leaf = node[1]
        if isinstance(leaf[0], int) and isinstance(leaf[2], int):
            return
        name = str(leaf[0]).partition(".")[0]
        if name not in self.env.fields(self.model):
            shown = f"({leaf[0]!r}, {leaf[1]!r}, {leaf[2]!r})"
            where = "leaf" if self.env.version == 18 else "condition"
            raise value_error(f"Invalid field {self.model}.{leaf[0]} in {where} {shown}")
        if str(leaf[1]).lower() not in OPERATORS:
            raise value_error(f"Invalid operator {leaf[1]!r} in domain term {leaf!r}")

    def _all(self, nodes: list[list[Any]], within: Ids | None) -> Ids:
        """Narrow by one node after the other, those with an index first."""
        flat: list[list[Any]] = []
        while nodes:
            node, *nodes = nodes
            if node[0] == "&":
                nodes = [node[1], node[2], *nodes]
            else:
                flat.append(node)
        flat.sort(key=self._cost)
        for node in flat:
            within = self._node(node, within)
            if not within:
                return set()
        return set(self.table) if within is None else within

    def _cost(self, node: list[Any]) -> int:
        if node[0] != "leaf" or not isinstance(node[1][0], str):
            return 3
        name, operator, value = node[1]
        if name == "id" and operator in ("=", "in"):
            return 0
        field = self.env.fields(self.model)[name.partition(".")[0]]
        if field.is_indexed and field.model == self.model and operator in ("=", "in", "child_of"):
            return 2 if "." in name or value is False else 1
        return 4 if (self.model, field.name) in COMPUTED else 3

    def _node(self, node: list[Any], within: Ids | None) -> Ids:
        match node[0]:
            case "leaf":
                return self._leaf(node[1], within)
            case "|":
                return set(self._node(node[1], within)) | set(self._node(node[2], within))
            case "&":
                return self._all([node], within)
        everything = set(self.table) if within is None else within
        return set(everything) - set(self._node(node[1], everything))

    def _leaf(self, leaf: tuple[Any, Any, Any], within: Ids | None) -> Ids:
        name, operator, value = leaf[0], str(leaf[1]).lower(), leaf[2]
        everything: Ids = self.table.keys() if within is None else within
        if isinstance(name, int):  # (1, "=", 1) is true, (0, "=", 1) is false
            holds = (name == value) == (operator == "=")
            return set(everything) if holds else set()
        if operator == "=?":
            if value in (None, False):
                return set(everything)
            operator = "="
        if positive := NEGATED.get(operator):
            return set(everything) - set(self._leaf((name, positive, value), within))
        if operator == "any":
            return self._through(name, self._sub(name, list(value)), everything, within)
        head, _, rest = name.partition(".")
        if through := self._reached_through(head):
            name = f"{through}.{rest}" if rest else through
            head, _, rest = name.partition(".")
        if rest and one_field(self.env, self.model, head).comodel:
            return self._through(head, self._sub(head, [(rest, operator, value)]), everything, within)
        return self._plain(head, operator, value, everything, within)

    def _reached_through(self, name: str) -> str:
        """Return the path behind a related or inherited field, so that its indexes serve."""
        if via := MODELS[self.model].parent_of(name, self.env.version):
            return f"{via}.{name}"
        return "" if (self.model, name) in COMPUTED else one_field(self.env, self.model, name).related

    def _sub(self, name: str, domain: list[Any]) -> Ids:
        comodel = one_field(self.env, self.model, name).comodel
        return _Search(self.env, comodel).run(domain)

    def _through(self, name: str, targets: Ids, everything: Ids, within: Ids | None) -> Ids:
        """Return the records whose relation points at one of the targets."""
        field = one_field(self.env, self.model, name)
        if field.type == "one2many" and field.inverse and (self.model, name) not in COMPUTED:
            lines = self.env.db.store.tables[field.comodel]
            return {lines[one][field.inverse] for one in targets} & set(everything)
        if within is None and self._has_index(field):
            index = self.env.db.store.index[(self.model, name)]
            return set().union(*(index.get(one, set()) for one in targets))
        if field.type == "many2one":
            return {one for one, held in self._values(name, everything) if held in targets}
        return {one for one, held in self._values(name, everything) if held and not targets.isdisjoint(held)}

    def _plain(self, name: str, operator: str, value: Any, everything: Ids, within: Ids | None) -> Ids:
        field = one_field(self.env, self.model, name)
        if operator in ("child_of", "parent_of"):
            comodel = self.model if name == "id" else field.comodel
            targets = _family(self.env, comodel, value, up=operator == "parent_of")
            if name == "id":
                return targets & set(everything)
            return self._through(name, targets, everything, within)
        if operator in ("=", "in"):
            return self._equal(field, value, everything, within)
        if field.comodel and isinstance(value, str):
            found = _Search(self.env, field.comodel).run([("display_name", operator, value)])
            return self._through(name, found, everything, within)
        if "like" in operator:
            fits = _like(operator, str(value))
            return {one for one, held in self._values(name, everything) if held and fits(str(held))}
        wanted = _comparable(self.env, field, value)
        compare = _COMPARE[operator]
        empty = 0 if field.type in NUMBERS else None
        held_values = ((one, empty if held is None else held) for one, held in self._values(name, everything))
        return {one for one, held in held_values if held is not None and compare(held, wanted)}

    def _equal(self, field: Field, value: Any, everything: Ids, within: Ids | None) -> Ids:
        wanted = value if isinstance(value, (list, tuple, set)) else [value]
        if field.name == "id":
            return {one for one in wanted if one in everything}
        if field.comodel and any(isinstance(one, str) for one in wanted):
            found = _Search(self.env, field.comodel).run([("display_name", "in", list(wanted))])
            return self._through(field.name, found, everything, within)
        if field.type == "boolean":
            truths = {bool(one) for one in wanted}
            return {one for one, held in self._values(field.name, everything) if bool(held) in truths}
        null = any(one is None or one is False for one in wanted)
        values = {_comparable(self.env, field, one) for one in wanted if one is not None and one is not False}
        if field.type in X2MANY:
            found = set(self._through(field.name, values, everything, within)) if values else set()
            empty = (one for one, held in self._values(field.name, everything) if null and not held)
            return found.union(empty)
        if within is None and self._has_index(field):
            index = self.env.db.store.index[(self.model, field.name)]
            return set().union(*(index.get(one, set()) for one in (*values, *((None,) if null else ()))))
        if field.type in NUMBERS and null:
            values.add(0)
        return {
            one for one, held in self._values(field.name, everything)
            if held in values or (null and (held is None or held == ""))
        }  # fmt: skip

    def _has_index(self, field: Field) -> bool:
        return field.is_indexed and field.model == self.model

    def _values(self, name: str, ids: Collection[int]) -> Iterable[tuple[int, Any]]:
        field = one_field(self.env, self.model, name)
        if field.is_kept and field.model == self.model and (self.model, name) not in COMPUTED:
            table = self.table
            return ((one, table[one].get(name)) for one in ids)
        listed = list(ids)
        return zip(listed, self.env.values(self.model, listed, name), strict=True)


def _family(env: Env, model: str, value: Any, *, up: bool) -> set[int]:
    """Return records and all below (or above) them, by the model's own parent field."""
    parent = "location_id" if model == "stock.location" else "parent_id"
    if isinstance(value, str):
        start = set(_Search(env, model).run([("display_name", "ilike", value)]))
    else:
        start = {int(one) for one in (value if isinstance(value, (list, tuple)) else [value]) if one}
    found, fresh = set(start), start
    table, index = env.db.store.tables[model], env.db.store.index[(model, parent)]
    if parent not in env.fields(model):
        return found
    while fresh:
        if up:
            fresh = {table[one][parent] for one in fresh if one in table and table[one][parent]} - found
        else:
            fresh = {child for one in fresh for child in index.get(one, ())} - found
        found |= fresh
    return found


def _like(operator: str, pattern: str) -> Callable[[str], bool]:
    if not operator.startswith("="):
        pattern = f"%{pattern}%"
    parts = "".join({"%": ".*", "_": "."}.get(one, re.escape(one)) for one in pattern)
    compiled = re.compile(parts, re.DOTALL | (re.IGNORECASE if "ilike" in operator else 0))
    return lambda text: compiled.fullmatch(text) is not None


def _comparable(env: Env, field: Field, value: Any) -> Any:
    """Return a value that compares with kept ones; times are text, in UTC without a zone."""
    if field.type in ("datetime", "date"):
        return _time(env, field, value)
    if field.type in TEXTS and not isinstance(value, str):
        return str(value)
    if field.type in NUMBERS and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise value_error(f"could not convert string to float: {value!r}") from None
    return value


def _time(env: Env, field: Field, value: Any) -> str:
    if isinstance(value, (datetime, date)):
        return str(value)
    text = str(value)
    if _STORED_TIME.fullmatch(text):
        if field.type == "date":
            return text[:10]
        return f"{text} 00:00:00" if len(text) == 10 else text
    if env.version >= 19:
        raise value_error(f"time data {text!r} does not match format '%Y-%m-%d %H:%M:%S'")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise value_error(f"invalid input syntax for type timestamp: {text!r}") from None
    # PostgreSQL drops the zone of a literal for a column without one: the digits count as they stand.
    moment = moment.replace(tzinfo=None)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda held, wanted: held < wanted,
    "<=": lambda held, wanted: held <= wanted,
    ">": lambda held, wanted: held > wanted,
    ">=": lambda held, wanted: held >= wanted,
}
