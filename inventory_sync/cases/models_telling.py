"""Who is told of cases, what there is to tell, whom it is owed to, and what was sent.

A happening is written by a trigger on the cases (migrations/…_tell_people.py), in the transaction of what
happened: no writer can forget it, and none of a transaction that was rolled back is left. Who owes and sends
is telling/.
"""

from __future__ import annotations

from datetime import time
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from inventory_sync.domain.telling import NEVER, Digest, Occasion
from inventory_sync.support.models import Stamped

SEVERITIES = [("low", "Low and worse"), ("normal", "Normal and worse"), ("urgent", "Urgent only")]
BREAKS = [("normal", "Normal and worse"), ("urgent", "Urgent only"), (NEVER, "Nothing")]
OCCASIONS = [
    (Occasion.OPENED.value, "Opened"),
    (Occasion.WORSENED.value, "Got worse"),
    (Occasion.REOPENED.value, "Opened again"),
    (Occasion.HANDED_OVER.value, "Handed over to another team"),
    (Occasion.CLOSED.value, "Over"),
    (Occasion.ALERT.value, "Alert"),
]


class Route(Stamped):
    """Which cases go where: a team, a severity, a channel, and the manners of telling."""

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Signed webhook"

    name = models.CharField(max_length=60, unique=True)
    active = models.BooleanField(default=True)
    team = models.CharField(max_length=60, blank=True, help_text="Owner team of the case; empty: every team.")
    least_severity = models.CharField(max_length=10, choices=SEVERITIES, default="normal")
    code_prefix = models.CharField(max_length=60, blank=True, help_text="Such as push.; empty: every code.")
    connection_code = models.CharField(max_length=60, blank=True, help_text="Empty: every connection.")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.EMAIL)
    addresses = models.TextField(blank=True, help_text="E-mail addresses, one a line.")
    url = models.CharField(max_length=500, blank=True, help_text="Where the webhook is sent: https://…")
    ciphertext = models.BinaryField(null=True, blank=True)
    key_id = models.CharField(max_length=16, blank=True)
    time_zone = models.CharField(
        max_length=60, default="UTC", help_text="Of the quiet hours and digests, such as Europe/Berlin."
    )
    quiet_begins = models.TimeField(null=True, blank=True)
    quiet_ends = models.TimeField(null=True, blank=True)
    quiet_breaks = models.CharField("breaks quiet hours", max_length=10, choices=BREAKS, default="urgent")
    digest = models.CharField(
        max_length=10,
        choices=[
            (Digest.AT_ONCE.value, "At once"),
            (Digest.HOURLY.value, "Once an hour"),
            (Digest.DAILY.value, "Once a day"),
        ],
        default=Digest.AT_ONCE.value,
        help_text="What is urgent is told at once in any case.",
    )
    digest_at = models.TimeField(default=time(8), help_text="When the daily digest is sent.")
    per_hour = models.PositiveIntegerField(
        "messages an hour", default=12, help_text="Beyond that, what there is to tell waits for one digest."
    )
    tells_closing = models.BooleanField(
        "says when it is over", default=True, help_text="Only of cases it was told of."
    )
    escalate_after_min = models.PositiveIntegerField(
        "escalates after minutes", null=True, blank=True, help_text="Without anybody acknowledging the case."
    )
    escalate_to = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="escalated_from"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def address_list(self) -> list[str]:
        return list(dict.fromkeys(self.addresses.replace(",", " ").split()))

    def clean(self) -> None:
        wrong: dict[str, str] = {}
        if self.time_zone not in available_timezones():
            wrong["time_zone"] = "No such time zone; write it like Europe/Berlin."
        if (self.quiet_begins is None) != (self.quiet_ends is None):
            wrong["quiet_ends"] = "Quiet hours have a beginning and an end, or neither."
        elif self.quiet_begins is not None and self.quiet_begins == self.quiet_ends:
            wrong["quiet_ends"] = "Quiet hours end at another time than they begin."
        if self.per_hour == 0:
            wrong["per_hour"] = "At least one; switch the route off to silence it."
        if (self.escalate_after_min is None) != (self.escalate_to is None):
            wrong["escalate_to"] = "Escalating needs both: after how many minutes, and to which route."
        elif self._leads_back():
            wrong["escalate_to"] = "This way it would come back to itself."
        if wrong:
            raise ValidationError(wrong)

    def _leads_back(self) -> bool:
        step, seen = self.escalate_to, {self.pk} if self.pk else set()
        while step is not None:
            if step.pk in seen:
                return True
            seen.add(step.pk)
            step = step.escalate_to
        return False


class Happening(models.Model):
    """Something there is to tell. `routed_at`: when it was settled who is owed word of it."""

    case = models.ForeignKey(
        "cases.Case", null=True, blank=True, on_delete=models.CASCADE, related_name="happenings"
    )
    occasion = models.CharField(max_length=12, choices=OCCASIONS)
    at = models.DateTimeField()
    code = models.CharField(max_length=60)
    severity = models.CharField(max_length=10)
    team = models.CharField(max_length=60)
    connection_code = models.CharField(max_length=60, blank=True)
    subject = models.CharField(max_length=200, blank=True, help_text="Of an alert; a case has a summary.")
    text = models.TextField(blank=True)
    routed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=Q(routed_at__isnull=True), name="happening_unrouted"),
            models.Index(fields=["at"], name="happening_at"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.get_occasion_display().lower()}"


class Message(models.Model):
    """One mail or call as it goes out, written once: a second try sends the same under the same id."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting to be sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Given up"

    route = models.ForeignKey(Route, on_delete=models.PROTECT, related_name="messages")
    key = models.CharField(max_length=40, unique=True, help_text="webhook-id, and the Message-ID of a mail.")
    at = models.DateTimeField()
    is_test = models.BooleanField(default=False)
    severity = models.CharField(max_length=10, default="normal")
    cases = models.PositiveIntegerField(default=0)
    held_back = models.PositiveIntegerField(default=0, help_text="Of these, held back by the hourly limit.")
    subject = models.CharField(max_length=200)
    text = models.TextField()
    html = models.TextField()
    payload = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    run_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    token = models.BigIntegerField(default=0, help_text="The fence: grows with each claim.")
    accepted = models.JSONField(default=list, blank=True, help_text="Addresses that took it.")
    error = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["run_at"], condition=Q(state="waiting"), name="message_due"),
            models.Index(fields=["route", "at"], name="message_of_route"),
        ]

    def __str__(self) -> str:
        return self.subject


class Notice(models.Model):
    """One happening owed to one route. `step` counts the escalations that led there."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        TOLD = "told", "In a message"
        DROPPED = "dropped", "Not told any more"

    happening = models.ForeignKey(Happening, on_delete=models.CASCADE, related_name="notices")
    case = models.ForeignKey(
        "cases.Case", null=True, blank=True, on_delete=models.CASCADE, related_name="notices"
    )
    route = models.ForeignKey(Route, on_delete=models.PROTECT, related_name="notices")
    step = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    held_back = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    why = models.CharField(max_length=200, blank=True, help_text="Why it was not told, or what came of it.")
    message = models.ForeignKey(
        Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="notices"
    )
    escalate_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["happening", "route", "step"], name="told_once_per_route_and_step"
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="notice_due"),
            models.Index(
                fields=["escalate_at"], condition=Q(escalate_at__isnull=False), name="notice_escalates"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.happening} → {self.route}"
