"""Write one batch of copies: create what is absent, change what differs, reopen what was cancelled.

Everything goes through `load`, which creates or updates by external id, a batch in one transaction; one copy
that Odoo refuses is looked for by halves. When a confirmed quantity has fallen, the moves are read and
lowered (order_moves.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.base.fields import clean
from connectors.odoo.batches import alone
from connectors.odoo.cells import Row, ref, words
from connectors.odoo.naming import OrderName
from connectors.odoo.order_found import CANCELLED, CONFIRMED, FoundOrder, find, name_of
from connectors.odoo.order_moves import let_moves_follow
from connectors.odoo.order_rows import (
    NEW_LINES,
    NEW_ORDERS,
    QUANTITIES,
    Change,
    change_of,
    new_lines,
    new_orders,
    quantities,
)
from connectors.odoo.wire import Odoo
from inventory_sync.domain.commands import OrderCopy
from inventory_sync.domain.errors import (
    Misconfigured,
    Rejected,
    RemoteRefused,
    RemoteUnavailable,
    SyncError,
)

GONE = "It was cancelled or deleted there after it was read."


@dataclass(slots=True)
class Writing:
    """One batch on its way; `errors` are the copies that were refused, each alone."""

    odoo: Odoo
    partner: int
    errors: dict[OrderName, SyncError] = field(default_factory=dict)

    def write(self, copies: Sequence[OrderCopy], found: Mapping[OrderName, FoundOrder]) -> None:
        changes = self._changes(copies, found)
        self._refuse_unfit_products(changes)
        self._step(changes, _is_cancelled, self._reopen)
        self._step(changes, _is_new, self._load_orders)
        self._spare_what_others_wrote(changes)
        self._step(changes, _has_new_lines, self._load_lines)
        self._step(changes, _has_quantities, self._load_quantities)
        again = [one.copy for one in changes if _may_exceed(one) and name_of(one.copy) not in self.errors]
        let_moves_follow(self.odoo, find(self.odoo, again).values())

    def _changes(self, copies: Sequence[OrderCopy], found: Mapping[OrderName, FoundOrder]) -> list[Change]:
        changes: list[Change] = []
        for copy in copies:
            order = found.get(name_of(copy))
            if not copy.may_make and (order is None or order.state == CANCELLED):
                self.errors[name_of(copy)] = RemoteUnavailable(GONE)
                continue
            try:
                changes.append(change_of(copy, order))
            except Rejected as error:
                self.errors[name_of(copy)] = error
        return changes

    def _step(
        self,
        changes: Sequence[Change],
        concerns: Callable[[Change], bool],
        do: Callable[[Sequence[Change]], None],
    ) -> None:
        some = [one for one in changes if concerns(one) and name_of(one.copy) not in self.errors]
        self.errors |= {name_of(one.copy): error for one, error in alone(some, do)}

    def _spare_what_others_wrote(self, changes: Sequence[Change]) -> None:
        """A second writer makes our creation a refusal of something that is there: it is read again."""
        refused = [one.copy for one in changes if _is_new(one) and name_of(one.copy) in self.errors]
        for name in find(self.odoo, refused):
            self.errors[name] = RemoteUnavailable("Somebody else wrote the order at the same time.")

    def _reopen(self, changes: Sequence[Change]) -> None:
        ids = [one.found.id for one in changes if one.found]
        self.odoo.write("sale.order", "action_draft", ids=ids)

    def _load_orders(self, changes: Sequence[Change]) -> None:
        if not self.partner:
            raise Misconfigured("No customer is set under whom Odoo keeps the orders of channels.")
        self._load(NEW_ORDERS, new_orders(changes, self.partner))

    def _load_lines(self, changes: Sequence[Change]) -> None:
        self._load(NEW_LINES, new_lines(changes))

    def _load_quantities(self, changes: Sequence[Change]) -> None:
        self._load(QUANTITIES, quantities(changes))

    def _load(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.odoo.write("sale.order", "load", fields=list(columns), data=rows)

    def _refuse_unfit_products(self, changes: Sequence[Change]) -> None:
        """Refuse in words for people what `load` refuses in its own, or takes although it is archived."""
        wanted = sorted({line.product for change in changes for line in change.new_lines})
        if not wanted:
            return
        rows = self.odoo.rows(
            "product.product",
            "search_read",
            domain=[["id", "in", wanted]],
            fields=["display_name", "active", "company_id"],
            load=None,
            context={"active_test": False},
        )
        known = {row["id"]: row for row in rows}
        for change in changes:
            for line in change.new_lines:
                row = known.get(line.product)
                if why := _unfit(row, self.odoo.company):
                    called = words(row or {}, "display_name") or clean(line.label)
                    told = f"Product {line.product} ({called}) {why}."
                    self.errors.setdefault(name_of(change.copy), RemoteRefused(told))


def _unfit(row: Row | None, company: int) -> str:
    if row is None:
        return "is not in Odoo any more, or belongs to another company"
    if row.get("active") is False:
        return "is archived in Odoo"
    return "belongs to another company in Odoo" if ref(row, "company_id") not in (0, company) else ""


def _is_cancelled(change: Change) -> bool:
    return change.found is not None and change.found.state == CANCELLED


def _is_new(change: Change) -> bool:
    return change.found is None and bool(change.lines)


def _has_new_lines(change: Change) -> bool:
    return change.found is not None and bool(change.new_lines)


def _has_quantities(change: Change) -> bool:
    return change.found is not None and bool(change.quantities)


def _may_exceed(change: Change) -> bool:
    """Whether moves may be too high by now, from this change or from one that broke off before."""
    found = change.found
    return found is not None and found.state in CONFIRMED and (bool(change.quantities) or found.has_excess)
