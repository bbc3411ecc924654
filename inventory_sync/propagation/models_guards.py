"""Writes that wait for a person: what a channel may be told without asking, and what is held with its effect.

The effect is frozen when the hold begins to wait; a decision is about exactly that.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from inventory_sync.connections.models import Connection
from inventory_sync.support.models import QuantityField, Stamped


class LaneGuard(Stamped):
    """What one channel may be told without asking; an empty limit is the installation's."""

    class FirstSync(models.TextChoices):
        OFF = "off", "Off: first figures are written"
        ARMED = "armed", "Armed: the first figures wait for an approval"
        PASSED = "passed", "Passed: approved once; new listings count for the blast radius"

    connection = models.OneToOneField(
        Connection, primary_key=True, on_delete=models.CASCADE, related_name="lane_guard"
    )
    first_sync = models.CharField(max_length=10, choices=FirstSync, default=FirstSync.OFF)
    least_listings = models.PositiveIntegerField(
        null=True, blank=True, help_text="Fewer listings never wait. Empty: as installed."
    )
    zero_share = models.DecimalField(
        null=True,
        blank=True,
        max_digits=6,
        decimal_places=2,
        help_text="Percent of the channel's listings that may go to zero within the window.",
    )
    shift_share = models.DecimalField(
        null=True,
        blank=True,
        max_digits=6,
        decimal_places=2,
        help_text="Percent of the channel's listings that may shift within the window.",
    )
    shift_percent = models.DecimalField(
        null=True,
        blank=True,
        max_digits=6,
        decimal_places=2,
        help_text="A listing shifts when its figure changes by this many percent without an order.",
    )
    window_s = models.PositiveIntegerField(null=True, blank=True, help_text="The window, in seconds.")

    class Meta:
        verbose_name = "guard"

    def __str__(self) -> str:
        return f"guard of {self.connection}"


class WriteHold(models.Model):
    """Writes to one channel that wait for a person, with their effect."""

    class Kind(models.TextChoices):
        FIRST_SYNC = "first_sync", "First sync"
        BLAST_RADIUS = "blast_radius", "Blast radius"

    class State(models.TextChoices):
        GATHERING = "gathering", "Gathering: listings are still being read"
        WAITING = "waiting", "Waits for a decision"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        EXPIRED = "expired", "Expired: judged anew"

    OPEN = (State.GATHERING, State.WAITING)

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="write_holds")
    kind = models.CharField(max_length=20, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.GATHERING)
    opened_at = models.DateTimeField()
    frozen_at = models.DateTimeField(null=True, help_text="Since then its effect does not change any more.")
    ends_at = models.DateTimeField(help_text="Until then it waits; then a decision holds.")
    of_listings = models.PositiveIntegerField(default=0, help_text="How many the channel had then.")
    listings = models.PositiveIntegerField(default=0)
    to_zero = models.PositiveIntegerField(default=0)
    shown = QuantityField(default=0, help_text="The sum of what the listings show.")
    wanted = QuantityField(default=0, help_text="The sum of what they would show.")
    shift = QuantityField(default=0, help_text="The sum of the changes, up and down alike.")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "held write"
        permissions = [("decide_writehold", "Can approve and reject held writes")]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "kind"],
                condition=Q(state__in=("gathering", "waiting")),
                name="one_open_hold_per_kind",
            )
        ]
        indexes = [models.Index(fields=["connection", "state", "ends_at"], name="hold_of_connection")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.connection.code}, {self.opened_at:%Y-%m-%d %H:%M}"


class HeldFigure(models.Model):
    """One listing of a hold: what it showed, and what it would have been told. In its own units."""

    hold = models.ForeignKey(WriteHold, on_delete=models.CASCADE, related_name="figures", db_index=False)
    listing = models.ForeignKey("propagation.Listing", on_delete=models.CASCADE, related_name="held_figures")
    shown = QuantityField()
    wanted = QuantityField()
    explained = QuantityField(default=0, help_text="By how much orders lowered it.")
    shift = QuantityField()

    class Meta:
        ordering = ["-shift", "id"]
        constraints = [models.UniqueConstraint(fields=["hold", "listing"], name="a_listing_once_per_hold")]
        indexes = [models.Index(fields=["hold", "-shift"], name="held_figure_biggest")]

    def __str__(self) -> str:
        return f"{self.listing_id}: {self.shown} → {self.wanted}"
