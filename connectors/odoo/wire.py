"""Calls to one Odoo database: `read` and `write` by model, method and the names of JSON-2.

Every call names its company, so that nothing of another one is added up or taken from. A read may be repeated
and is never OutcomeUnknown; a write is sent once. Which protocol carries it is the transport's (rpc18.py,
json2.py); what an error means is faults.py; what is asked once for many clients is kept in learnt.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from connectors.base.http import Answer
from connectors.odoo.faults import UNREACHABLE, Fault, error_of, load_failure, not_applied, window_of
from connectors.odoo.learnt import Known
from inventory_sync.domain.errors import (
    Misconfigured,
    OutcomeUnknown,
    RateLimited,
    RemoteUnavailable,
    SyncError,
    Transient,
)

KEY = "key"
# What Odoo says of a call that does not fit it: after an upgrade, or about a record that is gone.
UNFIT = frozenset({"ValueError", "KeyError", "AttributeError", "TypeError", "NotFound", "MissingError",
                   "UnprocessableEntity"})  # fmt: skip
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Call:
    model: str
    method: str
    named: Mapping[str, Any]
    write: bool

    @property
    def what(self) -> str:
        return f"{self.model}.{self.method}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: a result (None for a method that returns nothing) or a fault. `date`: Odoo's clock."""

    result: Any = None
    fault: Fault | None = None
    date: datetime | None = None


class Transport(Protocol):
    name: str

    def call(self, call: Call, key: str) -> Reply:
        """Send once. Raises SyncError when there is no answer of Odoo's own."""

    def uid(self, key: str) -> int | None:
        """Return the user's id where the protocol had to ask for it."""


def unusable(answer: Answer, *, write: bool) -> SyncError:
    """Return what an answer means that Odoo itself did not make, or that cannot be read."""
    detail = f"Something in front of Odoo answered {answer.status} without Odoo's format."
    if 400 <= answer.status < 500:
        return Transient(detail)
    return OutcomeUnknown(detail) if write else RemoteUnavailable(detail)


class Keys:
    """The one or two keys of a connection, and which of them works."""

    def __init__(self, keys: Sequence[str], position: int = 0) -> None:
        self._keys = tuple(keys)
        self._position = position

    @property
    def current(self) -> str:
        return self._keys[self._position] if self._keys else ""

    @property
    def position(self) -> int:
        return self._position

    def turn(self) -> bool:
        """Take the other key; False when there is none."""
        self._position = (self._position + 1) % max(1, len(self._keys))
        return len(self._keys) > 1


class Odoo:
    """One database, one user, one company.

    Named arguments are those of JSON-2 (`ids`, `domain`, `fields`, `vals_list`, …). `context` is added to
    the company's. Raises only SyncError:

    - Misconfigured: the key or a right is missing;
    - RemoteUnavailable: not carried out, be it a read or a write;
    - OutcomeUnknown: a write without a readable answer;
    - RemoteRefused (vendor_code = Odoo's name of the error): refused, nothing done;
    - NotApplied: a window was opened instead, nothing done.
    """

    def __init__(
        self,
        transport: Callable[[], Transport],
        keys: Keys,
        known: Known,
        *,
        company: int = 0,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        self._choose = transport
        self._keys = keys
        self._known = known
        self._company = company
        self._context = dict(context or {})
        self.date: datetime | None = None

    @property
    def transport(self) -> Transport:
        return self._choose()

    @property
    def company(self) -> int:
        """The company of every call: the configured one, else the user's own."""
        return self._company or self._known.fact("company", self._own_company)

    @property
    def user(self) -> int:
        """The id of the sync user."""
        return self._known.fact("user", self._own_user)

    def _own_company(self) -> int:
        rows = self._send(
            Call("res.users", "read", {"ids": [self.user], "fields": ["company_id"], "load": None}, False)
        )
        found = rows[0].get("company_id") if isinstance(rows, list) and rows else None
        if not isinstance(found, int) or isinstance(found, bool):
            raise Misconfigured("The sync user belongs to no company; name one in the settings.")
        return found

    def _own_user(self) -> int:
        found = self._send(Call("res.users", "context_get", {}, False))
        known = self.transport.uid(self._keys.current)
        uid = known or (found.get("uid") if isinstance(found, Mapping) else None)
        if not isinstance(uid, int) or isinstance(uid, bool):
            raise RemoteUnavailable("Odoo does not say who the key belongs to.")
        return uid

    def read(self, model: str, method: str, **named: Any) -> Any:
        """Return what a method that changes nothing answers."""
        return self._call(model, method, named, write=False)

    def ask(self, model: str, method: str, **named: Any) -> Any:
        """Read what may well be refused: then that is the answer, and nothing known is doubted."""
        return self._call(model, method, named, write=False, doubt=False)

    def rows(self, model: str, method: str, **named: Any) -> Rows:
        """Return the rows a reading method answers, each an object with an id."""
        found = self.read(model, method, **named)
        if isinstance(found, Mapping):
            found = found.get("records")
        if not isinstance(found, list) or not all(isinstance(r, dict) and _is_id(r.get("id")) for r in found):
            raise RemoteUnavailable(f"Odoo answered {model}.{method} with something that is no list of rows.")
        return found

    def write(self, model: str, method: str, *, window_is_fine: bool = False, **named: Any) -> Any:
        """Send a change once and return its answer.

        `window_is_fine`: for the few methods that open a window after their work is done.
        """
        result = self._call(model, method, named, write=True)
        what = f"{model}.{method}"
        if not window_is_fine and (window := window_of(result)):
            raise not_applied(window, what)
        if method == "load" and (failure := load_failure(result, what)):
            raise failure
        return result

    def _call(
        self, model: str, method: str, named: Mapping[str, Any], *, write: bool, doubt: bool = True
    ) -> Any:
        context = {**self._context, **(named.get("context") or {}), "allowed_company_ids": [self.company]}
        return self._send(Call(model, method, {**named, "context": context}, write), doubt=doubt)

    def _send(self, call: Call, *, doubt: bool = True) -> Any:
        fault: Fault | None = None
        try:
            reply = self._exchange(call)
        except SyncError as unanswered:
            error = unanswered
        else:
            if reply.fault is None:
                return reply.result
            fault = reply.fault
            error = error_of(fault, call.what, write=call.write)
        self._reconsider(call, error, fault, doubt=doubt)
        raise error

    def _exchange(self, call: Call) -> Reply:
        reply = self.transport.call(call, self._keys.current)
        if reply.fault is not None and reply.fault.key_refused and self._keys.turn():
            # A refused key proves that nothing was done, so even a write may go out once more.
            reply = self.transport.call(call, self._keys.current)
            if reply.fault is None or not reply.fault.key_refused:
                self._known.note(KEY, self._keys.position)
        self.date = reply.date or self.date
        return reply

    def _reconsider(self, call: Call, error: SyncError, fault: Fault | None, *, doubt: bool) -> None:
        """Let go of what is known where an error says that Odoo may have become another one.

        Raises RemoteUnavailable when it has: the call was refused for what is not so any more, and a step
        that begins anew makes a better one.
        """
        if isinstance(error, Transient):
            # A lost race and a wish for fewer calls are answers; after none, somebody else may be there.
            if not isinstance(error, RateLimited) and (fault is None or fault.kind in UNREACHABLE):
                self._known.forget()
            return
        doubtful = isinstance(error, Misconfigured) or not call.write or _unfit(fault)
        if doubt and doubtful and self._known.outdated():
            raise RemoteUnavailable(
                f"Odoo has changed since it was last asked and did nothing on {call.what}."
            ) from error


def _unfit(fault: Fault | None) -> bool:
    return fault is not None and fault.kind in UNFIT


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
