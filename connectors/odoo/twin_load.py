"""`load`: create or update by external ids, rows as a spreadsheet has them, all or nothing.

Failures are told in the result (`ids` false, `messages`), not as an error: the call itself succeeds.
"""

from __future__ import annotations

from typing import Any

from connectors.odoo import twin_rights
from connectors.odoo.twin_model import NUMBERS, Field
from connectors.odoo.twin_orm import Env, OdooError, action
from connectors.odoo.twin_values import one_field

Doc = dict[str, Any]
Record = tuple[int, int, list[list[Any]]]
"""First row, last row, and the rows."""


class RowError(Exception):
    """One cell or row that cannot be imported."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message, self.field = message, field


@action("*", "load", model_level=True)
def load(env: Env, fields: list[str], data: list[list[Any]]) -> Doc:
    model = env.called
    paths = [name.split("/") for name in fields]
    ids: list[int] = []
    messages: list[Doc] = []
    try:
        with env.savepoint():
            for first, last, rows in _records(env, model, paths, data):
                try:
                    with env.savepoint():
                        ids.append(_one(env, model, paths, rows))
                except (RowError, OdooError) as problem:
                    messages.append(_message(problem, first, last))
            if messages:
                raise RowError("some rows failed")
    except RowError:
        return {"ids": False, "messages": messages, "nextrow": 0}
    return {"ids": ids, "messages": [], "nextrow": 0}


def _message(problem: RowError | OdooError, first: int, last: int) -> Doc:
    found = {
        "type": "error",
        "message": problem.message,
        "rows": {"from": first, "to": last},
        "record": first,
    }
    if isinstance(problem, RowError) and problem.field:
        found["field"] = problem.field
    return found


def _records(env: Env, model: str, paths: list[list[str]], data: list[list[Any]]) -> list[Record]:
    """Part rows into records: a row whose own columns are all empty continues the record above it."""
    fields = env.fields(model)
    lines = {path[0] for path in paths if path[0] in fields and fields[path[0]].type == "one2many"}
    own = [place for place, path in enumerate(paths) if path[0] not in lines]
    found: list[Record] = []
    for number, row in enumerate(data):
        if found and not any(row[place] for place in own):
            first, _, rows = found[-1]
            found[-1] = (first, number, [*rows, row])
        else:
            found.append((number, number, [row]))
    return found


def _one(env: Env, model: str, paths: list[list[str]], rows: list[list[Any]]) -> int:
    """Create or update one record with its sub-lines; return its id."""
    vals: Doc = {}
    external, number = "", 0
    lines: dict[str, list[int]] = {}
    for place, path in enumerate(paths):
        value = rows[0][place]
        if path == ["id"]:
            external = str(value or "")
        elif path == [".id"]:
            number = int(value) if value else 0
        else:
            field = _field(env, model, path[0])
            if field.type == "one2many":
                lines.setdefault(path[0], []).append(place)
            elif value not in ("", None):
                vals[path[0]] = _cell(env, field, path[1:], value)
            elif len(path) == 1:
                vals[path[0]] = False
    known = number or (_by_external(env, model, external) if external else 0)
    commands = {
        name: _line_commands(env, one_field(env, model, name), [paths[place][1:] for place in places],
                             [[row[place] for place in places] for row in rows])
        for name, places in lines.items()
    }  # fmt: skip
    for name, given in commands.items():
        vals[name] = [command for command, _ in given]
    before = _lines_before(env, model, known, commands)
    if known:
        twin_rights.check(env, model, "write", [known])
        env.write(model, [known], vals)
    else:
        known = env.create(model, vals)
        if external:
            _name(env, model, known, external)
    for name, given in commands.items():
        comodel = one_field(env, model, name).comodel
        fresh = sorted(
            set(env.with_context(active_test=False).value(model, known, name)) - set(before.get(name, ()))
        )
        names = [external for command, external in given if command[0] == 0]
        for line, line_name in zip(fresh, names, strict=True):
            if line_name:
                _name(env, comodel, line, line_name)
    return known


def _lines_before(env: Env, model: str, number: int, names: Doc) -> dict[str, list[int]]:
    if not number:
        return {}
    every = env.with_context(active_test=False)
    return {name: every.value(model, number, name) for name in names}


def _line_commands(
    env: Env, field: Field, paths: list[list[str]], rows: list[list[Any]]
) -> list[tuple[tuple[int, int, Doc], str]]:
    """Return (command, external id) per sub-line that is given."""
    found: list[tuple[tuple[int, int, Doc], str]] = []
    for row in rows:
        if not any(value not in ("", None, False) for value in row):
            continue
        vals: Doc = {}
        external, number = "", 0
        for path, value in zip(paths, row, strict=True):
            if path == ["id"]:
                external = str(value or "")
            elif path == [".id"]:
                number = int(value) if value else 0
            elif value not in ("", None):
                vals[path[0]] = _cell(env, _field(env, field.comodel, path[0]), path[1:], value)
        number = number or (_by_external(env, field.comodel, external) if external else 0)
        found.append(((1, number, vals) if number else (0, 0, vals), external))
    return found


def _field(env: Env, model: str, name: str) -> Field:
    if name not in env.fields(model):
        raise RowError(f"No such field {name!r} on {model}", name)
    return one_field(env, model, name)


def _cell(env: Env, field: Field, path: list[str], value: Any) -> Any:
    """Return a cell's value as create and write take it; text is turned into what the field holds."""
    if field.type == "many2one":
        return _target(env, field, path[0] if path else "", value)
    if field.type in NUMBERS and isinstance(value, str):
        try:
            return float(value) if field.type != "integer" else int(value)
        except ValueError:
            raise RowError(
                f"'{value}' does not seem to be a number for field '{field.label}'", field.name
            ) from None
    if field.type == "boolean" and isinstance(value, str):
        return value.strip().lower() not in ("", "0", "false", "no", "off")
    return value


def _target(env: Env, field: Field, how: str, value: Any) -> int:
    if how == ".id":
        number = int(value)
        found = number if env.db.store.get(field.comodel, number) else 0
        wanted = f"database id '{value}'"
    elif how == "id":
        found, wanted = _by_external(env, field.comodel, str(value)), f"external id '{value}'"
    else:
        named = env.ids(field.comodel, [("display_name", "=", str(value))])
        found, wanted = (named[0] if named else 0), f"name '{value}'"
    if not found:
        raise RowError(f"No matching record found for {wanted} in field '{field.label}'", field.name)
    return found


def _split(external: str) -> tuple[str, str]:
    module, dot, name = external.partition(".")
    return (module, name) if dot else ("__import__", module)


def _by_external(env: Env, model: str, external: str) -> int:
    """Return the record an external id names; an id whose record is gone is dropped and names nothing."""
    module, name = _split(external)
    for row in env.rows("ir.model.data", [("module", "=", module), ("name", "=", name)]):
        if row["model"] == model and env.db.store.get(model, row["res_id"]) is not None:
            return int(row["res_id"])
        if row["model"] != model:
            raise RowError(f"Invalid external id {external}: it names a record of {row['model']}", "id")
        env.delete("ir.model.data", [row["id"]])
    return 0


def _name(env: Env, model: str, number: int, external: str) -> None:
    module, name = _split(external)
    env.create("ir.model.data", {"module": module, "name": name, "model": model, "res_id": number})
