"""Events, movements, stock levels, orders and their reservations. Written by this room alone."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from inventory_sync.catalog.models import Item, Location
from inventory_sync.connections.models import Connection
from inventory_sync.ledger.models_figures import Gap as Gap
from inventory_sync.ledger.models_figures import Holding as Holding
from inventory_sync.ledger.models_figures import Observation as Observation
from inventory_sync.ledger.models_incoming import Arrival as Arrival
from inventory_sync.ledger.models_incoming import Expectation as Expectation
from inventory_sync.ledger.models_incoming import ExpectationLine as ExpectationLine
from inventory_sync.ledger.models_incoming import LatePosting as LatePosting
from inventory_sync.ledger.models_incoming import Period as Period
from inventory_sync.ledger.models_incoming import Pick as Pick
from inventory_sync.ledger.models_requests import Owed as Owed
from inventory_sync.ledger.models_requests import RequestTerms as RequestTerms
from inventory_sync.support.models import QuantityField


class EventKey(models.Model):
    """The key of an event and the highest revision that counts. Kept for the ledger's life.

    Whoever inserts a key makes other sessions wait for it. It outlives its event, whose partition may be
    detached one day.
    """

    pk = models.CompositePrimaryKey("connection_id", "key")
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    key = models.CharField(max_length=200, db_collation="C")
    revision = models.IntegerField()
    event_id = models.BigIntegerField()
    recorded_at = models.DateTimeField(help_text="Of its event: finds the partition.")

    def __str__(self) -> str:
        return f"{self.key} revision {self.revision}"


class Event(models.Model):
    """One report about one item at one location, in our ids. Its key (EventKey) makes it count once.

    `effective` is False for a revision that a higher one has replaced. Partitioned by month of recorded_at;
    the primary key of the table is (id, recorded_at). Its level proves item and location.
    """

    class Kind(models.TextChoices):
        DELTA = "delta", "Movement"
        COUNT = "count", "Shelf count"
        FIGURE = "figure", "Book figure"
        CONDITION = "condition", "Change of condition"

    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    key = models.CharField(max_length=200)
    revision = models.IntegerField(default=0, db_default=0)
    kind = models.CharField(max_length=10, choices=Kind)
    item = models.ForeignKey(
        Item, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    location = models.ForeignKey(
        Location, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    quantity = QuantityField()
    occurred_at = models.DateTimeField()
    sequence = models.BigIntegerField(null=True)
    reading = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=20, blank=True, db_default="")
    reference = models.CharField(max_length=120, blank=True, db_default="")
    effective = models.BooleanField(default=True, db_default=True)
    delivery_id = models.BigIntegerField(null=True)
    correlation_id = models.CharField(max_length=40, blank=True, db_default="")
    recorded_at = models.DateTimeField(auto_now_add=True)
    lot = models.CharField(max_length=80, blank=True, default="", db_default="")
    owner = models.CharField(max_length=80, blank=True, default="", db_default="")
    condition = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="Empty for stock that may be sold."
    )
    was = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="The condition before a change."
    )
    figure = models.JSONField(null=True, help_text="What a book figure says beside its quantity.")

    class Meta:
        indexes = [
            models.Index(fields=["item", "location", "occurred_at"], name="event_history"),
            models.Index(
                fields=["item", "location", "occurred_at"], name="event_counts", condition=Q(kind="count")
            ),
            models.Index(
                fields=["connection", "key", "revision"],
                name="event_replaced",
                condition=Q(effective=False),
            ),
            models.Index(
                fields=["connection", "location", "sequence"],
                name="event_number",
                condition=Q(sequence__isnull=False),
            ),
            BrinIndex(fields=["delivery_id"], name="event_delivery", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Movement(models.Model):
    """One append-only line: `quantity` left `source` and arrived at `destination`; always positive.

    Partitioned by month of recorded_at, which is its event's too; the primary key is (id, recorded_at).
    """

    event = models.ForeignKey(
        Event, on_delete=models.PROTECT, related_name="movements", db_index=False, db_constraint=False
    )
    item = models.ForeignKey(
        Item, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    source = models.ForeignKey(
        Location, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    destination = models.ForeignKey(
        Location, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    quantity = QuantityField()
    kind = models.CharField(max_length=20)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    reference = models.CharField(max_length=120, blank=True, db_default="")
    period = models.CharField(max_length=7, help_text="Accounting period, e.g. 2026-11.")
    correlation_id = models.CharField(max_length=40, blank=True, db_default="")
    lot = models.CharField(max_length=80, blank=True, default="", db_default="")
    owner = models.CharField(max_length=80, blank=True, default="", db_default="")
    condition = models.CharField(max_length=40, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="a_movement_is_positive"),
            models.CheckConstraint(condition=~Q(source=F("destination")), name="a_movement_goes_elsewhere"),
        ]
        indexes = [
            models.Index(fields=["item", "id"], name="movement_of_item"),
            BrinIndex(fields=["event_id"], name="movement_of_event", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.item_id}: {self.source_id} → {self.destination_id}"


class StockLevel(models.Model):
    """What the reports of a location add up to, per item. Not `known` until a count or figure covers it."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="levels", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="levels")
    on_hand = QuantityField(default=0)
    unavailable = QuantityField(default=0)
    reserved = QuantityField(
        default=0, db_default=0, help_text="Held back by the authority in its own books."
    )
    unassigned = QuantityField(
        default=0, db_default=0, help_text="The authority's own demand that it has not assigned yet."
    )
    known = models.BooleanField(default=False)
    unknown_since = models.BigIntegerField(
        null=True, help_text="The reading number at which a fault was noticed; only a later one cures it."
    )
    count_key = models.CharField(max_length=220, blank=True)
    count_quantity = QuantityField(null=True)
    counted_at = models.DateTimeField(null=True)
    count_sequence = models.BigIntegerField(null=True)
    reading = models.BigIntegerField(null=True)
    last_known_free = QuantityField(
        null=True, help_text="What was free when it became unknown, less what was taken since."
    )
    version = models.BigIntegerField(default=0)
    changed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "location"], name="one_level_per_place")]
        indexes = [
            models.Index(
                fields=["unknown_since"], name="level_unknown", condition=Q(unknown_since__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.item_id} @ {self.location_id}: {self.on_hand}"


class Order(models.Model):
    """An order of a channel as last believed; decided whole."""

    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, db_index=False, related_name="orders"
    )
    order_ref = models.CharField(max_length=120)
    number = models.CharField(max_length=80, blank=True)
    status = models.CharField(max_length=20)
    stamp = models.BigIntegerField()
    reading = models.BigIntegerField(default=0, help_text="The last reading by its id that showed it.")
    begun = models.BigIntegerField(default=0, db_default=0, help_text="Readings begun when it last came in.")
    set_back = models.BooleanField(
        default=False, db_default=False, help_text="Its stamps went back once; only readings tell since."
    )
    fingerprint = models.CharField(max_length=64, blank=True)
    placed_at = models.DateTimeField(null=True)
    first_seen_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(help_text="When it was last read or reported.")
    incomplete = models.BooleanField(default=False, help_text="A line of it is parked.")
    seen = models.BooleanField(default=True, help_text="False while only a shipment has named it.")
    gone = models.BigIntegerField(
        null=True, help_text="The reading that found it missing at its source; 0 when announced."
    )
    correlation_id = models.CharField(max_length=40, blank=True)
    requested = models.BooleanField(
        default=False, db_default=False, help_text="Asked of the hub, which may refuse it."
    )
    review = models.BooleanField(
        default=False, db_default=False, help_text="Stock is kept; no sale before somebody approves."
    )
    mode = models.CharField(max_length=16, default="record", db_default="record")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "order_ref"], name="one_order_per_ref")]
        indexes = [models.Index(fields=["id"], name="order_requested", condition=Q(requested=True))]

    def __str__(self) -> str:
        return f"{self.connection.code} {self.number or self.order_ref}"


class Reservation(models.Model):
    """The demand of one order line. Open ones are subtracted until the books hold them."""

    class State(models.TextChoices):
        REQUESTED = "requested", "Requested"
        HELD = "held", "Held until it expires"
        COMMITTED = "committed", "Committed"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        PICKED = "picked", "Picked"
        SHIPPED = "shipped", "Shipped, awaiting books"
        BACKORDERED = "backordered", "Backordered"
        CLOSED = "closed", "Closed: the books hold it"
        REJECTED = "rejected", "Rejected"
        RELEASED = "released", "Released"
        EXPIRED = "expired", "Expired"
        CANCELLED = "cancelled", "Cancelled"
        CLOSED_SHORT = "closed_short", "Closed short"

    OPEN = (
        State.REQUESTED,
        State.HELD,
        State.COMMITTED,
        State.ACKNOWLEDGED,
        State.PICKED,
        State.SHIPPED,
        State.BACKORDERED,
    )

    # Written with what they name, or under its lock, and that is never deleted: decision 0016.
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="reservations"
    )
    line_ref = models.CharField(max_length=80)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="reservations")
    demand = QuantityField(help_text="What the order wants, in base units.")
    fulfilled = QuantityField(default=0, help_text="What the authority's books already hold as gone.")
    state = models.CharField(max_length=12, choices=State)
    stamp = models.BigIntegerField(default=0)
    reading = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField(null=True)
    reason = models.CharField(
        max_length=200, blank=True, help_text="Why it was routed there, or why it ended."
    )
    asked = QuantityField(null=True, help_text="What a request asked for; empty for orders of channels.")
    routing = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="JSON: the rule that routed it, the ranking, what was passed over.",
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "line_ref"], name="one_reservation_per_line")]
        indexes = [
            models.Index(fields=["expires_at"], name="reservation_expiry", condition=Q(state="held")),
            models.Index(fields=["id"], name="reservation_waits", condition=Q(state="backordered")),
        ]

    def __str__(self) -> str:
        return f"{self.order} line {self.line_ref}: {self.demand}"


class Allocation(models.Model):
    """What one location owes of a reservation: component item, D and what the books contain of it."""

    # As above.
    reservation = models.ForeignKey(
        Reservation, on_delete=models.CASCADE, db_index=False, db_constraint=False, related_name="allocations"
    )
    item = models.ForeignKey(Item, on_delete=models.PROTECT, db_constraint=False, related_name="allocations")
    location = models.ForeignKey(
        Location, on_delete=models.PROTECT, db_constraint=False, related_name="allocations"
    )
    quantity = QuantityField(help_text="D: the whole demand at this place, base units of the component.")
    contained = QuantityField(default=0, help_text="c: the part the authority's figure already holds.")
    fulfilled = QuantityField(default=0)
    open = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reservation", "item", "location"], name="one_allocation_per_place"
            )
        ]
        indexes = [models.Index(fields=["item", "location"], name="allocation_open", condition=Q(open=True))]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.item_id} @ {self.location_id}"


class ReservationChange(models.Model):
    """What a reservation was from `at` on, until its next change; append-only, so that the past can be told.

    `allocations`: [item id, location id, quantity, contained, fulfilled] of each place that owed of it.
    """

    # As above.
    reservation = models.ForeignKey(
        Reservation, on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="changes"
    )
    at = models.DateTimeField()
    # The reservation's own guards it: no second check for every line of every order.
    item = models.ForeignKey(
        Item, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    state = models.CharField(max_length=12, choices=Reservation.State)
    demand = QuantityField()
    fulfilled = QuantityField(default=0)
    stamp = models.BigIntegerField(default=0)
    reading = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=200, blank=True)
    allocations = models.JSONField(default=list)
    correlation_id = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["reservation", "at", "id"], name="reservation_history"),
            models.Index(fields=["at"], name="reservation_change_at"),
        ]

    def __str__(self) -> str:
        return f"{self.reservation_id} {self.state} {self.demand}"


class Fulfilment(models.Model):
    """What a shipment of the authority takes off an order line; also kept while the order is not known yet.

    It counts as long as its event is effective, and outlives it.
    """

    source = models.CharField(max_length=60, help_text="Code of the connection the order comes from.")
    order_ref = models.CharField(max_length=120)
    line_ref = models.CharField(max_length=80)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    quantity = QuantityField()
    occurred_at = models.DateTimeField(null=True, help_text="As of its event: which tenure it belongs to.")
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    effective = models.BooleanField(default=True, help_text="As its event, which may be detached one day.")

    class Meta:
        indexes = [models.Index(fields=["source", "order_ref", "line_ref"], name="fulfilment_line")]

    def __str__(self) -> str:
        return f"{self.source} {self.order_ref}/{self.line_ref}: {self.quantity}"


class DirtyItem(models.Model):
    """An item whose availability must be computed again. Marked in the transaction that touched it."""

    item = models.OneToOneField(Item, primary_key=True, on_delete=models.CASCADE, related_name="+")
    version = models.BigIntegerField(default=1)
    since = models.DateTimeField()
    urgent = models.BooleanField(default=False)
    correlation_id = models.CharField(max_length=40, blank=True)
    not_before = models.DateTimeField(null=True, blank=True, help_text="It failed; nobody tries until then.")

    class Meta:
        indexes = [models.Index(fields=["urgent", "since"], name="dirty_oldest")]

    def __str__(self) -> str:
        return f"{self.item_id} v{self.version}"
