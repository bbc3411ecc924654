"""Keys of external systems, and what was answered under them. A key is shown once; a keyed hash is kept."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from inventory_sync.support.models import Stamped


class ApiKey(Stamped):
    class Scope(models.TextChoices):
        READ_STOCK = "stock:read", "Read items, locations and stock levels"
        READ_AVAILABILITY = "availability:read", "Read availability per channel"
        READ_DELIVERIES = "deliveries:read", "Read deliveries and their outcome"
        READ_ORDERS = "orders:read", "Read orders and what they reserve"
        WRITE_ORDERS = "orders:write", "Report orders that happened, change and cancel them"
        READ_CASES = "cases:read", "Read what failed, who owns it and what was tried"
        WRITE_CASES = "cases:write", "Assign, hide, end and retry what failed"
        RESERVE = "reservations:write", "Reserve stock, and read and change what was reserved"

    consumer = models.CharField(max_length=120, help_text="The system or partner that uses the key.")
    prefix = models.CharField(max_length=16, unique=True)
    key_hash = models.CharField(max_length=64)
    scopes: ArrayField[list[str], list[str]] = ArrayField(
        models.CharField(max_length=40, choices=Scope), default=list
    )
    channels: ArrayField[list[str], list[str]] = ArrayField(
        models.CharField(max_length=60),
        default=list,
        blank=True,
        db_default=[],
        help_text="Codes of the connections it may act for; none: all of them.",
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"
        ordering = ["consumer", "id"]

    def __str__(self) -> str:
        return f"{self.consumer} ({self.prefix}…)"


class KeptAnswer(models.Model):
    """What a request was answered that its caller had named (Idempotency-Key); kept for a day."""

    pk = models.CompositePrimaryKey("key_id", "name")
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=255, db_collation="C")
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField()
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
