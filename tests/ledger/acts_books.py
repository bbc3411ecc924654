"""What an ERP's books say, reading by reading, of a place it keeps by figures; late readings too."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from inventory_sync.ledger.types import EventKind, StockEvent
from tests.ledger.machine import LedgerMachine
from tests.ledger.reports import delta, figure

PICK = st.integers(0, 2**16)


class BooksActs(LedgerMachine):
    """Rules about the place in figures mode."""

    @rule(pick=PICK, quantity=st.integers(0, 9), reserved=st.integers(0, 2), slow=st.booleans())
    def the_books_are_read(self, pick: int, quantity: int, reserved: int, slow: bool) -> None:
        """One figure with what it holds of some lines; a slow reading arrives after ones begun later."""
        self.acts["the books are read"] += 1
        self.tell([self._reading(pick, quantity, reserved, slow)])

    @precondition(lambda self: self.source)
    @rule(pick=PICK, quantity=st.integers(0, 9), delivered=st.booleans())
    def the_books_hold_a_line(self, pick: int, quantity: int, delivered: bool) -> None:
        """A whole line is assigned or delivered there, wherever it was routed."""
        self.acts["the books hold a line"] += 1
        newest = self.newest(pick)
        line = newest.lines[pick % len(newest.lines)]
        amount = int(line.quantity)
        held = {(newest.order_ref, line.line_ref): (amount, amount if delivered else 0)}
        item = self.item(pick) if line.item_id == self.stage.kit else line.item_id
        code = self.stage.codes[newest.connection_id]
        self.readings += 1
        self.tell([figure(item, self.stage.books, quantity, self.readings, by=self.stage.till, held=held,
                          source=code)])  # fmt: skip

    @rule(pick=PICK, quantity=st.integers(-3, 3))
    def a_line_of_the_books_is_told(self, pick: int, quantity: int) -> None:
        """It explains a figure and is never added to it."""
        self.acts["a line of the books is told"] += 1
        event = delta(f"b{self.number()}", self.item(pick), self.stage.books, quantity, self.at(0),
                      by=self.stage.till)  # fmt: skip
        applied = self.tell([event])
        assert event.item_id in applied.posted.read_again

    @precondition(lambda self: any(each.kind is EventKind.FIGURE for each in self.facts.events))
    @rule(pick=PICK)
    def a_figure_contradicts_its_reading(self, pick: int) -> None:
        """Two figures of one reading that differ: the second is refused, and nothing changes."""
        self.acts["a figure contradicts its reading"] += 1
        figures = [each for each in self.facts.events if each.kind is EventKind.FIGURE]
        first = figures[pick % len(figures)]
        other = replace(first, quantity=first.quantity + 1)
        refused = self.refused([other])
        assert [each.event for each in refused] == [other]

    def _reading(self, pick: int, quantity: int, reserved: int, slow: bool) -> StockEvent:
        self.readings += 1
        number = self.readings
        if slow and self.begun:
            number = self.begun.pop(0)
        elif slow:
            self.begun.append(number)
            self.readings = number = number + 1
        held = {}
        if self.source:
            newest = self.newest(pick)
            for line in newest.lines:
                amount = min(int(line.quantity), 1 + pick % 3)
                held[newest.order_ref, line.line_ref] = (amount, amount * (pick % 2))
            source = self.stage.codes[newest.connection_id]
        else:
            source = "shop"
        return figure(self.item(pick), self.stage.books, quantity, number, by=self.stage.till,
                      held=held, source=source, reserved=reserved)  # fmt: skip
