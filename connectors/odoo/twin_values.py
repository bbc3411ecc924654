"""Values on their way into a row: what each field type accepts, and what it refuses in Odoo's words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connectors.odoo.twin_errors import OdooError, type_error, validation_error, value_error
from connectors.odoo.twin_model import TEXTS, Field, Model

if TYPE_CHECKING:
    from connectors.odoo.twin_orm import Env

_DATETIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def one_field(env: Env, model: str, name: str) -> Field:
    field = env.fields(model).get(name)
    if field is None:
        where = f"on model '{model}'" if env.version == 18 else f"on '{model}'"
        raise value_error(f"Invalid field '{name}' {where}")
    return field


def kept_value(env: Env, field: Field, value: Any, before: list[int] | None = None) -> Any:
    """Return the value as the row keeps it; `before` is what a many2many held."""
    if field.type == "boolean":
        return bool(value)
    if field.type == "many2many":
        return _linked(env, field, value or [], before or [])
    if value is None or value is False:
        return field.empty
    if field.type == "many2one":
        return _target(env, field, value)
    if field.type == "selection" and field.selection and value not in field.selection:
        raise value_error(f"Wrong value for {field.model}.{field.name}: {value!r}")
    if field.type in TEXTS:
        return str(value)
    if field.type == "integer":
        return int(value)
    if field.type in ("float", "monetary"):
        return float(value)
    if field.type == "datetime":
        return _datetime(str(value))
    if field.type == "date":
        text = str(value)[:10]
        if not _DATE.fullmatch(text):
            raise value_error(f"time data {value!r} does not match format '%Y-%m-%d'")
        return text
    return value


def missing_value(env: Env, model: Model, field: Field) -> OdooError:
    """Return the refusal of a mandatory field that is empty, as each version words it."""
    if env.version == 18:
        return validation_error(
            "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n"
            "- Delete: another model requires the record being deleted. If possible, archive it instead.\n\n"
            f"Model: {model.label} ({model.name})\nField: {field.label} ({field.name})\n"
        )
    return validation_error(
        "The operation cannot be completed: Missing required value for the field "
        f"'{field.label}' ({field.name}).\nModel: '{model.label}' ({model.name})\n"
        "- create/update: a mandatory field is not set\n"
        "- delete: another model requires the record being deleted, you can archive it instead\n"
    )


def _datetime(text: str) -> str:
    if _DATE.fullmatch(text):
        return f"{text} 00:00:00"
    if not _DATETIME.fullmatch(text):
        raise value_error(f"time data {text!r} does not match format '%Y-%m-%d %H:%M:%S'")
    return text


def _target(env: Env, field: Field, value: Any) -> int:
    if isinstance(value, (list, tuple)) and value:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int):
        raise value_error(f"Wrong value for {field.model}.{field.name}: {value!r}")
    if env.db.store.get(field.comodel, value) is None:
        raise validation_error(
            "The operation cannot be completed: another model requires the record being deleted. "
            f"If possible, archive it instead.\n\nModel: {field.comodel}, Constraint: {field.name}"
        )
    return value


def _linked(env: Env, field: Field, value: list[Any], before: list[int]) -> list[int]:
    """Apply many2many commands, or take a bare list of ids."""
    held = list(before)
    for command in value:
        if isinstance(command, int) and not isinstance(command, bool):
            held.append(command)
            continue
        if not isinstance(command, (list, tuple)) or not command:
            raise type_error(f"Wrong value for {field.model}.{field.name}: {value!r}")
        code = int(command[0])
        if code == 0:
            held.append(env.create(field.comodel, command[2]))
        elif code == 1:
            env.write(field.comodel, [command[1]], command[2])
        elif code in (2, 3):
            held = [one for one in held if one != command[1]]
        elif code == 4:
            held.append(int(command[1]))
        else:
            held = [int(one) for one in command[2]] if code == 6 else []
    return list(dict.fromkeys(held))
