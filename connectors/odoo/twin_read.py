"""Rows as they are told over the wire: labels, False for null, whole seconds, nested specifications."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from connectors.odoo import twin_domain, twin_rights
from connectors.odoo.twin_model import X2MANY, Field
from connectors.odoo.twin_orm import Env, missing_error
from connectors.odoo.twin_values import one_field

Doc = dict[str, Any]


def records(
    env: Env, model: str, ids: Sequence[int], names: Iterable[str] | None, *, labels: bool = True
) -> list[Doc]:
    """Return the fields of records, many2one as [id, label] or, without labels, as the bare id."""
    wanted = list(names) if names else list(env.fields(model))
    found: list[Doc] = [{"id": number} for number in ids]
    for name in wanted:
        if name == "id":
            continue
        field = one_field(env, model, name)
        values = [told(field, one) for one in env.values(model, ids, name)]
        if labels and field.type == "many2one":
            values = _labelled(env, field, values)
        for record, value in zip(found, values, strict=True):
            record[name] = value
    return found


def told(field: Field, value: Any) -> Any:
    """Return one value as JSON has it."""
    if field.type == "boolean":
        return bool(value)
    if value is None:
        return False
    if field.type == "datetime":
        return str(value)[:19]
    return list(value) if field.type in X2MANY else value


def _labelled(env: Env, field: Field, values: list[Any]) -> list[Any]:
    known: dict[int, str] = labels_of(env, field.comodel, [one for one in values if one is not False])
    return [False if one is False else [one, known.get(one, "")] for one in values]


def labels_of(env: Env, model: str, ids: Iterable[int]) -> dict[int, str]:
    table = env.db.store.tables[model]
    wanted = [one for one in dict.fromkeys(ids) if one in table]
    return dict(zip(wanted, env.values(model, wanted, "display_name"), strict=True))


def nested(env: Env, model: str, ids: Sequence[int], specification: Doc) -> list[Doc]:
    """Return records as web_read does: bare ids, and related rows where the specification has `fields`.

    Inside a one2many's specification a `domain` is ignored, and `limit` takes the fields away, not the rows.
    A record that is gone is left out, unless something is nested: then the whole call fails.
    """
    table = env.db.store.tables[model]
    there = [number for number in ids if number in table]
    found = records(env, model, there, [*specification] or ["id"], labels=False)
    for name, wanted in specification.items():
        field = one_field(env, model, name)
        if not field.comodel or not wanted:
            continue
        if len(there) < len(ids):
            gone = next(number for number in ids if number not in table)
            raise missing_error(f"{model}({gone},)", env.uid)
        here = env.with_context(**(wanted.get("context") or {}))
        if field.type != "many2one":
            _nest_many(here, field, name, wanted, found)
        elif "fields" in wanted:
            _nest_one(here, field, name, wanted["fields"], found)
    return found


def _nest_one(env: Env, field: Field, name: str, inner: Doc, found: list[Doc]) -> None:
    targets = [one for one in dict.fromkeys(record[name] for record in found) if one is not False]
    if set(inner) - {"display_name", "id"}:  # a label is told to everybody
        twin_rights.check(env, field.comodel, "read", targets)
    known = {row["id"]: row for row in nested(env, field.comodel, targets, inner)}
    for record in found:
        record[name] = False if record[name] is False else dict(known[record[name]])


def _nest_many(env: Env, field: Field, name: str, wanted: Doc, found: list[Doc]) -> None:
    shown: dict[int, list[int]] = {}
    limit = wanted.get("limit")
    for record in found:
        lines = sorted(twin_rights.visible(env, field.comodel, record[name]), key=record[name].index)
        if order := wanted.get("order"):
            lines = twin_domain.ordered(env, field.comodel, lines, order)
        record[name] = lines
        shown[record["id"]] = lines if limit is None else lines[:limit]
    if "fields" not in wanted:
        return
    if set(wanted["fields"]) - {"id"}:
        twin_rights.check(env, field.comodel, "read")
    every = list(dict.fromkeys(one for lines in shown.values() for one in lines))
    known = {row["id"]: row for row in nested(env, field.comodel, every, wanted["fields"])}
    for record in found:
        kept = set(shown[record["id"]])
        record[name] = [dict(known[one]) if one in kept else {"id": one} for one in record[name]]
