"""What every transport of the twin shares: answers, error documents, pages, headers as Odoo sends them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from connectors.base.twinkit import Response
from connectors.odoo.twin_errors import OdooError

SERVER = (("Server", "Werkzeug/3.0.1 Python/3.12.1"), ("Connection", "close"))
TRACEBACK = """Traceback (most recent call last):
  File "/opt/odoo/odoo/http.py", line 2164, in _transactioning
    return service_model.retrying(func, env=self.env)
  File "/opt/odoo/odoo/service/model.py", line 156, in retrying
    result = func()
%s: %s
"""
NO_DATABASE = """<!DOCTYPE html>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>No database is selected and the requested URL was not found in the server-wide controllers.</p>
<p>Please verify the hostname, <a href=/web/login>login</a> and try again.</p>

<!-- Alternatively, use the X-Odoo-Database header. -->
"""
PAGE = """<!doctype html>
<html lang=en>
<title>{status} {title}</title>
<h1>{title}</h1>
<p>{text}</p>
"""


@dataclass(slots=True)
class HttpError(Exception):
    """An error of the web server itself, named as werkzeug names it."""

    status: int
    name: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.status} {self.name}: {self.message}"


class Refused(Exception):
    """An answer that is a page, made before any model is asked."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def answer_json(status: int, document: Any, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(status, body, (("Content-Type", "application/json; charset=utf-8"), *headers, *SERVER))


def answer_page(status: int, text: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, text.encode(), (("Content-Type", "text/html; charset=utf-8"), *headers, *SERVER))


def page(status: int, title: str, text: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return answer_page(status, PAGE.format(status=status, title=title, text=text), headers)


def traceback(problem: OdooError | HttpError) -> str:
    """Return a server-side traceback as `debug` carries it; nobody should log or forward it."""
    return TRACEBACK % (problem.name.removeprefix("builtins."), problem.message)


def described(problem: OdooError | HttpError) -> dict[str, Any]:
    arguments: list[Any] = [problem.message]
    if isinstance(problem, HttpError):
        arguments.append(problem.status)
    return {
        "name": problem.name, "message": problem.message, "arguments": arguments, "context": {},
        "debug": traceback(problem),
    }  # fmt: skip
