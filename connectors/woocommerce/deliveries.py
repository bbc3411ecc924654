"""Tell the shop what has left for an order: a private note per part, the status `completed` at the end.

The order is read first. A note carries a marker that is looked for before another is written; a status is
written only over one from which the shop moves no stock. There is no compare-and-set: an order cancelled
between our reading and our writing becomes completed, and the next reading of orders tells the hub so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from connectors.base.fields import clean
from connectors.woocommerce.rest import Rest, listed, missing
from inventory_sync.domain.commands import Delivered, Done
from inventory_sync.domain.errors import NotApplied, RemoteRefused, SyncError
from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.reports import plain

FIELDS = ("_fields", "id,status,line_items")
COMPLETED = "completed"
OVER = (OrderStatus.SHIPPED, OrderStatus.CANCELLED)
TRASH = "trash"


def tell_delivered(rest: Rest, told: Delivered, *, meaning: Callable[[str], OrderStatus]) -> Done:
    """Return what became of it; an order that is over in the shop is left as it is. Raises SyncError."""
    path = f"/orders/{quote(told.order_ref, safe='')}"
    try:
        order = rest.get_object(path, (FIELDS,))
    except RemoteRefused as refused:
        if missing(refused):
            return Done(error=RemoteRefused("The shop has no such order any more.", status=refused.status))
        raise
    word = str(order.get("status") or "").removeprefix("wc-")
    status = OrderStatus.CANCELLED if word == TRASH else meaning(word)
    if status in OVER:
        return Done(f"order {told.order_ref}: {clean(word, limit=40)}")
    if status is not OrderStatus.COMMITTED:
        why = f"The order left the warehouse, but the shop has it as {clean(word, limit=40)!r}: not paid."
        return Done(error=RemoteRefused(why))
    if told.complete:
        return _complete(rest, path, told)
    return _note(rest, path, told, order)


def marker(told: Delivered) -> str:
    """Return what stands in the note of this version and in no other."""
    return f"[inventory-sync:delivered:{told.version}]"


def _complete(rest: Rest, path: str, told: Delivered) -> Done:
    answer = rest.write("PUT", path, {"status": COMPLETED}, (("_fields", "id,status"),))
    shown = answer.get("status") if isinstance(answer, Mapping) else None
    if shown != COMPLETED:
        error: SyncError = NotApplied(f"The shop shows the order as {clean(str(shown), limit=40)!r}.")
        return Done(error=error)
    return Done(f"order {told.order_ref}: {COMPLETED}")


def _note(rest: Rest, path: str, told: Delivered, order: Mapping[str, Any]) -> Done:
    """Write what has left so far as a private note, unless one with this marker is there."""
    mark = marker(told)
    notes = listed(rest.get(f"{path}/notes", (("type", "internal"),)).data, f"{path}/notes")
    for note in notes:
        if mark in str(note.get("note", "")):
            return Done(f"note {note['id']}")
    names = _names(order)
    parts = ", ".join(
        f"{plain(quantity)} × {names.get(line, f'line {line}')}"
        for line, quantity in sorted(told.lines.items())
        if quantity
    )
    answer = rest.write(
        "POST", f"{path}/notes", {"note": f"Delivered so far: {parts}. {mark}", "customer_note": False}
    )
    number = answer.get("id") if isinstance(answer, Mapping) else None
    return Done(f"note {number}" if number else "note")


def _names(order: Mapping[str, Any]) -> dict[str, str]:
    """Return line ref → what the shop calls it; a name may hold anything but a marker of ours."""
    lines = order.get("line_items")
    return {
        str(line.get("id")): clean(str(line.get("name") or line.get("sku") or ""), limit=80).replace("[", "(")
        for line in (lines if isinstance(lines, list) else ())
        if isinstance(line, Mapping)
    }
