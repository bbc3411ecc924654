"""Accounts at vendors: what staff filled in, secrets, cursors, budgets and webhook health."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.core.validators import RegexValidator
from django.db import models

from inventory_sync.domain.maintenance import Weekly
from inventory_sync.domain.writing import Writing
from inventory_sync.support.models import Stamped

WRITING = [
    (Writing.LIVE.value, "Live: figures and documents are written"),
    (Writing.SHADOW.value, "Shadow: worked out and recorded, nothing is sent"),
    (Writing.READ_ONLY.value, "Read-only: what is owed waits"),
]


class Connection(Stamped):
    """One account of a connector; a channel is a connection that sells."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        DRAINING = "draining", "Draining: what is owed is finished"
        PAUSED = "paused", "Paused by staff"
        MISCONFIGURED = "misconfigured", "Misconfigured"

    code = models.CharField(
        max_length=60,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]*$", "Lower-case letters, digits and hyphens.")],
        help_text="Names the connection in addresses, logs and order references.",
    )
    label = models.CharField(max_length=120)
    connector = models.CharField(max_length=60)
    state = models.CharField(max_length=20, choices=State, default=State.ACTIVE)
    state_reason = models.TextField(blank=True)
    state_since = models.DateTimeField(null=True, blank=True)
    sells = models.BooleanField(
        default=False, help_text="A channel: orders come from it and figures go to it."
    )
    writing = models.CharField(
        max_length=10,
        choices=WRITING,
        default=Writing.LIVE.value,
        help_text="Whether what is owed to it is written there.",
    )
    config = models.JSONField(default=dict, blank=True)
    hook_token_hash = models.CharField(max_length=64, blank=True)
    owner_team = models.CharField(max_length=60, default="support")

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.label


class Secret(Stamped):
    """One secret of a connection, encrypted with its connection and name as associated data."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=60)
    ciphertext = models.BinaryField()
    key_id = models.CharField(max_length=16)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "name"], name="one_secret_per_name")]

    def __str__(self) -> str:
        return f"{self.connection.code}.{self.name}"


class Cursor(Stamped):
    """How far a stream was read, and what no webhook had announced."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="cursors")
    stream = models.CharField(max_length=60)
    value = models.TextField(blank=True)
    swept_at = models.DateTimeField(null=True, blank=True)
    run_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    token = models.BigIntegerField(default=0)
    reads = models.BigIntegerField(default=0)
    finds = models.BigIntegerField(default=0, help_text="Found by reading although no webhook announced it.")
    read_at = models.DateTimeField(null=True, blank=True, help_text="When a page of it was last stored.")
    failures = models.PositiveIntegerField(
        default=0, db_default=0, help_text="How often in a row its next page failed."
    )
    skipped = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Pages left out since the stream began anew."
    )
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "stream"], name="one_cursor_per_stream")]

    def __str__(self) -> str:
        return f"{self.connection.code}/{self.stream}"


class WeeklyWindow(Stamped):
    """When a connection is under maintenance every week; the rules are domain.maintenance's."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="weekly_windows")
    days = models.JSONField(help_text="On which it begins; 1 is Monday.")
    begins = models.TimeField()
    ends = models.TimeField(help_text="At or before the time it begins: on the next day.")
    zone = models.CharField(max_length=64)
    reason = models.TextField()
    planned_until = models.DateTimeField(help_text="Its windows up to then are planned.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return Weekly(frozenset(self.days), self.begins, self.ends, ZoneInfo(self.zone)).in_words


class Maintenance(Stamped):
    """A stretch of time in which a connection is neither read nor written, announced beforehand."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="maintenances")
    weekly = models.ForeignKey(
        WeeklyWindow, null=True, blank=True, on_delete=models.SET_NULL, related_name="windows"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.TextField()
    closed_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was over and what happened meanwhile was asked for."
    )

    class Meta:
        ordering = ["starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="maintenance_ends_after_it_starts"
            ),
            models.UniqueConstraint(fields=["weekly", "starts_at"], name="one_window_per_week_and_start"),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%Y-%m-%d %H:%M} UTC"


class Breaker(models.Model):
    """Whether a connection answers; the rules are domain.breaker's. No row: it always did."""

    class Phase(models.TextChoices):
        CLOSED = "closed", "Closed: it answers"
        OPEN = "open", "Open: it does not answer"
        HALF_OPEN = "half_open", "Half-open: one call tries"

    connection = models.OneToOneField(
        Connection, primary_key=True, on_delete=models.CASCADE, related_name="breaker"
    )
    phase = models.CharField(max_length=10, choices=Phase, default=Phase.CLOSED)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    window_from = models.DateTimeField(null=True, blank=True)
    calls = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    openings = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(null=True, blank=True, help_text="When it last began or ceased to answer.")
    next_at = models.DateTimeField(null=True, blank=True, help_text="When it is tried again.")
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.connection_id}: {self.phase}"


class Budget(models.Model):
    """What one credential may still call: the record; each call is paid here when it is made."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="budget")
    tokens = models.FloatField()
    refilled_at = models.DateTimeField()
    rate_per_s = models.FloatField()
    burst = models.FloatField()
    closed_until = models.DateTimeField(null=True, blank=True, help_text="Set by a vendor's Retry-After.")
    recent = models.JSONField(default=list, blank=True, help_text="The calls of a sliding window.")
    slots = models.JSONField(default=list, blank=True, help_text="Calls under way, where they are counted.")
    eased = models.FloatField(default=1.0, db_default=1.0, help_text="The share of the rate in use.")
    eased_at = models.DateTimeField(null=True, blank=True, help_text="When the vendor found us too fast.")
    waits_since = models.DateTimeField(null=True, blank=True, help_text="Since when a call has to wait.")
    calls = models.BigIntegerField(default=0, db_default=0, help_text="Calls paid so far.")
    refusals = models.BigIntegerField(default=0, db_default=0, help_text="How often it found us too fast.")

    def __str__(self) -> str:
        return f"{self.connection.code}: {self.tokens:.1f} of {self.burst:.0f}"


class Hook(Stamped):
    """A webhook registration at the vendor, as last seen."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="hooks")
    external_id = models.CharField(max_length=80)
    topic = models.CharField(max_length=80)
    status = models.CharField(max_length=40)
    checked_at = models.DateTimeField()
    recreated = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "topic"], name="one_hook_per_topic")]

    def __str__(self) -> str:
        return f"{self.connection.code}: {self.topic} {self.status}"


class WriterLease(models.Model):
    """Who may write to a connection that takes one writer at a time, until when; see writers.py."""

    connection = models.OneToOneField(
        Connection, primary_key=True, on_delete=models.CASCADE, related_name="writer"
    )
    token = models.BigIntegerField(default=0, help_text="The fence: grows with each claim.")
    holder = models.CharField(max_length=40, blank=True, help_text="What it is doing: orders, mirror.")
    lease_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.connection_id}: {self.holder or 'nobody'} #{self.token}"
