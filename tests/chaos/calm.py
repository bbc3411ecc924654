"""What a fault costs when nothing else is broken: sales at a till, and how soon every shop shows them.

After the campaign has healed: first as it is, then with the broker lost, then with the database killed. A
time is judged by its limit plus the slowest sale of the same run without any fault: that much of it is the
machine's. One that is too long is taken once more, and the shorter one counts: what is slow by itself is slow
twice, and what the machine did in between is not. Breaks and looks; judged in run.py.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.chaos.ground import SKUS, Ground
from tests.chaos.journal import Doc
from tests.walks import retailer

LIMITS_S = {"broker": 10.0, "database": 15.0}
"""From the moment the server answers again until what was sold then is shown everywhere."""
SALES = 3
PATIENCE_S = 60.0
DOWN_S = 1.0


@dataclass(slots=True)
class Calm:
    """Seconds; what was not shown in time counts as the patience."""

    sales_s: list[float] = field(default_factory=list)
    recovery_s: dict[str, list[float]] = field(default_factory=dict)

    @property
    def usual_s(self) -> float:
        return max(self.sales_s, default=0.0)

    def allowed_s(self, name: str) -> float:
        return LIMITS_S[name] + self.usual_s

    def document(self) -> Doc:
        return {
            "sale_shown_s": [round(each, 2) for each in self.sales_s],
            **{
                f"after_{name}_s": {
                    "taken": [round(each, 2) for each in taken],
                    "limit": LIMITS_S[name],
                    "allowed": round(self.allowed_s(name), 2),
                }
                for name, taken in self.recovery_s.items()
            },
        }

    def breaches(self) -> list[str]:
        return [
            f"{min(taken):.1f} s after the {name} was back until a sale was shown everywhere,"
            f" more than {self.allowed_s(name):.1f} s"
            for name, taken in self.recovery_s.items()
            if min(taken) > self.allowed_s(name)
        ]


def measure(ground: Ground) -> Calm:
    """Measure on a ground where nothing is broken and nobody trades."""
    made = Calm()
    _until_shown(ground)  # the first warms what slept
    made.sales_s = [_until_shown(ground) for _ in range(SALES)]
    for name, lose in (("broker", _lose_broker), ("database", _lose_database)):
        taken = made.recovery_s[name] = []
        while len(taken) < 2 and (not taken or taken[-1] > made.allowed_s(name)):
            taken.append(_until_shown(ground, first=lose))
    return made


def _lose_broker(ground: Ground) -> None:
    """Kill it with all that it holds."""
    ground.services.broker.kill()
    time.sleep(DOWN_S)
    ground.services.broker.wipe()


def _lose_database(ground: Ground) -> None:
    ground.services.postgres.kill()
    time.sleep(DOWN_S)
    ground.services.postgres.start()


def _until_shown(ground: Ground, *, first: Callable[[Ground], None] | None = None) -> float:
    """Sell one of each item at the till, and return how long it took until every shop showed less of it."""
    before = _shown(ground)
    if first is not None:
        first(ground)
    began = time.monotonic()
    sold = _sell(ground, [sku for sku in SKUS if all(figures[sku] > 0 for figures in before.values())])
    wanted = {code: {sku: figures[sku] - (sku in sold) for sku in SKUS} for code, figures in before.items()}
    while time.monotonic() - began < PATIENCE_S:
        if _shown(ground) == wanted:
            return time.monotonic() - began
        time.sleep(0.1)
    return PATIENCE_S


def _sell(ground: Ground, skus: Sequence[str]) -> set[str]:
    """Sell one of each where it lies; return which could be sold."""
    stores = ground.till.get("book")["stores"]
    lines: dict[str, list[Doc]] = defaultdict(list)
    for sku in skus:
        for place in retailer.SOLD_FROM:
            if float(stores[place]["on_hand"].get(sku, 0)) > 0:
                lines[place].append({"sku": sku, "quantity": "1"})
                break
    for place, sold in lines.items():
        ground.till.post("sale", store=place, lines=sold)
    return {line["sku"] for sold in lines.values() for line in sold}


def _shown(ground: Ground) -> dict[str, dict[str, int]]:
    """Return what each shop shows of each item traded."""
    found = {}
    for code, shop in ground.shops.items():
        rows = shop.get("book?history=0&orders=0")["products"]
        figures = {row["sku"]: int(row["stock_quantity"] or 0) for row in rows}
        found[code] = {sku: figures[sku] for sku in SKUS}
    return found
