"""JSON-RPC as 16, 17 and 18 speak it: `POST /jsonrpc`, everything under HTTP 200, the key as the password.

Method arguments go by name, with two exceptions of the server: `ids` is the first positional argument of a
record's method, and `create` looks at its first positional argument to know what to return.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base.http import Answer, HttpClient
from connectors.odoo.faults import Fault, fault_of
from connectors.odoo.learnt import Known, digest
from connectors.odoo.wire import Call, Reply, unusable
from inventory_sync.domain.errors import Misconfigured, SyncError

PATH = "/jsonrpc"


class NotAuthenticated(SyncError):
    """Odoo's answer to `authenticate` is a fault, or names no user."""

    def __init__(self, reply: Reply) -> None:
        super().__init__("Odoo names no user for this key.")
        self.reply = reply


class JsonRpc:
    """Calls of one database and user; `authenticate` is asked once per key."""

    name = "jsonrpc"

    def __init__(self, http: HttpClient, known: Known, *, database: str, login: str) -> None:
        self._http = http
        self._known = known
        self._database = database
        self._login = login

    def call(self, call: Call, key: str) -> Reply:
        try:
            uid = self._known.fact(uid_of(key), lambda: self._authenticate(key))
        except NotAuthenticated as refused:
            return refused.reply
        named = dict(call.named)
        positional = [named.pop(name) for name in ("ids", "vals_list") if _goes_first(name, call, named)]
        arguments = (self._database, uid, key, call.model, call.method, positional, named)
        return service(self._http, "object", "execute_kw", arguments, write=call.write)

    def _authenticate(self, key: str) -> int:
        reply = service(self._http, "common", "authenticate", (self._database, self._login, key, {}))
        if reply.fault is not None:
            raise NotAuthenticated(reply)
        if not is_id(reply.result):
            raise NotAuthenticated(Reply(fault=Fault("odoo.exceptions.AccessDenied"), date=reply.date))
        return int(reply.result)

    def uid(self, key: str) -> int | None:
        return self._known.recall(uid_of(key), None)


def uid_of(key: str) -> tuple[str, str]:
    return "uid", digest(key)


def _goes_first(name: str, call: Call, named: Mapping[str, Any]) -> bool:
    return name in named and (name == "ids" or call.method == "create")


def is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def service(
    http: HttpClient, name: str, method: str, arguments: Sequence[Any], *, write: bool = False
) -> Reply:
    body = {
        "jsonrpc": "2.0",
        "method": "call",
        "id": 1,
        "params": {"service": name, "method": method, "args": list(arguments)},
    }
    return _reply(http.call("POST", PATH, json_body=body, write=write), write=write)


def _reply(answer: Answer, *, write: bool) -> Reply:
    if answer.status in (404, 405):
        raise Misconfigured(f"There is no Odoo JSON-RPC at this address ({answer.status}).")
    data = answer.data
    if not answer.ok or not isinstance(data, Mapping) or data.get("jsonrpc") != "2.0":
        raise unusable(answer, write=write)
    error = data.get("error")
    if error is None:
        return Reply(result=data.get("result"), date=answer.date)
    fault = fault_of(error.get("data")) if isinstance(error, Mapping) else None
    if fault is None:
        raise unusable(answer, write=write)
    return Reply(fault=fault, date=answer.date)
