"""Counters that survive restarts, and what was counted when. Part of models.py, which Django reads.

Written in the transactions of what they count, or by the sampler (sampling.py); read by pipeline/gauges.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from inventory_sync.connections.models import Connection


class FreshnessTally(models.Model):
    """How old figures were when their channel acknowledged them, counted in the buckets of domain.freshness.

    `part` says from when: what happened at the source, its delivery's arrival, or the figure being owed.
    Rows of `ever` are never forgotten, so they only grow; of finer grains `slot` is the beginning.
    """

    class Part(models.TextChoices):
        OCCURRED = "occurred", "Since it happened"
        RECEIVED = "received", "Since its delivery was received"
        OWED = "owed", "Since the figure was owed"

    class Grain(models.TextChoices):
        EVER = "ever", "Since the beginning"
        HOUR = "hour", "One hour"
        MINUTES = "minutes", "Ten minutes"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+", db_index=False)
    tier = models.CharField(max_length=10)
    part = models.CharField(max_length=10, choices=Part)
    grain = models.CharField(max_length=10, choices=Grain)
    slot = models.DateTimeField()
    count = models.BigIntegerField()
    sum_s = models.FloatField()
    buckets = ArrayField(models.BigIntegerField())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["grain", "slot", "part", "tier", "connection"], name="one_freshness_tally_per_slot"
            )
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.tier} {self.part} {self.grain} {self.slot:%Y-%m-%d %H:%M}"


class FlightTally(models.Model):
    """How many push attempts of a connection ended how, since the beginning."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+", db_index=False)
    outcome = models.CharField(max_length=40)
    count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "outcome"], name="one_flight_tally_per_outcome")
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.outcome}: {self.count}"


class DoorTally(models.Model):
    """How many requests the webhook door refused for a reason, since the beginning."""

    code = models.CharField(max_length=60, primary_key=True)
    count = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.code}: {self.count}"


class Sample(models.Model):
    """Depths and counters as they stood at a moment: rates are the difference of two."""

    at = models.DateTimeField(primary_key=True)
    figures = models.JSONField()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
