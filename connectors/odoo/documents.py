"""Mirror movements that others decide: one picking per document, under a name that Odoo keeps unique.

Read by name, create what is absent in one call, validate what is open in one call, read again: what the last
reading shows is the result, whatever the answers said (Odoo opens windows before its work and after it). A
document that is refused for good is deleted or cancelled under another name, so that its name is free and
nobody books it by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.odoo.batches import alone, chunks
from connectors.odoo.cells import is_id, objects, words
from connectors.odoo.database import Database
from connectors.odoo.document_values import (
    CONTENT,
    Booking,
    booking_of,
    check_goods,
    picking_of,
    says_the_same,
    sums,
)
from connectors.odoo.endpoints import Endpoints
from connectors.odoo.faults import not_applied, window_of
from connectors.odoo.goods import LotKey, make_lots, read_lots, read_products
from connectors.odoo.wire import Odoo, Rows
from inventory_sync.domain.commands import DocumentState, Done, MirrorDocument
from inventory_sync.domain.errors import (
    CancelledThere,
    LeftOpen,
    Misconfigured,
    NotApplied,
    OutcomeUnknown,
    Rejected,
    RemoteRefused,
    SyncError,
)

BATCH = 100
NAMES = 500
# It has happened, so Odoo need not ask whether to tell customers, or whether expired goods may leave.
UNASKED = {"skip_sms": True, "skip_expired": True}
STATES = {"done": DocumentState.BOOKED, "cancel": DocumentState.CANCELLED}


class MirrorsStock:
    """The client's Mirror."""

    odoo: Odoo
    endpoints: Endpoints
    database: Database

    def read_documents(self, names: Sequence[str]) -> Mapping[str, DocumentState]:
        found: dict[str, DocumentState] = {}
        for some in chunks(list(dict.fromkeys(names)), NAMES):
            known = {words(row, "name"): _state(row) for row in read_pickings(self.odoo, some, ["state"])}
            found |= {name: known.get(name, DocumentState.ABSENT) for name in some}
        return found

    def book_documents(self, documents: Sequence[MirrorDocument]) -> list[Done]:
        done: list[Done] = []
        for some in chunks(documents, BATCH):
            named = {each.name: each for each in some}
            done += Batch(self.odoo, self.endpoints, self.database, named).book()
        return done


def read_pickings(odoo: Odoo, names: Sequence[str], fields: Sequence[str]) -> Rows:
    domain = [["name", "in", list(names)], ["company_id", "=", odoo.company]]
    return odoo.rows(
        "stock.picking", "search_read", domain=domain, fields=["name", *fields], order="id", load=None
    )


def _state(row: Mapping[str, Any]) -> DocumentState:
    return STATES.get(words(row, "state"), DocumentState.OPEN)


@dataclass(slots=True)
class Batch:
    """Documents on their way; `errors` by name, `open` the pickings to be validated."""

    odoo: Odoo
    endpoints: Endpoints
    database: Database
    documents: Mapping[str, MirrorDocument]
    errors: dict[str, Rejected] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)

    def book(self) -> list[Done]:
        there = self._read()
        missing = [name for name in self.documents if _state_of(there, name) is not DocumentState.BOOKED]
        bookings = self._bookings([name for name in missing if name not in self._cancelled(there)])
        absent = self._settle_open(there, bookings)
        self.errors |= {booking.name: error for booking, error in alone(absent, self._create)}
        for (name, number), error in alone(list(self.open.items()), self._validate):
            self.errors[name] = error
            self._discard(name, number)
        left = self._read(states_only=True) if missing else there
        return [self._result(name, left) for name in self.documents]

    # ── what is there ────────────────────────────────────────────────────────────────────────────────

    def _read(self, *, states_only: bool = False) -> dict[str, Mapping[str, Any]]:
        names = list(self.documents)
        if states_only:
            rows = read_pickings(self.odoo, names, ["state"])
        else:
            domain = [["name", "in", names], ["company_id", "=", self.odoo.company]]
            rows = self.odoo.rows(
                "stock.picking", "web_search_read", domain=domain, specification=CONTENT, order="id"
            )
        return {words(row, "name"): row for row in rows}

    def _cancelled(self, there: Mapping[str, Mapping[str, Any]]) -> set[str]:
        found = {name for name in self.documents if _state_of(there, name) is DocumentState.CANCELLED}
        for name in found:
            self.errors[name] = CancelledThere(f"{name} was cancelled in Odoo.")
        return found

    def _settle_open(
        self, there: Mapping[str, Mapping[str, Any]], bookings: Mapping[str, Booking]
    ) -> list[Booking]:
        """Note what is open as it should be, delete what is not, and return what has to be created."""
        waiting = {name: row for name, row in there.items() if _state(row) is DocumentState.OPEN}
        for name, row in waiting.items():
            booking = bookings.get(name)
            if booking is not None and says_the_same(booking, objects(row, "move_ids")):
                self.open[name] = int(row["id"])
            else:
                self._discard(name, int(row["id"]))
        return [booking for name, booking in bookings.items() if name not in self.open]

    # ── what is to be written ────────────────────────────────────────────────────────────────────────

    def _bookings(self, names: Sequence[str]) -> dict[str, Booking]:
        """Return what can be booked, in Odoo's ids; what cannot goes to the errors."""
        wanted: dict[str, MirrorDocument] = {}
        for name in names:
            try:
                sums(self.documents[name])
            except Rejected as error:
                self.errors[name] = error
            else:
                wanted[name] = self.documents[name]
        ids = {product for each in wanted.values() for product, _ in sums(each)}
        products = read_products(self.odoo, ids, storable_flag=self.database.shape.storable) if ids else {}
        fit: dict[str, MirrorDocument] = {}
        for name, document in wanted.items():
            try:
                check_goods(document, products, self.odoo.company)
            except Rejected as error:
                self.errors[name] = error
            else:
                fit[name] = document
        lots = self._lots(fit.values())
        bookings: dict[str, Booking] = {}
        for name, document in fit.items():
            try:
                route = self.endpoints.route(document.location_ref, document.reason, arrives=document.arrives)
                bookings[name] = booking_of(document, route, products, lots)
            except Rejected as error:
                self.errors[name] = error
        return bookings

    def _lots(self, documents: Any) -> dict[LotKey, int]:
        """Return the lots of these documents; one that arrives may be new to Odoo."""
        arriving: set[LotKey] = set()
        leaving: set[LotKey] = set()
        for document in documents:
            (arriving if document.arrives else leaving).update(key for key in sums(document) if key[1])
        return make_lots(self.odoo, arriving) | read_lots(self.odoo, leaving - arriving)

    # ── calls that change something ──────────────────────────────────────────────────────────────────

    def _create(self, bookings: Sequence[Booking]) -> None:
        named = self.endpoints.moves_have_names()
        values = [picking_of(booking, moves_have_names=named) for booking in bookings]
        try:
            ids = self.odoo.write("stock.picking", "create", vals_list=values)
        except RemoteRefused:
            # A second writer may have been quicker with some of them: theirs are as good as ours.
            quicker = read_pickings(self.odoo, [booking.name for booking in bookings], ["state"])
            if not quicker:
                raise
            self.open |= {
                words(row, "name"): int(row["id"]) for row in quicker if _state(row) is DocumentState.OPEN
            }
            known = {words(row, "name") for row in quicker}
            rest = [booking for booking in bookings if booking.name not in known]
            if rest:
                self._create(rest)
            return
        if not isinstance(ids, list) or len(ids) != len(bookings) or not all(is_id(one) for one in ids):
            raise OutcomeUnknown("Odoo's answer to stock.picking.create names no ids.")
        self.open |= {booking.name: int(one) for booking, one in zip(bookings, ids, strict=True)}

    def _validate(self, some: Sequence[tuple[str, int]]) -> None:
        ids = [number for _, number in some]
        # A window may also come after the work is done (a report to print), so it is looked at, not believed.
        result = self.odoo.write(
            "stock.picking", "button_validate", window_is_fine=True, ids=ids, context=UNASKED
        )
        if window := window_of(result):
            rows = self.odoo.rows("stock.picking", "read", ids=ids, fields=["state"], load=None)
            if not all(words(row, "state") == "done" for row in rows):
                raise not_applied(window, "stock.picking.button_validate")

    def _discard(self, name: str, number: int) -> None:
        """Delete a picking that is not booked; who may not delete cancels it and gives its name back.

        Users of Inventory may delete transfers and not their moves, so for them this is the usual way. What
        is done by now stays as it is: 19 cancels what was thrown away without a word, and does nothing.
        """
        try:
            self.odoo.write("stock.picking", "unlink", ids=[number])
            return
        except (Rejected, Misconfigured):
            pass
        try:
            self.odoo.write("stock.picking", "action_cancel", ids=[number])
            rows = self.odoo.rows("stock.picking", "read", ids=[number], fields=["state"], load=None)
            if any(_state(row) is DocumentState.CANCELLED for row in rows):
                values = {"name": f"{name} ({number})"}
                self.odoo.write("stock.picking", "write", ids=[number], vals=values)
        except Rejected:
            return

    def _result(self, name: str, left: Mapping[str, Mapping[str, Any]]) -> Done:
        state = _state_of(left, name)
        error: SyncError | None = self.errors.get(name)
        if state is DocumentState.BOOKED:
            return Done(name)
        if state is DocumentState.OPEN and error is not None:
            error = LeftOpen(f"{name} stands open in Odoo and could not be removed: {error.detail}")
        return Done(name, error or NotApplied(f"Odoo said yes and did not book {name}."))


def _state_of(there: Mapping[str, Mapping[str, Any]], name: str) -> DocumentState:
    return _state(there[name]) if name in there else DocumentState.ABSENT
