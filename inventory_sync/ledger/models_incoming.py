"""Announcements, what arrived and was picked for them, accounting periods. Written by this room alone.

Rows of models.py keep what stock is; these keep what is said about stock that is to come or about to go.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory_sync.catalog.models import Item, Location
from inventory_sync.connections.models import Connection
from inventory_sync.support.models import QuantityField


class Expectation(models.Model):
    """An announcement in its newest version. Without one (`version` −1) only an arrival has named it."""

    class Kind(models.TextChoices):
        PURCHASE = "purchase", "Purchase order"
        ADVICE = "advice", "Despatch advice"
        TRANSFER = "transfer", "Transfer"
        RETURN = "return", "Return"
        PRODUCTION = "production", "Production"
        UNKNOWN = "", "Not announced"

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"
        CANCELLED = "cancelled", "Cancelled"
        UNKNOWN = "", "Not announced"

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    ref = models.CharField(max_length=120)
    version = models.BigIntegerField(default=-1)
    kind = models.CharField(max_length=10, choices=Kind, blank=True)
    status = models.CharField(max_length=9, choices=Status, blank=True)
    location = models.ForeignKey(Location, null=True, on_delete=models.PROTECT, related_name="+")
    origin = models.ForeignKey(Location, null=True, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField(null=True)
    reference = models.CharField(max_length=120, blank=True)
    differs = models.BooleanField(default=False, help_text="What arrived is not what was announced.")
    over = models.BooleanField(default=False, help_text="Nothing more will come of it.")
    delivery_id = models.BigIntegerField(null=True)
    correlation_id = models.CharField(max_length=40, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "ref"], name="one_expectation_per_ref")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.ref}"


class ExpectationLine(models.Model):
    """One line of the newest version. `open` is what is still to come of it."""

    expectation = models.ForeignKey(Expectation, on_delete=models.CASCADE, related_name="lines")
    line_ref = models.CharField(max_length=80)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    quantity = QuantityField()
    arrived = QuantityField(default=0)
    open = QuantityField(default=0)
    due_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["expectation", "line_ref"], name="one_line_per_expectation")
        ]
        indexes = [models.Index(fields=["item", "due_at"], name="expected_item", condition=Q(open__gt=0))]

    def __str__(self) -> str:
        return f"{self.expectation_id}/{self.line_ref}: {self.open} of {self.quantity}"


class Arrival(models.Model):
    """What one event says arrived of an announcement; its highest revision counts.

    `source` and `ref` name the announcement; they are kept although nobody may ever announce it.
    """

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+", db_index=False)
    event_key = models.CharField(max_length=200, db_collation="C")
    revision = models.IntegerField()
    source = models.ForeignKey(
        Connection, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    ref = models.CharField(max_length=120)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", db_index=False)
    quantity = QuantityField()
    damaged = models.BooleanField(default=False)
    paper = QuantityField(null=True, help_text="What the sender's paper said would come.")
    final = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "event_key"], name="an_arrival_counts_once")
        ]
        indexes = [models.Index(fields=["source", "ref"], name="arrival_of")]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.ref}"


class Pick(models.Model):
    """What one event says was picked for an order line; its highest revision counts. It moves no stock."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+", db_index=False)
    event_key = models.CharField(max_length=200, db_collation="C")
    revision = models.IntegerField()
    source = models.CharField(max_length=60, help_text="Code of the connection the order comes from.")
    order_ref = models.CharField(max_length=120)
    line_ref = models.CharField(max_length=80)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", db_index=False)
    quantity = QuantityField()
    short = QuantityField(default=0)
    occurred_at = models.DateTimeField()
    correlation_id = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "event_key"], name="a_pick_counts_once")]
        indexes = [models.Index(fields=["source", "order_ref", "line_ref"], name="pick_line")]

    def __str__(self) -> str:
        return f"{self.quantity} for {self.order_ref}/{self.line_ref}"


class Period(models.Model):
    """An accounting period that somebody has closed, or opened again. One without a row is open."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    code = models.CharField(max_length=7, unique=True, help_text="Year and month (UTC), e.g. 2026-11.")
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()
    reason = models.CharField(max_length=300)

    class Meta:
        ordering = ["-code"]

    def __str__(self) -> str:
        return f"{self.code} ({self.get_state_display().lower()})"


class LatePosting(models.Model):
    """An event that happened in a closed period and is posted in another."""

    event_id = models.BigIntegerField(primary_key=True)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+", db_index=False)
    event_key = models.CharField(max_length=200)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", db_index=False)
    origin = models.CharField(max_length=7, help_text="The period it happened in.")
    period = models.CharField(max_length=7, help_text="The period it is posted in.")
    recorded_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["origin"], name="late_of_period")]

    def __str__(self) -> str:
        return f"{self.event_key}: {self.origin} in {self.period}"
