"""How a channel's requests are routed and how long they may hold stock, declared by staff."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from inventory_sync.audit import services as audit
from inventory_sync.console.admin.base import Reasoned, ReasonForm
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, many
from inventory_sync.console.formats import span
from inventory_sync.domain.routing import DEFAULT_RULES, Rule
from inventory_sync.ledger.models import RequestTerms
from inventory_sync.ledger.terms import clear_terms, set_terms

MINUTE = 60
WORDS = {
    Rule.WHOLE_ORDER: "the whole order at one location",
    Rule.NEAREST_KIT: "a kit where all of it can be made",
    Rule.WHOLE_LINE: "a line whole at one location",
    Rule.FEWEST_SPLITS: "a line at as few locations as can serve it",
    Rule.RANK: "what there is, in ranked order",
}
PLACES = ("first", "second", "third", "fourth", "fifth")


def _rules(rules: Iterable[str]) -> str:
    return ", then ".join(WORDS[Rule(rule)] for rule in rules)


def _choice(label: str, *, required: bool = False) -> forms.ChoiceField:
    empty = [] if required else [("", "–")]
    return forms.ChoiceField(
        label=label,
        required=required,
        choices=[*empty, *((rule.value, words) for rule, words in WORDS.items())],
        widget=UnfoldAdminSelectWidget,
    )


class BackToDefaults(Deed[RequestTerms]):
    name = "defaults"
    permission = "ledger.change_requestterms"
    verb = "Back to the defaults"
    icon = "restart_alt"
    promise = "Requests decided from now on are routed by the defaults. What is held stays as it is."

    def preview(self, row: RequestTerms, *, now: datetime) -> Card:
        return Card(
            row.connection.label,
            facts=facts(
                ("Now", _rules(row.rules)),
                ("Then", _rules([rule.value for rule in DEFAULT_RULES])),
            ),
        )

    def do(self, rows: Sequence[RequestTerms], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            clear_terms(row, actor=actor, reason=reason)
        return Outcome(f"{many(len(rows), 'channel')} back to the defaults.")


class TermsForm(ReasonForm):
    """The rules one by one, in their order; windows in minutes, as people say them."""

    first = _choice("Try first", required=True)
    second, third, fourth, fifth = (_choice("Then") for _ in PLACES[1:])
    hold_max = forms.IntegerField(
        label="Hold at most (minutes)",
        min_value=1,
        initial=1440,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Counted from the first request, however often it is extended.",
    )
    review_max = forms.IntegerField(
        label="Wait for approval at most (minutes)",
        min_value=1,
        initial=4320,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    class Meta:
        model = RequestTerms
        fields = ("connection",)

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        row = self.instance
        rules = row.rules if row.pk else [rule.value for rule in DEFAULT_RULES]
        for number, place in enumerate(PLACES):
            self.fields[place].initial = rules[number] if number < len(rules) else ""
        if row.pk:
            self.fields["hold_max"].initial = max(1, row.hold_max_s // MINUTE)
            self.fields["review_max"].initial = max(1, row.review_max_s // MINUTE)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        rules = [Rule(cleaned[place]) for place in PLACES if cleaned.get(place)]
        for place in PLACES[1:]:
            if cleaned.get(place) and rules.count(Rule(cleaned[place])) > 1:
                self.add_error(place, "This rule is tried already.")
        cleaned["rules"] = rules
        return cleaned


@admin.register(RequestTerms)
class RequestTermsAdmin(Doing, Reasoned):
    form = TermsForm
    deeds = (BackToDefaults(),)
    nothing = f"No channel has rules of its own. By default: {_rules(rule.value for rule in DEFAULT_RULES)}."
    list_display = ("connection", "shown_rules", "shown_hold", "shown_review")
    list_select_related = ("connection",)
    search_fields = ("connection__code", "connection__label")
    fieldsets = (
        (None, {"fields": ["connection"]}),
        ("Where a line is put", {"fields": list(PLACES)}),
        ("How long", {"fields": [("hold_max", "review_max")]}),
        (None, {"fields": ["reason"]}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("connection",) if obj else ()

    @display(description="tried in this order")
    def shown_rules(self, row: RequestTerms) -> str:
        return _rules(row.rules)

    @display(description="holds at most", ordering="hold_max_s")
    def shown_hold(self, row: RequestTerms) -> str:
        return span(timedelta(seconds=row.hold_max_s))

    @display(description="waits for approval at most", ordering="review_max_s")
    def shown_review(self, row: RequestTerms) -> str:
        return span(timedelta(seconds=row.review_max_s))

    def save_model(self, request: HttpRequest, obj: RequestTerms, form: Any, change: bool) -> None:
        given = form.cleaned_data
        row = set_terms(
            connection_id=obj.connection_id,
            rules=given["rules"],
            hold_max_s=given["hold_max"] * MINUTE,
            review_max_s=given["review_max"] * MINUTE,
            **self.reason(form),
        )
        obj.pk, obj.rules = row.pk, row.rules
