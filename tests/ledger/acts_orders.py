"""What happens to orders: at their source, and on the way from there to us."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from inventory_sync.domain.external import OrderStatus
from tests.ledger.machine import LedgerMachine
from tests.ledger.reports import gone

PICK = st.integers(0, 2**16)
FEW = st.integers(1, 5)
WANTS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), min_size=1, max_size=3)


class OrderActs(LedgerMachine):
    """Rules about orders."""

    @rule(pick=PICK, wants=WANTS)
    def an_order_is_placed(self, pick: int, wants: list[tuple[int, int]]) -> None:
        """Up to three lines; the same item may stand in several."""
        self.acts["an order is placed"] += 1
        lines = [(self.stage.items[item], quantity) for item, quantity in wants]
        self.tell(orders=[self.place_order(pick, lines)])

    @rule(pick=PICK, kits=st.integers(1, 2), loose=st.integers(1, 3))
    def a_kit_is_sold_beside_its_component(self, pick: int, kits: int, loose: int) -> None:
        self.acts["a kit is sold beside its component"] += 1
        self.tell(orders=[self.place_order(pick, [(self.stage.kit, kits), (self.stage.items[0], loose)])])

    @rule(pick=PICK, wants=WANTS)
    def an_unpaid_order_holds_stock(self, pick: int, wants: list[tuple[int, int]]) -> None:
        self.acts["an unpaid order holds stock"] += 1
        lines = [(self.stage.items[item], quantity) for item, quantity in wants]
        self.tell(orders=[self.place_order(pick, lines, OrderStatus.UNPAID)])

    @precondition(lambda self: self.source)
    @rule(pick=PICK, more=st.integers(1, 3))
    def a_line_is_raised(self, pick: int, more: int) -> None:
        self.acts["a line is raised"] += 1
        self.amend(pick, lambda line: replace(line, quantity=line.quantity + more))

    @precondition(lambda self: self.source)
    @rule(pick=PICK, less=st.integers(1, 3))
    def a_line_is_lowered(self, pick: int, less: int) -> None:
        """Refunded before it was delivered: to nothing, perhaps."""
        self.acts["a line is lowered"] += 1
        self.amend(pick, lambda line: replace(line, quantity=max(Decimal(0), line.quantity - less)))

    @precondition(lambda self: self.source)
    @rule(pick=PICK)
    def a_line_becomes_another_article(self, pick: int) -> None:
        self.acts["a line becomes another article"] += 1
        sold = (*self.stage.items, self.stage.kit)
        self.amend(pick, lambda line: replace(line, item_id=sold[pick % len(sold)]))

    @precondition(lambda self: self.source)
    @rule(pick=PICK)
    def a_line_disappears(self, pick: int) -> None:
        self.acts["a line disappears"] += 1
        newest = self.newest(pick)
        self.change(newest, lines=newest.lines[:-1] or newest.lines)

    @precondition(lambda self: self.source)
    @rule(pick=PICK)
    def an_order_is_cancelled(self, pick: int) -> None:
        self.acts["an order is cancelled"] += 1
        self.change(self.newest(pick), status=OrderStatus.CANCELLED)

    @precondition(lambda self: self.source)
    @rule(pick=PICK)
    def a_payment_fails(self, pick: int) -> None:
        self.acts["a payment fails"] += 1
        self.change(self.newest(pick), status=OrderStatus.RELEASED)

    @precondition(lambda self: self.source)
    @rule(pick=PICK)
    def an_order_is_paid_or_reopened(self, pick: int) -> None:
        """Whatever it was: held, expired, cancelled, in the bin."""
        self.acts["an order is paid or reopened"] += 1
        self.change(self.newest(pick), status=OrderStatus.COMMITTED)

    @precondition(lambda self: self.source)
    @rule(pick=PICK)
    def the_shop_says_it_shipped(self, pick: int) -> None:
        self.acts["the shop says it shipped"] += 1
        self.change(self.newest(pick), status=OrderStatus.SHIPPED)

    @precondition(lambda self: self.source)
    @rule(pick=PICK, more=FEW)
    def an_order_changes_and_nobody_hears(self, pick: int, more: int) -> None:
        self.acts["an order changes and nobody hears"] += 1
        newest = self.newest(pick)
        lines = tuple(replace(line, quantity=Decimal(more)) for line in newest.lines)
        self.append(replace(newest, stamp=newest.stamp + 1, lines=lines))

    @precondition(lambda self: self.source)
    @rule(pick=PICK, more=FEW)
    def an_order_changes_within_the_second(self, pick: int, more: int) -> None:
        """Equal stamp, other content: only reading tells which is later."""
        self.acts["an order changes within the second"] += 1
        newest = self.newest(pick)
        lines = tuple(replace(line, quantity=line.quantity + more) for line in newest.lines)
        event = self.append(replace(newest, lines=lines))
        standing = self.facts.version(event.key)
        applied = self.tell(orders=[event])
        if standing is not None and not standing.gone and standing.stamp == event.stamp:
            assert event.key in applied.decided.needs_reading

    @precondition(lambda self: self.source)
    @rule(pick=PICK, which=PICK)
    def a_version_arrives_late_or_again(self, pick: int, which: int) -> None:
        self.acts["a version arrives late or again"] += 1
        versions = self.source[self.key(pick)]
        self.tell(orders=[versions[which % len(versions)]])

    @precondition(lambda self: self.source)
    @rule(pick=PICK)
    def an_order_is_deleted(self, pick: int) -> None:
        self.acts["an order is deleted"] += 1
        connection, ref = self.key(pick)
        event = gone(ref, by=connection)
        self.source[connection, ref].append(event)
        self.tell(orders=[event])

    @precondition(lambda self: self.source)
    @rule(pick=PICK, vanished=st.booleans())
    def an_order_is_read_again(self, pick: int, vanished: bool) -> None:
        """And is found as it is at its source, or gone without a word."""
        self.acts["an order is read again"] += 1
        key = self.key(pick)
        if vanished and pick % 4 == 0:
            self.source[key].append(gone(key[1], by=key[0]))
        self.tell(orders=[self.read(key)])
