"""`/json/2/<model>/<method>` of 19: a bearer key, named arguments, a bare JSON value, honest status codes."""

from __future__ import annotations

import json
import re
from typing import Any

from connectors.base.twinkit import Request, Response
from connectors.odoo.twin_calls import (
    Call,
    Caller,
    find_action,
    is_private,
    known_model,
    missing_parameter,
    private,
    unexpected,
)
from connectors.odoo.twin_errors import OdooError
from connectors.odoo.twin_users import user_of_key
from connectors.odoo.twin_wire import (
    NO_DATABASE,
    HttpError,
    Refused,
    answer_json,
    answer_page,
    described,
    page,
)

PATH = re.compile(r"/json/2/([^/]+)/([^/]+)")
STATUS = {
    "odoo.exceptions.AccessDenied": 403, "odoo.exceptions.AccessError": 403,
    "odoo.exceptions.MissingError": 404, "odoo.exceptions.ValidationError": 422,
    "odoo.exceptions.UserError": 422,
}  # fmt: skip
NO_KEY = "User not authenticated, use an API Key with a Bearer Authorization header."


class Json2:
    """Answers the requests of one database."""

    def __init__(self, caller: Caller) -> None:
        self._caller, self._db = caller, caller.db

    def answer(self, request: Request) -> Response:
        try:
            return answer_json(200, self._caller.run(self._call(request)))
        except Refused as refused:
            return refused.response
        except OdooError as problem:
            return answer_json(STATUS.get(problem.name, 500), described(problem))
        except HttpError as problem:
            return answer_json(problem.status, described(problem), problem.headers)

    def _call(self, request: Request) -> Call:
        found = PATH.fullmatch(request.path)
        if request.method != "POST" or found is None:
            raise HttpError(
                404, "werkzeug.exceptions.NotFound", "Did you mean POST /json/2/<model>/<method>?"
            )
        if request.headers.get("x-odoo-database", self._db.name) != self._db.name:
            raise Refused(answer_page(404, NO_DATABASE))
        if request.content_type != "application/json":
            raise Refused(_wrong_type())
        uid = self._user(request)
        model, method = found.groups()
        given = _body(request)
        return self._bound(uid, model, method, given)

    def _user(self, request: Request) -> int:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise _unauthorized(NO_KEY)
        with self._db.transaction() as env:
            uid = user_of_key(env, key.strip(), env.now)
        if uid is None or self._caller.faults.take("key_expired"):
            raise _unauthorized("Invalid apikey")
        return uid

    def _bound(self, uid: int, model: str, method: str, given: dict[str, Any]) -> Call:
        version = self._db.version
        if not known_model(self._db, model):
            raise _not_found(f"the model '{model}' does not exist")
        if is_private(method):
            raise private(model, method)
        action = find_action(version, model, method)
        if action is None:
            raise _not_found(f"The method '{model}.{method}' does not exist")
        named = dict(given)
        context = named.pop("context", None) or {}
        ids = named.pop("ids", None) or []
        if ids and not action.on_records:
            raise _unprocessable(f"cannot call {model}.{method} with ids")
        if name := missing_parameter(action.parameters, named):
            raise _unprocessable(f"missing a required argument: '{name}'")
        if name := unexpected(action.parameters, named):
            raise _unprocessable(f"got an unexpected keyword argument '{name}'")
        return Call(uid, model, method, action, tuple(int(one) for one in ids), named, context)


def _body(request: Request) -> dict[str, Any]:
    try:
        given = json.loads(request.body or b"{}")
    except ValueError as problem:
        raise HttpError(
            400, "werkzeug.exceptions.BadRequest", f"could not parse the body as json: {problem}"
        ) from None
    return given if isinstance(given, dict) else {}  # positional bodies name nothing


def _wrong_type() -> Response:
    text = (
        "Request inferred type is compatible with [&#39;http&#39;] but &#39;/json/2/&lt;__model__&gt;/"
        "&lt;__method__&gt;&#39; is type=&#39;json2&#39;.<br><br>"
        "Please verify the Content-Type request header and try again."
    )
    return page(415, "Unsupported Media Type", text, (("Accept", "application/json"),))


def _unauthorized(message: str) -> HttpError:
    return HttpError(401, "werkzeug.exceptions.Unauthorized", message, (("WWW-Authenticate", "Bearer "),))


def _not_found(message: str) -> HttpError:
    return HttpError(404, "werkzeug.exceptions.NotFound", message)


def _unprocessable(message: str) -> HttpError:
    return HttpError(422, "werkzeug.exceptions.UnprocessableEntity", message)
