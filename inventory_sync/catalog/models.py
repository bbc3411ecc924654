"""Items, kits, units, locations, and how vendors name them."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from inventory_sync.connections.models import Connection
from inventory_sync.support.models import QuantityField, Stamped


class Unit(models.Model):
    """A UN/ECE Recommendation 20 unit code, e.g. C62 (one), KGM, CT."""

    code = models.CharField(max_length=3, primary_key=True)
    name = models.CharField(max_length=60)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} ({self.name})"


class Item(Stamped):
    """A sellable variant. Quantities everywhere are in its base unit."""

    class Kind(models.TextChoices):
        STOCKED = "stocked", "Stocked"
        KIT = "kit", "Kit, made of components"

    sku = models.CharField("SKU", max_length=80, unique=True)
    name = models.CharField(max_length=200)
    gtin = models.CharField("GTIN", max_length=14, blank=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.STOCKED)
    base_unit = models.ForeignKey(Unit, on_delete=models.PROTECT, default="C62")
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["sku"]
        indexes = [models.Index(fields=["gtin"], name="item_gtin", condition=~Q(gtin=""))]

    def __str__(self) -> str:
        return f"{self.sku} · {self.name}"


class ItemUnit(models.Model):
    """A pack of an item: one `unit` holds numerator/denominator base units."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="units")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT)
    numerator = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    denominator = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    gtin = models.CharField("GTIN", max_length=14, blank=True)

    class Meta:
        verbose_name = "pack"
        constraints = [models.UniqueConstraint(fields=["item", "unit"], name="one_factor_per_unit")]

    def __str__(self) -> str:
        return f"1 {self.unit_id} = {self.numerator}/{self.denominator} × {self.item.sku}"


class KitComponent(models.Model):
    """A kit needs `quantity` base units of `component`."""

    kit = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="components")
    component = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="used_in")
    quantity = QuantityField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kit", "component"], name="one_line_per_component"),
            models.CheckConstraint(condition=~Q(kit=models.F("component")), name="kit_not_in_itself"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="component_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.component.sku} in {self.kit.sku}"


class Location(Stamped):
    """A place in the tree of places. Virtual ones are the other legs of movements."""

    class Kind(models.TextChoices):
        COMPANY = "company", "Company"
        WAREHOUSE = "warehouse", "Warehouse"
        STORE = "store", "Store"
        AREA = "area", "Area or bin"
        VENDOR = "vendor", "Virtual: vendors"
        CUSTOMER = "customer", "Virtual: customers"
        ADJUSTMENT = "adjustment", "Virtual: adjustments"
        TRANSIT = "transit", "Virtual: in transit"
        SCRAP = "scrap", "Virtual: scrap"

    class Mode(models.TextChoices):
        MOVEMENTS = "movements", "Movements and counts of one clock"
        FIGURES = "figures", "Book figures by reading number"

    VIRTUAL = (Kind.VENDOR, Kind.CUSTOMER, Kind.ADJUSTMENT, Kind.TRANSIT, Kind.SCRAP)

    code = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=Kind)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.MOVEMENTS)
    complete_since = models.DateTimeField(
        null=True,
        blank=True,
        help_text="From then on an item without a level here is known to be zero, not unknown.",
    )
    rank = models.PositiveIntegerField(default=100, help_text="Lower is preferred when an order is routed.")
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} · {self.name}"


class Authority(Stamped):
    """The one connection whose reports move stock at a location."""

    location = models.OneToOneField(Location, on_delete=models.CASCADE, related_name="authority")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="authorities")

    class Meta:
        verbose_name_plural = "authorities"

    def __str__(self) -> str:
        return f"{self.connection.code} decides {self.location.code}"


class ItemMapping(Stamped):
    """How a connection names an item. One item may be sold under several ids; one id means one item."""

    class Kind(models.TextChoices):
        VARIANT = "variant", "Variant"
        PACK = "pack", "Pack"
        PARENT_POOL = "parent_pool", "Pool of the parent"

    class State(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        CONFIRMED = "confirmed", "Confirmed"
        SUSPENDED = "suspended", "Suspended"
        IGNORED = "ignored", "Ignored on purpose"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="item_mappings")
    external_id = models.CharField(max_length=120, help_text="As the connector names it, e.g. product:92.")
    external_parent = models.CharField(max_length=120, blank=True)
    label = models.CharField(max_length=200, blank=True, help_text="What the vendor calls it.")
    external_sku = models.CharField("vendor's SKU", max_length=120, blank=True)
    item = models.ForeignKey(Item, null=True, blank=True, on_delete=models.PROTECT, related_name="mappings")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.VARIANT)
    numerator = models.PositiveIntegerField(
        default=1, validators=[MinValueValidator(1)], help_text="Base units in one vendor unit."
    )
    denominator = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    publishes = models.BooleanField(default=True, help_text="Figures for this listing are pushed.")
    state = models.CharField(max_length=10, choices=State, default=State.CONFIRMED)

    class Meta:
        ordering = ["connection", "external_id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="one_meaning_per_external_id"),
            models.CheckConstraint(
                condition=~Q(state="confirmed") | Q(item__isnull=False), name="confirmed_names_an_item"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection.code} {self.external_id}"


class LocationMapping(Stamped):
    """A connection's place joined to one of ours, with the roles it plays."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="location_mappings")
    external_id = models.CharField(
        max_length=120, blank=True, help_text="Empty for a vendor without locations: its one figure."
    )
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="mappings")
    counts_from = models.BooleanField(default=False, help_text="Its reports are about this location.")
    sells_for = models.BooleanField(default=False, help_text="Stock here may be sold on this channel.")
    fulfils = models.BooleanField(default=False, help_text="Orders of this channel may be routed here.")

    class Meta:
        ordering = ["connection", "external_id", "location"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "external_id", "location"], name="places_joined_once"
            ),
            models.UniqueConstraint(
                fields=["connection", "external_id"],
                condition=Q(counts_from=True),
                name="an_external_place_counts_one_location",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection.code} {self.external_id or '(all)'} ↔ {self.location.code}"
