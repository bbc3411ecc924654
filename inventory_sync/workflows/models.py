"""What other systems are owed beside figures: copies of orders, what was delivered; and what was done."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory_sync.catalog.models import Location
from inventory_sync.connections.models import Connection
from inventory_sync.ledger.models import Order


class Touched(models.Model):
    """An order whose reservations changed: database triggers insert it in the transaction of the change.

    Only ever inserted and deleted, so that whoever sells never waits for whoever follows.
    """

    order_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"order {self.order_id}"


class Scope(models.Model):
    """What the copies of one target were last worked out for: which places it decides, under which names."""

    target = models.OneToOneField(
        Connection, primary_key=True, on_delete=models.CASCADE, related_name="copy_scope"
    )
    fingerprint = models.CharField(max_length=64)
    settled = models.BooleanField(default=False, help_text="Followed once more after the change was seen.")

    def __str__(self) -> str:
        return f"{self.target_id}"


class Copy(models.Model):
    """What one place of a target should have of an order, and what it was last seen to have."""

    class State(models.TextChoices):
        OWED = "owed", "Owed"
        SETTLED = "settled", "As wanted"
        REFUSED = "refused", "Refused: waits for a person"
        GIVEN_UP = "given_up", "Given up"

    target = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="order_copies", db_index=False
    )
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+", db_index=False)
    order_ref = models.CharField(max_length=120)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="copies", db_constraint=False)
    location_ref = models.CharField(max_length=120, help_text="The place as the target names it, for good.")
    number = models.CharField(max_length=120)
    placed_at = models.DateTimeField(null=True)
    lines = models.JSONField(default=list, help_text="Wanted: line_ref, item_ref, quantity, label each.")
    cancelled = models.BooleanField(default=False, help_text="Nothing of it is wanted any more.")
    missing = models.JSONField(default=list, help_text="What it cannot carry, in words.")
    wanted_version = models.BigIntegerField(default=1)
    done_version = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.OWED)
    seen_state = models.CharField(max_length=10, blank=True)
    seen_document = models.CharField(max_length=120, blank=True)
    seen_lines = models.JSONField(default=list)
    seen_at = models.DateTimeField(null=True)
    known = models.BooleanField(default=False, help_text="A reading has shown it at the target.")
    may_revive = models.BooleanField(default=False, help_text="The hub cancelled it, or a person wants it.")
    step = models.CharField(max_length=10, blank=True, help_text="The step begun last.")
    attempts = models.PositiveSmallIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    since = models.DateTimeField(help_text="Wanted otherwise since; kept until it is as wanted.")
    run_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True, help_text="Until then a call of ours may still land.")
    token = models.BigIntegerField(default=0, help_text="The writer that touched it last.")
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=40, blank=True)

    class Meta:
        verbose_name = "order at the ERP"
        verbose_name_plural = "orders at the ERP"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["target", "location", "source", "order_ref"], name="one_copy_per_order_and_place"
            )
        ]
        indexes = [
            models.Index(fields=["target", "run_at"], name="copy_due", condition=Q(run_at__isnull=False)),
            models.Index(fields=["target", "since"], name="copy_owed", condition=Q(state="owed")),
            models.Index(fields=["id"], name="copy_incomplete", condition=~Q(missing=[])),
            models.Index(fields=["id"], name="copy_unplaced", condition=Q(location_ref="", cancelled=False)),
        ]

    def __str__(self) -> str:
        return f"{self.number} of {self.source.code} at {self.target.code}"


class DeliveryTold(models.Model):
    """What has left for an order, as its channel should know it."""

    class State(models.TextChoices):
        OWED = "owed", "Owed"
        TOLD = "told", "Told"
        REFUSED = "refused", "Refused: waits for a person"
        GIVEN_UP = "given_up", "Given up"

    order = models.OneToOneField(
        Order, primary_key=True, on_delete=models.PROTECT, related_name="delivered", db_constraint=False
    )
    channel = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="deliveries_told", db_index=False
    )
    lines = models.JSONField(default=dict, help_text="line_ref → what left, in the channel's units.")
    complete = models.BooleanField(default=False, help_text="Nothing more will come.")
    version = models.BigIntegerField(default=1)
    told_version = models.BigIntegerField(default=0)
    document = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OWED)
    attempts = models.PositiveSmallIntegerField(default=0)
    since = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    run_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    token = models.BigIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=40, blank=True)

    class Meta:
        verbose_name = "delivery told"
        verbose_name_plural = "deliveries told"
        ordering = ["-order"]
        indexes = [
            models.Index(fields=["channel", "run_at"], name="delivery_owed", condition=Q(state="owed"))
        ]

    def __str__(self) -> str:
        return f"{self.order}"


class Call(models.Model):
    """The requests and answers of one step, kept once for all the rows it carried."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    exchanges = models.JSONField(default=list, help_text="Requests and answers, redacted and clipped.")

    class Meta:
        indexes = [models.Index(fields=["at"], name="workflow_call_at")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.at:%Y-%m-%d %H:%M:%S}"


class Attempt(models.Model):
    """One step for one copy, or one telling of a delivery."""

    copy = models.ForeignKey(
        Copy, null=True, on_delete=models.CASCADE, related_name="steps_made", db_index=False
    )
    delivery = models.ForeignKey(
        DeliveryTold, null=True, on_delete=models.CASCADE, related_name="steps_made", db_index=False
    )
    call = models.ForeignKey(Call, null=True, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    finished_at = models.DateTimeField()
    version = models.BigIntegerField()
    step = models.CharField(max_length=10)
    outcome = models.CharField(max_length=10)
    document = models.CharField(max_length=120, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=40, blank=True)

    class Meta:
        verbose_name = "step"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["copy", "-id"], name="step_of_copy", condition=Q(copy__isnull=False)),
            models.Index(
                fields=["delivery", "-id"], name="step_of_delivery", condition=Q(delivery__isnull=False)
            ),
            models.Index(fields=["at"], name="step_at"),
        ]

    def __str__(self) -> str:
        return f"{self.step}: {self.outcome}"
