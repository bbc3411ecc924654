"""How fresh figures are when their channels acknowledge them, and what is left of each tier's allowance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory_sync.domain.freshness import BUCKETS_S, Objective, quantile
from inventory_sync.pipeline.gauges.rows import rows

WINDOW = timedelta(days=28)
HOUR, QUARTER_DAY = timedelta(hours=1), timedelta(hours=6)
PLACES = len(BUCKETS_S) + 1

_EVER = """
SELECT c.code, t.tier, t.part, t.count, t.sum_s, t.buckets FROM pipeline_freshnesstally t
JOIN connections_connection c ON c.id = t.connection_id WHERE t.grain = 'ever' ORDER BY 1, 2, 3
"""
_SLOTS = """
SELECT slot, tier, buckets FROM pipeline_freshnesstally
WHERE grain = %(grain)s AND part = 'occurred' AND slot > %(since)s ORDER BY slot
"""
# Summed by PostgreSQL: a month of hours of many channels is many rows, and four come back.
_SUMS = f"""
SELECT tier, {", ".join(f"sum(buckets[{place}])::bigint" for place in range(1, PLACES + 1))}
FROM pipeline_freshnesstally
WHERE grain = %(grain)s AND part = 'occurred' AND slot > %(since)s GROUP BY tier
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Ages:
    """All figures a channel ever acknowledged on a tier, by age since `part`."""

    connection: str
    tier: str
    part: str
    count: int
    sum_s: float
    buckets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of one tier, all channels together."""

    at: datetime
    tier: str
    counts: tuple[int, ...]

    def within(self, q: float) -> float | None:
        return quantile(self.counts, q)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a tier may be late over the window, and how much of that is spent.

    `spent` is 1 when all of it is. A burn of 1 spends it exactly by the end of the window.
    """

    objective: Objective
    figures: int
    late: int
    spent: float
    burn_1h: float
    burn_6h: float
    p50_s: float | None
    p99_s: float | None


def ages() -> tuple[Ages, ...]:
    return tuple(Ages(row[0], row[1], row[2], row[3], row[4], tuple(row[5])) for row in rows(_EVER))


def slots(*, now: datetime, span: timedelta = QUARTER_DAY) -> tuple[Slot, ...]:
    """Return the slots of ten minutes of the last hours that counted anything."""
    found: dict[tuple[datetime, str], list[int]] = defaultdict(lambda: [0] * PLACES)
    for at, tier, buckets in rows(_SLOTS, {"grain": "minutes", "since": now - span}):
        total = found[at, tier]
        for place, count in enumerate(buckets):
            total[place] += count
    return tuple(Slot(at, tier, tuple(counts)) for (at, tier), counts in found.items())


def late_slots(
    found: Sequence[Slot], objectives: Mapping[str, Objective], *, now: datetime
) -> Mapping[str, int]:
    """Return by tier in how many slots of the last hour any figure was late: one retry is late in one."""
    recent = [each for each in found if each.at > now - HOUR]
    return {
        tier: sum(objective.late(each.counts) > 0 for each in recent if each.tier == tier)
        for tier, objective in objectives.items()
    }


def allowances(objectives: Mapping[str, Objective], *, now: datetime) -> tuple[Allowance, ...]:
    """Return the allowance of every tier, over the window and lately."""
    month = _sums("hour", now - WINDOW)
    hour, quarter = _sums("minutes", now - HOUR), _sums("minutes", now - QUARTER_DAY)
    none = (0,) * PLACES
    return tuple(
        Allowance(
            objective=objective,
            figures=sum(month.get(tier, none)),
            late=objective.late(month.get(tier, none)),
            spent=objective.burn(month.get(tier, none)),
            burn_1h=objective.burn(hour.get(tier, none)),
            burn_6h=objective.burn(quarter.get(tier, none)),
            p50_s=quantile(quarter.get(tier, none), 0.5),
            p99_s=quantile(quarter.get(tier, none), 0.99),
        )
        for tier, objective in objectives.items()
    )


def _sums(grain: str, since: datetime) -> dict[str, Sequence[int]]:
    return {row[0]: row[1:] for row in rows(_SUMS, {"grain": grain, "since": since})}
