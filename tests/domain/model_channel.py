"""A shop in twenty lines, with every unkindness a lane must live with, and a hub that writes to it.

The shop lowers its own figure when it sells, shows an order to a pull only some seconds later, and a request
whose answer was lost may land long after it was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.domain.lane import Aim, ListingState, aim, begin, is_due, note_news, owe
from inventory_sync.domain.sandwich import (
    AlreadyThere,
    Outcome,
    PullAgain,
    Report,
    Settled,
    StillOwed,
    Write,
    decide_write,
    note_read,
    settle,
    stand_down,
)
from tests.domain.books import NOON

VISIBLE_WITHIN = timedelta(seconds=4)
LONGEST_LIFE = timedelta(seconds=30)
LEASE = timedelta(seconds=10)
SECOND = timedelta(seconds=1)

ANSWERED, ANSWER_LOST, LANDS_LATE, REFUSED, CRASHED = (
    "answered",
    "answer lost",
    "lands late",
    "refused",
    "crash",
)


@dataclass
class Shop:
    shown: int
    physical: int
    now: datetime = NOON
    orders: list[datetime] = field(default_factory=list)  # when each unpulled order becomes visible
    in_the_air: list[tuple[datetime, int]] = field(default_factory=list)

    def tick(self, seconds: float = 1) -> None:
        self.now += timedelta(seconds=seconds)
        for request in sorted(self.in_the_air):
            if request[0] <= self.now:
                self.in_the_air.remove(request)
                self.shown = request[1]

    def sell(self) -> None:
        if self.shown > 0:
            self.shown -= 1
            self.physical -= 1
            self.orders.append(self.now + VISIBLE_WITHIN)

    def pull(self) -> int:
        visible = [order for order in self.orders if order <= self.now]
        self.orders = [order for order in self.orders if order > self.now]
        return len(visible)

    def write(self, figure: int, fate: str) -> Outcome | None:
        """Take a write; None means the writer died with it."""
        if fate in {LANDS_LATE, CRASHED}:
            self.in_the_air.append((self.now + LONGEST_LIFE - SECOND, figure))
            return None if fate == CRASHED else Outcome.AMBIGUOUS
        if fate != REFUSED:
            self.shown = figure
        return {ANSWERED: Outcome.ACCEPTED, REFUSED: Outcome.REFUSED, ANSWER_LOST: Outcome.AMBIGUOUS}[fate]


class Hub:
    """Knows the stock and the orders it was told; runs the real lane rules."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.stock = shop.physical
        self.version = 0
        self.state = ListingState("mug", observed=Decimal(shop.shown))
        self.writes: list[Aim] = []
        self.recompute()

    def recompute(self) -> None:
        self.version += 1
        self.state = owe(self.state, Decimal(self.stock), self.version, now=self.shop.now)

    def receive(self, units: int) -> None:
        """Stock arrives on the shelf."""
        self.stock += units
        self.shop.physical += units
        self.recompute()

    def pull(self) -> datetime:
        began = self.shop.now
        for _ in range(self.shop.pull()):
            self.stock -= 1
            self.state = note_news(self.state, now=began, lowered=Decimal(1))
        return began

    def flight(self, fate: str = ANSWERED) -> Iterator[Settled | StillOwed | None]:
        """One sandwich; yields None between its steps, so that anything may happen there."""
        shop = self.shop
        if not is_due(self.state, shop.now):
            return
        self.state = begin(self.state, now=shop.now, lease=LEASE, longest_life=LONGEST_LIFE)
        token = self.state.token
        yield None
        read = Decimal(shop.shown)
        yield None
        pulled_at = self.pull()
        self.state = note_read(
            self.state, read, now=shop.now, pulled_at=pulled_at, visible_within=VISIBLE_WITHIN
        ).state
        self.recompute()
        decision = decide_write(self.state, visible_within=VISIBLE_WITHIN)
        if not isinstance(decision, Write | AlreadyThere):
            until = decision.after if isinstance(decision, PullAgain) else shop.now
            self.state = stand_down(self.state, token, until=until)
            return
        self.state = aim(self.state)
        yield None
        outcome: Outcome | None = Outcome.NOT_SENT
        if isinstance(decision, Write):
            assert self.state.in_flight is not None
            assert self.state.in_flight.aim is not None
            self.writes.append(self.state.in_flight.aim)
            outcome = shop.write(int(decision.figure), fate)
        if outcome is None:
            return
        yield None
        read_after = Decimal(shop.shown)
        yield None
        self.pull()
        report = Report(token, outcome, read_after, self.state.news)
        settling = settle(self.state, report, now=shop.now, longest_life=LONGEST_LIFE, retry_in=SECOND)
        self.state = settling.state
        yield settling.verdict

    def fly(
        self, fate: str = ANSWERED, between: Callable[[], None] = lambda: None
    ) -> Settled | StillOwed | None:
        """Run one whole sandwich and return its verdict, None if nothing was due or sent."""
        verdict = None
        for step in self.flight(fate):
            verdict = step
            if step is None:
                between()
        return verdict
