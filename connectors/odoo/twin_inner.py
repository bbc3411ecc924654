"""Calling a public method of the twin from inside it, as one module of Odoo calls another's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.odoo.twin_model import ACTIONS
from connectors.odoo.twin_orm import Env


def call(env: Env, model: str, method: str, ids: Sequence[int], **named: Any) -> Any:
    """Run a method on records, in the caller's transaction and context."""
    return ACTIONS[(model, method)].run(env, list(ids), **named)
