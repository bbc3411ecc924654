"""A failure someone owns. Subjects are named by kind and id, so that this room knows none of them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory_sync.support.models import Stamped


class Case(Stamped):
    class State(models.TextChoices):
        OPEN = "open", "Open"
        RESOLVED = "resolved", "Resolved"

    code = models.CharField(max_length=60, help_text="Stable code, see docs/errors.md.")
    subject_kind = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=120)
    connection_code = models.CharField(max_length=60, blank=True)
    summary = models.TextField()
    owner_team = models.CharField(max_length=60, default="support")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    times = models.PositiveIntegerField(default=1)
    last_seen_at = models.DateTimeField()
    correlation_id = models.CharField(max_length=40, blank=True)
    resolution = models.TextField(blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-last_seen_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["code", "subject_kind", "subject_id"],
                condition=Q(state="open"),
                name="one_open_case_per_subject",
            )
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.summary}"
