"""Who is told of cases: routes, what went out and what did not, and who would be told of what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from inventory_sync.audit import services as audit
from inventory_sync.cases.models import Severity
from inventory_sync.cases.models_telling import Message, Notice, Route
from inventory_sync.cases.telling import routes, selectors
from inventory_sync.console.admin.base import Reading, ReadingInline, Reasoned, ReasonForm
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, many
from inventory_sync.domain.telling import Fact
from inventory_sync.pipeline.wake import waker
from inventory_sync.support import correlation
from inventory_sync.support.clock import utc_now

MESSAGE_COLOURS = {"Sent": "success", "Waiting to be sent": "info", "Given up": "danger"}


def _wake() -> None:
    transaction.on_commit(partial(waker().want, "pipeline.tell_people"), robust=True)


class SendTest(Deed[Route]):
    name = "test"
    permission = "cases.change_route"
    verb = "Send a test message"
    icon = "send"
    one_at_a_time = True
    promise = (
        "One message that says it is a test goes to where the route leads, at once, whatever its quiet hours "
        "and limits. No case is opened and nothing is escalated, even if it does not arrive."
    )

    def preview(self, row: Route, *, now: datetime) -> Card:
        return Card(row.name, facts=facts(("Kind", row.get_kind_display()), ("Leads to", leads_to(row))))

    def result(self, row: Route, *, now: datetime) -> Card:
        last = row.messages.filter(is_test=True).first()
        if last is None:
            return self.preview(row, now=now)
        tone = {"sent": "good", "failed": "bad"}.get(last.state, "wait")
        state = last.get_state_display()
        link = reverse("admin:cases_message_change", args=[last.pk])
        return Card(last.subject, url=link, facts=facts(("State", state), ("Error", last.error)), tone=tone)

    def do(self, rows: Sequence[Route], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        routes.send_test(
            route_id=rows[0].pk,
            actor=actor,
            reason=reason,
            now=now,
            new_id=correlation.new_id,
            hub=str(settings.INVENTORY_SYNC["HUB_URL"]),
        )
        _wake()
        return Outcome("The test message is on its way: load the page again to see whether it was taken.")


class SendAgain(Deed[Message]):
    name = "again"
    permission = "cases.change_message"
    verb = "Send again"
    icon = "forward_to_inbox"
    promise = (
        "The message is tried again now, with the same words under the same id: whoever has it already can "
        "tell that it is the same one."
    )

    def applies(self, row: Message) -> bool:
        return row.state != Message.State.SENT

    def preview(self, row: Message, *, now: datetime) -> Card:
        tone = {"sent": "good", "failed": "bad"}.get(row.state, "wait")
        pairs = (
            ("Route", row.route),
            ("State", row.get_state_display()),
            ("Tried", many(row.attempts, "time")),
            ("Error", row.error),
        )
        return Card(row.subject, facts=facts(*pairs), tone=tone)

    def do(self, rows: Sequence[Message], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        begun = sum(routes.send_again(message_id=row.pk, actor=actor, reason=reason, now=now) for row in rows)
        _wake()
        return Outcome(f"{many(begun, 'message')} on the way again.")


def leads_to(row: Route) -> str:
    """Return where a route leads; of a webhook without its query, which may hold a key of the receiver."""
    if row.kind == Route.Kind.EMAIL:
        return ", ".join(row.address_list)
    return row.url.split("?")[0]


class RouteForm(ReasonForm):
    secret = forms.CharField(
        required=False,
        label="webhook secret",
        help_text="whsec_ and base64, as Standard Webhooks has it. Never shown again; empty keeps it.",
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Route
        fields = (
            "name", "active", "team", "least_severity", "code_prefix", "connection_code", "kind", "addresses",
            "url", "time_zone", "quiet_begins", "quiet_ends", "quiet_breaks", "digest", "digest_at",
            "per_hour", "tells_closing", "escalate_after_min", "escalate_to",
        )  # fmt: skip

    def _post_clean(self) -> None:
        super()._post_clean()
        if not self.errors:
            try:
                routes.check(self.instance, secret=self.cleaned_data.get("secret", ""))
            except forms.ValidationError as error:
                self._update_errors(error)  # type: ignore[attr-defined]


@admin.register(Route)
class RouteAdmin(Doing, Reasoned):
    form = RouteForm
    deeds = (SendTest(),)
    nothing = (
        "Nobody is told of new cases: there is no route yet. Add one; a test message shows that it works."
    )
    list_display = ("name", "active", "shown_takes", "kind", "shown_to", "shown_manners", "escalate_to")
    list_filter = ("active", "kind", "team")
    search_fields = ("name", "addresses", "url")
    list_before_template = "console/telling_bar.html"
    fieldsets = (
        (None, {"fields": [("name", "active")]}),
        (
            "Which cases",
            {"fields": [("team", "least_severity"), ("code_prefix", "connection_code")]},
        ),
        ("Where to", {"fields": ["kind", "addresses", "url", "secret"]}),
        (
            "Manners",
            {
                "fields": [
                    ("digest", "digest_at", "per_hour"),
                    ("time_zone", "quiet_begins", "quiet_ends", "quiet_breaks"),
                    "tells_closing",
                ]
            },
        ),
        ("When nobody comes", {"fields": [("escalate_after_min", "escalate_to")]}),
        (None, {"fields": ["reason"]}),
    )

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.who_view)
        return [path("who/", page, name="cases_route_who"), *super().get_urls()]

    @display(description="takes")
    def shown_takes(self, row: Route) -> str:
        words = [row.team or "every team", row.get_least_severity_display().lower()]
        words += [f"{row.code_prefix}…"] if row.code_prefix else []
        return ", ".join([*words, *([row.connection_code] if row.connection_code else [])])

    @display(description="leads to")
    def shown_to(self, row: Route) -> str:
        return leads_to(row)

    @display(description="manners")
    def shown_manners(self, row: Route) -> str:
        words = [row.get_digest_display().lower()]
        if row.quiet_begins is not None and row.quiet_ends is not None:
            words.append(f"quiet {row.quiet_begins:%H:%M}–{row.quiet_ends:%H:%M} {row.time_zone}")
        if row.escalate_after_min is not None:
            words.append(f"escalates after {row.escalate_after_min} min")
        return ", ".join(words)

    def save_model(self, request: HttpRequest, obj: Route, form: Any, change: bool) -> None:
        routes.save_route(obj, secret=form.cleaned_data.get("secret", ""), now=utc_now(), **self.reason(form))

    def who_view(self, request: HttpRequest) -> HttpResponse:
        """Show who would be told what of a case that is opened now, and who would not and why."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = Who(request.GET or None)
        found: list[selectors.Prospect] = []
        if form.is_valid():
            data = form.cleaned_data
            fact = Fact(data["team"], data["severity"], data["code"], data["connection_code"])
            settle = timedelta(seconds=settings.INVENTORY_SYNC["TELL_AFTER_S"])
            found = selectors.prospects(fact, now=utc_now(), settle=settle)
        context = {
            **self.admin_site.each_context(request),
            "title": "Who would be told?",
            "opts": Route._meta,
            "form": form,
            "asked": form.is_bound and form.is_valid(),
            "cards": [_prospect_card(each, now=utc_now()) for each in found],
            "nobody": bool(found) and all(each.why_not for each in found),
        }
        return TemplateResponse(request, "console/telling_who.html", context)


class Who(forms.Form):
    code = forms.CharField(
        label="Code", widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "push.refused"})
    )
    team = forms.CharField(label="Team", initial="support", widget=UnfoldAdminTextInputWidget())
    severity = forms.ChoiceField(choices=Severity.choices, initial="normal", widget=UnfoldAdminSelectWidget())
    connection_code = forms.CharField(label="Connection", required=False, widget=UnfoldAdminTextInputWidget())


def _prospect_card(each: selectors.Prospect, *, now: datetime) -> Card:
    row = each.route
    link = reverse("admin:cases_route_change", args=[row.pk])
    if each.why_not or each.at is None:
        return Card(row.name, url=link, note=f"Not told: {each.why_not}.", tone="")
    soon = each.at - now < timedelta(minutes=2)
    when = "in seconds" if soon else f"{each.at:%Y-%m-%d %H:%M} UTC"
    after = row.escalate_after_min
    then = f"after {after} min without anybody acknowledging: {row.escalate_to}" if after is not None else ""
    pairs = facts(("How", row.get_kind_display()), ("Whom", leads_to(row)), ("When", when), ("Then", then))
    return Card(row.name, url=link, facts=pairs, tone="good" if soon else "wait")


class NoticeInline(ReadingInline):
    model = Notice
    verbose_name_plural = "tells of"
    fields = ("happening", "case", "step", "held_back", "escalate_at", "why")
    readonly_fields = fields


@admin.register(Message)
class MessageAdmin(Doing, Reading):
    deeds = (SendAgain(),)
    nothing = "Nothing was sent yet."
    list_display = (
        "subject",
        "route",
        "shown_state",
        "cases",
        "at",
        "sent_at",
        "attempts",
        "acknowledged_by",
    )
    list_filter = ("state", "route", "severity", "is_test")
    search_fields = ("subject", "=key")
    date_hierarchy = "at"
    inlines = (NoticeInline,)
    fields = (
        "subject",
        ("route", "state", "attempts"),
        ("at", "sent_at", "run_at"),
        ("cases", "held_back", "key"),
        "error",
        "accepted",
        ("acknowledged_by", "acknowledged_at"),
        "shown_text",
    )

    @display(description="state", ordering="state", label=MESSAGE_COLOURS)
    def shown_state(self, row: Message) -> str:
        return row.get_state_display()

    @display(description="words")
    def shown_text(self, row: Message) -> str:
        """Show what was written, without the link that would let any reader acknowledge it."""
        lines = (line for line in row.text.splitlines() if "/acknowledge/" not in line)
        return "\n".join(lines)
