"""A call that came over the wire: found, allowed, run as one transaction, with the faults that hit inside.

Transports (twin_rpc, twin_json2) say what is called with what; they also give errors their shape.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connectors.base.twinkit import Faults
from connectors.odoo import twin_rights
from connectors.odoo.twin_core import Database
from connectors.odoo.twin_errors import (
    OdooError,
    SerializationFailure,
    access_error,
    attribute_error,
    user_error,
)
from connectors.odoo.twin_model import ACTIONS, MODELS, Action
from connectors.odoo.twin_orm import Env
from connectors.odoo.twin_timings import Workers, given, told

LINES = {"stock.picking": "move_ids", "sale.order": "order_line", "purchase.order": "order_line"}
TRIES = 5
OPERATIONS: dict[str, twin_rights.Operation] = {"create": "create", "load": "create", "unlink": "unlink"}
FOR_ANYBODY = frozenset(
    ("context_get", "fields_get", "has_group", "check_object_reference", "has_access", "check_access_rights")
)


class WorkerKilled(Exception):
    """The worker was killed in the middle: nothing was committed and nothing is answered."""


@dataclass(frozen=True, slots=True)
class Call:
    """One method of one model, ready to run."""

    uid: int
    model: str
    method: str
    action: Action
    ids: tuple[int, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)


def known_model(db: Database, model: str) -> bool:
    return model in MODELS and db.version in MODELS[model].versions and model not in db.absent


def find_action(version: int, model: str, method: str) -> Action | None:
    for owner in (model, "*"):
        found = ACTIONS.get((owner, method))
        if found is not None and version in found.versions:
            return found
    return None


def is_private(method: str) -> bool:
    return method.startswith("_")


def action_of(db: Database, model: str, method: str) -> Action:
    """Return the method, or raise as execute_kw does."""
    if not known_model(db, model):
        raise user_error(f"Object {model} doesn't exist")
    if is_private(method):
        raise private(model, method)
    found = find_action(db.version, model, method)
    if found is None:
        raise attribute_error(f"The method '{model}.{method}' does not exist")
    return found


def private(model: str, method: str) -> OdooError:
    return access_error(f"Private methods (such as '{model}.{method}') cannot be called remotely.")


def reads(version: int, model: str, method: str) -> bool:
    """Tell whether a call only reads; one nobody knows changes nothing either."""
    found = find_action(version, model, method)
    return found is None or found.reads


@dataclass(slots=True)
class Caller:
    """Runs calls against a database, with faults inside the transaction.

    With `workers`, a call holds one of them for the time it costs on a real server.
    """

    db: Database
    faults: Faults
    sleep: Callable[[float], None] = time.sleep
    workers: Workers | None = None

    def run(self, call: Call) -> Any:
        """Return what the method answers. A commit is done when this returns."""
        if self.workers is None:
            return self._run(call)
        method = call.method
        if call.named.get("load", "") is None:
            method += " unlabelled"
        with self.workers.one():
            if call.action.reads:  # what it tells is of the moment it began; writes are seen when they end
                result = self._run(call)
                self.workers.spend(call.model, method, told(result))
                return result
            self.workers.spend(call.model, method, self._weight(call))
            return self._run(call)

    def _weight(self, call: Call) -> int:
        """Return how many records and lines a writing call is about."""
        if call.named.get("data"):
            return len(call.named["data"])
        if not call.action.on_records:
            return given(call.named.get("vals_list"))
        if call.model not in LINES:
            return len(call.ids)
        with self.db.transaction() as env:
            there = [number for number in call.ids if env.row(call.model, number) is not None]
            return sum(len(lines) for lines in env.values(call.model, there, LINES[call.model]))

    def _run(self, call: Call) -> Any:
        kind, path = "GET" if call.action.reads else "POST", f"/{call.model}/{call.method}"

        def work(env: Env) -> Any:
            return _perform(env, call)

        if fault := self.faults.take("lock_wait", kind, path):
            self.sleep(fault.seconds)
        if self.faults.take("serialization_failure", kind, path):
            return self._lost_race(call, work)
        if self.faults.take("worker_killed", kind, path):
            self._roll_back(call, work, WorkerKilled())
        if fault := self.faults.take("slow_commit", kind, path):
            return self._late_commit(call, work, fault.seconds)
        for _ in range(TRIES - 1):
            try:
                with self.db.transaction(call.uid, call.context) as env:
                    return work(env)
            except SerializationFailure:  # somebody was faster; the server tries again by itself
                continue
        with self.db.transaction(call.uid, call.context) as env:
            return work(env)

    def _late_commit(self, call: Call, work: Callable[[Env], Any], seconds: float) -> Any:
        held = self.db.hold(work, call.uid, call.context)
        self.sleep(seconds)
        try:
            return held.commit()
        except SerializationFailure:
            with self.db.transaction(call.uid, call.context) as env:
                return work(env)

    def _roll_back(self, call: Call, work: Callable[[Env], Any], why: Exception) -> None:
        """Do the work, ids and all, and take it back."""
        with self.db.transaction(call.uid, call.context) as env:
            work(env)
            raise why

    def _lost_race(self, call: Call, work: Callable[[Env], Any]) -> Any:
        try:
            self._roll_back(call, work, SerializationFailure())
        except SerializationFailure as lost:
            if call.method == "load" and self.db.version >= 19:  # load answers for its own failures
                message = {"type": "error", "message": f"Unknown error during import: {lost.message}"}
                return {"ids": False, "messages": [message], "nextrow": 0}
            raise
        return None


def _perform(env: Env, call: Call) -> Any:
    env.called = call.model
    twin_rights.check_context(env)
    if call.method not in FOR_ANYBODY:
        operation = OPERATIONS.get(call.method, "read" if call.action.reads else "write")
        if not call.action.on_records and operation == "write":
            operation = "read"
        twin_rights.check(env, call.model, operation, call.ids)
    if call.action.on_records:
        return call.action.run(env, list(call.ids), **call.named)
    return call.action.run(env, **call.named)


def class_name(model: str, method: str) -> str:
    """Return the class a TypeError of 18 names: the model's own for what it overrides, else the base."""
    own = method in ("write", "create", "unlink") or (model, method) in ACTIONS
    return "".join(part.capitalize() for part in model.split(".")) if own else "BaseModel"


def missing_parameter(parameters: inspect.Signature, named: dict[str, Any]) -> str | None:
    for name, one in parameters.parameters.items():
        if (
            one.default is inspect.Parameter.empty
            and one.kind is one.POSITIONAL_OR_KEYWORD
            and name not in named
        ):
            return name
    return None


def unexpected(parameters: inspect.Signature, named: dict[str, Any]) -> str | None:
    if any(one.kind is one.VAR_KEYWORD for one in parameters.parameters.values()):
        return None
    return next((name for name in named if name not in parameters.parameters), None)
