"""What each channel's requests are decided by.

Pools come from the catalog, rules and windows from the ledger, backorder allowances from the policies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

from inventory_sync.availability.models import Policy
from inventory_sync.catalog.models import Location
from inventory_sync.catalog.resolve import load
from inventory_sync.catalog.selectors import PostgresCatalog
from inventory_sync.connections.models import Connection
from inventory_sync.domain.routing import Rule
from inventory_sync.ledger.models import RequestTerms
from inventory_sync.ledger.request_types import ANY_ITEM, Terms


@dataclass(frozen=True, slots=True)
class Book:
    """Channels by code, their terms by id, and what locations are called."""

    ids: Mapping[str, int] = field(default_factory=dict)
    terms: Mapping[int, Terms] = field(default_factory=dict)
    places: Mapping[int, str] = field(default_factory=dict)


def read_book() -> Book:
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
    return Book(ids, terms, dict(Location.objects.values_list("id", "code")))
