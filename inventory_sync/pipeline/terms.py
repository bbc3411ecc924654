"""What each channel's requests are decided by.

Pools come from the catalog, rules and windows from the ledger, backorder allowances and what is set aside for
single channels from availability.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.availability.allotments import still_set_aside
from inventory_sync.availability.models import Policy
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.catalog.models import Location, LocationMapping
from inventory_sync.catalog.resolve import load
from inventory_sync.catalog.selectors import PostgresCatalog
from inventory_sync.connections.models import Connection
from inventory_sync.domain.routing import Rule
from inventory_sync.ledger.models import RequestTerms
from inventory_sync.ledger.request_types import ANY_ITEM, Spared, Terms


@dataclass(frozen=True, slots=True)
class Book:
    """Channels by code, their terms by id, and what locations are called."""

    ids: Mapping[str, int] = field(default_factory=dict)
    terms: Mapping[int, Terms] = field(default_factory=dict)
    places: Mapping[int, str] = field(default_factory=dict)


def read_book(*, now: datetime) -> Book:
    """Return the terms of every channel as they are now: a handful of queries."""
    ids = dict(Connection.objects.filter(sells=True).values_list("code", "id"))
    directory = load(PostgresCatalog(), connection_ids=list(ids.values()), item_refs=(), location_refs=())
    terms = {each: Terms(pool=directory.pool(each)) for each in ids.values()}
    for row in RequestTerms.objects.filter(connection_id__in=terms):
        terms[row.connection_id] = replace(
            terms[row.connection_id],
            rules=tuple(Rule(name) for name in row.rules),
            hold_max=timedelta(seconds=row.hold_max_s),
            review_max=timedelta(seconds=row.review_max_s),
        )
    allowances: dict[int, dict[int, Decimal]] = {}
    declared = Policy.objects.filter(connection_id__in=terms)
    for connection_id, item_id, units in declared.values_list(
        "connection_id", "item_id", "backorder_allowance"
    ):
        allowances.setdefault(connection_id, {})[item_id or ANY_ITEM] = units
    for connection_id, allowance in allowances.items():
        if any(allowance.values()):
            terms[connection_id] = replace(terms[connection_id], allowance=allowance)
    for connection_id, spared in _spared(terms, now=now).items():
        terms[connection_id] = replace(terms[connection_id], spared=spared)
    return Book(ids, terms, dict(Location.objects.values_list("id", "code")))


def _spared(channels: Collection[int], *, now: datetime) -> dict[int, dict[int, tuple[Spared, ...]]]:
    """Return per channel and item what is set aside for each of the others, where those sell from."""
    aside = still_set_aside(store=PostgresAvailability(), now=now)
    if not aside:
        return {}
    sells_from: dict[int, list[int]] = {}
    mapped = LocationMapping.objects.filter(sells_for=True, location__active=True).order_by("location_id")
    for connection_id, location_id in mapped.values_list("connection_id", "location_id").distinct():
        sells_from.setdefault(connection_id, []).append(location_id)
    spared: dict[int, dict[int, tuple[Spared, ...]]] = {}
    for each in aside:
        kept = Spared(each.quantity, tuple(sells_from.get(each.connection_id, ())))
        for other in channels:
            if other != each.connection_id:
                of_item = spared.setdefault(other, {})
                of_item[each.item_id] = (*of_item.get(each.item_id, ()), kept)
    return spared
