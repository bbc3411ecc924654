"""The page behind the link in a message: it shows what the message tells of, and takes “I have it”.

No login: at 3 a.m. nobody has one at hand, and the link is signed, for one message, for a week. Looking
changes nothing; posting does, once. Shows no more than the message itself did.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from inventory_sync.cases.telling import acknowledging
from inventory_sync.support.clock import utc_now

SHOWN = 10
NAME_MOST = 60  # with the name of a route it fits who acknowledged a case


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def acknowledge(request: HttpRequest, token: str) -> HttpResponse:
    message = acknowledging.message_of(token, now=utc_now())
    if message is None:
        return _page(request, {"gone": True}, status=404)
    if request.method == "POST" and message.acknowledged_at is None:
        by = f"{_name(request.POST.get('name', '')) or 'somebody'} (link of {message.route.name})"
        acknowledging.acknowledge(message, by=by, now=utc_now())
        message.refresh_from_db()
    left = acknowledging.unseen(message)
    alerts = acknowledging.alerts_of(message)
    count = len(left) + len(alerts)
    shown = {"message": message, "cases": left[:SHOWN], "more": max(0, len(left) - SHOWN), "count": count}
    return _page(request, shown)


def _name(typed: str) -> str:
    """Return a name somebody typed as one short printable line; the page has no login to know it from."""
    return " ".join("".join(each if each.isprintable() else " " for each in typed).split())[:NAME_MOST]


def _page(request: HttpRequest, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    page = render(request, "console/acknowledge.html", context, status=status)
    # The address is the permission, so no other site learns it. Our own must: under "no-referrer" a browser
    # posts with the origin "null", which is refused as forged, and nobody could acknowledge anything.
    page["Referrer-Policy"] = "same-origin"
    page["X-Robots-Tag"] = "noindex"
    return page
