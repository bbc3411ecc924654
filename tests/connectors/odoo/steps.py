"""Clients that live for one step, as the hub opens them, and the calls they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.odoo.learnt import Learnt
from tests.connectors.odoo.books import sweep_all
from tests.connectors.odoo.hall import Hall

POLLED = [
    "stock.move.line.web_search_read",
    "stock.move.web_search_read",
    "stock.quant.web_search_read",
    "pos.order.line.web_search_read",
]


def calls_of(hall: Hall, act: Callable[[], object]) -> list[str]:
    before = len(hall.calls)
    act()
    return hall.calls[before:]


def idle(hall: Hall, learnt: Learnt, cursor: str, **changes: Any) -> list[str]:
    """Return the calls of one sweep of changes by a new client, as the hub opens one per step."""
    client = hall.new_client(learnt=learnt, **changes)
    return calls_of(hall, lambda: client.sweep("changes", cursor, now=hall.clock.now))


def swept(hall: Hall, learnt: Learnt, **changes: Any) -> str:
    """Sweep once by a client of its own and return the cursor."""
    hall.put(hall.product("MUG"), 5)
    return sweep_all(hall.new_client(learnt=learnt, **changes), "changes")[1]
