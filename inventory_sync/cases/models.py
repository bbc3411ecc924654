"""A failure someone owns. Subjects are named by kind and id, so that this room knows none of them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory_sync.cases.models_telling import Happening as Happening
from inventory_sync.cases.models_telling import Message as Message
from inventory_sync.cases.models_telling import Notice as Notice
from inventory_sync.cases.models_telling import Route as Route
from inventory_sync.support.models import QuantityField, Stamped


class Severity(models.TextChoices):
    """How soon somebody must look; see docs/runbooks/."""

    LOW = "low", "Low: when there is time"
    NORMAL = "normal", "Normal: today"
    URGENT = "urgent", "Urgent: now"


class Case(Stamped):
    class State(models.TextChoices):
        OPEN = "open", "Open"
        RESOLVED = "resolved", "Resolved"
        DISCARDED = "discarded", "Discarded: given up on purpose"

    code = models.CharField(max_length=60, help_text="Stable code, see docs/errors.md.")
    severity = models.CharField(max_length=10, choices=Severity, default=Severity.NORMAL)
    subject_kind = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=240)
    connection_code = models.CharField(max_length=60, blank=True)
    item_sku = models.CharField(max_length=120, blank=True, help_text="The item it is about, if one.")
    order_ref = models.CharField(max_length=120, blank=True, help_text="The order it is about, if one.")
    units_at_risk = QuantityField(
        null=True, blank=True, help_text="Base units that may be sold twice or not at all meanwhile."
    )
    raised_because = models.CharField(
        max_length=120, blank=True, db_default="",
        help_text="Why it is worse than its code alone would be.",
    )  # fmt: skip
    summary = models.TextField()
    owner_team = models.CharField(max_length=60, default="support")
    assigned_to = models.CharField(
        max_length=150, blank=True, help_text="Who works on it; empty: nobody yet."
    )
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    times = models.PositiveIntegerField(default=1)
    last_seen_at = models.DateTimeField()
    snoozed_until = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    correlation_id = models.CharField(max_length=40, blank=True)
    resolution = models.TextField(blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(
        max_length=150, blank=True, help_text="Who closed it; empty: a later run succeeded."
    )

    class Meta:
        ordering = ["-last_seen_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["code", "subject_kind", "subject_id"],
                condition=Q(state="open"),
                name="one_open_case_per_subject",
            )
        ]
        indexes = [
            models.Index(
                fields=["code", "connection_code"], condition=Q(state="open"), name="case_open_group"
            ),
            models.Index(fields=["subject_kind", "subject_id"], name="case_subject"),
            models.Index(fields=["-id"], condition=Q(state="open"), name="case_open"),
            models.Index(fields=["item_sku"], condition=Q(state="open"), name="case_open_item"),
            models.Index(fields=["created_at"], name="case_opened"),
            models.Index(fields=["resolved_at"], condition=~Q(state="open"), name="case_over"),
        ]
        permissions = [
            ("assign_case", "Can say who works on a case"),
            ("snooze_case", "Can hide a case for a while"),
            ("acknowledge_case", "Can say that a case was seen"),
            ("discard_case", "Can give a case up"),
            ("retry_case", "Can retry what a case is about"),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.summary}"


class RetryRun(Stamped):
    """A group of cases being retried one after the other, as it was when somebody clicked."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    code = models.CharField(max_length=60, blank=True, help_text="The group's code; empty: chosen by hand.")
    connection_code = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    per_minute = models.PositiveIntegerField(default=60, help_text="How many are begun in a minute at most.")
    asked_by = models.CharField(max_length=150)
    reason = models.TextField()
    run_at = models.DateTimeField(help_text="When the next one is due.")
    lease_until = models.DateTimeField(null=True, blank=True)
    token = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["run_at"], condition=Q(state="running"), name="retry_run_due")]

    def __str__(self) -> str:
        return f"{self.code or 'chosen cases'} {self.connection_code}: {self.get_state_display()}"


class RetryLine(models.Model):
    """One case of a run and what became of it."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        BEGUN = "begun", "Begun: its outcome is awaited"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed again"
        SKIPPED = "skipped", "Skipped: it was over, or cannot be retried"
        CANCELLED = "cancelled", "Cancelled before it began"

    run = models.ForeignKey(RetryRun, on_delete=models.CASCADE, related_name="lines")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="retries")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    begun_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["run", "case"], name="a_case_once_per_run")]
        indexes = [models.Index(fields=["run", "state", "id"], name="retry_line_next")]

    def __str__(self) -> str:
        return f"{self.case_id}: {self.get_state_display()}"
