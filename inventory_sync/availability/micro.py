"""Quantities as whole numbers of millionths of a base unit, and back. Exact in both directions."""

from __future__ import annotations

from decimal import Decimal

from inventory_sync.domain.units import PLACES

MICRO = 10**PLACES


def to_micro(quantity: Decimal | int) -> int:
    """Return a quantity of the stored precision as millionths; raises ValueError for a finer one."""
    scaled = Decimal(quantity).scaleb(PLACES)
    micro = int(scaled)
    if micro != scaled:
        raise ValueError(f"{quantity} has more than {PLACES} decimal places")
    return micro


def exact(micro: int) -> Decimal:
    """Return millionths as a decimal; a whole quantity comes back without a fraction."""
    whole, rest = divmod(micro, MICRO)
    return Decimal(micro).scaleb(-PLACES) if rest else Decimal(whole)


def maybe_micro(quantity: Decimal | None) -> int | None:
    return None if quantity is None else to_micro(quantity)


def maybe_exact(micro: int | None) -> Decimal | None:
    return None if micro is None else exact(micro)
