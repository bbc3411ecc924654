"""Count a flight when it settles: how its attempts ended, and how fresh the figures acknowledged are.

In the settling transaction, at its end, by two statements however many listings there were: the rows of one
connection are written by one flight after the other, so what is locked here is held for a moment only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from django.db import connection

from inventory_sync.domain.freshness import BUCKETS_S, age_s, bucket_of
from inventory_sync.pipeline.models_tallies import FreshnessTally
from inventory_sync.pipeline.ports import Acknowledged
from inventory_sync.support.columns import unzip

EVER = datetime(1970, 1, 1, tzinfo=UTC)
KEEP_HOURS = timedelta(days=35)
KEEP_MINUTES = timedelta(days=2)
# What a vendor dates further back was not news when we heard of it: it is a clock gone wrong.
BELIEVED = timedelta(days=7)

# The newest delivery under the cause's id: where a flight pulled orders under it, they are the news.
_CAUSES = """
SELECT given.cause, d.tier, d.received_at, d.occurred_at FROM unnest(%s::text[]) AS given(cause)
JOIN LATERAL (
    SELECT tier, received_at, occurred_at FROM intake_delivery
    WHERE correlation_id = given.cause ORDER BY id DESC LIMIT 1
) d ON true
"""
_FRESHNESS = """
INSERT INTO pipeline_freshnesstally AS t (connection_id, tier, part, grain, slot, count, sum_s, buckets)
SELECT %(connection)s, g.tier, g.part, g.grain, g.slot, g.count, g.sum_s, g.buckets::bigint[]
FROM unnest(%(tiers)s::text[], %(parts)s::text[], %(grains)s::text[], %(slots)s::timestamptz[],
    %(counts)s::bigint[], %(sums)s::float8[], %(buckets)s::text[])
    AS g(tier, part, grain, slot, count, sum_s, buckets)
ORDER BY g.grain, g.slot, g.part, g.tier
ON CONFLICT (grain, slot, part, tier, connection_id) DO UPDATE SET
    count = t.count + EXCLUDED.count, sum_s = t.sum_s + EXCLUDED.sum_s,
    buckets = ARRAY(SELECT a + b FROM unnest(t.buckets, EXCLUDED.buckets) WITH ORDINALITY AS u(a, b, place)
        ORDER BY place)
"""
_FLIGHTS = """
INSERT INTO pipeline_flighttally AS t (connection_id, outcome, count)
SELECT %s, g.outcome, g.count FROM unnest(%s::text[], %s::bigint[]) AS g(outcome, count) ORDER BY g.outcome
ON CONFLICT (connection_id, outcome) DO UPDATE SET count = t.count + EXCLUDED.count
"""
Key = tuple[str, str]


def count_flight(
    connection_id: int, outcomes: Mapping[str, int], settled: Sequence[Acknowledged], *, now: datetime
) -> None:
    """See ports.CountFlight."""
    if outcomes:
        with connection.cursor() as cursor:
            cursor.execute(_FLIGHTS, [connection_id, list(outcomes), list(outcomes.values())])
    if settled:
        _count_ages(connection_id, _ages(settled, now=now), now=now)


def forget(*, now: datetime) -> int:
    """Drop slots nobody reads any more; what was counted ever stays."""
    old = FreshnessTally.objects.filter(grain="hour", slot__lt=now - KEEP_HOURS)
    fine = FreshnessTally.objects.filter(grain="minutes", slot__lt=now - KEEP_MINUTES)
    return old.delete()[0] + fine.delete()[0]


def _ages(settled: Sequence[Acknowledged], *, now: datetime) -> dict[Key, list[float]]:
    """Return the ages by tier and part. Of several causes the newest is named, so the debt's own age counts
    where it is higher: a figure is as old as the first change it does not show.
    """
    causes = _causes({one.cause for one in settled if one.cause})
    ages: dict[Key, list[float]] = defaultdict(list)
    for one in settled:
        tier, received_at, occurred_at = causes.get(one.cause, ("standard", one.owed_since, None))
        tier = "critical" if one.urgent else tier
        received_at = min(received_at, one.owed_since)
        if occurred_at is None or occurred_at < received_at - BELIEVED:
            occurred_at = received_at
        ages[tier, "owed"].append(age_s(one.owed_since, now))
        ages[tier, "received"].append(age_s(received_at, now))
        ages[tier, "occurred"].append(age_s(min(occurred_at, received_at), now))
    return ages


def _causes(ids: set[str]) -> dict[str, tuple[str, datetime, datetime | None]]:
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_CAUSES, [sorted(ids)])
        return {row[0]: (row[1], row[2], row[3]) for row in cursor.fetchall()}


def _count_ages(connection_id: int, ages: Mapping[Key, Sequence[float]], *, now: datetime) -> None:
    hour = now.replace(minute=0, second=0, microsecond=0)
    minutes = now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0)
    rows = []
    for (tier, part), seconds in ages.items():
        places = Counter(bucket_of(each) for each in seconds)
        buckets = "{" + ",".join(str(places[place]) for place in range(len(BUCKETS_S) + 1)) + "}"
        grains = [("ever", EVER)]
        if part == "occurred":
            grains += [("hour", hour), ("minutes", minutes)]
        rows += [(tier, part, grain, slot, len(seconds), sum(seconds), buckets) for grain, slot in grains]
    names = ("tiers", "parts", "grains", "slots", "counts", "sums", "buckets")
    columns = dict(zip(names, unzip(rows, len(names)), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(_FRESHNESS, {"connection": connection_id, **columns})
