"""The pipeline's own record: schedule ticks and the signs of life of its processes."""

from __future__ import annotations

from django.db import models


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
