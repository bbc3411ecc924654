"""Policies as a file: read with the line of everything, checked, and written out again.

docs/policies.md describes the file. A policy is stated whole: a field that is not named has its default, so
applying a file twice changes nothing the second time. `absent` takes a policy away; what a file does not name
stays as it is. Does not compare with what is in force (policy_plans).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

from inventory_sync.domain.errors import BadPolicyFile, BadPolicyValue, UnknownPolicyField

ALL_ITEMS = "all"
ABSENT = "absent"
DEFAULTS: Mapping[str, Any] = {
    "share_percent": Decimal(100),
    "buffer": Decimal(0),
    "buffer_percent": Decimal(0),
    "cap": None,
    "threshold": Decimal(0),
    "safety_stock": Decimal(0),
    "pack": None,
    "fallback": "hold_last",
    "shrink_percent": Decimal(50),
    "backorder_allowance": Decimal(0),
    "preorder_allowance": Decimal(0),
    "preorder_days": 0,
}


@dataclass(frozen=True, slots=True)
class Stated:
    """One policy of a file. sku "" speaks of the channel's other items; values None: it shall not exist."""

    channel: str
    sku: str
    values: Mapping[str, Any] | None
    line: int
    channel_line: int


def read_policies(text: str) -> list[Stated]:
    """Return the policies of a file in its order; raises BadPolicyFile, or a kind of it, with the line."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise BadPolicyFile(f"This is no YAML: {error.problem}.", line=line) from None
    except yaml.YAMLError as error:
        raise BadPolicyFile(f"This is no YAML: {error}.") from None
    if root is None:
        raise BadPolicyFile("The file is empty.")
    top = {name: node for name, node, _ in _pairs(root, "The file")}
    if unknown := sorted(top.keys() - {"policies"}):
        raise BadPolicyFile(f"{unknown[0]!r} is no part of such a file.", line=_line(top[unknown[0]]))
    if "policies" not in top:
        raise BadPolicyFile("There are no policies in it.", line=_line(root))
    return [
        Stated(channel, "" if name == ALL_ITEMS else name, _values(node), line, channel_line)
        for channel, items, channel_line in _pairs(top["policies"], "policies")
        for name, node, line in _pairs(items, channel)
    ]


def write_policies(policies: Iterable[tuple[str, str, Mapping[str, Any]]]) -> str:
    """Return a file that states these (channel, sku, values); only what differs from the default is named."""
    shown: dict[str, dict[str, Any]] = {}
    for channel, sku, values in policies:
        told = {name: _plain(values[name]) for name in DEFAULTS if values[name] != DEFAULTS[name]}
        shown.setdefault(channel, {})[sku or ALL_ITEMS] = told
    return yaml.safe_dump({"policies": shown}, sort_keys=False, allow_unicode=True)


def _values(node: yaml.Node) -> Mapping[str, Any] | None:
    if isinstance(node, yaml.ScalarNode) and node.value == ABSENT:
        return None
    found = dict(DEFAULTS)
    for name, value, line in _pairs(node, "A policy"):
        if name not in DEFAULTS:
            raise UnknownPolicyField(f"A policy has no field {name!r}.", line=line)
        found[name] = _value(name, value)
    return found


def _value(name: str, node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        raise BadPolicyValue(f"{name} is one value.", line=_line(node))
    text = node.value
    if name == "fallback":
        return text
    if DEFAULTS[name] is None and text in ("", "~", "null", "none"):
        return None
    try:
        number = Decimal(text.removesuffix("%").strip())
    except InvalidOperation:
        raise BadPolicyValue(f"{name} is a number, not {text!r}.", line=_line(node)) from None
    if not number.is_finite():
        raise BadPolicyValue(f"{name} is a number, not {text!r}.", line=_line(node))
    if text.endswith("%") and not name.endswith("_percent"):
        raise BadPolicyValue(f"{name} is no percentage.", line=_line(node))
    if isinstance(DEFAULTS[name], int):
        if number != int(number):
            raise BadPolicyValue(f"{name} is a whole number, not {text!r}.", line=_line(node))
        return int(number)
    return number


def _pairs(node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node, int]]:
    if not isinstance(node, yaml.MappingNode):
        raise BadPolicyFile(f"{what} is not a mapping.", line=_line(node))
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise BadPolicyFile("A name is one word.", line=_line(key))
        if key.value in seen:
            raise BadPolicyFile(f"{key.value!r} stands there twice.", line=_line(key))
        seen.add(key.value)
        yield key.value, value, _line(key)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _plain(value: Any) -> Any:
    """Return a number as YAML writes it; a fraction as text, which is read back exactly."""
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == int(value) else format(value.normalize(), "f")
