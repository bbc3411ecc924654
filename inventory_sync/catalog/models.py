"""Items, kits, units, locations, and how vendors name them."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, DateTimeRangeField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Func, Q, Value

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
    kit_pooled = models.BooleanField(
        default=False,
        db_default=False,
        help_text="A kit whose components may come from several locations; else one must hold them all.",
    )
    recipe_version = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="The version of its recipe that is in force."
    )
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


class KitRecipe(models.Model):
    """One version of what a kit is made of: in force from valid_from on for new order lines. Never edited.

    KitComponent holds the version in force. A line keeps the recipe it was sold with: its allocations name
    the components.
    """

    kit = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="recipes")
    version = models.PositiveIntegerField()
    valid_from = models.DateTimeField()
    components = models.JSONField(help_text="SKU → base units in one kit.")
    actor = models.CharField(max_length=150)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["kit", "-version"]
        constraints = [models.UniqueConstraint(fields=["kit", "version"], name="one_recipe_per_version")]

    def __str__(self) -> str:
        return f"{self.kit.sku} v{self.version}"


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
    tracks_lots = models.BooleanField(
        default=False, help_text="Every movement here names its lot; one that does not is parked."
    )
    tracks_owners = models.BooleanField(
        default=False, help_text="Every movement here names whose stock it is; one that does not is parked."
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} · {self.name}"

    @property
    def authority(self) -> Authority | None:
        """The connection that decides what is on hand here now; prefetch `authorities` for many places."""
        found = (
            row
            for row in self.authorities.all()
            if row.valid_to is None and row.attribute == Authority.Attribute.ON_HAND
        )
        return next(found, None)


def _one_at_a_time(attribute: str) -> ExclusionConstraint:
    """Forbid two authorities for one attribute of a location at one instant.

    A location stands in as a range of one number: those have the operator without an extension.
    """
    same = Func(
        F("location"),
        F("location"),
        Value("[]"),
        function="int8range",
        output_field=BigIntegerRangeField(),
    )
    when = Func(F("valid_from"), F("valid_to"), function="tstzrange", output_field=DateTimeRangeField())
    return ExclusionConstraint(
        name=f"one_authority_{attribute}",
        expressions=[(same, "&&"), (when, "&&")],
        condition=Q(attribute=attribute),
        violation_error_message="At that time another connection is the authority already.",
    )


class Authority(Stamped):
    """The one connection whose reports count for an attribute of a location, from one time to another.

    Which row counts is decided by when a report says it happened, or by when its reading began. Rows are
    ended, never deleted.
    """

    class Attribute(models.TextChoices):
        ON_HAND = "on_hand", "Stock on hand"
        UNAVAILABLE = "unavailable", "Condition: what cannot be sold"
        EXPECTATIONS = "expectations", "Incoming stock"

    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="authorities")
    attribute = models.CharField(
        max_length=12,
        choices=Attribute,
        default=Attribute.ON_HAND,
        db_default=Attribute.ON_HAND,
        help_text="An attribute nobody is named for is decided by the authority for stock on hand.",
    )
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="authorities")
    valid_from = models.DateTimeField(null=True, blank=True, help_text="Empty: from the beginning.")
    valid_to = models.DateTimeField(null=True, blank=True, help_text="Empty: until further notice.")

    class Meta:
        verbose_name_plural = "authorities"
        ordering = ["location", "attribute", F("valid_from").asc(nulls_first=True)]
        constraints = [
            *(_one_at_a_time(attribute) for attribute in ("on_hand", "unavailable", "expectations")),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True)
                | Q(valid_to__isnull=True)
                | Q(valid_from__lt=F("valid_to")),
                name="an_authority_lasts",
            ),
        ]

    def __str__(self) -> str:
        return (
            f"{self.connection.code} decides {self.get_attribute_display().lower()} at {self.location.code}"
        )


class Tenure(Stamped):
    """A stretch in which one authority reports a location's stock in one mode; the first has no row.

    Deltas and counts belong to it from `starts_at` on by their own time, book figures above `after_reading`.
    """

    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="tenures")
    mode = models.CharField(max_length=10, choices=Location.Mode)
    was = models.CharField(max_length=10, choices=Location.Mode, help_text="The mode before it.")
    starts_at = models.DateTimeField()
    after_reading = models.BigIntegerField(help_text="The hub's reading number when it began.")

    class Meta:
        ordering = ["location", "starts_at"]
        constraints = [
            models.UniqueConstraint(fields=["location", "starts_at"], name="one_tenure_begins_at_a_time")
        ]

    def __str__(self) -> str:
        return f"{self.location.code}: {self.get_mode_display().lower()} from {self.starts_at:%Y-%m-%d %H:%M}"


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
    observes = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Where it is not the authority its reports are kept and compared, never posted.",
    )
    sells_for = models.BooleanField(default=False, help_text="Stock here may be sold on this channel.")
    fulfils = models.BooleanField(default=False, help_text="Orders of this channel may be routed here.")
    mirrors = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The connection keeps a copy of the stock here: it is told every movement from now on.",
    )

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
            models.UniqueConstraint(
                fields=["connection", "external_id"],
                condition=Q(mirrors=True),
                name="an_external_place_mirrors_one_location",
                violation_error_message="That place keeps the copy of another location already.",
            ),
            models.UniqueConstraint(
                fields=["connection", "location"],
                condition=Q(mirrors=True),
                name="a_location_is_mirrored_once_by_a_connection",
                violation_error_message="The connection keeps its copy of this location elsewhere already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection.code} {self.external_id or '(all)'} ↔ {self.location.code}"
