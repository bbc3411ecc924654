"""Every error of the API leaves as RFC 9457 application/problem+json, with a stable code and no traceback.

`problem` is REST framework's exception handler; `not_found` and its neighbours are Django's handlers for
what never reaches a view. Codes and titles are in problems.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core import signals
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from inventory_sync.api.problems import BRANCH_STATUS, KINDS
from inventory_sync.domain.errors import SyncError, Transient, UnknownChannel
from inventory_sync.support import correlation
from inventory_sync.support.logs import get_logger

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

log = get_logger(__name__)

_CODES: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.ParseError, "request.malformed"),
    (exceptions.ValidationError, "request.invalid"),
    (exceptions.NotAuthenticated, "request.unauthenticated"),
    (exceptions.AuthenticationFailed, "key.invalid"),
    (exceptions.PermissionDenied, "key.scope_missing"),
    (PermissionDenied, "key.scope_missing"),
    (exceptions.NotFound, "resource.not_found"),
    (Http404, "resource.not_found"),
    (exceptions.MethodNotAllowed, "request.method_not_allowed"),
    (exceptions.NotAcceptable, "request.not_acceptable"),
    (exceptions.UnsupportedMediaType, "request.media_type_unsupported"),
    (exceptions.Throttled, "request.throttled"),
    (OperationalError, "server.database_unavailable"),
    (InterfaceError, "server.database_unavailable"),
)


class CursorInvalid(exceptions.APIException):
    """The cursor was made for another list, or by somebody else."""

    status_code = 400
    default_detail = "The cursor does not belong to this list."
    default_code = "request.cursor_invalid"


class NameReused(exceptions.APIException):
    """The Idempotency-Key was used for another request before."""

    status_code = 409
    default_detail = "This Idempotency-Key belongs to another request."
    default_code = "request.idempotency_key_reused"


class ChannelUnknown(exceptions.NotFound):
    """The address names a channel that no connection is."""

    default_detail = "No channel is called that."
    default_code = UnknownChannel.code


def problem(exception: Exception, context: Mapping[str, Any]) -> Response:
    """Return the problem document of any exception raised in an API view."""
    request = context.get("request")
    body, headers = describe(exception, instance=request.path if request else "")
    if body["status"] >= 500:
        log.error("request.failed", code=body["code"], error=type(exception).__name__, exc_info=exception)
        # REST framework has caught it: tell Django's listeners, Sentry among them.
        signals.got_request_exception.send(sender=problem, request=getattr(request, "_request", request))
    response = Response(body, status=body["status"], headers=headers, content_type=MEDIA_TYPE)
    response.exception = True
    return response


def describe(exception: Exception, *, instance: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the document and the headers that belong to it."""
    headers: dict[str, str] = {}
    extra: dict[str, Any] = {}
    if isinstance(exception, SyncError):
        status, title = next((s, t) for branch, s, t in BRANCH_STATUS if isinstance(exception, branch))
        code, detail = exception.code, exception.detail
        if isinstance(exception, Transient):
            headers["Retry-After"] = str(round(exception.retry_after_s or RETRY_AFTER_S))
        return document(code, status=status, title=title, detail=detail, instance=instance), headers

    code = _code_of(exception)
    kind = KINDS[code]
    detail = kind.title + "."
    if isinstance(exception, exceptions.APIException):
        headers.update(_headers_of(exception))
        if isinstance(exception, exceptions.ValidationError):
            extra["errors"] = list(_flatten(exception.detail))
            detail = " ".join(f"{each['parameter']}: {each['detail']}" for each in extra["errors"])
        elif kind.status < 500:
            detail = str(exception.detail)
    if code == "server.database_unavailable":
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return document(
        code, status=kind.status, title=kind.title, detail=detail, instance=instance, **extra
    ), headers


def document(
    code: str, *, status: int, title: str, detail: str, instance: str, **extra: Any
) -> dict[str, Any]:
    return {
        "type": f"{str(settings.INVENTORY_SYNC['HUB_URL']).rstrip('/')}/api/v1/problems/{quote(code)}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": quote(instance, safe="/:@!$&'()*+,;=~%"),
        "code": code,
        "correlation_id": correlation.current(),
        **extra,
    }


def _code_of(exception: Exception) -> str:
    if isinstance(exception, CursorInvalid):
        return CursorInvalid.default_code
    if isinstance(exception, ChannelUnknown):
        return ChannelUnknown.default_code
    if isinstance(exception, NameReused):
        return NameReused.default_code
    for kind, code in _CODES:
        if isinstance(exception, kind):
            return code
    return "server.failed"


def _headers_of(exception: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(exception, "wait", None)) is not None:
        headers["Retry-After"] = str(round(wait))
    return headers


def _flatten(detail: Any, parameter: str = "") -> Iterator[dict[str, str]]:
    """Yield one {parameter, detail} per complaint, whatever the nesting."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _flatten(inner, f"{parameter}.{name}" if parameter else str(name))
    elif isinstance(detail, list | tuple):
        for inner in detail:
            yield from _flatten(inner, parameter)
    else:
        yield {"parameter": parameter, "detail": str(detail)}


# ── what never reaches a view ────────────────────────────────────────────────────────────────────────


def _wants_problem(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _answer(request: HttpRequest, code: str) -> HttpResponse:
    kind = KINDS[code]
    body = document(
        code, status=kind.status, title=kind.title, detail=kind.title + ".", instance=request.path
    )
    return JsonResponse(body, status=kind.status, content_type=MEDIA_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _wants_problem(request):
        return _answer(request, "request.malformed")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _wants_problem(request):
        return _answer(request, "key.scope_missing")
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _wants_problem(request):
        return _answer(request, "resource.not_found")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if _wants_problem(request):
        return _answer(request, "server.failed")
    return defaults.server_error(request)
