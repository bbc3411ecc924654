"""How old a figure is when its channel shows it, and how much lateness a tier may have. Pure.

An age is measured from what happened at the source to the channel's acknowledgement. Ages are counted in
buckets, so that any number of processes add up and a restart forgets nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory_sync.domain.ports import TIERS

# Upper ends in seconds; what is older than the last falls into one more, without an end.
BUCKETS_S = (
    0.05, 0.1, 0.15, 0.25, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0,
    14400.0,
)  # fmt: skip


def bucket_of(age_s: float) -> int:
    """Return the place of the bucket that holds this age; an age equal to its end is in it."""
    return bisect_left(BUCKETS_S, age_s)


def age_s(start: datetime, end: datetime) -> float:
    """Return the seconds between, never negative: clocks of sources run ahead."""
    return max(0.0, (end - start).total_seconds())


def quantile(counts: Sequence[int], q: float) -> float | None:
    """Return the age that a share `q` of the counted stays within, as Prometheus reckons it.

    Straight between the ends of its bucket; the last end for what is beyond it, None for nothing counted.
    """
    total = sum(counts)
    if not total:
        return None
    rank, below = q * total, 0
    for place, count in enumerate(counts):
        if count and below + count >= rank:
            if place >= len(BUCKETS_S):
                return BUCKETS_S[-1]
            low = BUCKETS_S[place - 1] if place else 0.0
            return low + (BUCKETS_S[place] - low) * max(0.0, rank - below) / count
        below += count
    return BUCKETS_S[-1]


@dataclass(frozen=True, slots=True)
class Objective:
    """What is promised of a tier: this share of its figures acknowledged within so many seconds."""

    tier: str
    within_s: float
    share: float

    def late(self, counts: Sequence[int]) -> int:
        """Return how many of the counted were late. `within_s` is the end of a bucket, so this is exact."""
        return sum(counts[bucket_of(self.within_s) + 1 :])

    def burn(self, counts: Sequence[int]) -> float:
        """Return how fast the allowance goes: 1 uses it up exactly by the end of its window."""
        total = sum(counts)
        return self.late(counts) / total / (1 - self.share) if total else 0.0


def objectives(words: Sequence[str]) -> Mapping[str, Objective]:
    """Read `critical=60:99`: 99 percent of the critical figures within 60 seconds. One for each tier.

    Raises ValueError with a sentence for whoever wrote it.
    """
    found: dict[str, Objective] = {}
    for word in words:
        tier, _, rest = word.partition("=")
        within, _, percent = rest.partition(":")
        try:
            within_s, share = float(within), float(percent) / 100
        except ValueError:
            raise ValueError(f"{word!r} is not TIER=SECONDS:PERCENT, such as critical=60:99.") from None
        if tier not in TIERS:
            raise ValueError(f"{tier!r} is no tier; there are {', '.join(TIERS)}.")
        if within_s not in BUCKETS_S:
            ends = ", ".join(f"{end:g}" for end in BUCKETS_S)
            raise ValueError(f"{word!r}: ages are counted up to {ends} seconds; choose one of these.")
        if not 0 < share < 1:
            raise ValueError(f"{word!r}: the percentage lies between 0 and 100, neither included.")
        found[tier] = Objective(tier, within_s, share)
    if missing := [tier for tier in TIERS if tier not in found]:
        raise ValueError(f"No freshness target is given for {', '.join(missing)}.")
    return found
