"""Between which locations, and as which operation, a mirrored movement of one reason is booked at a place.

Kept for some minutes (learnt.py): ids differ in every database and hardly ever change within one. The
internal operation type of a warehouse is inactive until its storage locations are switched on; it serves all
the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.odoo import refs
from connectors.odoo.cells import ref, words
from connectors.odoo.learnt import Known
from connectors.odoo.wire import Odoo, Rows
from inventory_sync.domain.errors import RemoteRefused
from inventory_sync.domain.external import Reason

CUSTOMER = "customer"
SUPPLIER = "supplier"
TRANSIT = "transit"
SCRAP = "scrap"
ADJUSTMENT = "inventory"
PARTNERS = {
    Reason.SALE: CUSTOMER,
    Reason.SHIPMENT: CUSTOMER,
    Reason.RETURN: CUSTOMER,
    Reason.RECEIPT: SUPPLIER,
    Reason.TRANSFER_OUT: TRANSIT,
    Reason.TRANSFER_IN: TRANSIT,
    Reason.SCRAP: SCRAP,
    Reason.ADJUSTMENT: ADJUSTMENT,
}
INCOMING, OUTGOING, INTERNAL = "incoming", "outgoing", "internal"
TYPE_FIELDS = {INCOMING: "in_type_id", OUTGOING: "out_type_id", INTERNAL: "int_type_id"}


@dataclass(frozen=True, slots=True)
class Route:
    """`stock`: the place's own location. `other`: the far end, 0 where each product names its own."""

    operation: int
    stock: int
    other: int
    arrives: bool

    def ends(self, own: int) -> tuple[int, int]:
        """Return (from, to); `own` is the inventory location of the product."""
        other = self.other or own
        return (other, self.stock) if self.arrives else (self.stock, other)


class Endpoints:
    """The operation types and locations of one company."""

    def __init__(self, odoo: Odoo, known: Known) -> None:
        self._odoo = odoo
        self._known = known

    def route(self, place: str, reason: Reason, *, arrives: bool) -> Route:
        """Return how it is booked; raises Rejected for a place or a location that Odoo does not have."""
        partner = PARTNERS[reason]
        if partner in (CUSTOMER, SUPPLIER):
            code = INCOMING if arrives else OUTGOING
        else:
            code = INTERNAL
        other = 0 if partner == ADJUSTMENT else self.virtual(partner)
        return Route(self._operation(place, code), self.stock(place), other, arrives)

    def moves_have_names(self) -> bool:
        """Whether a move must be given a text: up to 18."""
        return self._known.fact("moves have names", self._read_names_of_moves)

    def _read_names_of_moves(self) -> bool:
        return bool(self._odoo.read("stock.move", "fields_get", allfields=["name"], attributes=["type"]))

    def stock(self, place: str) -> int:
        """Return the location that stands for a place: a warehouse's own stock, or the location itself."""
        kind, number = refs.place_id(place)
        if kind == refs.LOCATION:
            return number
        return ref(self._warehouse(number), "lot_stock_id")

    def virtual(self, partner: str) -> int:
        """Return the lowest location of a kind that every company or this one uses."""
        return self._known.fact(("location", partner), lambda: self._read_virtual(partner))

    def _read_virtual(self, partner: str) -> int:
        found = self._scrap() if partner == SCRAP else self._transit_or_partner(partner)
        if not found:
            raise RemoteRefused(f"Odoo has no {partner} location for this company.")
        return found

    def _transit_or_partner(self, partner: str) -> int:
        if partner == TRANSIT:
            fields = ["internal_transit_location_id"]
            rows = self._odoo.rows("res.company", "read", ids=[self._odoo.company], fields=fields, load=None)
            return ref(rows[0], "internal_transit_location_id") if rows else 0
        return self._lowest([["usage", "=", partner]])

    def _scrap(self) -> int:
        """Return the scrap location: marked so on 18, where 19 takes the lowest inventory location."""
        told = self._odoo.read(
            "stock.location", "fields_get", allfields=["scrap_location"], attributes=["type"]
        )
        if told:
            return self._lowest([["scrap_location", "=", True]])
        return self._lowest([["usage", "=", "inventory"]])

    def _lowest(self, domain: list[Any]) -> int:
        rows = self._odoo.rows(
            "stock.location",
            "search_read",
            domain=[*domain, ["company_id", "in", [self._odoo.company, False]]],
            fields=["usage"],
            order="id",
            limit=1,
            load=None,
        )
        return int(rows[0]["id"]) if rows else 0

    def _warehouse(self, number: int) -> dict[str, Any]:
        found = self._known.fact("warehouses", self._read_warehouses)
        if number not in found:
            found = self._known.own("warehouses", self._read_warehouses)
        if number not in found:
            raise RemoteRefused(f"Odoo has no warehouse {number} for this company.")
        return found[number]

    def _read_warehouses(self) -> dict[int, dict[str, Any]]:
        rows = self._odoo.rows(
            "stock.warehouse",
            "search_read",
            domain=[["company_id", "=", self._odoo.company]],
            fields=["lot_stock_id", *TYPE_FIELDS.values()],
            load=None,
            context={"active_test": False},
        )
        return {row["id"]: row for row in rows}

    def _operation(self, place: str, code: str) -> int:
        kind, number = refs.place_id(place)
        if kind == refs.WAREHOUSE and (own := ref(self._warehouse(number), TYPE_FIELDS[code])):
            return own
        return self._known.fact(("operation", code), lambda: self._read_operation(code))

    def _read_operation(self, code: str) -> int:
        rows = self._odoo.rows(
            "stock.picking.type",
            "search_read",
            domain=[["code", "=", code], ["company_id", "=", self._odoo.company]],
            fields=["code", "active"],
            order="id",
            load=None,
            context={"active_test": False},
        )
        found = _first_active(rows, code)
        if not found:
            raise RemoteRefused(f"Odoo has no {code} operation type for this company.")
        return found


def _first_active(rows: Rows, code: str) -> int:
    """Return the first operation type, an active one before one that is not."""
    fit = [row for row in rows if words(row, "code") == code]
    fit.sort(key=lambda row: (row.get("active") is False, row["id"]))
    return int(fit[0]["id"]) if fit else 0
