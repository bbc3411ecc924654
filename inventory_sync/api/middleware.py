"""One correlation id per request: taken from the caller when sane, made otherwise, bound, and returned.

The webhook door has its own copy of this manner, since it stands in front of Django's request cycle.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

from inventory_sync.support import correlation
from inventory_sync.support.logs import get_logger

HEADER = "X-Correlation-ID"
SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,39}")

log = get_logger(__name__)


def accepted_id(given: str) -> str:
    """Return the caller's id when it is 8 to 40 plain characters, else a new one.

    Anything else could forge log lines or overflow the rows that keep it.
    """
    return given if SANE.fullmatch(given) else correlation.new_id()


class CorrelationMiddleware:
    """Bind the id for everything below, and tell it to the caller.

    Unbound again afterwards: a thread serves many callers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        correlation_id = accepted_id(request.headers.get(HEADER, ""))
        started = time.monotonic()
        with correlation.bound(correlation_id=correlation_id):
            response = self.get_response(request)
            if request.path.startswith("/api/"):
                log.info(
                    "request.answered",
                    method=request.method,
                    path=quote(request.path, safe="/:%")[:200],  # a control character would forge a line
                    status=response.status_code,
                    elapsed_ms=round((time.monotonic() - started) * 1000),
                )
        response.headers[HEADER] = correlation_id
        return response
