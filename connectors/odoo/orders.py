"""Keep copies of channels' orders in Odoo: written under external ids, confirmed apart, read back.

Each step reads first and does what is missing; a call is sent once. A lost answer is the caller's to read
back, and even a blind second write finds the first, because Odoo keeps external ids unique.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.odoo.batches import alone, chunks
from connectors.odoo.cells import words
from connectors.odoo.config import OdooConfig
from connectors.odoo.naming import OrderName
from connectors.odoo.order_found import CANCELLED, CONFIRMED, DRAFTS, FoundOrder, find, name_of
from connectors.odoo.order_writing import Writing
from connectors.odoo.wire import Odoo
from inventory_sync.domain.commands import CopySeen, CopyState, Done, OrderCopy
from inventory_sync.domain.errors import NotApplied, RemoteRefused, RemoteUnavailable, SyncError

BATCH = 50
NO_DRAFT = "The order is no draft in Odoo any more; it is read again."
Found = dict[OrderName, FoundOrder]
Errors = dict[OrderName, SyncError]


class TakesOrders:
    """The client's OrderTaker."""

    odoo: Odoo
    config: OdooConfig

    def read_copies(self, copies: Sequence[OrderCopy]) -> list[CopySeen]:
        seen: list[CopySeen] = []
        for some in chunks(copies, BATCH):
            found = find(self.odoo, some)
            for copy in some:
                order = found.get(name_of(copy))
                seen.append(order.seen() if order else CopySeen(CopyState.ABSENT))
        return seen

    def write_copies(self, copies: Sequence[OrderCopy]) -> list[Done]:
        """Create what is absent, change what differs, make a cancelled one a draft again; confirm nothing."""
        done: list[Done] = []
        for some in chunks(copies, BATCH):
            found = find(self.odoo, some)
            writing = Writing(self.odoo, self.config.order_customer_id)
            writing.write(some, found)
            done += _results(some, found, writing.errors)
        return done

    def confirm_copies(self, copies: Sequence[OrderCopy]) -> list[Done]:
        done: list[Done] = []
        for some in chunks(copies, BATCH):
            found = find(self.odoo, some)
            done += _results(some, found, self._confirm(some, found))
        return done

    def cancel_copies(self, copies: Sequence[OrderCopy]) -> list[Done]:
        """Cancel what has not left; of what has left in part, Odoo keeps that part and drops the rest."""
        done: list[Done] = []
        for some in chunks(copies, BATCH):
            found = find(self.odoo, some)
            done += _results(some, found, self._cancel(some, found))
        return done

    def _confirm(self, copies: Sequence[OrderCopy], found: Found) -> Errors:
        """Confirm drafts. Somebody who was quicker has done it, or changed what is to be done: read again."""
        errors: Errors = {}
        drafts: list[FoundOrder] = []
        names: dict[int, OrderName] = {}
        for copy in copies:
            order = found.get(name_of(copy))
            if order is None or order.state == CANCELLED:
                errors[name_of(copy)] = RemoteUnavailable(NO_DRAFT)
            elif order.state in DRAFTS:
                names[order.id] = name_of(copy)
                drafts.append(order)

        def confirm(some: Sequence[FoundOrder]) -> None:
            self.odoo.write("sale.order", "action_confirm", ids=[order.id for order in some])

        refused = alone(drafts, confirm)
        states = self._states([order for order, _ in refused])
        for order, error in refused:
            state = states.get(order.id, CANCELLED)
            if state in DRAFTS:
                errors[names[order.id]] = error
            elif state not in CONFIRMED:
                errors[names[order.id]] = RemoteUnavailable(NO_DRAFT)
        return errors

    def _cancel(self, copies: Sequence[OrderCopy], found: Found) -> Errors:
        errors: Errors = {}
        live: list[FoundOrder] = []
        names: dict[int, OrderName] = {}
        for copy in copies:
            order = found.get(name_of(copy))
            if order and order.copy_state() is CopyState.DONE:
                errors[name_of(copy)] = RemoteRefused(f"{order.document} has left; it cannot be cancelled.")
            elif order and order.state != CANCELLED:
                names[order.id] = name_of(copy)
                live.append(order)

        def cancel(some: Sequence[FoundOrder]) -> None:
            # Without this context 18 opens a window and cancels nothing.
            ids, context = [order.id for order in some], {"disable_cancel_warning": True}
            self.odoo.write("sale.order", "action_cancel", ids=ids, context=context)

        refused = {order.id: error for order, error in alone(live, cancel)}
        states = self._states(live)
        for order in live:
            if states.get(order.id, CANCELLED) != CANCELLED:
                unchanged = NotApplied(f"Odoo said yes and did not cancel {order.document}.")
                errors[names[order.id]] = refused.get(order.id, unchanged)
        return errors

    def _states(self, orders: Sequence[FoundOrder]) -> dict[int, str]:
        if not orders:
            return {}
        ids = [order.id for order in orders]
        rows = self.odoo.rows("sale.order", "read", ids=ids, fields=["state"], load=None)
        return {row["id"]: words(row, "state") for row in rows}


def _results(copies: Sequence[OrderCopy], found: Found, errors: Errors) -> list[Done]:
    done: list[Done] = []
    for copy in copies:
        order = found.get(name_of(copy))
        done.append(Done(order.document if order else "", errors.get(name_of(copy))))
    return done
