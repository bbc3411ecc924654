"""A machine that does to a ledger on PostgreSQL everything that happens to one, in any order, many times.

Hypothesis chooses the rules. The shops are simulated as they are: an order changes at its source, whether or
not anybody hears of it; any version may arrive late, twice or never; what only a reading can settle is read
at once. After every rule the rows must say what the plain list of facts says (facts.py), and at the end the
same facts in another order, cut into other batches, must leave the same state hash.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine

from inventory_sync.domain.external import OrderStatus, Reason
from inventory_sync.domain.requests import Act
from inventory_sync.ledger import selectors
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.orders import expire_holds
from inventory_sync.ledger.request_types import Request, Terms
from inventory_sync.ledger.requests import decide_requests
from inventory_sync.ledger.types import (
    Applied,
    OrderEvent,
    OrderEventLine,
    OrderKey,
    Refused,
    StockEvent,
)
from tests.ledger.reports import START, delta, gone, order, shipment
from tests.ledger.stage import Stage, differences

HOLD = timedelta(minutes=20)
Told = tuple[tuple[StockEvent, ...], tuple[OrderEvent, ...]]


class LedgerMachine(RuleBasedStateMachine):
    """Subclassed per run: `stage` is made before and shared by all examples, `acts` counts the rules."""

    stage: Stage
    acts: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.now = START + timedelta(hours=1)
        self.facts = self.stage.facts()
        self.told: list[Told] = []
        self.source: dict[OrderKey, list[OrderEvent]] = {}
        self.readings = 0
        self.numbers = 0
        self.begun: list[int] = []  # readings of the books that still go on
        self.asked: dict[OrderKey, Request] = {}  # the last content that was asked for
        self._play = self.stage.play()
        self._play.__enter__()
        self.seen = self.stage.seen()

    # ── telling ──────────────────────────────────────────────────────────────────────────────────────
    def tell(self, events: Sequence[StockEvent] = (), orders: Sequence[OrderEvent] = ()) -> Applied:
        """Apply one batch, read what only a reading settles, and compare everything."""
        applied = self.apply(events, orders)
        self.compare()
        return applied

    def apply(self, events: Sequence[StockEvent], orders: Sequence[OrderEvent]) -> Applied:
        applied = apply_batch(events, orders, store=self.stage.world.store, now=self.now)
        assert not applied.posted.refused
        self.facts.tell(events, orders)
        self.told.append((tuple(events), tuple(orders)))
        for key in applied.decided.needs_reading:
            self.apply((), [self.read(key)])
        return applied

    def refused(self, events: Sequence[StockEvent]) -> tuple[Refused, ...]:
        """Apply what must be refused; nothing may come of it."""
        applied = apply_batch(events, (), store=self.stage.world.store, now=self.now)
        self.compare()
        return applied.posted.refused

    def compare(self) -> None:
        """The rows say what the facts say, and what differs from the last look is marked dirty."""
        before, seen = self.seen, self.stage.seen()
        wrong = differences(seen, self.facts, self.now)
        assert not wrong, "\n".join(wrong)
        moved = {item for item, _ in _changed(before.on_hand, seen.on_hand)}
        moved |= _changed(before.per_item(), seen.per_item())
        assert moved <= self.stage.cleaned(), "an item changed and is not marked dirty"
        self.seen = seen

    def read(self, key: OrderKey) -> OrderEvent:
        """Read an order at its source, as it is there now."""
        self.readings += 1
        newest = self.source[key][-1]
        if newest.gone:
            return gone(key[1], by=key[0], reading=self.readings)
        return replace(newest, reading=self.readings)

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def at(self, earlier: int) -> int:
        """Return a moment some minutes before now, as the helpers of reports.py count."""
        return int((self.now - START).total_seconds()) // 60 - earlier

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────
    def teardown(self) -> None:
        """The same facts in another order, cut into other batches, leave the same state."""
        try:
            self._give_back_what_was_asked()
            for key in sorted(self._undecidable()):
                self.apply((), [self.read(key)])
            self.compare()
            first = selectors.state_hash()
        finally:
            self._play.__exit__(None, None, None)
        with self.stage.play():
            self._replay()
            assert selectors.state_hash() == first, "the order of arrival changed the state"

    def _replay(self) -> None:
        """Tell everything anew, shuffled, some of it twice, by a chance that the facts themselves fix."""
        chance = random.Random(repr(self.acts.total()) + repr(len(self.facts.events)))
        each_one: list[StockEvent | OrderEvent] = [*self.facts.events, *self.facts.orders]
        each_one += chance.sample(each_one, len(each_one) // 4)
        chance.shuffle(each_one)
        while each_one:
            size = chance.choice((3, 8, 20))
            batch, each_one = each_one[:size], each_one[size:]
            applied = apply_batch(
                [each for each in batch if isinstance(each, StockEvent)],
                [each for each in batch if isinstance(each, OrderEvent)],
                store=self.stage.world.store,
                now=self.now,
            )
            for key in applied.decided.needs_reading:
                apply_batch((), [self.read(key)], store=self.stage.world.store, now=self.now)
        expire_holds(store=self.stage.world.store, now=self.now)

    def _give_back_what_was_asked(self) -> None:
        """End all requests: who is refused depends on who came first, and on nothing else."""
        requests = [Request(Act.CANCEL, *key) for key in self.asked]
        if requests:
            terms = {shop: Terms(pool=pool) for shop, pool in self.stage.pools.items()}
            decide_requests(requests, terms=terms, store=self.stage.world.store, now=self.now)
        self.facts.asked.clear()

    def _undecidable(self) -> set[OrderKey]:
        """Return the orders of which two contents have one stamp, or that were gone for a while."""
        contents: dict[tuple[OrderKey, int], set[str]] = {}
        for each in self.facts.orders:
            contents.setdefault((each.key, each.stamp), set()).add(each.fingerprint)
        several = {key for (key, _), told in contents.items() if len(told) > 1}
        return several | {each.key for each in self.facts.orders if each.gone}

    # ── making things ────────────────────────────────────────────────────────────────────────────────
    def item(self, pick: int) -> int:
        return self.stage.items[pick % len(self.stage.items)]

    def place(self, pick: int) -> int:
        return self.stage.places[pick % len(self.stage.places)]

    def key(self, pick: int) -> OrderKey:
        keys = list(self.source)
        return keys[pick % len(keys)]

    def newest(self, pick: int) -> OrderEvent:
        """Return the newest content of an order, from before it was deleted if it was."""
        return next(each for each in reversed(self.source[self.key(pick)]) if not each.gone)

    def move(self, pick: int, quantity: int, earlier: int, tie: int | None, reason: Reason) -> StockEvent:
        return delta(
            f"m{self.number()}", self.item(pick), self.place(pick // 3), quantity, self.at(earlier),
            by=self.stage.till, sequence=tie, reason=reason,
        )  # fmt: skip

    def ship(self, pick: int, item: int, quantity: int, key: OrderKey, line: str, earlier: int) -> StockEvent:
        return shipment(
            f"s{self.number()}", item, self.place(pick), quantity, key[1], line, self.at(earlier),
            by=self.stage.till, source=self.stage.codes[key[0]],
        )  # fmt: skip

    def place_order(
        self, pick: int, lines: Iterable[tuple[int, int]], status: OrderStatus = OrderStatus.COMMITTED
    ) -> OrderEvent:
        shop = self.stage.shops[pick % 2]
        wanted = dict(zip("abcd", lines, strict=False))
        placed = order(f"o{self.number()}", wanted, by=shop, pool=self.stage.pools[shop], status=status,
                       placed_at=self.now)  # fmt: skip
        return self.append(placed)

    def amend(self, pick: int, change: Callable[[OrderEventLine], OrderEventLine]) -> None:
        newest = self.newest(pick)
        which = pick % len(newest.lines)
        lines = [change(line) if place == which else line for place, line in enumerate(newest.lines)]
        self.change(newest, lines=tuple(lines))

    def change(self, newest: OrderEvent, **values: Any) -> None:
        """A newer version at the source, and somebody tells us."""
        self.tell(orders=[self.append(replace(newest, stamp=newest.stamp + 1, **values))])

    def append(self, version: OrderEvent) -> OrderEvent:
        unpaid = version.status is OrderStatus.UNPAID
        placed: datetime = version.placed_at or self.now
        content = [(line.line_ref, line.item_id, int(line.quantity)) for line in version.lines]
        made = replace(
            version, reading=0, expires_at=placed + HOLD if unpaid else None,
            fingerprint=repr((version.status, content))[:64],
        )  # fmt: skip
        self.source.setdefault(made.key, []).append(made)
        return made


def _changed(before: dict[Any, Decimal], after: dict[Any, Decimal]) -> set[Any]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
