"""What calls cost on a real server, so that a benchmark against the twin feels them.

Measured on Odoo 18.0 and 19.0 with two HTTP workers on two busy cores (30 % either way; trust the ratios).
Every call holds one of the workers for its time; more callers than workers wait. That parallel counts in one
location collide and get slower than one by one is not played.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

WORKERS = 2
Cost = tuple[float, float]
# (model or "*", method): (seconds per call, seconds per record or line)
COSTS: dict[int, dict[tuple[str, str], Cost]] = {
    18: {
        ("*", "*"): (0.020, 0.002), ("*", "create"): (0.030, 0.005), ("*", "write"): (0.015, 0.001),
        ("*", "load"): (0.090, 0.020), ("*", "read"): (0.015, 0.00030),
        ("*", "search_read"): (0.019, 0.00031),
        ("*", "search_read unlabelled"): (0.008, 0.00004), ("*", "read unlabelled"): (0.006, 0.00004),
        ("*", "web_read"): (0.008, 0.00009), ("*", "web_search_read"): (0.012, 0.00030),
        ("*", "read_group"): (0.040, 0.0005),
        ("stock.quant", "create"): (0.045, 0.0060), ("stock.quant", "write"): (0.045, 0.0060),
        ("stock.quant", "action_apply_inventory"): (0.035, 0.0055),
        ("stock.picking", "create"): (0.060, 0.0045), ("stock.picking", "button_validate"): (0.055, 0.0120),
        ("sale.order", "create"): (0.100, 0.010), ("sale.order", "action_confirm"): (0.130, 0.010),
        ("sale.order", "action_cancel"): (0.070, 0.010),
    },
    19: {
        ("*", "*"): (0.018, 0.002), ("*", "create"): (0.025, 0.004), ("*", "write"): (0.012, 0.001),
        ("*", "load"): (0.070, 0.015), ("*", "read"): (0.007, 0.00016),
        ("*", "search_read"): (0.007, 0.00016),
        ("*", "search_read unlabelled"): (0.006, 0.00004), ("*", "read unlabelled"): (0.005, 0.00004),
        ("*", "web_read"): (0.008, 0.00009), ("*", "web_search_read"): (0.012, 0.00030),
        ("*", "formatted_read_group"): (0.030, 0.0004),
        ("stock.quant", "create"): (0.052, 0.0030), ("stock.quant", "write"): (0.052, 0.0030),
        ("stock.quant", "action_apply_inventory"): (0.030, 0.0035),
        ("stock.picking", "create"): (0.070, 0.0060), ("stock.picking", "button_validate"): (0.050, 0.0080),
        ("sale.order", "create"): (0.080, 0.006), ("sale.order", "action_confirm"): (0.080, 0.006),
        ("sale.order", "action_cancel"): (0.050, 0.006),
    },
}  # fmt: skip


class Workers:
    """Workers that are each busy as long as a call costs."""

    def __init__(self, version: int, sleep: Callable[[float], None], count: int = WORKERS) -> None:
        self._costs, self._sleep = COSTS[version], sleep
        self._free = threading.BoundedSemaphore(count)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a worker for the block, waiting for one if all are busy."""
        with self._free:
            yield

    def spend(self, model: str, method: str, records: int) -> None:
        self._sleep(self.cost(model, method, records))

    def cost(self, model: str, method: str, records: int) -> float:
        """Return the seconds a call takes; the model's own figure comes before the general one."""
        keys = ((model, method), ("*", method), ("*", "*"))
        call, each = next(self._costs[key] for key in keys if key in self._costs)
        return call + each * records


def told(result: Any) -> int:
    """Return how many records an answer tells."""
    if isinstance(result, dict):
        result = result.get("records") or result.get("ids")
    return len(result) if isinstance(result, list) else 1


def given(value: Any) -> int:
    """Return how many records and sub-lines values make."""
    if isinstance(value, dict):
        return 1 + sum(given(one[2]) for lines in value.values() for one in _commands(lines))
    return sum(given(one) for one in value) if isinstance(value, list) else 0


def _commands(value: Any) -> list[Any]:
    lines = value if isinstance(value, list) else []
    return [
        one for one in lines if isinstance(one, (list, tuple)) and len(one) == 3 and isinstance(one[2], dict)
    ]
