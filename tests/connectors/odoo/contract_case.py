"""Odoo's case for the contract suite."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.base.contract import ContractCase
from connectors.odoo import connector
from inventory_sync.domain.ports import Delivery, ListingRef
from tests.connectors.odoo.readings import HINTS, delivery, line, reading, row
from tests.connectors.odoo.replays import VALUES


def sign(body: bytes, now: datetime) -> Mapping[str, str]:
    """Odoo signs nothing: the suite gives the token of the path instead."""
    return {"content-type": "application/json"}


def _hint(position: int, number: int) -> Delivery:
    return delivery("hint", HINTS[position], number=number)


def _reading(quantity: str) -> dict[str, Any]:
    return reading(rows=[row(quantity=quantity)])


CASE = ContractCase(
    connector=connector.CONNECTOR,
    folder=Path(connector.__file__).parent,
    values=VALUES,
    sign=sign,
    samples=[
        _hint(0, 1),
        *(_hint(position, position + 1) for position in range(1, len(HINTS))),
        delivery("figures.read", reading(), number=20, reading_number=7),
        delivery("item.gone", reading(items=["product:9"], rows=[], gone=["product:9"]), number=21),
        delivery(
            "lines.read", {"lines": [line(), line(id=13, **{"from": "", "was": "supplier"})]}, number=22
        ),
    ],
    twins=(
        delivery("figures.read", _reading("2"), reading_number=7),
        delivery("figures.read", _reading("7"), reading_number=7),
    ),
    objects=[("item", "product:17"), ("item", "nonsense")],
    refs=[ListingRef("product:1"), ListingRef("nonsense")],
)
