"""The answers of v1, field by field. A field not named here never leaves the house."""

from __future__ import annotations

from rest_framework import serializers

from inventory_sync.api.v1.reading import Quantity, plain
from inventory_sync.catalog.models import Authority, Item, Location
from inventory_sync.connections.models import Connection
from inventory_sync.intake.models import Delivery
from inventory_sync.ledger.models import Reservation, StockLevel
from inventory_sync.propagation.models import Listing


class UnitShape(serializers.Serializer):
    """A pack: one `unit` holds numerator/denominator base units."""

    unit = serializers.CharField(source="unit_id")
    numerator = serializers.IntegerField()
    denominator = serializers.IntegerField()
    gtin = serializers.CharField()


class ComponentShape(serializers.Serializer):
    sku = serializers.CharField(source="component.sku")
    quantity = Quantity(help_text="Base units of the component in one kit.")


class ItemShape(serializers.Serializer):
    sku = serializers.CharField()
    name = serializers.CharField()
    gtin = serializers.CharField()
    kind = serializers.ChoiceField(choices=Item.Kind.choices)
    base_unit = serializers.CharField(source="base_unit_id", help_text="UN/ECE Rec 20 code.")
    active = serializers.BooleanField()
    units = UnitShape(many=True)
    components = ComponentShape(many=True)
    updated_at = serializers.DateTimeField()


class AuthorityShape(serializers.Serializer):
    """A connection whose reports count for an attribute: from `valid_from` on and before `valid_to`."""

    attribute = serializers.ChoiceField(choices=Authority.Attribute.choices)
    connection = serializers.CharField(source="connection.code")
    valid_from = serializers.DateTimeField(allow_null=True)
    valid_to = serializers.DateTimeField(allow_null=True)


class LocationShape(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=Location.Kind.choices)
    parent = serializers.CharField(source="parent.code", default=None, allow_null=True)  # type: ignore[assignment]
    mode = serializers.ChoiceField(choices=Location.Mode.choices)
    authority = serializers.SerializerMethodField(
        help_text="The connection whose reports move stock here now."
    )
    authorities = AuthorityShape(many=True, help_text="Who decided what here, and when.")
    active = serializers.BooleanField()
    updated_at = serializers.DateTimeField()

    def get_authority(self, location: Location) -> str | None:
        authority = location.authority
        return authority.connection.code if authority else None


class LevelShape(serializers.Serializer):
    """What the movements of a place add up to. `on_hand` is null while it is not known: never zero."""

    item = serializers.CharField(source="item.sku")
    location = serializers.CharField(source="location.code")
    unit = serializers.CharField(source="item.base_unit_id")
    known = serializers.BooleanField()
    on_hand = serializers.SerializerMethodField()
    unavailable = Quantity()
    reserved = Quantity(
        source="promised", help_text="Open demand routed here that the books do not hold yet."
    )
    reserved_by_authority = Quantity(
        source="reserved", help_text="Held back by the authority in its own books, where it keeps figures."
    )
    unassigned = Quantity(help_text="The authority's own demand that it has not assigned yet.")
    incoming = Quantity(help_text="Announced for this place and not there yet; transfers are in_transit.")
    in_transit = Quantity(help_text="Left another place for this one and is not there yet.")
    counted_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()
    changed_at = serializers.DateTimeField()

    def get_on_hand(self, level: StockLevel) -> str | None:
        return plain(level.on_hand) if level.known else None


class ChannelShape(serializers.Serializer):
    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    connector = serializers.CharField()
    state = serializers.ChoiceField(choices=Connection.State.choices)


class BasisShape(serializers.Serializer):
    """A part of a component's own figure, in the component's unit; explains a kit's step."""

    name = serializers.CharField()
    label = serializers.CharField(default="")  # type: ignore[assignment]
    quantity = serializers.CharField(help_text="An exact decimal, signed.")
    location = serializers.CharField(default="", allow_blank=True)
    component = serializers.CharField(default="", allow_blank=True, help_text="For kits: its SKU.")


class TermShape(BasisShape):
    """One signed part of a figure, in base units; the parts of a figure add up to it."""

    basis = BasisShape(many=True, default=list, help_text="For kits; no part of the sum.")


class PromiseShape(serializers.Serializer):
    """An open order line that is subtracted where it is owed: `open` of `quantity`."""

    connection = serializers.CharField(source="order_connection")
    order = serializers.CharField()
    line = serializers.CharField()
    state = serializers.ChoiceField(choices=Reservation.State.choices)
    sku = serializers.CharField()
    location = serializers.CharField()
    quantity = Quantity()
    contained = Quantity(help_text="The part the authority's figure already holds.")
    open = Quantity()


class ToldShape(serializers.Serializer):
    """One listing of the item at the channel: what it should show, and what it was last told."""

    listing = serializers.CharField(source="external_id")
    location = serializers.CharField(source="external_location", allow_blank=True)
    state = serializers.ChoiceField(choices=Listing.State.choices)
    wanted = Quantity(source="desired", allow_null=True, help_text="In the channel's own selling unit.")
    sent = Quantity(allow_null=True, help_text="The last figure written to the channel.")
    sent_at = serializers.DateTimeField(allow_null=True)
    confirmed = Quantity(source="acknowledged", allow_null=True, help_text="The last one read back.")
    confirmed_at = serializers.DateTimeField(source="acknowledged_at", allow_null=True)
    error_code = serializers.CharField(allow_blank=True)


class FigureShape(serializers.Serializer):
    """What a channel may sell of an item, in base units. `available` null means unknown, never zero."""

    sku = serializers.CharField()
    unit = serializers.CharField()
    available = Quantity(allow_null=True)
    unknown = serializers.ListField(child=serializers.CharField(), help_text="What is not known.")
    version = serializers.IntegerField()
    computed_at = serializers.DateTimeField(allow_null=True)
    correlation_id = serializers.CharField(allow_blank=True, help_text="What caused this figure.")


class ExplainedFigureShape(FigureShape):
    terms = TermShape(many=True)
    policy_version = serializers.IntegerField()
    pending_since = serializers.DateTimeField(
        allow_null=True, help_text="Set while something newer waits to be computed."
    )
    promises = PromiseShape(many=True)
    told = ToldShape(many=True)


class ParkedShape(serializers.Serializer):
    """A line that waits for a person; its neighbours went ahead."""

    code = serializers.CharField()
    waits_on = serializers.CharField()
    detail = serializers.CharField()
    created_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolution = serializers.CharField()


class DeliveryShape(serializers.Serializer):
    """What became of one inbound message. Its body and headers are not shown."""

    id = serializers.IntegerField()
    connection = serializers.CharField(source="connection.code")
    topic = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    tier = serializers.CharField()
    state = serializers.ChoiceField(choices=Delivery.State.choices)
    received_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    attempts = serializers.IntegerField()
    events = serializers.IntegerField(help_text="Events it became.")
    error_code = serializers.CharField()
    error_detail = serializers.CharField()
    correlation_id = serializers.CharField()


class DeliveryDetailShape(DeliveryShape):
    parked_lines = ParkedShape(many=True)


class AllocationShape(serializers.Serializer):
    item = serializers.CharField(source="item.sku")
    location = serializers.CharField(source="location.code")
    quantity = Quantity()
    contained = Quantity(help_text="The part the authority's figure already holds.")
    open = serializers.BooleanField()


class ReservationShape(serializers.Serializer):
    line = serializers.CharField(source="line_ref")
    item = serializers.CharField(source="item.sku")
    state = serializers.ChoiceField(choices=Reservation.State.choices)
    demand = Quantity()
    fulfilled = Quantity()
    reason = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    allocations = AllocationShape(many=True)


class OrderShape(serializers.Serializer):
    """An order as last believed: numbers and quantities, never who bought."""

    id = serializers.IntegerField()
    connection = serializers.CharField(source="connection.code")
    order = serializers.CharField(source="order_ref", help_text="The channel's own id.")
    number = serializers.CharField()
    status = serializers.CharField()
    incomplete = serializers.BooleanField(help_text="A line of it is parked.")
    placed_at = serializers.DateTimeField(allow_null=True)
    first_seen_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()
    correlation_id = serializers.CharField()


class OrderDetailShape(OrderShape):
    reservations = ReservationShape(many=True)
