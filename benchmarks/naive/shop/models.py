"""What the naive build keeps. Every lookup its code makes has an index."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q


class Channel(models.Model):
    """A shop or a till that sends webhooks and shows figures."""

    code = models.SlugField(unique=True)
    kind = models.CharField(max_length=20)
    secret = models.CharField(max_length=100)
    locations: models.ManyToManyField[Any, Any] = models.ManyToManyField("Location", related_name="channels")
    buffer = models.DecimalField(max_digits=18, decimal_places=6, default=0)

    def __str__(self) -> str:
        return self.code


class Item(models.Model):
    sku = models.CharField(max_length=80, unique=True)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.sku


class Component(models.Model):
    """A kit takes `quantity` of the item."""

    kit = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="components")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="used_in")
    quantity = models.DecimalField(max_digits=18, decimal_places=6)

    def __str__(self) -> str:
        return f"{self.quantity} × {self.item_id} in {self.kit_id}"


class Location(models.Model):
    code = models.CharField(max_length=60, unique=True)

    def __str__(self) -> str:
        return self.code


class Listing(models.Model):
    """How a channel names an item."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="listings")
    external_id = models.CharField(max_length=120)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="listings")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="one_listing")]

    def __str__(self) -> str:
        return self.external_id


class Stock(models.Model):
    """What there is of an item at a location, and what orders hold of it."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="stock")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="stock")
    on_hand = models.DecimalField(max_digits=18, decimal_places=6, default=0)
    reserved = models.DecimalField(max_digits=18, decimal_places=6, default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "location"], name="one_stock_row")]

    def __str__(self) -> str:
        return f"{self.item_id} @ {self.location_id}: {self.on_hand}"


class WebhookEvent(models.Model):
    """A webhook as it came. Unique per channel and key, so that a repeat is recognised."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="events")
    key = models.CharField(max_length=120)
    topic = models.CharField(max_length=80)
    body = models.TextField()
    received_at = models.DateTimeField(auto_now_add=True)
    processed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "key"], name="one_webhook")]
        indexes = [models.Index(fields=["id"], name="webhook_open", condition=Q(processed_at__isnull=True))]

    def __str__(self) -> str:
        return self.key


class Movement(models.Model):
    """One ledger line. Unique per channel and key, so that an event counts once."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="movements")
    key = models.CharField(max_length=200)
    stock = models.ForeignKey(Stock, on_delete=models.PROTECT, related_name="movements")
    quantity = models.DecimalField(max_digits=18, decimal_places=6)
    reason = models.CharField(max_length=20)
    reference = models.CharField(max_length=120, blank=True)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "key"], name="one_movement")]

    def __str__(self) -> str:
        return f"{self.quantity} {self.reason}"


class Order(models.Model):
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="orders")
    external_id = models.CharField(max_length=120)
    number = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=30)
    modified_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="one_order")]

    def __str__(self) -> str:
        return self.external_id


class Reservation(models.Model):
    """What one order line holds of one stock row."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="reservations")
    line = models.CharField(max_length=80)
    stock = models.ForeignKey(Stock, on_delete=models.PROTECT, related_name="reservations")
    quantity = models.DecimalField(max_digits=18, decimal_places=6)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "line"], name="one_reservation")]

    def __str__(self) -> str:
        return f"{self.quantity} for {self.order_id}/{self.line}"


class Availability(models.Model):
    """What a channel may show of an item."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="figures")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="figures")
    quantity = models.DecimalField(max_digits=18, decimal_places=6)
    dirty = models.BooleanField(default=True, help_text="The channel has not been told yet.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "item"], name="one_figure")]

    def __str__(self) -> str:
        return f"{self.item_id} on {self.channel_id}: {self.quantity}"
