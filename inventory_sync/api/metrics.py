"""GET /metrics, for Prometheus: with the token, or from this machine when no token is set."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from inventory_sync.api.measures import MEASURES
from inventory_sync.pipeline.gauges import Look
from inventory_sync.support.clock import utc_now
from inventory_sync.support.metrics import CONTENT_TYPE, render

_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return every family, or 503 without any: a half answer would look like a healthy one."""
    if not may_read(request):
        return HttpResponse(
            "Send the token as Authorization: Bearer.\n", status=403, content_type="text/plain"
        )
    try:
        return HttpResponse(render(MEASURES, Look(utc_now())), content_type=CONTENT_TYPE)
    except (OperationalError, InterfaceError):
        return HttpResponse("The database is away.\n", status=503, content_type="text/plain")


def may_read(request: HttpRequest) -> bool:
    """Say whether the caller holds the token; where none is set, whether it is this machine itself."""
    token = str(settings.INVENTORY_SYNC["METRICS_TOKEN"])
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        return hmac.compare_digest(given.encode(), token.encode())
    if settings.SECURE_PROXY_SSL_HEADER or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
