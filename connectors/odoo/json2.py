"""JSON-2 as 19 speaks it: `POST /json/2/<model>/<method>`, arguments by name, errors by status and `name`.

The key is a bearer token; the database goes in a header, with every call, as a host may serve several.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.base.http import Answer, HttpClient
from connectors.odoo.faults import Fault, fault_of
from connectors.odoo.wire import Call, Reply, unusable
from inventory_sync.domain.errors import Misconfigured

PREFIX = "/json/2"


def own_error(answer: Answer) -> bool:
    """Whether Odoo itself made this answer of 500 or more: its errors are objects with name and message."""
    return isinstance(answer.data, Mapping) and "message" in answer.data and fault_of(answer.data) is not None


class Json2:
    """Calls of one database. The key is put in by the signer of the HTTP client (client.py)."""

    name = "json2"

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def call(self, call: Call, key: str) -> Reply:
        path = f"{PREFIX}/{call.model}/{call.method}"
        answer = self._http.call("POST", path, json_body=dict(call.named), write=call.write)
        if answer.ok:
            return Reply(result=answer.data, date=answer.date)
        fault = fault_of(answer.data, status=answer.status)
        if fault is not None:
            return Reply(fault=fault, date=answer.date)
        if answer.status == 401:
            return Reply(fault=Fault("werkzeug.exceptions.Unauthorized", status=401), date=answer.date)
        if answer.status == 404:
            raise Misconfigured(
                "This address serves no Odoo database of this name, or an Odoo before 19 (404)."
            )
        raise unusable(answer, write=call.write)

    def uid(self, key: str) -> int | None:
        return None


def headers(database: str, key: str) -> Mapping[str, Any]:
    return {"X-Odoo-Database": database, "Authorization": f"bearer {key}"}
