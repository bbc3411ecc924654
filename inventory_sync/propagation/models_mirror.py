"""Stock mirrored to a system that does not decide it: from when on, how far it was told, and in which words.

What was told is frozen before the first call: a document's name, lines and quantities are never changed
(a trigger refuses it); what becomes of it is its state. Decision 0017.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from inventory_sync.catalog.models import Item, Location
from inventory_sync.connections.models import Connection
from inventory_sync.domain.external import Reason
from inventory_sync.support.models import QuantityField, Stamped


class Installation(models.Model):
    """The short id of this installation, made once: two of them never give a document the same name."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    code = models.CharField(max_length=12)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="there_is_one_installation")]

    def __str__(self) -> str:
        return self.code


class MirrorPlace(Stamped):
    """One stretch of time in which a connection keeps a copy of a location: movements in it are owed.

    They are those with an id above `after_id`, up to `upto_id`; both were taken while nobody posted there.
    """

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="mirror_places")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="mirror_places")
    external_id = models.CharField(max_length=120)
    since = models.DateTimeField()
    after_id = models.BigIntegerField()
    until = models.DateTimeField(null=True, blank=True)
    upto_id = models.BigIntegerField(null=True, blank=True)
    compared_at = models.DateTimeField(
        null=True, blank=True, help_text="When all its levels were last compared with the ledger."
    )

    class Meta:
        verbose_name = "mirrored location"
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "location"],
                condition=Q(until__isnull=True),
                name="one_mirror_of_a_location_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.location.code} → {self.connection.code} {self.external_id}"


class MirrorLevel(models.Model):
    """How far the movements of one item at a place are in documents. Changed under its level's lock.

    `due_since`: something may have moved since. Empty `upto_id`: none is in a document yet.
    """

    place = models.ForeignKey(MirrorPlace, on_delete=models.CASCADE, related_name="levels", db_index=False)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    upto_id = models.BigIntegerField(null=True, help_text="The last movement that is in a document.")
    due_since = models.DateTimeField(null=True)
    run_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True, db_default="")
    error_detail = models.TextField(blank=True, db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["place", "item"], name="one_mark_per_mirrored_level")]
        indexes = [
            models.Index(fields=["due_since"], name="mirror_level_due", condition=Q(due_since__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.item_id} of {self.place_id}"


class MirrorDocument(models.Model):
    """Movements of one kind at one place, booked at the target under a name that is unique for good."""

    class State(models.TextChoices):
        OWED = "owed", "Owed"
        UNKNOWN = "unknown", "Sent: its outcome is not known"
        BOOKED = "booked", "Booked"
        REFUSED = "refused", "Refused: waits for a person"
        SPLIT = "split", "Replaced by others"
        GIVEN_UP = "given_up", "Given up by staff"

    OPEN = (State.OWED, State.UNKNOWN)
    REASONS = tuple((reason.value, reason.value.replace("_", " ")) for reason in Reason)

    # Each is found by an index below.
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="mirror_documents", db_index=False
    )
    place = models.ForeignKey(MirrorPlace, on_delete=models.PROTECT, related_name="documents")
    name = models.CharField(max_length=60, unique=True)
    reason = models.CharField(max_length=20, choices=REASONS)
    arrives = models.BooleanField(help_text="Stock comes to the place; otherwise it leaves.")
    parent = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="parts", help_text="It was split into this."
    )
    state = models.CharField(max_length=10, choices=State, default=State.OWED)
    made_at = models.DateTimeField()
    run_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0, help_text="How often it was sent; the fence of each.")
    sent_at = models.DateTimeField(null=True)
    ambiguous_until = models.DateTimeField(null=True, help_text="Until then the last request may still land.")
    booked_at = models.DateTimeField(null=True)
    target_name = models.CharField(max_length=80, blank=True, db_default="")
    error_code = models.CharField(max_length=60, blank=True, db_default="")
    error_detail = models.TextField(blank=True, db_default="")

    class Meta:
        verbose_name = "mirrored document"
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["connection", "run_at"],
                name="mirror_document_open",
                condition=Q(state__in=("owed", "unknown")),
            ),
            models.Index(fields=["connection", "state"], name="mirror_document_state"),
        ]

    def __str__(self) -> str:
        return self.name


class MirrorLine(models.Model):
    """What one item moved in a document: the movements of its level above `after_id`, up to `upto_id`.

    quantity: in base units. told: the same in the target's unit of `item_ref`.
    """

    document = models.ForeignKey(MirrorDocument, on_delete=models.PROTECT, related_name="lines")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    quantity = QuantityField()
    item_ref = models.CharField(max_length=120)
    told = QuantityField()
    lot = models.CharField(max_length=80, blank=True, db_default="")
    after_id = models.BigIntegerField()
    upto_id = models.BigIntegerField()
    movements = models.PositiveIntegerField(help_text="How many movements it sums.")

    class Meta:
        verbose_name = "mirrored line"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="a_mirrored_line_is_positive"),
            models.CheckConstraint(condition=Q(upto_id__gt=F("after_id")), name="a_mirrored_line_sums_some"),
        ]

    def __str__(self) -> str:
        return f"{self.told} × {self.item_ref}"
