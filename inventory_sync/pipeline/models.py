"""The pipeline's own record: schedule ticks and the signs of life of its processes."""

from __future__ import annotations

from django.db import models

from inventory_sync.pipeline.models_replays import EditedCopy as EditedCopy
from inventory_sync.pipeline.models_replays import Replay as Replay
from inventory_sync.pipeline.models_tallies import DoorTally as DoorTally
from inventory_sync.pipeline.models_tallies import FlightTally as FlightTally
from inventory_sync.pipeline.models_tallies import FreshnessTally as FreshnessTally
from inventory_sync.pipeline.models_tallies import Sample as Sample
from inventory_sync.pipeline.models_workers import Worker as Worker


class Tick(models.Model):
    """A schedule's tick, made once however many beats run."""

    schedule = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule", "at"], name="a_tick_happens_once")]

    def __str__(self) -> str:
        return f"{self.schedule} {self.at:%H:%M:%S}"


class Sign(models.Model):
    """A sign of life: the dispatcher's leader, or a canary task that ran on a queue."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.name} {self.at:%H:%M:%S}"


class Verification(models.Model):
    """One round of all invariant checks: how far it is, and what it found. Resumed from where it stopped."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    position = models.PositiveSmallIntegerField(default=0, help_text="The check it is at.")
    after = models.BigIntegerField(default=0, help_text="Ids up to here are checked.")
    upto = models.BigIntegerField(null=True, blank=True, help_text="The highest id when the check began.")
    results = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"

    @property
    def seconds(self) -> float | None:
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None


class Evidence(models.Model):
    """The daily evidence of no oversell: the document as it was written, chained to the day before."""

    day = models.DateField(unique=True)
    document = models.TextField(help_text="Canonical JSON; the digest is of these bytes.")
    digest = models.CharField(max_length=64)
    previous = models.CharField(max_length=64, blank=True, help_text="The digest of the file before.")
    signature = models.CharField(max_length=64, blank=True)
    path = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-day"]
        verbose_name_plural = "evidence"

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"
