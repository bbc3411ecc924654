"""What a change of authority or mode at a place would do, in numbers, before anybody does it. Reads only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, Q, Sum
from django.utils.formats import date_format
from django.utils.timezone import localtime

from inventory_sync.catalog.models import Authority, Location
from inventory_sync.connections.models import Connection
from inventory_sync.console.deeds import Card, facts, join, many
from inventory_sync.console.formats import quantity
from inventory_sync.intake.models import ParkedLine
from inventory_sync.ledger.models import Allocation, Event, StockLevel


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants: another authority for an attribute, another mode, or both."""

    place: Location
    attribute: str
    decides: Connection | None
    mode: str
    continues: bool = False

    @property
    def is_stock(self) -> bool:
        return self.attribute == Authority.Attribute.ON_HAND

    @property
    def now(self) -> Authority | None:
        """The authority in force for the attribute."""
        rows = Authority.objects.filter(location=self.place, attribute=self.attribute, valid_to__isnull=True)
        return rows.select_related("connection").first()

    @property
    def names_another(self) -> bool:
        held = self.now
        return (held.connection_id if held else None) != (self.decides.pk if self.decides else None)

    @property
    def changes_mode(self) -> bool:
        return self.is_stock and self.mode != self.place.mode

    @property
    def begins_tenure(self) -> bool:
        """Whether what is known here becomes unknown."""
        return self.changes_mode or (self.is_stock and self.names_another and not self.continues)


def preview(change: Change) -> tuple[Card, ...]:
    """Return what would change, what would become unknown, and what the authority of now said last."""
    return (_what(change), _stock(change), _channels(change), _last_report(change))


def digest(cards: tuple[Card, ...]) -> str:
    """Return a short name of what was shown, so that a click confirms that and nothing else."""
    return hashlib.sha256(repr(cards).encode()).hexdigest()[:16]


def _what(change: Change) -> Card:
    held = change.now
    place = change.place
    modes = dict(Location.Mode.choices)
    lines = []
    if change.names_another:
        lines.append(
            f"{held.connection if held else 'Nobody'} → {change.decides or 'nobody'}, from the click on."
        )
        lines.append("What happened before stays with the one that decided it then, also if it comes late.")
    if change.changes_mode:
        lines.append(f"{modes[place.mode]} → {modes[change.mode]}, from the click on.")
    attribute = Authority.Attribute(change.attribute).label
    return Card(
        title=f"{attribute} at {place}",
        lines=tuple(lines) or ("Nothing would change.",),
        note="It is undone by a further change; nothing is deleted.",
        tone="wait" if lines else "",
    )


def _stock(change: Change) -> Card:
    levels = StockLevel.objects.filter(location=change.place).aggregate(
        all=Count("pk"), known=Count("pk", filter=Q(known=True))
    )
    owed = Allocation.objects.filter(location=change.place, open=True).aggregate(
        lines=Count("reservation", distinct=True), units=Sum(F("quantity") - F("contained"))
    )
    known = levels["known"]
    lines: tuple[str, ...] = ()
    if change.begins_tenure and known:
        lines = (
            f"{many(known, 'level')} known now would be unknown until the whole stock was told anew.",
            "Until then each counts at most what was free at the click; new sales still lower it.",
        )
    return Card(
        title="Stock and promises",
        facts=facts(
            ("levels", levels["all"]),
            ("known", known),
            ("open lines", owed["lines"]),
            ("units owed", quantity(owed["units"]) if owed["units"] else ""),
        ),
        lines=lines,
        note="" if lines else "What is known stays known.",
        tone="bad" if lines else "good",
    )


def _channels(change: Change) -> Card:
    rows = Connection.objects.filter(
        location_mappings__location=change.place, location_mappings__sells_for=True, sells=True
    )
    channels = list(rows.distinct().order_by("code"))
    waits = [f"{what}:{change.place.code}" for what in ("authority", "mode")]
    waiting = ParkedLine.objects.filter(waits_on__in=waits, resolved_at__isnull=True).count()
    held = bool(channels) and change.begins_tenure
    return Card(
        title="Channels",
        lines=(f"Figures may fall and never rise: {join(channels)}",) if held else (),
        facts=facts(
            ("sell from here", many(len(channels), "channel")),
            ("reports that wait for this", waiting or ""),
        ),
        tone="wait" if held else "",
    )


def _last_report(change: Change) -> Card:
    held = change.now
    if held is None:
        return Card(title="The authority of now", note="Nobody decides this yet.")
    levels = StockLevel.objects.filter(location=change.place)
    newest = levels.order_by("-changed_at").first()
    event = None
    if newest is not None:
        reports = Event.objects.filter(item_id=newest.item_id, location=change.place, effective=True)
        reports = reports.filter(connection=held.connection)
        event = reports.order_by("-occurred_at").select_related("item").first()
    told = levels.aggregate(counted=Max("counted_at"), reading=Max("reading"))
    return Card(
        title=f"{held.connection}: what it said last",
        facts=facts(
            ("since", _moment(held.valid_from) if held.valid_from else "the beginning"),
            ("last report", f"{event.get_kind_display()} of {event.item.sku}" if event else "none"),
            ("it happened", _moment(event.occurred_at) if event else ""),
            ("latest count", _moment(told["counted"]) if told["counted"] else ""),
            ("newest reading", told["reading"]),
        ),
    )


def _moment(when: datetime) -> str:
    return date_format(localtime(when), "SHORT_DATETIME_FORMAT")
