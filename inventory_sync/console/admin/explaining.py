"""Two pages that answer support: why a number is what it is or was, and what happened to an item.

Addresses hold all that was asked, so that a link shows the same to everybody. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

from inventory_sync.catalog.models import Item, Location
from inventory_sync.connections.models import Connection
from inventory_sync.console import sheets
from inventory_sync.console.sheets import Comparison, Sheet, link_to
from inventory_sync.domain.errors import BeforeRecords
from inventory_sync.pipeline import explain
from inventory_sync.pipeline.explain.timeline import KINDS, Mark, timeline
from inventory_sync.pipeline.explain.types import FigureExplained, PlaceExplained, Term
from inventory_sync.support.clock import utc_now
from inventory_sync.support.snapshot import snapshot

PERMISSION = "availability.view_channelfigure"
EXPLAIN, TIMELINE = "catalog_item_explain", "catalog_item_timeline"


class Unanswerable(Exception):
    """What was asked cannot be answered; the message says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks: names as given, instants read."""

    sku: str
    channel: str
    location: str
    at: datetime | None
    versus: datetime | None


class ExplainPages:
    """Mixed into the admin of items: the two pages."""

    admin_site: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("explain/", view(self.explain_view), name=EXPLAIN),
            path("timeline/", view(self.timeline_view), name=TIMELINE),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def explain_view(self, request: HttpRequest) -> HttpResponse:
        _check(request)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Explain",
            "opts": Item._meta,
            "channels": Connection.objects.filter(sells=True).order_by("code"),
            "locations": Location.objects.exclude(kind__in=Location.VIRTUAL).order_by("code"),
            "given": request.GET,
            "timeline_url": reverse(f"admin:{TIMELINE}"),
        }
        try:
            asked = _asked(request.GET)
            with snapshot():
                context |= _answer(asked)
            context["permalink"] = request.build_absolute_uri(
                _address(asked, at=asked.at or utc_now().replace(microsecond=0))
            )
        except (Unanswerable, BeforeRecords) as error:
            context["problem"] = str(error)
        return TemplateResponse(request, "console/explain_page.html", context)

    def timeline_view(self, request: HttpRequest) -> HttpResponse:
        _check(request)
        given = request.GET
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": "Timeline",
            "opts": Item._meta,
            "channels": Connection.objects.filter(sells=True).order_by("code"),
            "kinds": KINDS.items(),
            "chosen": given.getlist("kind"),
            "given": given,
            "explain_url": reverse(f"admin:{EXPLAIN}"),
        }
        try:
            context |= _timeline(given)
        except Unanswerable as error:
            context["problem"] = str(error)
        return TemplateResponse(request, "console/timeline_page.html", context)


def explain_link(**asked: str) -> str:
    """Return the address that explains this: sku, channel, location, at."""
    return f"{reverse(f'admin:{EXPLAIN}')}?{urlencode({k: v for k, v in asked.items() if v})}"


def timeline_link(sku: str) -> str:
    return f"{reverse(f'admin:{TIMELINE}')}?{urlencode({'sku': sku})}"


def explain_deeds(request: HttpRequest, sku: str) -> list[dict[str, str]]:
    """Return the buttons of an item that lead to both pages, for those who may see them."""
    if not request.user.has_perm(PERMISSION):
        return []
    return [
        {"verb": "Explain", "icon": "query_stats", "url": explain_link(sku=sku)},
        {"verb": "Timeline", "icon": "timeline", "url": timeline_link(sku)},
    ]


def explain_anchor(text: str = "Explain", **asked: str) -> SafeString:
    """Return a link to an explanation, for a column or a field."""
    return format_html('<a class="console-link" href="{}">{}</a>', explain_link(**asked), text)


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied


def _asked(given: QueryDict) -> Asked:
    names = {name: given.get(name, "").strip() for name in ("sku", "channel", "location")}
    return Asked(**names, at=_instant(given.get("at", "")), versus=_instant(given.get("versus", "")))


def _instant(text: str) -> datetime | None:
    """Return the instant; one without a zone is UTC here, as the field says."""
    if not text.strip():
        return None
    try:
        value = parse_datetime(text.strip().replace(" ", "+") if "T" in text else text.strip())
    except ValueError:
        value = None
    if value is None:
        raise Unanswerable(f"{text!r} is no instant. Write it as 2026-11-23T12:00:00, in UTC.")
    value = value if value.tzinfo else value.replace(tzinfo=UTC)
    if value > utc_now():
        raise Unanswerable("This instant has not come yet.")
    return value


def _answer(asked: Asked) -> dict[str, Any]:
    """Return what the page shows: a figure, a place, or the item, channel or location as a whole."""
    item = _find(Item, "sku", asked.sku, "item") if asked.sku else None
    channel = _find(Connection, "code", asked.channel, "channel") if asked.channel else None
    place = _find(Location, "code", asked.location, "location") if asked.location else None
    if item is not None and (channel is not None or place is not None):
        return {"item": item, **_sheets(asked, item, channel, place)}
    if item is not None:
        return {"item": item, "overview": explain.explain_item(item=item, moment=asked.at)}
    if channel is not None:
        return {"channel": explain.explain_channel(connection=channel, moment=asked.at)}
    if place is not None:
        return {"place": explain.explain_location(location=place, moment=asked.at)}
    return {"nothing_asked": True}


def _sheets(asked: Asked, item: Item, channel: Connection | None, place: Location | None) -> dict[str, Any]:
    """Return one sheet per instant asked for, and the comparison of two."""
    moments = [asked.at] if asked.versus is None else [asked.at, asked.versus]
    found = [_one(item, channel, place, moment) for moment in moments]
    shown: list[Sheet] = []
    for number, each in enumerate(found, start=1):
        key = f"t{number}"
        if isinstance(each, FigureExplained):
            shown.append(sheets.of_figure(each, key=key))
        else:
            shown.append(sheets.of_place(each, key=key))
    comparison: Comparison | None = None
    if len(found) == 2:
        comparison = sheets.compared(_terms(found[0]), _terms(found[1]))
    return {"sheets": shown, "comparison": comparison, "kit": item.kind == Item.Kind.KIT}


def _one(
    item: Item, channel: Connection | None, place: Location | None, moment: datetime | None
) -> FigureExplained | PlaceExplained:
    if channel is not None:
        figure = explain.explain_figure(connection=channel, item=item, moment=moment, now=utc_now())
        if figure is None:
            raise Unanswerable(f"{channel.code} was never offered {item.sku}.")
        return figure
    assert place is not None
    return explain.explain_place(item=item, location=place, moment=moment)


def _terms(found: FigureExplained | PlaceExplained) -> Sequence[Term]:
    return found.terms


def _address(asked: Asked, *, at: datetime) -> str:
    given = {"sku": asked.sku, "channel": asked.channel, "location": asked.location, "at": at.isoformat()}
    if asked.versus is not None:
        given["versus"] = asked.versus.isoformat()
    return explain_link(**given)


def _timeline(given: QueryDict) -> dict[str, Any]:
    sku = given.get("sku", "").strip()
    if not sku:
        return {"nothing_asked": True}
    item = _find(Item, "sku", sku, "item")
    code = given.get("channel", "").strip()
    channel = _find(Connection, "code", code, "channel") if code else None
    mark = given.get("below", "")
    below = Mark.read(mark) if mark else None
    page = timeline(
        item,
        kinds=[kind for kind in given.getlist("kind") if kind in KINDS],
        channel=channel,
        since=_instant(given.get("since", "")),
        until=_instant(given.get("until", "")),
        below=below,
    )
    entries = [(each, link_to(each.model, each.pk), KINDS[each.kind]) for each in page.entries]
    further = ""
    if page.next:
        query = given.copy()
        query["below"] = page.next
        further = f"?{query.urlencode()}"
    return {"item": item, "entries": entries, "further": further, "newest": below is None}


def _find(model: Any, field: str, name: str, noun: str) -> Any:
    found = model.objects.filter(**{field: name}).first()
    if found is None:
        raise Unanswerable(f"There is no {noun} {name!r}.")
    return found
