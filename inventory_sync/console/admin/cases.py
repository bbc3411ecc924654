"""The inbox: what waits for a person, by code and connection; one case told whole on one page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import display

from inventory_sync.audit.models import Entry
from inventory_sync.cases import runbooks, selectors
from inventory_sync.cases.models import Case, RetryLine
from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection
from inventory_sync.console import waiting
from inventory_sync.console.admin.base import Reading
from inventory_sync.console.admin.case_acts import CaseActs, group_of
from inventory_sync.console.admin.case_editing import CaseEditing
from inventory_sync.console.formats import age, code, masked, pretty_body, pretty_value
from inventory_sync.console.markdown import rendered
from inventory_sync.intake.models import Delivery
from inventory_sync.intake.ports import PARKED_KIND
from inventory_sync.ledger.models import Order
from inventory_sync.pipeline.remedies.deliveries import waited_for
from inventory_sync.pipeline.remedies.registry import remedy_for
from inventory_sync.pipeline.remedies.types import Try, number
from inventory_sync.propagation.models import Listing
from inventory_sync.support.clock import utc_now

SEVERITY_COLOURS = {"low": "info", "normal": "warning", "urgent": "danger"}
MOST_CHOSEN = 500  # they are named in an address
TONES = {"low": "", "normal": "wait", "urgent": "bad"}


@admin.register(Case)
class CaseAdmin(CaseEditing, CaseActs, Reading):
    nothing = "No case was ever opened: nothing has failed that a person must look at."
    nothing_under = MappingProxyType({"state__exact=open": "No case is open: nothing waits for anybody."})
    list_display = (
        "summary", "shown_code", "connection_code", "shown_severity", "owner_team", "assigned_to", "item_sku",
        "order_ref", "times", "shown_age", "state",
    )  # fmt: skip
    list_filter = ("state", "severity", "code", "connection_code", "owner_team", "assigned_to")
    search_fields = ("summary", "subject_id", "item_sku", "order_ref", "=correlation_id")
    search_help_text = "Words of it, SKU, order, subject or a correlation id"
    actions = ("act_on_chosen",)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.inbox_view)
        return [path("inbox/", page, name="cases_case_inbox"), *super().get_urls()]

    @admin.action(description="Retry, assign, hide or close…")
    def act_on_chosen(self, request: HttpRequest, queryset: QuerySet[Case]) -> HttpResponse:
        chosen = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST_CHOSEN + 1])
        if len(chosen) > MOST_CHOSEN:
            words = f"Choose at most {MOST_CHOSEN}; a whole group is acted on from the inbox."
            messages.error(request, words)
            return HttpResponseRedirect(request.get_full_path())
        ids = ",".join(str(pk) for pk in chosen)
        return HttpResponseRedirect(f"{reverse('admin:cases_case_act', args=['retry'])}?ids={ids}")

    @display(description="code", ordering="code")
    def shown_code(self, row: Case) -> SafeString:
        return code(row.code)

    @display(description="severity", ordering="severity", label=SEVERITY_COLOURS)
    def shown_severity(self, row: Case) -> str:
        return str(row.severity)

    @display(description="last seen", ordering="last_seen_at")
    def shown_age(self, row: Case) -> str:
        return f"{age(row.last_seen_at, now=utc_now())} ago"

    # ── groups ──

    def inbox_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = utc_now()
        given = {name: request.GET.get(name, "") for name in ("team", "severity", "code", "mine", "hidden")}
        filters = selectors.Filters(
            team=given["team"],
            severity=given["severity"],
            code=given["code"],
            assigned_to=request.user.get_username() if given["mine"] else None,
            snoozed=None if given["hidden"] else False,
        )
        groups = selectors.groups(filters, now=now)
        narrowed = {name: value for name, value in given.items() if value and name != "code"}
        everything = Case.objects.filter(state=Case.State.OPEN)
        context = {
            **self.admin_site.each_context(request),
            "title": "Inbox",
            "opts": Case._meta,
            "groups": [self._group(request, group, narrowed, now=now) for group in groups],
            "cases": sum(group.cases for group in groups),
            "given": given,
            "teams": selectors.teams_open(),
            "severities": ("urgent", "normal", "low"),
            "hidden": everything.filter(snoozed_until__gt=now).count(),
            "runs": self.runs_shown(),
        }
        return TemplateResponse(request, "console/case_inbox.html", context)

    def _group(
        self, request: HttpRequest, group: selectors.Group, narrowed: Mapping[str, str], *, now: Any
    ) -> dict[str, Any]:
        highest = max(group.trend) or 1
        return {
            "group": group,
            "tone": TONES[group.severity],
            "first": age(group.first_seen, now=now),
            "last": age(group.last_seen, now=now),
            "bars": [
                (place * 4, 18 - round(16 * many / highest), round(16 * many / highest))
                for place, many in enumerate(group.trend)
            ],
            "opened": sum(group.trend),
            "list": _list_of(group.code, group.connection_code),
            "acts": self.acts_offered(
                request, {**group_of(group.code, group.connection_code), **narrowed}, cases=group.cases
            ),
        }

    # ── one case ──

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        now = utc_now()
        remedy = remedy_for(row)
        seen = remedy.foresee(row, now=now)
        context = {
            **self.admin_site.each_context(request),
            "title": row.summary,
            "opts": Case._meta,
            "case": row,
            "tone": TONES[row.severity] if row.state == Case.State.OPEN else "good",
            "age": age(row.created_at, now=row.resolved_at or now),
            "last_seen": age(row.last_seen_at, now=now),
            "hidden": selectors.is_hidden(row, now=now),
            "seen": seen,
            "message": _message(seen.delivery_id, request),
            "tries": [_shown_try(each, request) for each in remedy.tries(row)],
            "subject": _subject_link(row, request),
            "links": _links(row, request),
            "acts": self.acts_offered(request, {"ids": str(row.pk)}, case=row),
            "runbook": rendered(runbooks.page(row.code)),
            "retries": RetryLine.objects.filter(case=row).select_related("run").order_by("-pk")[:10],
            "entries": Entry.objects.filter(subject_table=Case._meta.db_table, subject_id=str(row.pk))[:15],
            "same": selectors.cases(
                selectors.Filters(code=row.code, connection_code=row.connection_code), now=now
            ).exclude(pk=row.pk).count(),
            "group": _list_of(row.code, row.connection_code),
        }  # fmt: skip
        return TemplateResponse(request, "console/case.html", context)


def _list_of(code: str, connection_code: str) -> str:
    """Return the list of the open cases of a group."""
    asked = {"state__exact": "open", "code__exact": code, "connection_code__exact": connection_code}
    return f"{reverse('admin:cases_case_changelist')}?{urlencode(asked)}"


def _subject_link(row: Case, request: HttpRequest) -> str:
    """Return the page of what the case is about, "" where there is none or it may not be seen."""
    remedy = remedy_for(row)
    page_id = remedy.page_id(row) if remedy.page else None
    app, _, model = remedy.page.partition("_")
    if page_id is None or not request.user.has_perm(f"{app}.view_{model}"):
        return ""
    try:
        return reverse(f"admin:{remedy.page}_change", args=[page_id])
    except NoReverseMatch:
        return ""


def _sku_of(row: Case) -> str:
    """Return the item a case is about; a listing names its own."""
    if row.item_sku:
        return row.item_sku if Item.objects.filter(sku=row.item_sku).exists() else ""
    if row.subject_kind != "listing":
        return ""
    listing = Listing.objects.select_related("mapping__item").filter(pk=number(row.subject_id)).first()
    return listing.mapping.item.sku if listing and listing.mapping.item else ""


def _links(row: Case, request: HttpRequest) -> list[tuple[str, str]]:
    """Return where the story goes on: (words, address)."""
    found = []
    sku = _sku_of(row) if request.user.has_perm("availability.view_channelfigure") else ""
    if sku:
        sells = Connection.objects.filter(code=row.connection_code, sells=True).exists()
        channel = {"channel": row.connection_code} if sells else {}
        explain = urlencode({"sku": sku, **channel})
        timeline = urlencode({"sku": sku})
        found += [
            (f"Why {sku} shows what it shows", f"{reverse('admin:catalog_item_explain')}?{explain}"),
            (f"What happened to {sku}", f"{reverse('admin:catalog_item_timeline')}?{timeline}"),
        ]
    if row.order_ref and request.user.has_perm("ledger.view_order"):
        orders = Order.objects.filter(order_ref=row.order_ref, connection__code=row.connection_code)
        found += [
            (f"Order {each}", reverse("admin:ledger_order_change", args=[each.pk])) for each in orders[:1]
        ]
    if row.correlation_id and "/" not in row.correlation_id and request.user.has_perm("intake.view_delivery"):
        trail = reverse("admin:intake_delivery_trail", args=[row.correlation_id])
        found.append(("Trail, from the door to the channel", trail))
    if row.subject_kind == PARKED_KIND and request.user.has_perm("catalog.view_itemmapping"):
        connection_id, waits_on = waited_for(row)
        if waits_on.startswith((waiting.ITEM, waiting.LOCATION)):
            words = f"Say what {waits_on} is: then it is applied by itself"
            found.append((words, waiting.map_url(connection_id, waits_on)))
        found.append(("All ids that wait for a meaning", reverse("admin:catalog_itemmapping_waiting")))
    return found


def _message(delivery_id: int | None, request: HttpRequest) -> dict[str, str] | None:
    """Return the stored message that a retry would apply, what it says of people masked."""
    if delivery_id is None or not request.user.has_perm("intake.view_delivery"):
        return None
    row = Delivery.objects.filter(pk=delivery_id).first()
    if row is None:
        return None
    return {
        "title": f"{row.topic} #{row.pk}",
        "url": reverse("admin:intake_delivery_change", args=[row.pk]),
        "body": pretty_body(bytes(row.body)),
    }


def _shown_try(each: Try, request: HttpRequest) -> dict[str, Any]:
    message = None if each.exchanges else _message(each.delivery_id, request)
    exchanges = [_exchange(one) for one in each.exchanges]
    return {"try": each, "message": message, "exchanges": exchanges}


def _exchange(one: Any) -> dict[str, str]:
    """Return a call as its first line and the rest; it was redacted when it was kept."""
    if not isinstance(one, dict):
        return {"line": "call", "rest": pretty_value(masked(one))}
    line = " ".join(str(one[name]) for name in ("method", "url", "path", "status") if one.get(name))
    return {"line": line or "call", "rest": pretty_value(masked(one))}
