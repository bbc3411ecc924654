"""What happens to goods: they arrive, leave, move, are counted, and are reported late, wrong and twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from inventory_sync.domain.external import Reason
from inventory_sync.ledger.orders import expire_holds
from inventory_sync.ledger.types import EventKind, StockEvent
from tests.ledger.machine import LedgerMachine
from tests.ledger.reports import count, delta

PICK = st.integers(0, 2**16)
FEW = st.integers(1, 5)
EARLIER = st.sampled_from([0, 0, 1, 3, 8])  # minutes before now
TIE = st.sampled_from([None, None, 0, 1, 2])


class StockActs(LedgerMachine):
    """Rules about stock, its shipments, and time."""

    @rule(pick=PICK, quantity=FEW, earlier=EARLIER, tie=TIE)
    def goods_arrive(self, pick: int, quantity: int, earlier: int, tie: int | None) -> None:
        self.acts["goods arrive"] += 1
        self.tell([self.move(pick, quantity, earlier, tie, Reason.RECEIPT)])

    @rule(pick=PICK, quantity=FEW, earlier=EARLIER, tie=TIE)
    def the_till_sells(self, pick: int, quantity: int, earlier: int, tie: int | None) -> None:
        self.acts["the till sells"] += 1
        self.tell([self.move(pick, -quantity, earlier, tie, Reason.SALE)])

    @rule(pick=PICK, quantity=FEW)
    def goods_move_between_places(self, pick: int, quantity: int) -> None:
        self.acts["goods move between places"] += 1
        item, (here, there), number = self.item(pick), self.stage.places, self.number()
        out = delta(f"t{number}:out", item, here, -quantity, self.at(0), by=self.stage.till,
                    reason=Reason.TRANSFER_OUT)  # fmt: skip
        into = delta(f"t{number}:in", item, there, quantity, self.at(0), by=self.stage.till,
                     reason=Reason.TRANSFER_IN)  # fmt: skip
        self.tell([out, into])

    @rule(pick=PICK, found=st.integers(0, 9), earlier=EARLIER, tie=TIE)
    def a_shelf_is_counted(self, pick: int, found: int, earlier: int, tie: int | None) -> None:
        self.acts["a shelf is counted"] += 1
        item, place = self.item(pick), self.place(pick)
        name = f"c{self.number()}"
        self.tell([count(name, item, place, found, self.at(earlier), by=self.stage.till, sequence=tie)])

    @precondition(lambda self: any(each.kind is EventKind.COUNT for each in self.facts.events))
    @rule(pick=PICK, quantity=FEW, leaves=st.booleans())
    def a_movement_older_than_a_count_arrives(self, pick: int, quantity: int, leaves: bool) -> None:
        self.acts["a movement older than a count arrives"] += 1
        counts = [each for each in self.facts.events if each.kind is EventKind.COUNT]
        ruling = counts[pick % len(counts)]
        event = self.move(pick, -quantity if leaves else quantity, 0, None, Reason.ADJUSTMENT)
        earlier = ruling.occurred_at - timedelta(minutes=1)
        self.tell(
            [replace(event, item_id=ruling.item_id, location_id=ruling.location_id, occurred_at=earlier)]
        )

    @precondition(lambda self: self.correctable())
    @rule(pick=PICK, quantity=st.integers(0, 5), elsewhere=st.booleans())
    def a_report_is_corrected(self, pick: int, quantity: int, elsewhere: bool) -> None:
        """A higher revision: another quantity, perhaps of another item, at another place."""
        self.acts["a report is corrected"] += 1
        correctable = self.correctable()
        wrong = correctable[pick % len(correctable)]
        sign = -1 if wrong.quantity < 0 and wrong.kind is EventKind.DELTA else 1
        right = replace(wrong, revision=wrong.revision + 1, quantity=Decimal(sign * quantity))
        if elsewhere and wrong.fulfils is None:
            right = replace(right, item_id=self.item(pick), location_id=self.place(pick + 1))
        self.tell([right])

    def correctable(self) -> list[StockEvent]:
        return [each for each in self.facts.effective() if each.kind is not EventKind.FIGURE]

    # ── fulfilment ───────────────────────────────────────────────────────────────────────────────────
    @precondition(lambda self: self.source)
    @rule(pick=PICK, quantity=FEW, whole=st.booleans(), earlier=EARLIER)
    def the_authority_ships(self, pick: int, quantity: int, whole: bool, earlier: int) -> None:
        """All of a line or a part of it, from any place, perhaps more than was ordered."""
        self.acts["the authority ships"] += 1
        newest = self.newest(pick)
        line = newest.lines[pick % len(newest.lines)]
        parts = self.stage.recipe if line.item_id == self.stage.kit else {line.item_id: 1}
        items = list(parts) if whole else [list(parts)[pick % len(parts)]]
        self.tell(
            [
                self.ship(pick, item, int(line.quantity) * parts[item] if whole else quantity, newest.key,
                           line.line_ref, earlier)
                for item in items
            ]
        )  # fmt: skip

    @rule(pick=PICK, quantity=FEW)
    def a_shipment_comes_before_its_order(self, pick: int, quantity: int) -> None:
        """Of an order that may be placed later, or never."""
        self.acts["a shipment comes before its order"] += 1
        shop = self.stage.shops[pick % 2]
        ref = f"o{self.numbers + 1 + pick % 3}"
        self.tell([self.ship(pick, self.item(pick), quantity, (shop, ref), "a", 0)])

    @precondition(lambda self: any(each.fulfils for each in self.facts.events))
    @rule(pick=PICK, quantity=st.integers(0, 5))
    def a_shipment_is_corrected(self, pick: int, quantity: int) -> None:
        self.acts["a shipment is corrected"] += 1
        shipped = [each for each in self.facts.effective() if each.fulfils]
        wrong = shipped[pick % len(shipped)]
        self.tell([replace(wrong, revision=wrong.revision + 1, quantity=Decimal(-quantity))])

    # ── time and repetition ──────────────────────────────────────────────────────────────────────────
    @rule(minutes=st.sampled_from([1, 5, 25]))
    def time_passes_and_holds_end(self, minutes: int) -> None:
        self.acts["time passes and holds end"] += 1
        self.now += timedelta(minutes=minutes)
        expire_holds(store=self.stage.world.store, now=self.now)
        self.compare()

    @precondition(lambda self: self.told)
    @rule(pick=PICK, batches=st.integers(1, 3))
    def whole_batches_arrive_again(self, pick: int, batches: int) -> None:
        self.acts["whole batches arrive again"] += 1
        chosen = [self.told[(pick + step) % len(self.told)] for step in range(batches)]
        self.tell(
            [event for told in chosen for event in told[0]], [each for told in chosen for each in told[1]]
        )
