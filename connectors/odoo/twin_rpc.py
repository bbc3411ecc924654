"""`/jsonrpc` and `/xmlrpc/2/*`: positional calls with the key in the password's place, always HTTP 200."""

from __future__ import annotations

import json
import xmlrpc.client
from collections.abc import Sequence
from typing import Any
from xml.parsers.expat import ExpatError

from connectors.base.twinkit import Request, Response
from connectors.odoo.twin_calls import Call, Caller, action_of, class_name, missing_parameter, unexpected
from connectors.odoo.twin_errors import OdooError, access_denied, type_error
from connectors.odoo.twin_orm import Env
from connectors.odoo.twin_users import user_of_key
from connectors.odoo.twin_wire import SERVER, answer_json, described, page, traceback

RELEASES = {18: "18.0-20250702", 19: "19.0-20260312"}
WARNINGS = ("UserError", "MissingError", "ValidationError", "RedirectWarning")


class Rpc:
    """Answers JSON-RPC and XML-RPC for one database."""

    def __init__(self, caller: Caller) -> None:
        self._caller, self._db = caller, caller.db

    def answer_jsonrpc(self, request: Request) -> Response:
        if request.method != "POST":
            return page(405, "Method Not Allowed", "The method is not allowed for the requested URL.")
        try:
            given = json.loads(request.body)
            params, number = given["params"], given.get("id")
            service, method, args = params["service"], params["method"], params["args"]
        except (ValueError, KeyError, TypeError):
            return page(400, "Bad Request", "Invalid JSON data")
        document: dict[str, Any] = {"jsonrpc": "2.0", "id": number}
        try:
            result = self.dispatch(service, method, args)
        except OdooError as problem:
            document["error"] = {"code": 200, "message": "Odoo Server Error", "data": described(problem)}
        else:
            if result is not None:
                document["result"] = result
        return answer_json(200, document, (("X-Content-Type-Options", "nosniff"),))

    def answer_xmlrpc(self, request: Request) -> Response:
        """A result of None is committed and then cannot be told: the answer is a fault."""
        service = request.path.rsplit("/", 1)[1]
        try:
            args, method = xmlrpc.client.loads(request.body)
        except (ExpatError, xmlrpc.client.Error, ValueError):
            return page(400, "Bad Request", "Invalid XML-RPC data")
        try:
            result = self.dispatch(service, method or "", list(args))
            body = xmlrpc.client.dumps((result,), methodresponse=True, allow_none=False)
        except OdooError as problem:
            body = xmlrpc.client.dumps(_fault(problem))
        except TypeError as problem:
            failed = type_error(str(problem))
            body = xmlrpc.client.dumps(xmlrpc.client.Fault(1, traceback(failed).rstrip()))
        text = body.replace("<?xml version='1.0'?>", '<?xml version="1.0"?>', 1) + "\n"
        return Response(200, text.encode(), (("Content-Type", "text/xml; charset=utf-8"), *SERVER))

    def dispatch(self, service: str, method: str, args: Sequence[Any]) -> Any:
        match service, method:
            case "common", "version":
                return self._version()
            case "common", "authenticate" | "login":
                return self._authenticate(*args[:3])
            case "object", "execute_kw":
                kwargs = dict(args[6]) if len(args) > 6 else {}
                return self._execute(*args[:5], args=list(args[5]) if len(args) > 5 else [], kwargs=kwargs)
            case "object", "execute":
                return self._execute(*args[:5], args=list(args[5:]), kwargs={})
        raise OdooError("builtins.AttributeError", f"Method not found: {service}.{method}")

    def _version(self) -> dict[str, Any]:
        version = self._db.version
        return {
            "server_version": RELEASES[version], "server_version_info": [version, 0, 0, "final", 0, ""],
            "server_serie": f"{version}.0", "protocol_version": 1,
        }  # fmt: skip

    def _same_database(self, database: str) -> None:
        if database != self._db.name:
            raise OdooError(
                "psycopg2.OperationalError",
                'connection to server at "127.0.0.1", port 5432 failed: '
                f'FATAL:  database "{database}" does not exist\n',
            )

    def _authenticate(self, database: str, login: str, password: str) -> int | bool:
        self._same_database(database)
        with self._db.transaction() as env:
            found = env.ids("res.users", [("login", "=", login)])
            return found[0] if found and self._is(env, found[0], password) else False

    def _is(self, env: Env, uid: int, password: str) -> bool:
        """Tell whether a key or password stands for this user."""
        if self._caller.faults.take("key_expired"):
            return False
        user = env.row("res.users", uid)
        if user is None or not user["active"] or not password:
            return False
        return user["password"] == password or user_of_key(env, password, env.now) == uid

    def _execute(
        self, database: str, uid: int, password: str, model: str, method: str, *, args: list[Any], kwargs: Any
    ) -> Any:
        self._same_database(database)
        with self._db.transaction() as env:
            if not self._is(env, uid, password):
                raise access_denied()
        return self._caller.run(self._bound(uid, model, method, args, kwargs))

    def _bound(self, uid: int, model: str, method: str, args: list[Any], kwargs: dict[str, Any]) -> Call:
        action = action_of(self._db, model, method)
        owner = f"{class_name(model, method)}.{method}()"
        context = kwargs.pop("context", None) or {}
        ids: Any = []
        if action.on_records:
            if not args:
                raise OdooError("builtins.IndexError", "list index out of range")
            ids, *args = args
        names = list(action.parameters.parameters)
        if len(args) > len(names):
            takes, given = len(names) + 1, len(args) + 1
            raise type_error(f"{owner} takes {takes} positional arguments but {given} were given")
        named = {**dict(zip(names, args, strict=False)), **kwargs}
        if name := unexpected(action.parameters, named):
            raise type_error(f"{owner} got an unexpected keyword argument '{name}'")
        if name := missing_parameter(action.parameters, named):
            raise type_error(f"{owner} missing 1 required positional argument: '{name}'")
        numbers = [ids] if isinstance(ids, int) else ids or []
        return Call(uid, model, method, action, tuple(int(one) for one in numbers), named, context)


def _fault(problem: OdooError) -> xmlrpc.client.Fault:
    kind = problem.name.rpartition(".")[2]
    code = 2 if kind in WARNINGS else {"AccessDenied": 3, "AccessError": 4}.get(kind, 1)
    return xmlrpc.client.Fault(code, problem.message if code > 1 else traceback(problem).rstrip())
