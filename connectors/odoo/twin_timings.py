"""What calls cost on a real server, so that a benchmark against the twin feels them.

Measured on Odoo 18.0 and 19.0 with two HTTP workers on two busy cores (30 % either way; trust the ratios).
Every call holds one of the workers for its time; more callers than workers wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

WORKERS = 2
# (model or "*", method): (seconds per call, seconds per record), for 18 and 19
COSTS: dict[int, dict[tuple[str, str], tuple[float, float]]] = {
    18: {
        ("*", "read"): (0.010, 0.0001), ("*", "write"): (0.020, 0.0005), ("*", "create"): (0.030, 0.005),
        ("*", "load"): (0.060, 0.050), ("*", "*"): (0.020, 0.002),
        ("*", "search_read"): (0.012, 0.00004), ("*", "web_read"): (0.010, 0.0001),
        ("*", "web_search_read"): (0.012, 0.0003),
        ("stock.quant", "create"): (0.030, 0.006), ("stock.quant", "action_apply_inventory"): (0.045, 0.006),
        ("stock.picking", "create"): (0.070, 0.008), ("stock.picking", "button_validate"): (0.055, 0.012),
        ("sale.order", "create"): (0.100, 0.020), ("sale.order", "action_confirm"): (0.140, 0.040),
        ("sale.order", "action_cancel"): (0.070, 0.010),
    },
    19: {
        ("*", "read"): (0.008, 0.0001), ("*", "write"): (0.014, 0.0004), ("*", "create"): (0.030, 0.004),
        ("*", "load"): (0.060, 0.040), ("*", "*"): (0.020, 0.002),
        ("*", "search_read"): (0.010, 0.00004), ("*", "web_read"): (0.010, 0.0001),
        ("*", "web_search_read"): (0.012, 0.0003),
        ("stock.quant", "create"): (0.025, 0.003), ("stock.quant", "action_apply_inventory"): (0.040, 0.004),
        ("stock.picking", "create"): (0.070, 0.010), ("stock.picking", "button_validate"): (0.050, 0.009),
        ("sale.order", "create"): (0.085, 0.015), ("sale.order", "action_confirm"): (0.080, 0.030),
        ("sale.order", "action_cancel"): (0.070, 0.010),
    },
}  # fmt: skip


class Workers:
    """Two workers that are each busy as long as a call costs."""

    def __init__(self, version: int, sleep: Callable[[float], None], count: int = WORKERS) -> None:
        self._costs, self._sleep = COSTS[version], sleep
        self._free = threading.BoundedSemaphore(count)

    @contextmanager
    def busy(self, model: str, method: str) -> Iterator[list[Any]]:
        """Hold a worker for the block; what the block appends says how many records it was about."""
        with self._free:
            counted: list[Any] = []
            yield counted
            self._sleep(self.cost(model, method, len(counted)))

    def cost(self, model: str, method: str, records: int) -> float:
        for key in ((model, method), ("*", method), ("*", "*")):
            if key in self._costs:
                call, each = self._costs[key]
                return call + each * records
        return 0.0
