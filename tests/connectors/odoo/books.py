"""Read the twin's books through the connector and say what the reading comes to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connectors.odoo.client import OdooClient
from connectors.odoo.translate import translate
from inventory_sync.domain.external import ExternalEvent, SnapshotReceived, SnapshotRow
from inventory_sync.domain.ports import Found, SweepPage
from tests.connectors.odoo.hall import NOW, Hall, copy_of, id_of
from tests.connectors.odoo.readings import delivery

NOTHING = {"quantity": 0, "reserved": 0, "unassigned": 0, "unavailable": 0}


def events(found: Found, *, reading: int = 1) -> list[ExternalEvent]:
    return translate(delivery(found.topic, found.body, reading_number=reading))


def snapshot(found: Found) -> SnapshotReceived:
    (event,) = events(found)
    assert isinstance(event, SnapshotReceived)
    return event


def snapshots(page: SweepPage) -> list[SnapshotReceived]:
    told = [event for found in page.found for event in events(found)]
    return [event for event in told if isinstance(event, SnapshotReceived)]


def read(hall: Hall, item: str, *, client: OdooClient | None = None) -> dict[str, SnapshotRow]:
    """Return what one reading says of an item, by place."""
    found = snapshot((client or hall.client).read_object("item", item))
    assert found.item_refs == (item,)
    return {row.location_ref: row for row in found.rows}


def figures(hall: Hall, item: str, place: str = "", *, client: OdooClient | None = None) -> dict[str, Any]:
    """Return the numbers of an item at a place, 0 where the reading has no row."""
    row = read(hall, item, client=client).get(place or hall.place)
    if row is None:
        return NOTHING
    return {name: getattr(row, name) for name in NOTHING}


def held(hall: Hall, item: str, place: str = "") -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Return (contained, delivered) by (order, line)."""
    row = read(hall, item).get(place or hall.place)
    entries = row.held if row else ()
    return {(each.order.order_ref, each.order.line_ref): (each.contained, each.delivered) for each in entries}


def sweep_all(client: OdooClient, stream: str, cursor: str = "") -> tuple[list[Found], str]:
    """Return all that one sweep finds, and the cursor of the next."""
    found: list[Found] = []
    for _ in range(100):
        page = client.sweep(stream, cursor, now=NOW)
        found += page.found
        cursor = page.cursor
        if page.done:
            return found, cursor
    raise AssertionError(f"{stream} does not end")


def order(hall: Hall, ref: str, item: str, quantity: int, *, confirm: bool = True) -> int:
    """Have the connector write an order of the shop; return Odoo's id of it."""
    copy = copy_of(hall, ref, ("l1", item, quantity))
    before = {row["id"] for row in hall.rows("sale.order")}
    (done,) = hall.client.write_copies([copy])
    assert done.error is None
    if confirm:
        (done,) = hall.client.confirm_copies([copy])
        assert done.error is None
    (made,) = {row["id"] for row in hall.rows("sale.order")} - before
    return int(made)


def foreign_order(hall: Hall, item: str, quantity: float) -> int:
    """Somebody sells in Odoo itself."""
    vals = {
        "partner_id": hall.customer,
        "order_line": [(0, 0, {"product_id": id_of(item), "product_uom_qty": quantity, "price_unit": 1})],
    }
    (made,) = hall.twin.call("sale.order", "create", vals_list=[vals])
    hall.twin.call("sale.order", "action_confirm", [made])
    return int(made)


def transfers(hall: Hall, sale: int) -> list[dict[str, Any]]:
    """Return an order's transfers, the oldest first."""
    return sorted(hall.rows("stock.picking", ("sale_id", "=", sale)), key=lambda row: int(row["id"]))


def ship(hall: Hall, picking: int, quantity: float | None = None, *, backorder: bool = True) -> None:
    """Validate a transfer, of a part of it if `quantity` is given."""
    moves = [row["id"] for row in hall.rows("stock.move", ("picking_id", "=", picking))]
    context: dict[str, Any] = {}
    if quantity is not None:
        hall.twin.call("stock.move", "write", moves, vals={"quantity": quantity, "picked": True})
        context = {"skip_backorder": True}
        if not backorder:
            context["picking_ids_not_to_backorder"] = [picking]
    assert hall.twin.call("stock.picking", "button_validate", [picking], context=context) is True
