"""Marks on many listings at once: order news, sightings and owed figures, each one read and one write.

These come with every batch of deliveries and of dirty items, so they read and write only the columns that
they judge by or change; flights, answers and falls are the lane's own calls' (store.py). The judging is
domain.lane's. Runs inside the caller's transaction; listings are locked in id order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from inventory_sync.availability.compute import listing_figure
from inventory_sync.domain import lane
from inventory_sync.domain.lane import ListingState
from inventory_sync.domain.reports import ZERO
from inventory_sync.domain.units import Factor
from inventory_sync.propagation.models import Listing
from inventory_sync.propagation.ports import News, Sighting, Wanted
from inventory_sync.support.columns import unzip

MICRO = Decimal("0.000001")
NOT_FAILED = {True: Listing.State.OWED.value, False: Listing.State.SETTLED.value}

_READ = """
SELECT l.id, l.connection_id, m.item_id, l.external_id, m.numerator, m.denominator, l.state, l.desired,
    l.desired_version, l.desired_news, l.observed, l.acknowledged, l.news, l.lowered, l.dirty_since, l.urgent,
    l.correlation_id, l.observed_stamp
FROM propagation_listing l JOIN catalog_itemmapping m ON m.id = l.mapping_id
"""
_OF_ITEMS = f"""{_READ}
JOIN unnest(%s::bigint[], %s::bigint[]) AS k(connection_id, item_id)
    ON k.connection_id = l.connection_id AND k.item_id = m.item_id
ORDER BY l.id FOR NO KEY UPDATE OF l
"""
_OF_REFS = f"""{_READ}
JOIN unnest(%s::bigint[], %s::text[]) AS k(connection_id, external_id)
    ON k.connection_id = l.connection_id AND k.external_id = l.external_id
ORDER BY l.id FOR NO KEY UPDATE OF l
"""
_WRITE = """
UPDATE propagation_listing l SET state = g.state, desired = g.desired, desired_version = g.desired_version,
    desired_news = g.desired_news, news = g.news, lowered = g.lowered, dirty_since = g.dirty_since,
    urgent = g.urgent, correlation_id = g.correlation_id, observed_stamp = g.observed_stamp
FROM unnest(%s::bigint[], %s::text[], %s::numeric[], %s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[],
    %s::timestamptz[], %s::boolean[], %s::text[], %s::text[])
    AS g(id, state, desired, desired_version, desired_news, news, lowered, dirty_since, urgent,
        correlation_id, observed_stamp)
WHERE l.id = g.id
"""


@dataclass(frozen=True, slots=True)
class Marked:
    """A locked listing as far as marks concern it; `state` holds nothing of flights."""

    id: int
    connection_id: int
    item_id: int
    external_id: str
    factor: Factor
    failed: bool
    correlation_id: str
    stamp: str
    state: ListingState


def note_news(news: Sequence[News], *, now: datetime, near_zero: Decimal) -> None:
    """See ports.LaneStore.note_news."""
    deltas: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    times: Counter[tuple[int, int]] = Counter()
    for one in news:
        deltas[one.connection_id, one.item_id] += one.delta
        times[one.connection_id, one.item_id] += 1
    listings = _of_items(deltas)
    listed = Counter((each.connection_id, each.item_id) for each in listings)
    changed = []
    for each in listings:
        key = (each.connection_id, each.item_id)
        units = deltas[key] * each.factor.denominator / each.factor.numerator
        if listed[key] > 1:
            # The channel lowered one of them, and the news does not say which: it explains no fall.
            units = min(units, ZERO)
        state = lane.note_news(each.state, now=now, lowered=units.quantize(MICRO), near_zero=near_zero)
        for _ in range(times[key] - 1):
            state = lane.note_news(state, now=now, near_zero=near_zero)
        changed.append(replace(each, state=state))
    _write(changed)


def observe(sightings: Sequence[Sighting], *, now: datetime, near_zero: Decimal) -> int:
    """See ports.LaneStore.observe."""
    seen = {(one.connection_id, one.external_id): one for one in sightings if one.figure is not None}
    changed = []
    owed = 0
    for each in _locked(_OF_REFS, seen):
        sighting = seen[each.connection_id, each.external_id]
        if sighting.figure is None:
            continue
        state = lane.observe(each.state, sighting.figure, now=now, near_zero=near_zero)
        stamp = sighting.stamp[:40]
        owed += state is not each.state
        if state is not each.state or stamp != each.stamp:
            changed.append(replace(each, state=state, stamp=stamp))
    _write(changed)
    return owed


def owe(wanted: Sequence[Wanted], *, now: datetime, near_zero: Decimal) -> frozenset[int]:
    """See ports.LaneStore.owe."""
    by_key = {(one.connection_id, one.item_id): one for one in wanted}
    changed = []
    owed: set[int] = set()
    for each in _of_items(by_key):
        one = by_key[each.connection_id, each.item_id]
        state = lane.owe(
            each.state,
            None if one.figure is None else listing_figure(one.figure, each.factor),
            one.version,
            now=now,
            news=each.state.desired_news,
            near_zero=near_zero,
        )
        if state.dirty_since is not None:
            owed.add(each.connection_id)
        if state is each.state:
            continue
        another = state.desired != each.state.desired
        changed.append(
            replace(
                each,
                state=state,
                # What failed is tried with each new figure: the shop must not go on selling the old one.
                failed=each.failed and not another,
                correlation_id=one.correlation_id if another else each.correlation_id,
            )
        )
    _write(changed)
    return frozenset(owed)


def _of_items(keys: Iterable[tuple[int, int]]) -> list[Marked]:
    """Lock the listings that publish these (connection, item) pairs."""
    return _locked(_OF_ITEMS, keys)


def _locked(query: str, keys: Iterable[tuple[Any, ...]]) -> list[Marked]:
    pairs = sorted(set(keys))
    if not pairs:
        return []
    with connection.cursor() as cursor:
        cursor.execute(query, unzip(pairs, 2))
        return [_marked(row) for row in cursor.fetchall()]


def _marked(row: tuple[Any, ...]) -> Marked:
    return Marked(
        id=row[0],
        connection_id=row[1],
        item_id=row[2] or 0,
        external_id=row[3],
        factor=Factor(row[4], row[5]),
        failed=row[6] == Listing.State.FAILED,
        correlation_id=row[16],
        stamp=row[17],
        state=ListingState(
            key=str(row[0]),
            desired=row[7],
            desired_version=row[8],
            desired_news=row[9],
            observed=row[10],
            acknowledged=row[11],
            news=row[12],
            lowered=row[13],
            dirty_since=row[14],
            urgent=row[15],
        ),
    )


def _write(listings: Collection[Marked]) -> None:
    if not listings:
        return
    given = [
        (
            each.id,
            _state_of(each),
            each.state.desired,
            each.state.desired_version,
            each.state.desired_news,
            each.state.news,
            each.state.lowered,
            each.state.dirty_since,
            each.state.urgent,
            each.correlation_id,
            each.stamp,
        )
        for each in listings
    ]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, unzip(given, 11))


def _state_of(each: Marked) -> str:
    if each.failed:
        return Listing.State.FAILED.value
    if each.state.desired is None:
        return Listing.State.UNKNOWN.value
    return NOT_FAILED[each.state.dirty_since is not None]
