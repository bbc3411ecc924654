"""Policies, and the figure each channel may sell."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection
from inventory_sync.support.models import QuantityField, Stamped


class Policy(Stamped):
    """How much of its pool a channel may show; one for the channel, or one for an item on it."""

    class Fallback(models.TextChoices):
        HOLD_LAST = "hold_last", "Hold the last figure (may fall, never rise)"
        SHRINK = "shrink", "Shrink to what is known"
        STOP = "stop_selling", "Stop selling"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="policies")
    item = models.ForeignKey(Item, null=True, blank=True, on_delete=models.CASCADE, related_name="policies")
    share_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal(100),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
    )
    buffer = QuantityField(default=0, help_text="Kept back, in base units.")
    cap = QuantityField(null=True, blank=True, help_text="Never show more than this.")
    threshold = QuantityField(default=0, help_text="Show 0 below this.")
    safety_stock = QuantityField(default=0, help_text="Kept back at each location.")
    fallback = models.CharField(max_length=12, choices=Fallback, default=Fallback.HOLD_LAST)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name_plural = "policies"
        ordering = ["connection", "item"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection"], condition=Q(item__isnull=True), name="one_policy_per_channel"
            ),
            models.UniqueConstraint(fields=["connection", "item"], name="one_policy_per_item_and_channel"),
        ]

    def __str__(self) -> str:
        return f"{self.connection.code} {self.item.sku if self.item else '(all items)'} v{self.version}"


class ChannelFigure(models.Model):
    """What a channel may sell of an item now, in base units. None is unknown, never zero.

    Narrow, and no column that changes is indexed: its terms are in the history row of the same version.
    """

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="figures", db_index=False
    )
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="figures")
    figure = QuantityField(null=True)
    last_known = QuantityField(null=True, help_text="The newest figure all of whose terms were known.")
    verdict = models.CharField(max_length=8, default="known")
    unknown = models.JSONField(default=list)
    policy_version = models.PositiveIntegerField(default=0)
    version = models.BigIntegerField(default=1)
    computed_at = models.DateTimeField(help_text="Since when it stands as it does.")
    correlation_id = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "item"], name="one_figure_per_item_and_channel")
        ]

    def __str__(self) -> str:
        return f"{self.connection.code} {self.item_id}: {self.figure}"


class FigureHistory(models.Model):
    """One figure that stood from computed_at until the next row, with the terms that add up to it.

    Append-only by trigger, partitioned by month. Terms are compact (steps.py writes and reads them); version
    is that of the figure: it stays when only the reasons, the verdict or the policy changed.
    """

    computed_at = models.DateTimeField()
    connection = models.ForeignKey(
        Connection, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    item = models.ForeignKey(
        Item, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    version = models.BigIntegerField()
    policy_version = models.PositiveIntegerField()
    figure = QuantityField(null=True)
    verdict = models.CharField(max_length=8)
    correlation_id = models.CharField(max_length=40, blank=True)
    terms = models.JSONField()
    basis = models.JSONField(null=True)
    unknown = models.JSONField(null=True)

    class Meta:
        verbose_name_plural = "figure history"
        indexes = [models.Index(fields=["item", "connection", "computed_at"], name="figure_history")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.item_id} v{self.version}: {self.figure}"
