"""What book figures say of order lines, what observers say, and the numbers a feed left out."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory_sync.catalog.models import Item, Location
from inventory_sync.connections.models import Connection
from inventory_sync.support.models import QuantityField


class Holding(models.Model):
    """How much of an order line the authority's figures hold at a place; kept also for lines not known yet.

    `contained` is what the newest figure of the level says, 0 for a line it does not name; `delivered` the
    most any figure ever said has left.
    """

    source = models.CharField(max_length=60, help_text="Code of the connection the order comes from.")
    order_ref = models.CharField(max_length=120)
    line_ref = models.CharField(max_length=80)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", db_index=False)
    contained = QuantityField(default=0)
    delivered = QuantityField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "order_ref", "line_ref", "item", "location"],
                name="one_holding_per_line_and_place",
            )
        ]
        indexes = [
            models.Index(fields=["item", "location"], name="holding_of_level", condition=Q(contained__gt=0))
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.order_ref}/{self.line_ref}: {self.contained}"


class Gap(models.Model):
    """A number of a feed that has not come. While it is open, what came after it makes no figure rise.

    A feed is the numbered reports of one connection about one location. It closes when a report with that
    number comes, or when staff declare it lost.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        FILLED = "filled", "Filled"
        LOST = "lost", "Declared lost"

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="gaps")
    sequence = models.BigIntegerField()
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    since = models.BigIntegerField(help_text="The reading number that marks the levels it holds.")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it was declared lost.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "location", "sequence"], name="a_number_is_missing_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["connection", "location", "sequence"], name="gap_open", condition=Q(state="open")
            )
        ]

    def __str__(self) -> str:
        return f"{self.connection.code} at {self.location.code}: number {self.sequence}"


class Observation(models.Model):
    """What a connection said of stock it does not decide: kept to be compared, never posted."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+", db_index=False)
    key = models.CharField(max_length=200)
    revision = models.IntegerField(default=0)
    kind = models.CharField(max_length=10)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", db_index=False)
    quantity = QuantityField()
    occurred_at = models.DateTimeField()
    reading = models.BigIntegerField(null=True)
    delivery_id = models.BigIntegerField(null=True)
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "key", "revision"], name="an_observation_is_kept_once"
            )
        ]
        indexes = [models.Index(fields=["item", "location", "occurred_at"], name="observation_history")]

    def __str__(self) -> str:
        return f"{self.connection.code}: {self.kind} of {self.quantity} × {self.item_id}"
