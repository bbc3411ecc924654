"""Lanes: per listing what is wanted, in flight, acknowledged and observed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory_sync.catalog.models import ItemMapping
from inventory_sync.connections.models import Connection
from inventory_sync.propagation.models_guards import HeldFigure as HeldFigure
from inventory_sync.propagation.models_guards import LaneGuard as LaneGuard
from inventory_sync.propagation.models_guards import WriteHold as WriteHold
from inventory_sync.propagation.models_mirror import Installation as Installation
from inventory_sync.propagation.models_mirror import MirrorDocument as MirrorDocument
from inventory_sync.propagation.models_mirror import MirrorLevel as MirrorLevel
from inventory_sync.propagation.models_mirror import MirrorLine as MirrorLine
from inventory_sync.propagation.models_mirror import MirrorPlace as MirrorPlace
from inventory_sync.support.models import QuantityField


class Listing(models.Model):
    """An item offered on a connection, at an external location if it has them. Figures in vendor units."""

    class State(models.TextChoices):
        SETTLED = "settled", "Settled"
        OWED = "owed", "Owed"
        UNKNOWN = "unknown", "Held: the figure is unknown"
        FAILED = "failed", "Failed: waits for a person"
        WAITING = "waiting", "Waits for an approval"
        SHADOW = "shadow", "Worked out, not sent: the connection is only watched"

    # Each is found by an index below; a second one would be written at every turn of owed and settled.
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="listings", db_index=False
    )
    mapping = models.ForeignKey(
        ItemMapping, on_delete=models.CASCADE, related_name="listings", db_index=False
    )
    external_id = models.CharField(max_length=120)
    external_parent = models.CharField(max_length=120, blank=True)
    external_location = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.UNKNOWN)
    desired = QuantityField(null=True, help_text="The figure wanted, in vendor units; empty is unknown.")
    desired_version = models.BigIntegerField(default=0)
    desired_news = models.BigIntegerField(default=0, help_text="The order news the figure was computed with.")
    observed = QuantityField(null=True, help_text="The figure last read.")
    observed_at = models.DateTimeField(null=True)
    observed_stamp = models.CharField(max_length=40, blank=True)
    acknowledged = QuantityField(null=True, help_text="The figure the channel last confirmed by reading.")
    acknowledged_at = models.DateTimeField(null=True)
    news = models.BigIntegerField(default=0, help_text="Rises with every order news that touches it.")
    lowered = QuantityField(default=0, help_text="Vendor units taken by orders known since the last read.")
    urgent = models.BooleanField(default=False)
    dirty_since = models.DateTimeField(null=True)
    run_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    token = models.BigIntegerField(default=0, help_text="The fence: grows with each flight.")
    flight_started_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    aim = models.JSONField(null=True, help_text="What the call under way writes.")
    unanswered = models.JSONField(null=True, help_text="The write whose outcome is not known.")
    ambiguous_until = models.DateTimeField(null=True)
    pending = models.JSONField(null=True, help_text="The write the channel accepted and has not applied yet.")
    fall_seen_at = models.DateTimeField(null=True, help_text="A fall no order explained was first read then.")
    fall_quantity = QuantityField(null=True)
    writes = models.BigIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["connection", "external_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "external_id", "external_location"], name="one_lane_row_per_listing"
            )
        ]
        indexes = [
            models.Index(
                fields=["connection", "-urgent", "dirty_since"],
                name="listing_owed",
                condition=Q(state="owed"),
            ),
            models.Index(
                fields=["connection", "state"],
                name="listing_aside",
                condition=Q(state__in=("shadow", "waiting")),
            ),
            models.Index(fields=["mapping"], name="listing_mapping"),
        ]

    def __str__(self) -> str:
        return f"{self.connection.code} {self.external_id}: {self.desired}"


class PushCall(models.Model):
    """The calls of one flight to the vendor, kept once for all the listings it carried."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="push_calls")
    at = models.DateTimeField()
    exchanges = models.JSONField(default=list, help_text="Requests and answers, redacted and clipped.")

    class Meta:
        indexes = [models.Index(fields=["at"], name="push_call_at")]

    def __str__(self) -> str:
        return f"{self.connection.code} {self.at:%Y-%m-%d %H:%M:%S}"


class PushAttempt(models.Model):
    """One sandwich for one listing: what was read, wanted, written and read again."""

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="push_attempts")
    at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    wanted = QuantityField(null=True)
    version = models.BigIntegerField(default=0)
    read_before = QuantityField(null=True)
    wrote = QuantityField(null=True)
    read_after = QuantityField(null=True)
    outcome = models.CharField(max_length=30)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)
    write_key = models.CharField(
        max_length=120,
        blank=True,
        db_default="",
        help_text="The write's idempotency key; empty: none was sent.",
    )
    unexplained = models.BooleanField(
        default=False, db_default=False, help_text="A large change that no order explains."
    )
    call = models.ForeignKey(PushCall, null=True, on_delete=models.CASCADE, related_name="attempts")
    correlation_id = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["listing", "-id"], name="attempt_recent"),
            models.Index(fields=["correlation_id"], name="attempt_correlation"),
            models.Index(fields=["at"], name="attempt_at"),
            models.Index(fields=["at"], name="attempt_unexplained", condition=Q(unexplained=True)),
        ]

    def __str__(self) -> str:
        return f"{self.listing_id} {self.outcome}"
