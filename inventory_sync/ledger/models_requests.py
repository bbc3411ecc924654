"""What deciding requests needs beside orders: what is owed at each level, and each channel's terms.

Part of models.py, which Django reads.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from inventory_sync.catalog.models import Item, Location
from inventory_sync.connections.models import Connection
from inventory_sync.domain.routing import Rule
from inventory_sync.support.models import QuantityField, Stamped


class Owed(models.Model):
    """Σ max(0, D − c) of the allocations of an item at a place, kept by a trigger of theirs.

    So that what is free costs the same however much is promised. selectors.verify_owed() compares the two.
    """

    pk = models.CompositePrimaryKey("item_id", "location_id")
    item = models.ForeignKey(
        Item, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    location = models.ForeignKey(
        Location, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    quantity = QuantityField()

    class Meta:
        verbose_name_plural = "owed"

    def __str__(self) -> str:
        return f"{self.quantity} × {self.item_id} @ {self.location_id}"


class RequestTerms(Stamped):
    """How a channel's requests are routed, and how long they may hold stock. Without a row: the defaults."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="request_terms")
    rules = ArrayField(
        models.CharField(max_length=16, choices=[(rule.value, rule.value) for rule in Rule]),
        help_text="Tried in this order; the first that can serve a line decides.",
    )
    hold_max_s = models.PositiveIntegerField(
        default=86_400, help_text="How long after its first request stock may be held, in seconds."
    )
    review_max_s = models.PositiveIntegerField(
        default=259_200, help_text="How long a request may wait for approval, in seconds."
    )

    class Meta:
        verbose_name_plural = "request terms"

    def __str__(self) -> str:
        return f"{self.connection.code}: {', '.join(self.rules)}"
