"""Policies, what is set aside, and the figure each channel may sell, now and ever."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from inventory_sync.catalog.models import Item, Location
from inventory_sync.connections.models import Connection
from inventory_sync.support.models import QuantityField, Stamped

NOT_NEGATIVE = [MinValueValidator(Decimal(0))]
PERCENT = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))]


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
        validators=PERCENT,
    )
    buffer = QuantityField(default=0, validators=NOT_NEGATIVE, help_text="Kept back, in base units.")
    cap = QuantityField(
        null=True, blank=True, validators=NOT_NEGATIVE, help_text="Never show more than this."
    )
    threshold = QuantityField(default=0, validators=NOT_NEGATIVE, help_text="Show 0 below this.")
    safety_stock = QuantityField(default=0, validators=NOT_NEGATIVE, help_text="Kept back at each location.")
    fallback = models.CharField(max_length=12, choices=Fallback, default=Fallback.HOLD_LAST)
    buffer_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal(0),
        validators=PERCENT,
        help_text="Kept back of the share; the greater of the two buffers counts.",
    )
    pack = QuantityField(
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.000001"))],
        help_text="Sold only in multiples of this many base units; the rest is shown as a remainder.",
    )
    shrink_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal(50),
        validators=PERCENT,
        help_text="What a place in doubt still counts of its last known stock, if it is to shrink.",
    )
    backorder_allowance = QuantityField(
        default=0, validators=NOT_NEGATIVE, help_text="May be sold beyond what is there."
    )
    preorder_allowance = QuantityField(
        default=0, validators=NOT_NEGATIVE, help_text="May be sold of what is confirmed to come in."
    )
    preorder_days = models.PositiveSmallIntegerField(
        default=0, help_text="How far ahead what comes in may be sold."
    )
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


class PolicyVersion(models.Model):
    """What a policy said from valid_from on: who changed it to that, and why. Never edited.

    `values` is empty where the policy was taken away. Versions of a channel's policy count on when it is
    declared anew, so (channel, item, version) names one set of rules for ever.
    """

    connection = models.ForeignKey(
        Connection, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    item = models.ForeignKey(
        Item, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    version = models.PositiveIntegerField()
    values = models.JSONField(default=dict)
    valid_from = models.DateTimeField()
    actor = models.CharField(max_length=150)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["connection", "item", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "item", "version"], name="one_policy_version", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.item_id or 'all items'} v{self.version}"


class SafetyStock(Stamped):
    """What is kept back at a location for every channel: of one item, or of each item there."""

    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="safety_stocks")
    item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.CASCADE, related_name="safety_stocks"
    )
    quantity = QuantityField(validators=NOT_NEGATIVE, help_text="Kept back, in base units.")

    class Meta:
        ordering = ["location", "item"]
        constraints = [
            models.UniqueConstraint(
                fields=["location", "item"], name="one_safety_stock_per_place", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.quantity} at {self.location.code}"


class Allotment(Stamped):
    """A quantity of an item set aside for one channel, at the places it sells from.

    A lease ends at expires_at unless it is renewed; without one it lasts until it is withdrawn. What the
    channel sells from granted_at on uses it up.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="allotments")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="allotments")
    quantity = QuantityField(help_text="Set aside, in base units.")
    granted_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: until it is withdrawn.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-granted_at"]
        indexes = [
            models.Index(fields=["expires_at"], name="allotment_due", condition=Q(ended_at__isnull=True)),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="an_allotment_is_positive"),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=models.F("granted_at")),
                name="a_lease_lasts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.item_id} for {self.connection.code}"


class Freshness(Stamped):
    """How old the newest report of a location may be; older than that, what is there is not known."""

    location = models.OneToOneField(Location, on_delete=models.CASCADE, related_name="freshness")
    max_age_s = models.PositiveIntegerField(help_text="In seconds.", validators=[MinValueValidator(1)])
    newest_report_at = models.DateTimeField(null=True, blank=True)
    stale = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "freshness"
        ordering = ["location"]

    def __str__(self) -> str:
        return f"{self.location.code}: at most {self.max_age_s} s"


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
