"""How much waits at each tier and lane, since when, and how fast it comes and goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from inventory_sync.domain.freshness import Objective
from inventory_sync.domain.ports import TIERS
from inventory_sync.pipeline.gauges.rows import rows
from inventory_sync.pipeline.models_tallies import Sample

RATES_OVER = timedelta(minutes=5)
HISTORY = timedelta(hours=1)

_DRAINED = "SELECT tier, sum(drained)::bigint FROM intake_shard GROUP BY tier"
_WAITING = "SELECT tier, count(*) FROM intake_delivery WHERE state = 'pending' GROUP BY tier"
_ASIDE = """
SELECT tier, state, count(*) FROM intake_delivery WHERE state IN ('parked', 'rejected') GROUP BY tier, state
"""
_LISTINGS = """
SELECT c.code, l.state, l.count FROM (
    SELECT connection_id, state, count(*) FROM propagation_listing GROUP BY 1, 2
) l JOIN connections_connection c ON c.id = l.connection_id
"""
# One probe per shard: the oldest that is due, without looking at those behind it.
_OLDEST = """
SELECT s.tier, min(d.received_at) FROM intake_shard s CROSS JOIN LATERAL (
    SELECT received_at FROM intake_delivery
    WHERE state = 'pending' AND tier = s.tier AND shard = s.number AND run_at <= %(now)s
    ORDER BY id LIMIT 1
) d GROUP BY s.tier
"""
_LANES = """
SELECT c.id, c.code, c.label, c.state, c.writing, coalesce(o.owed, 0), coalesce(o.urgent, 0), o.oldest,
    o.oldest_urgent, coalesce(t.acknowledged, 0)
FROM connections_connection c
LEFT JOIN (
    SELECT connection_id, count(*) AS owed, count(*) FILTER (WHERE urgent) AS urgent,
        min(dirty_since) AS oldest, min(dirty_since) FILTER (WHERE urgent) AS oldest_urgent
    FROM propagation_listing WHERE state = 'owed' GROUP BY connection_id
) o ON o.connection_id = c.id
LEFT JOIN (
    SELECT connection_id, sum(count)::bigint AS acknowledged
    FROM pipeline_freshnesstally WHERE grain = 'ever' AND part = 'owed' GROUP BY connection_id
) t ON t.connection_id = c.id
WHERE c.sells ORDER BY c.code
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast something comes and goes, per second; None while there are no two samples to tell."""

    comes: float | None = None
    goes: float | None = None

    def clears_in_s(self, depth: int) -> float | None:
        """Return when nothing would be left at this pace; None: never, or nobody knows."""
        if not depth:
            return 0.0
        if self.comes is None or self.goes is None or self.goes <= self.comes:
            return None
        return depth / (self.goes - self.comes)


@dataclass(frozen=True, slots=True)
class Tier:
    """What came in on a tier and is not applied. `drained` and `arrived` count since the beginning."""

    name: str
    waiting: int
    parked: int
    rejected: int
    oldest: datetime | None
    drained: int
    arrived: int
    pace: Pace
    objective: Objective
    history: tuple[int, ...] = ()

    @property
    def clears_in_s(self) -> float | None:
        return self.pace.clears_in_s(self.waiting)


@dataclass(frozen=True, slots=True)
class Lane:
    """What a channel is owed. `acknowledged` and `arrived` count figures since the beginning."""

    id: int
    code: str
    label: str
    state: str
    writing: str
    owed: int
    urgent: int
    oldest: datetime | None
    oldest_urgent: datetime | None
    acknowledged: int
    arrived: int
    pace: Pace
    history: tuple[int, ...] = ()

    @property
    def clears_in_s(self) -> float | None:
        return self.pace.clears_in_s(self.owed)


Counts = Mapping[str, Mapping[str, int]]


def set_aside() -> Counts:
    """Return by tier how many deliveries are parked and rejected. They pile up: counted by the sampler."""
    return _nested(rows(_ASIDE))


def listings() -> Counts:
    """Return by connection how many listings are in each state. Reads every listing: for the sampler."""
    return _nested(rows(_LISTINGS))


def _nested(found: Sequence[tuple[Any, ...]]) -> Counts:
    nested: dict[str, dict[str, int]] = {}
    for outer, inner, count in found:
        nested.setdefault(outer, {})[inner] = count
    return nested


def tiers(
    samples: Sequence[Sample],
    newest: Sample | None,
    aside: Counts,
    objectives: Mapping[str, Objective],
    *,
    now: datetime,
) -> tuple[Tier, ...]:
    """Return every tier, also one on which nothing ever came."""
    drained = dict(rows(_DRAINED))
    waiting = dict(rows(_WAITING))
    oldest = dict(rows(_OLDEST, {"now": now}))
    return tuple(
        Tier(
            name=name,
            waiting=waiting.get(name, 0),
            parked=aside.get(name, {}).get("parked", 0),
            rejected=aside.get(name, {}).get("rejected", 0),
            oldest=oldest.get(name),
            drained=drained.get(name, 0),
            arrived=_figures(newest, "tiers", name).get("arrived", 0),
            pace=_pace(samples, "tiers", name, now=now),
            objective=objectives[name],
            history=_history(samples, "tiers", name),
        )
        for name in TIERS
    )


def lanes(samples: Sequence[Sample], newest: Sample | None, *, now: datetime) -> tuple[Lane, ...]:
    """Return the lane of every channel."""
    found = []
    for row in rows(_LANES):
        kind, code = "lanes", row[1]
        values: list[Any] = [
            *row,
            _figures(newest, kind, code).get("arrived", 0),
            _pace(samples, kind, code, now=now),
            _history(samples, kind, code),
        ]
        found.append(Lane(*values))
    return tuple(found)


def recent_samples(*, now: datetime) -> list[Sample]:
    """Return the samples of the last hour, the oldest first."""
    return list(Sample.objects.filter(at__gt=now - HISTORY).order_by("at"))


def newest_sample() -> Sample | None:
    """Return the newest sample however old it is: a counter read from it stands still, and never falls."""
    return Sample.objects.order_by("-at").first()


def _figures(sample: Sample | None, kind: str, name: str) -> dict[str, int]:
    found: Any = sample.figures.get(kind, {}).get(name, {}) if sample is not None else {}
    return dict(found)


def _history(samples: Sequence[Sample], kind: str, name: str) -> tuple[int, ...]:
    return tuple(_figures(sample, kind, name).get("waiting", 0) for sample in samples)


def _pace(samples: Sequence[Sample], kind: str, name: str, *, now: datetime) -> Pace:
    """Return the pace between the newest sample and one of some minutes before."""
    lately = [each for each in samples if each.at >= now - RATES_OVER and _figures(each, kind, name)]
    if len(lately) < 2:
        return Pace()
    first, last = lately[0], lately[-1]
    seconds = (last.at - first.at).total_seconds()
    was, is_ = _figures(first, kind, name), _figures(last, kind, name)
    return Pace((is_["arrived"] - was["arrived"]) / seconds, (is_["gone"] - was["gone"]) / seconds)
