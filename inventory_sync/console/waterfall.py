"""A waterfall of terms as bars in percent of the width, for a page without scripts. Pure.

Each bar begins where the sum stood and ends where the term leaves it; the last one is the sum itself. The
table beneath the bars says the same in numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from inventory_sync.console.formats import quantity
from inventory_sync.pipeline.explain.types import Term

HUNDRED = Decimal(100)
THINNEST = Decimal("0.6")


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: where the bar begins and how wide it is, in percent; `anchor` is its row in the table."""

    label: str
    where: str
    change: str
    total: str
    left: str
    width: str
    zero: str
    tone: str
    anchor: str

    @property
    def said(self) -> str:
        """Say the row for those who do not see it."""
        where = f" at {self.where}" if self.where else ""
        return f"{self.label}{where}: {self.change}, leaves {self.total}"


def signed(value: Decimal) -> str:
    """Return a change with its sign, a true minus."""
    if value < 0:
        return f"\u2212{quantity(-value)}"
    return f"+{quantity(value)}" if value else "0"


def bars(terms: Sequence[Term], *, result: str, figure: Decimal | None, key: str) -> list[Bar]:
    """Return the bars of the terms, and of the figure they add up to. key: begins the anchors."""
    if not terms:
        return []
    edges = [Decimal(0), *(term.total for term in terms)]
    low, high = min(edges), max(edges)
    span = (high - low) or Decimal(1)

    def percent(value: Decimal) -> Decimal:
        return (value - low) / span * HUNDRED

    zero = _css(percent(Decimal(0)))
    rows = []
    before = Decimal(0)
    for number, term in enumerate(terms, start=1):
        begin, end = sorted((before, term.total))
        rows.append(
            Bar(
                label=term.label,
                where=" · ".join(part for part in (term.location, term.component) if part),
                change=signed(term.quantity),
                total=quantity(term.total),
                left=_css(percent(begin)),
                width=_css(max(percent(end) - percent(begin), THINNEST)),
                zero=zero,
                tone="more" if term.quantity > 0 else "less" if term.quantity < 0 else "none",
                anchor=f"{key}-{number}",
            )
        )
        before = term.total
    begin, end = sorted((Decimal(0), before))
    rows.append(
        Bar(
            result, "", quantity(figure), quantity(figure), _css(percent(begin)),
            _css(max(percent(end) - percent(begin), THINNEST)), zero, "sum", f"{key}-sum",
        )
    )  # fmt: skip
    return rows


def _css(value: Decimal) -> str:
    """Return a percentage as a style sheet takes it, whatever the page's language."""
    return f"{value:.3f}%"
