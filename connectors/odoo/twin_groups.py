"""Grouped reading: `read_group` of 18 and `formatted_read_group` of 19."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from connectors.odoo import twin_rights
from connectors.odoo.twin_model import NUMBERS
from connectors.odoo.twin_orm import Env, action, value_error
from connectors.odoo.twin_read import labels_of, told
from connectors.odoo.twin_values import one_field

Doc = dict[str, Any]
FOLDS: dict[str, Callable[[list[Any]], Any]] = {
    "sum": sum, "min": min, "max": max, "avg": lambda held: sum(held) / len(held),
    "count": len, "count_distinct": lambda held: len(set(held)), "array_agg": list,
}  # fmt: skip


@action("*", "read_group", model_level=True, reads=True, versions=(18,))
def read_group(
    env: Env, domain: list[Any], fields: list[str], groupby: Any, offset: int = 0, limit: int | None = None,
    orderby: str = "", lazy: bool = True,
) -> list[Doc]:  # fmt: skip
    model = env.called
    names = [groupby] if isinstance(groupby, str) else list(groupby)
    used = names[:1] if lazy else names
    rows = []
    for key, ids in _groups(env, model, domain, used):
        row: Doc = {name: _shown(env, model, name, one) for name, one in zip(used, key, strict=True)}
        row[f"{used[0]}_count" if lazy and used else "__count"] = len(ids)
        for one in fields:
            name, _, how = one.partition(":")
            if one not in names and (how or one_field(env, model, name).type in NUMBERS):
                row[name] = _fold(env, model, ids, name, how or "sum")
        row["__domain"] = _and(
            [*domain], [(name, "=", told_key(one)) for name, one in zip(used, key, strict=True)]
        )
        rows.append(row)
    return rows[offset : None if not limit else offset + limit]


@action("*", "formatted_read_group", model_level=True, reads=True, versions=(19,))
def formatted_read_group(
    env: Env, domain: list[Any], groupby: Sequence[str] = (), aggregates: Sequence[str] = (),
    having: Sequence[Any] = (), offset: int = 0, limit: int | None = None, order: str | None = None,
) -> list[Doc]:  # fmt: skip
    model = env.called
    rows = []
    for key, ids in _groups(env, model, domain, list(groupby)):
        row: Doc = {name: _shown(env, model, name, one) for name, one in zip(groupby, key, strict=True)}
        row["__extra_domain"] = _and(
            [], [(name, "=", told_key(one)) for name, one in zip(groupby, key, strict=True)]
        )
        for one in aggregates:
            name, _, how = one.partition(":")
            row[one] = len(ids) if name == "__count" else _fold(env, model, ids, name, how)
        rows.append(row)
    return rows[offset : None if not limit else offset + limit]


def told_key(value: Any) -> Any:
    return False if value is None else value


def _groups(
    env: Env, model: str, domain: list[Any], names: list[str]
) -> list[tuple[tuple[Any, ...], list[int]]]:
    """Return (values, ids) in the order of the grouped fields."""
    for name in names:
        if ":" in name or one_field(env, model, name).type in ("date", "datetime"):
            raise value_error(f"Grouping by {name!r} is not spoken by the twin")
    ids = env.ids(model, [*domain, *twin_rights.rule(env, model)])
    columns = [env.values(model, ids, name) for name in names]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, number in enumerate(ids):
        groups.setdefault(tuple(column[place] for column in columns), []).append(number)
    return sorted(groups.items(), key=lambda pair: [(one is None, one or 0) for one in pair[0]])


def _shown(env: Env, model: str, name: str, value: Any) -> Any:
    field = one_field(env, model, name)
    if field.type == "many2one" and value is not None:
        return [value, labels_of(env, field.comodel, [value])[value]]
    return told(field, value)


def _fold(env: Env, model: str, ids: list[int], name: str, how: str) -> Any:
    if how not in FOLDS:
        raise value_error(f"Invalid aggregate method {how!r} for {name!r}")
    held = [one for one in env.values(model, ids, name) if one is not None]
    return FOLDS[how](held) if held or how != "avg" else 0.0


def _and(domain: list[Any], leaves: list[tuple[str, str, Any]]) -> list[Any]:
    terms = [*domain, *leaves]
    if any(one in ("&", "|", "!") for one in domain):
        return ["&", *domain, *leaves] if leaves else domain
    return ["&"] * (len(terms) - 1) + [list(term) for term in terms]
