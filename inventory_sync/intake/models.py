"""What came in, raw: deliveries, dedupe keys, shards, parked lines and objects to be read again."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from inventory_sync.connections.models import Connection
from inventory_sync.support.models import Stamped


class DedupeKey(models.Model):
    """Keys outlive the deliveries: the same message is recognised for the ledger's life."""

    pk = models.CompositePrimaryKey("connection_id", "key")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    key = models.BinaryField(max_length=32, help_text="SHA-256 of the connector's key.")

    def __str__(self) -> str:
        return bytes(self.key).hex()


class Delivery(models.Model):
    """One inbound message, raw. Stored before its 2xx.

    Partitioned by blocks of ids (partitions.py), so that old ones are dropped whole; dedupe keys stay.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        DONE = "done", "Done"
        PARKED = "parked", "Parked: a line waits for a person"
        REJECTED = "rejected", "Rejected"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="deliveries")
    topic = models.CharField(max_length=80)
    source = models.CharField(max_length=12, default="webhook")
    tier = models.CharField(max_length=10, default="standard")
    shard = models.PositiveSmallIntegerField()
    object_key = models.CharField(max_length=160, blank=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    reading = models.BigIntegerField(default=0)
    begun = models.BigIntegerField(
        default=0, db_default=0, help_text="The last reading that had begun when it was stored."
    )
    received_at = models.DateTimeField()
    occurred_at = models.DateTimeField(
        null=True, blank=True, help_text="The first thing it told of, by its source's clock."
    )
    correlation_id = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    run_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    events = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["tier", "shard", "id"], name="delivery_pending", condition=Q(state="pending")
            ),
            models.Index(fields=["connection", "-id"], name="delivery_recent"),
            models.Index(fields=["state", "-id"], name="delivery_stuck", condition=~Q(state="done")),
            models.Index(fields=["correlation_id"], name="delivery_correlation"),
            models.Index(fields=["connection", "object_key"], name="delivery_object"),
            # Rows lie in the order they came: a few numbers per stretch of pages find an hour of them.
            BrinIndex(
                fields=["received_at"], name="delivery_received", pages_per_range=32, autosummarize=True
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic} #{self.id}"


class Shard(models.Model):
    """One owner at a time for a slice of a tier's deliveries: lease and fencing token."""

    pk = models.CompositePrimaryKey("tier", "number")
    tier = models.CharField(max_length=10)
    number = models.PositiveSmallIntegerField()
    drained = models.BigIntegerField(
        default=0, db_default=0, help_text="Deliveries that have left it since the beginning."
    )
    token = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    claimed_from = models.BigIntegerField(null=True, help_text="The batch its last owner took: its first.")
    claimed_to = models.BigIntegerField(null=True, help_text="… and last.")
    claimed_for = models.BigIntegerField(null=True, help_text="… of this connection only, if one is named.")

    def __str__(self) -> str:
        return f"{self.tier}/{self.number}"


class ParkedLine(Stamped):
    """One line of a delivery that waits for a person; its neighbours went ahead."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="parked_lines")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="parked_lines")
    event_key = models.CharField(max_length=200)
    waits_on = models.CharField(max_length=200, blank=True)
    code = models.CharField(max_length=60)
    detail = models.TextField()
    summary = models.CharField(max_length=300, blank=True, help_text="The line in words, for staff.")
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "event_key"], name="a_line_is_parked_once")
        ]
        indexes = [
            models.Index(
                fields=["connection", "waits_on"],
                name="parked_waiting",
                condition=Q(resolved_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.waits_on}"


class ReadDue(models.Model):
    """An object whose source must be read again; many hints make one row."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="reads_due")
    kind = models.CharField(max_length=40)
    ref = models.CharField(max_length=120)
    why = models.CharField(max_length=200, blank=True)
    version = models.BigIntegerField(default=1)
    run_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    token = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    correlation_id = models.CharField(max_length=40, blank=True)
    error_detail = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "reads due"
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "ref"], name="one_read_per_object")
        ]
        indexes = [models.Index(fields=["run_at"], name="read_due")]

    def __str__(self) -> str:
        return f"{self.connection.code} {self.kind}:{self.ref}"


class SequenceNumber(models.Model):
    """Which message of a source has one of its numbers, so that a second one with the same is seen.

    `said_by` is the key of the message's first event: the same however often it is sent or restated.
    """

    pk = models.CompositePrimaryKey("connection_id", "place", "number")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+", db_index=False)
    place = models.CharField(max_length=120, db_collation="C")
    number = models.BigIntegerField()
    said_by = models.CharField(max_length=220)

    def __str__(self) -> str:
        return f"{self.place}:{self.number}"
