"""Deliveries that people had applied again: a frozen set of them, and copies that were edited first."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from inventory_sync.support.models import Stamped


class Replay(Stamped):
    """A set of deliveries being applied again, as it was when somebody clicked."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    filters = models.JSONField(default=dict, help_text="What was asked for, in words.")
    delivery_ids = ArrayField(models.BigIntegerField(), help_text="The set, oldest first; frozen.")
    position = models.PositiveIntegerField(default=0, help_text="So many of them were handed back.")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    per_minute = models.PositiveIntegerField(default=600)
    asked_by = models.CharField(max_length=150)
    reason = models.TextField()
    run_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["run_at"], condition=Q(state="running"), name="replay_due")]

    def __str__(self) -> str:
        return f"Replay #{self.pk}: {len(self.delivery_ids)} deliveries"


class EditedCopy(models.Model):
    """A delivery that is an edited copy of another; the other is kept as it came."""

    copy_id = models.BigIntegerField(primary_key=True)
    origin_id = models.BigIntegerField(db_index=True)
    edited_by = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-copy_id"]
        verbose_name_plural = "edited copies"

    def __str__(self) -> str:
        return f"#{self.copy_id} of #{self.origin_id}"
