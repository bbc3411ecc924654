"""Bodies of deliveries as people edit them: people masked, numbers kept as they were written."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any

from inventory_sync.console.formats import MASK, PRIVATE, masked

_QUOTE = "\ue000"  # private use: in no message, and never in what is shown
_PRIVATE_FIELD = re.compile(rf'(?i)("(?:{"|".join(sorted(PRIVATE))})"\s*:\s*)"(?:[^"\\]|\\.)+"?')
_NUMBER = re.compile(f'"{_QUOTE}([^"]*){_QUOTE}"')


class NotEditable(ValueError):
    """The text cannot be a body; says why."""


def editable(body: bytes) -> str:
    """Return a body as text to edit: JSON indented and masked, broken JSON as it is but for named fields."""
    try:
        return _written(masked(_read(body)))
    except (ValueError, RecursionError):
        return _PRIVATE_FIELD.sub(rf'\1"{MASK}"', body.decode("utf-8", "replace"))


def restored(text: str, original: bytes) -> bytes:
    """Return the body that an edited text stands for, with what was masked as the original has it."""
    text = text.replace("\r\n", "\n")
    try:
        value = _read(text.encode())
    except (ValueError, RecursionError) as error:
        raise NotEditable(f"It is not JSON: {error}") from error
    try:
        behind = _read(original)
    except (ValueError, RecursionError):
        behind = None
    return _compact(_unmasked(value, behind))


def diff(before: str, after: str) -> list[tuple[str, str]]:
    """Return the lines that differ and those around them, as (kind, line); kind: was, is or ""."""
    kinds = {"-": "was", "+": "is"}
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))[2:]
    return [(kinds.get(line[:1], ""), line if line.startswith("@@") else line[1:]) for line in lines]


def _read(body: bytes) -> Any:
    mark = f"{_QUOTE}{{}}{_QUOTE}".format
    return json.loads(body, parse_float=mark, parse_int=mark)


def _written(value: Any) -> str:
    return _NUMBER.sub(r"\1", json.dumps(value, indent=2, ensure_ascii=False))


def _compact(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _NUMBER.sub(r"\1", text).encode()


def _unmasked(value: Any, behind: Any) -> Any:
    """Put back what was masked, from the same place of the original."""
    if value == MASK:
        if behind is None:
            raise NotEditable("A masked value stands where the original has none: write what it should be.")
        return behind
    if isinstance(value, Mapping):
        known = behind if isinstance(behind, Mapping) else {}
        return {name: _unmasked(inner, known.get(name)) for name, inner in value.items()}
    if isinstance(value, list):
        old = behind if isinstance(behind, list) else []
        if len(value) != len(old) and MASK in json.dumps(value, ensure_ascii=False):
            raise NotEditable("Lines were added or taken away where values are masked: write those out.")
        return [
            _unmasked(inner, old[place] if place < len(old) else None) for place, inner in enumerate(value)
        ]
    return value
