"""Reads of the catalog: the PostgreSQL reader behind resolve, one query per kind and batch.

Does not write (services) and caches nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from django.db import connection as database

from inventory_sync.catalog.models import Item as ItemModel
from inventory_sync.catalog.models import KitComponent, Tenure
from inventory_sync.catalog.resolve import (
    AuthoritySpan,
    ComponentRow,
    Directory,
    MappingRow,
    PlaceRow,
    UnitRow,
    load,
)
from inventory_sync.connections.models import Connection
from inventory_sync.domain import modes
from inventory_sync.domain.modes import Mode, Tenures
from inventory_sync.domain.units import Factor
from inventory_sync.support.columns import unzip

# Written out: with hundreds of names the ORM takes longer to write them than the server to answer.
_MAPPINGS = """
SELECT m.id, m.connection_id, m.external_id, m.state, m.label, m.numerator, m.denominator, m.item_id, i.sku,
    i.base_unit_id, i.kind
FROM catalog_itemmapping m LEFT JOIN catalog_item i ON i.id = m.item_id
WHERE m.connection_id = ANY(%s::bigint[]) AND m.external_id = ANY(%s::text[])
"""
_UNITS = """
SELECT item_id, unit_id, numerator, denominator FROM catalog_itemunit WHERE item_id = ANY(%s::bigint[])
"""
# A location's authorities and tenures come in one column each, so that a batch stays one query. Who keeps a
# copy of a location observes it: what it reports of it is compared, never posted.
_PLACES = """
SELECT m.connection_id, m.external_id, m.location_id, p.code, p.mode, p.rank, p.active,
    m.counts_from OR m.mirrors, m.sells_for, m.fulfils, m.observes OR m.mirrors,
    (SELECT json_agg(json_build_object('connection_id', a.connection_id, 'attribute', a.attribute,
            'valid_from', a.valid_from, 'valid_to', a.valid_to) ORDER BY a.id)::text
        FROM catalog_authority a WHERE a.location_id = m.location_id),
    (SELECT json_agg(json_build_object('was', t.was, 'mode', t.mode, 'starts_at', t.starts_at,
            'after_reading', t.after_reading) ORDER BY t.starts_at)::text
        FROM catalog_tenure t WHERE t.location_id = m.location_id),
    p.tracks_lots, p.tracks_owners
FROM catalog_locationmapping m JOIN catalog_location p ON p.id = m.location_id
WHERE m.connection_id = ANY(%s::bigint[]) AND (m.fulfils OR m.sells_for OR m.external_id = ANY(%s::text[]))
"""


class PostgresCatalog:
    """The CatalogReader of the running platform; reads inside the caller's transaction."""

    def mappings(self, connection_ids: Collection[int], refs: Collection[str]) -> Iterator[MappingRow]:
        for row in _rows(_MAPPINGS, connection_ids, refs):
            yield MappingRow(
                mapping_id=row[0],
                connection_id=row[1],
                external_id=row[2],
                state=row[3],
                label=row[4],
                factor=Factor(row[5], row[6]),
                item_id=row[7],
                sku=row[8] or "",
                base_unit=row[9] or "",
                is_kit=row[10] == ItemModel.Kind.KIT,
            )

    def units(self, item_ids: Collection[int]) -> Iterator[UnitRow]:
        for item_id, unit, numerator, denominator in _rows(_UNITS, item_ids):
            yield UnitRow(item_id, unit, Factor(numerator, denominator))

    def components(self, kit_ids: Collection[int]) -> Iterator[ComponentRow]:
        rows = KitComponent.objects.filter(kit_id__in=kit_ids).order_by("kit_id", "component_id")
        for kit_id, component_id, quantity in rows.values_list("kit_id", "component_id", "quantity"):
            yield ComponentRow(kit_id, component_id, quantity)

    def places(self, connection_ids: Collection[int], refs: Collection[str]) -> Iterator[PlaceRow]:
        for row in _rows(_PLACES, connection_ids, refs):
            yield PlaceRow(
                connection_id=row[0],
                external_id=row[1],
                location_id=row[2],
                code=row[3],
                mode=Mode(row[4]),
                rank=row[5],
                active=row[6],
                counts_from=row[7],
                sells_for=row[8],
                fulfils=row[9],
                observes=row[10],
                authorities=tuple(_span(each) for each in json.loads(row[11] or "[]")),
                tenures=_tenures(json.loads(row[12] or "[]")),
                tracks_lots=row[13],
                tracks_owners=row[14],
            )

    def connection_codes(self, codes: Collection[str]) -> Collection[str]:
        return set(Connection.objects.filter(code__in=codes).values_list("code", flat=True))


def load_directory(
    *,
    connection_ids: Collection[int],
    item_refs: Collection[str],
    location_refs: Collection[str],
) -> Directory:
    """Return what these connections mean by these names, read now, in the caller's transaction."""
    return load(
        PostgresCatalog(), connection_ids=connection_ids, item_refs=item_refs, location_refs=location_refs
    )


def tenures_of(location_ids: Collection[int]) -> dict[int, Tenures]:
    """Return the modes of those locations that were ever in more than one tenure."""
    if not location_ids:
        return {}
    rows: dict[int, list[dict[str, Any]]] = {}
    for row in Tenure.objects.filter(location_id__in=location_ids).order_by("location_id", "starts_at"):
        told = {
            "was": row.was,
            "mode": row.mode,
            "starts_at": row.starts_at,
            "after_reading": row.after_reading,
        }
        rows.setdefault(row.location_id, []).append(told)
    return {location: tenures for location, told in rows.items() if (tenures := _tenures(told)) is not None}


def _rows(sql: str, *sets: Collection[Any]) -> list[tuple[Any, ...]]:
    """Run a query over sets of values, each one array of it."""
    with database.cursor() as cursor:
        cursor.execute(sql, [unzip([(value,) for value in values], 1)[0] for values in sets])
        return cursor.fetchall()


def _span(told: dict[str, Any]) -> AuthoritySpan:
    return AuthoritySpan(
        told["connection_id"], told["attribute"], _time(told["valid_from"]), _time(told["valid_to"])
    )


def _tenures(told: list[dict[str, Any]]) -> Tenures | None:
    """Build the tenures from their rows in order of time, or None for a location that never changed."""
    if not told:
        return None
    later = [modes.Tenure(Mode(row["mode"]), _time(row["starts_at"]), row["after_reading"]) for row in told]
    return Tenures((modes.Tenure(Mode(told[0]["was"])), *later))


def _time(told: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(told) if isinstance(told, str) else told
