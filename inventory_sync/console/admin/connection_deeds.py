"""What staff do to a connection: hold it still, say how far it is written to, give it a hook token."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.conf import settings
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from inventory_sync.audit import services as audit
from inventory_sync.connections import holding, services, weekly
from inventory_sync.connections.ladder import ladder
from inventory_sync.connections.models import Connection
from inventory_sync.console.admin.doing import Why
from inventory_sync.console.deeds import Card, Deed, Outcome, facts, join, many
from inventory_sync.domain.maintenance import DAYS
from inventory_sync.domain.writing import Writing
from inventory_sync.pipeline import wiring
from inventory_sync.pipeline.probing import look_at
from inventory_sync.pipeline.tending import left_to_drain


class Hold(Deed[Connection]):
    """Base: shows where the connection stands and what is owed to it."""

    permission = "console.pause_connection"

    def preview(self, row: Connection, *, now: datetime) -> Card:
        stand = ladder(now, [row])[0]
        owed = row.listings.exclude(state__in=("settled", "unknown")).count()
        window = row.maintenances.filter(closed_at__isnull=True).first()
        draining = left_to_drain(row) if row.state == Connection.State.DRAINING else {}
        return Card(
            row.label,
            facts=facts(
                ("Code", row.code),
                ("State", row.get_state_display()),
                ("Writing", row.get_writing_display()),
                ("Maintenance", window or ""),
                ("Every week", join(row.weekly_windows.filter(ended_at__isnull=True))),
                ("Still to finish", ", ".join(f"{count} {name}" for name, count in draining.items())),
            ),
            lines=(stand.sentence,),
            note=f"{many(owed, 'figure')} not settled there now." if row.sells else "",
            tone=stand.tone,
        )


class Pause(Hold):
    name = "pause"
    verb = "Pause"
    icon = "pause"
    promise = (
        "Nothing is read from it or written to it until it is resumed. What it sends is still taken in at "
        "the door and waits; figures owed to it wait too, and only the newest will be sent."
    )

    def applies(self, row: Connection) -> bool:
        return row.state != Connection.State.PAUSED

    def do(self, rows: Sequence[Connection], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            services.pause(connection_id=row.pk, actor=actor, reason=reason)
        return Outcome(f"Paused {many(len(rows), 'connection')}.")


class Drain(Hold):
    name = "drain"
    verb = "Drain"
    icon = "hourglass_bottom"
    promise = (
        "What is owed to it now is finished and nothing new is begun: it is not read any more, and no newer "
        "figure is sent. When all is paid it pauses by itself, within about a minute."
    )

    def applies(self, row: Connection) -> bool:
        return row.state == Connection.State.ACTIVE

    def do(self, rows: Sequence[Connection], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            holding.drain(connection_id=row.pk, actor=actor, reason=reason)
        return Outcome(f"{many(len(rows), 'connection')} will pause when what is owed is paid.")


class Resume(Hold):
    name = "resume"
    verb = "Resume"
    icon = "play_arrow"
    promise = (
        "It is read and written again from now on. What happened meanwhile is read at once; what waited is "
        "worked off, the newest figure wins."
    )

    def applies(self, row: Connection) -> bool:
        return row.state != Connection.State.ACTIVE

    def do(self, rows: Sequence[Connection], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            services.resume(connection_id=row.pk, actor=actor, reason=reason)
        return Outcome(f"Resumed {many(len(rows), 'connection')}.")


class Looking(Why):
    """A look needs no excuse: the reason is filled in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].initial = "To see whether it works."


class Look(Hold):
    name = "probe"
    verb = "Look at it now"
    icon = "troubleshoot"
    asks = Looking
    one_at_a_time = True
    calls_out = True
    promise = (
        "Asks the system who we are there and what it has, and says what is missing. Changes nothing there. "
        "Also while it is held, or left alone because it did not answer: an answer ends that at once."
    )

    def do(self, rows: Sequence[Connection], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        looked = look_at(rows[0], account=wiring.open_account, actor=actor, reason=reason)
        card = Card(
            looked.connection.label,
            facts=facts(*((name.replace("_", " "), fact) for name, fact in looked.facts.items())),
            lines=looked.problems,
            note=looked.code,
            tone="good" if looked.is_well else "bad",
        )
        sentence = "It answers and lacks nothing." if looked.is_well else "It does not work as it should."
        return Outcome(sentence, cards=(card,))


ZONES = [(name, name) for name in ("UTC", *sorted(available_timezones() - {"UTC"}))]


class Zoned(Why):
    """Base: times are those of a zone."""

    zone = forms.ChoiceField(
        label="Time zone", choices=ZONES, initial="UTC", required=False, widget=UnfoldAdminSelectWidget
    )

    def clean_zone(self) -> str:
        return self.cleaned_data["zone"] or "UTC"


class Window(Zoned):
    """From when to when the window is, as the clocks of the zone show it."""

    starts_at = forms.DateTimeField(
        label="From", widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})
    )
    ends_at = forms.DateTimeField(
        label="Until", widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})
    )
    field_order = ("starts_at", "ends_at", "zone", "reason")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        zone = ZoneInfo(given.get("zone", "UTC"))
        for name in ("starts_at", "ends_at"):
            if name in given:
                given[name] = given[name].replace(tzinfo=zone).astimezone(UTC)
        return given


class Weekdays(Zoned):
    """On which days a window begins, and from when to when it is."""

    days = forms.TypedMultipleChoiceField(
        label="Begins on",
        coerce=int,
        choices=list(enumerate(DAYS, start=1)),
        widget=forms.CheckboxSelectMultiple(attrs={"class": "console-days"}),
    )
    begins = forms.TimeField(label="From", widget=UnfoldAdminTextInputWidget(attrs={"type": "time"}))
    ends = forms.TimeField(
        label="Until (not later than From: on the next day)",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "time"}),
    )
    field_order = ("days", "begins", "ends", "zone", "reason")


class PlanMaintenance(Hold):
    name = "maintenance"
    verb = "Maintenance window"
    icon = "event"
    asks = Window
    promise = (
        "In the window it is neither read nor written, and nobody is told that it does not answer. What it "
        "sends is taken in. The window ends by itself; what happened meanwhile is then read at once."
    )

    def do_asked(
        self, rows: Sequence[Connection], *, answers: dict[str, Any], actor: audit.Actor, now: datetime
    ) -> Outcome:
        for row in rows:
            window = holding.plan_maintenance(
                connection_id=row.pk,
                starts_at=answers["starts_at"],
                ends_at=answers["ends_at"],
                actor=actor,
                reason=answers["reason"],
                now=now,
            )
        return Outcome(f"Planned for {many(len(rows), 'connection')}: {window}.")


class PlanWeekly(Hold):
    name = "weekly-maintenance"
    verb = "Weekly window"
    icon = "event_repeat"
    asks = Weekdays
    promise = (
        "From now on it is under maintenance on these days, each week, as the clocks of the zone show it. In "
        "the window it is neither read nor written; what it sends is taken in, and afterwards it is read at "
        "once."
    )

    def do_asked(
        self, rows: Sequence[Connection], *, answers: dict[str, Any], actor: audit.Actor, now: datetime
    ) -> Outcome:
        for row in rows:
            planned = weekly.plan_weekly(connection_id=row.pk, actor=actor, now=now, **answers)
        return Outcome(f"Planned for {many(len(rows), 'connection')}: {planned}.")


class EndWeekly(Hold):
    name = "end-weekly-maintenance"
    verb = "End weekly windows"
    icon = "event_busy"
    promise = "None of its weekly windows comes again, and one that is open ends now."

    def applies(self, row: Connection) -> bool:
        return row.weekly_windows.filter(ended_at__isnull=True).exists()

    def do(self, rows: Sequence[Connection], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        done = 0
        for row in rows:
            for window in row.weekly_windows.filter(ended_at__isnull=True):
                done += weekly.end_weekly(weekly_id=window.pk, actor=actor, reason=reason, now=now)
        return Outcome(f"Ended {many(done, 'weekly window')}.")


class EndMaintenance(Hold):
    name = "end-maintenance"
    verb = "End maintenance"
    icon = "event_busy"
    promise = (
        "Its window ends now, or the next one does not begin; what happened meanwhile is read at once. A "
        "window of every week comes again the week after."
    )

    def applies(self, row: Connection) -> bool:
        return row.maintenances.filter(closed_at__isnull=True).exists()

    def do(self, rows: Sequence[Connection], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        done = 0
        for row in rows:
            window = row.maintenances.filter(closed_at__isnull=True).first()
            if window is not None:
                done += holding.end_maintenance(window_id=window.pk, actor=actor, reason=reason, now=now)
        return Outcome(f"Ended {many(done, 'window')}.")


class Write(Hold):
    """Base of the three modes of writing."""

    writing: Writing

    def applies(self, row: Connection) -> bool:
        return row.writing != self.writing.value

    def do(self, rows: Sequence[Connection], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        for row in rows:
            holding.set_writing(connection_id=row.pk, writing=self.writing, actor=actor, reason=reason)
        return Outcome(f"{self.verb}: {many(len(rows), 'connection')}.")


class WriteLive(Write):
    name = "write-live"
    writing = Writing.LIVE
    verb = "Write live"
    icon = "edit"
    promise = (
        "What is owed is written there again, the newest figure wins. Guards still look at the first figures "
        "and at large changes before they go."
    )


class WriteShadow(Write):
    name = "write-shadow"
    writing = Writing.SHADOW
    verb = "Shadow"
    icon = "visibility"
    promise = (
        "It is read as always; what would be written is worked out and recorded, and nothing is sent. Its "
        "shop keeps the figures it shows now: what sells elsewhere does not lower them."
    )


class WriteNothing(Write):
    name = "read-only"
    writing = Writing.READ_ONLY
    verb = "Read-only"
    icon = "edit_off"
    promise = (
        "It is read as always and nothing is written; what is owed waits. Its shop keeps the figures it "
        "shows now: what sells elsewhere does not lower them."
    )


class RotateToken(Deed[Connection]):
    name = "token"
    permission = "console.rotate_token"
    verb = "New hook token"
    icon = "vpn_key"
    one_at_a_time = True
    promise = (
        "Makes a secret address for senders that cannot sign. The old one ends at once. Messages that come "
        "in by it are hints only: what they name is read again at the source."
    )

    def preview(self, row: Connection, *, now: datetime) -> Card:
        state = "there is one, it ends now" if row.hook_token_hash else "there is none yet"
        return Card(row.label, facts=facts(("Code", row.code), ("Token", state)))

    def result(self, row: Connection, *, now: datetime) -> Card:
        return Card(row.label, facts=facts(("Code", row.code), ("Token", "the one shown here")), tone="good")

    def do(self, rows: Sequence[Connection], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        row = rows[0]
        token = services.rotate_hook_token(connection_id=row.pk, actor=actor, reason=reason)
        hub = str(settings.INVENTORY_SYNC["HUB_URL"]).rstrip("/")
        return Outcome("Made a new hook token.", secret=f"{hub}/hooks/{row.code}/{token}/")


DEEDS = (
    Look(), Pause(), Drain(), Resume(), PlanMaintenance(), PlanWeekly(), EndMaintenance(),
    EndWeekly(), WriteLive(), WriteShadow(), WriteNothing(), RotateToken(),
)  # fmt: skip
