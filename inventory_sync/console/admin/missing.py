"""Numbers that a source's feed left out, and staff's word that one will not come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType

from django.contrib import admin
from unfold.decorators import display

from inventory_sync.audit import services as audit
from inventory_sync.console.admin.base import Reading
from inventory_sync.console.admin.doing import Doing
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, many
from inventory_sync.console.formats import age
from inventory_sync.ledger.gap_acts import declare_lost
from inventory_sync.ledger.models import Gap, StockLevel
from inventory_sync.support.clock import utc_now


class DeclareLost(Deed[Gap]):
    name = "lost"
    permission = "ledger.change_gap"
    verb = "Declare lost"
    icon = "link_off"
    promise = (
        "The number is no longer waited for. What only it held back counts as known again, as it stands, "
        "without what the number said. If it comes after all, it is posted like any report."
    )

    def applies(self, row: Gap) -> bool:
        return row.state == Gap.State.OPEN

    def preview(self, row: Gap, *, now: datetime) -> Card:
        held = StockLevel.objects.filter(location_id=row.location_id, unknown_since=row.since).count()
        is_open = row.state == Gap.State.OPEN
        return Card(
            str(row),
            facts=facts(
                ("State", row.get_state_display()),
                ("Missing for", age(row.opened_at, now=now) if is_open else ""),
                ("Holds back", many(held, "item") if is_open else ""),
                ("Reason", row.reason),
            ),
            tone="bad" if is_open else "good",
        )

    def do(self, rows: Sequence[Gap], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            declare_lost(row.pk, actor=actor, reason=reason, now=now)
        return Outcome(f"Declared {many(len(rows), 'number')} lost. Figures are worked out anew.")


@admin.register(Gap)
class GapAdmin(Doing, Reading):
    deeds = (DeclareLost(),)
    nothing = "No number is missing: every feed that numbers its reports has told all of them."
    nothing_under = MappingProxyType({"state__exact=open": nothing})
    list_display = ("sequence", "connection", "location", "state", "shown_age", "reason")
    list_filter = ("state", "connection", "location")
    list_select_related = ("connection", "location")
    search_fields = ("=sequence", "connection__code", "location__code")
    ordering = ("-id",)
    fields = (("connection", "location", "sequence"), ("state", "opened_at", "closed_at"), "reason")

    @display(description="missing since", ordering="opened_at")
    def shown_age(self, row: Gap) -> str:
        return f"{age(row.opened_at, now=utc_now())} ago"
