"""What must hold after a create or a write: unique keys of the database and the models' own constraints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connectors.odoo.twin_errors import validation_error
from connectors.odoo.twin_model import CHECKS, MODELS

if TYPE_CHECKING:
    from connectors.odoo.twin_orm import Env


def check(env: Env, model: str, ids: Sequence[int], changed: set[str] | None) -> None:
    """Raise ValidationError where records break a rule; `changed` None means all rules apply."""
    for names, message in MODELS[model].uniques:
        if changed is None or changed.intersection(names):
            for number in ids:
                _unique(env, model, number, names, message)
    for names, constraint in CHECKS[model]:
        if changed is None or changed.intersection(names):
            constraint(env, list(ids))


def _unique(env: Env, model: str, number: int, names: tuple[str, ...], message: str) -> None:
    row = env.db.store.tables[model][number]
    if any(row.get(name) is None for name in names):
        return
    domain = [(name, "=", row[name]) for name in names]
    if len(env.ids(model, domain, active_test=False)) > 1:
        raise validation_error(f"The operation cannot be completed: {message}")
