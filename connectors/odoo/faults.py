"""What an error of Odoo means next, by the `name` it carries and never by its text.

An error answer means that the transaction was rolled back: nothing of the call was applied. So a lost race is
RemoteUnavailable for a write as well, and may be sent again. Its `debug` holds the server's traceback and is
never looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base.fields import clean
from inventory_sync.domain.errors import (
    Misconfigured,
    NotApplied,
    OutcomeUnknown,
    RemoteRefused,
    RemoteUnavailable,
    SyncError,
)

# LockError and ConcurrencyError are Odoo's own, from 19 on: a row that somebody else is at work on.
LOST_RACES = frozenset(
    {
        "SerializationFailure",
        "LockNotAvailable",
        "DeadlockDetected",
        "TransactionRollbackError",
        "LockError",
        "ConcurrencyError",
    }
)
UNREACHABLE = frozenset({"OperationalError", "InterfaceError", "PoolError", "AdminShutdown"})
KEY_REFUSED = frozenset({"AccessDenied", "Unauthorized", "SessionExpiredException"})
MISSING_RIGHT = frozenset({"AccessError", "Forbidden"})
_RACE_WORDS = ("could not serialize access", "deadlock detected", "could not obtain lock")


@dataclass(frozen=True, slots=True)
class Fault:
    """One error as Odoo told it; `status` is 200 on JSON-RPC."""

    name: str
    message: str = ""
    status: int = 200

    @property
    def kind(self) -> str:
        """The class without its module: the modules differ between versions."""
        return self.name.rpartition(".")[2]

    @property
    def key_refused(self) -> bool:
        return self.kind in KEY_REFUSED


def fault_of(data: Any, *, status: int = 200) -> Fault | None:
    """Return the fault in an error object of Odoo, or None when it is none."""
    if not isinstance(data, Mapping) or not isinstance(data.get("name"), str) or not data["name"]:
        return None
    message = data.get("message")
    text = " ".join(message.split()) if isinstance(message, str) else ""
    return Fault(clean(data["name"], limit=120), clean(text, limit=300), status)


def error_of(fault: Fault, what: str, *, write: bool) -> SyncError:
    """Return what happens next; `what` names the call as model.method."""
    told = f"Odoo on {what}: {fault.message or fault.name}"
    if fault.key_refused:
        return Misconfigured("Odoo refuses the API key: it is wrong, has expired, or its user is archived.")
    if fault.kind in MISSING_RIGHT:
        return Misconfigured(f"The sync user lacks a right for {what}. {told}")
    if fault.kind in LOST_RACES:
        return RemoteUnavailable(f"Odoo was busy and did nothing ({fault.kind} on {what}).")
    if fault.kind in UNREACHABLE:
        if write:
            return OutcomeUnknown(f"Odoo lost its database during {what} ({fault.kind}).")
        return RemoteUnavailable(
            f"Odoo cannot reach its database ({fault.kind}); is the database's name right, and is it up?"
        )
    return RemoteRefused(f"{told} ({fault.kind}).", vendor_code=fault.name, status=fault.status)


def window_of(result: Any) -> str:
    """Return the model of the window that a method opened instead of doing its work, or ""."""
    if isinstance(result, Mapping) and str(result.get("type", "")).startswith("ir.actions."):
        return clean(str(result.get("res_model") or result["type"]), limit=80)
    return ""


def not_applied(window: str, what: str) -> NotApplied:
    return NotApplied(f"Odoo asks back ({window}) instead of doing {what}; nothing was done.")


def load_failure(result: Any, what: str) -> SyncError | None:
    """Return why `load` wrote nothing, or None when it wrote everything it was given.

    19 reports a lost race among the messages, as text alone: the one place where words decide.
    """
    ids = result.get("ids") if isinstance(result, Mapping) else None
    if isinstance(ids, Sequence) and ids:
        return None
    if not isinstance(result, Mapping) or "ids" not in result:
        return OutcomeUnknown(f"The answer to {what} names no ids.")
    messages = result.get("messages")
    words = [
        " ".join(str(one.get("message", "")).split())
        for one in (messages if isinstance(messages, list) else [])
        if isinstance(one, Mapping)
    ]
    if any(race in word for word in words for race in _RACE_WORDS):
        return RemoteUnavailable(f"Odoo was busy and did nothing (a lost race on {what}).")
    return RemoteRefused(
        f"Odoo loaded nothing: {clean('; '.join(words) or 'without a message', limit=400)}",
        vendor_code="load",
        status=200,
    )
