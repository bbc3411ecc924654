"""One target with its own books, one store of copies, and as many workers as are killed; no database."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random

from inventory_sync.domain.commands import CopyLine, OrderCopy
from inventory_sync.workflows.ports import Row, State
from inventory_sync.workflows.sending import Sending, send
from tests.factories import NOON
from tests.workflows.erp import LIFE, Erp, Killed
from tests.workflows.memory import Memory


class World:
    """Time passes when told; `settle` lets it pass without faults."""

    def __init__(self, seed: int = 1) -> None:
        self.random = Random(seed)
        self.now = NOON
        self.erp = Erp(now=lambda: self.now, when=self.random.random)
        self.store = Memory()

    def want(self, number: int = 1, *quantities: int, cancelled: bool = False) -> None:
        lines = tuple(
            CopyLine(str(line), f"product:{line}", Decimal(quantity))
            for line, quantity in enumerate(quantities, start=1)
        )
        copy = OrderCopy("shop", f"o{number}", "warehouse:1", f"#{number}", lines, cancelled)
        self.store.want(number, copy, now=self.now)

    def work(self, *, stop_after: int = 40) -> None:
        """Let one worker work until it has nothing to do or is killed."""
        self.store.dead = False
        turns = iter(range(stop_after))
        try:
            send(self.worker(), until=lambda: next(turns, None) is None)
        except Killed:
            self.store.dead = True

    def worker(self) -> Sending:
        return Sending(1, "erp", self.erp, LIFE, self.store, self.store, lambda: self.now, self.random.random)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.erp.land()

    def row(self, number: int = 1) -> Row:
        return self.store.rows[number]

    def there(self, number: int = 1) -> tuple[str, list[int]]:
        document = self.erp.documents.get(("shop", f"o{number}", "warehouse:1"))
        if document is None:
            return ("absent", [])
        return (document.state.value, [int(each) for _, each in sorted(document.lines.items())])

    def settle(self) -> None:
        """Let time pass without faults until nothing is owed."""
        self.erp.fault = lambda step: ""
        self.store.die = lambda: False
        for _ in range(60):
            self.work()
            if all(row.state is not State.OWED for row in self.store.rows.values()) and not self.erp.late:
                return
            self.wait(61)
        raise AssertionError(f"It does not come to rest: {self.store.rows}")
