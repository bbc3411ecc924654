"""Reads of the catalog: the PostgreSQL reader behind resolve, one query per kind and batch.

Does not write (services) and caches nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Model, OuterRef, Q
from django.db.models.functions import JSONObject

from inventory_sync.catalog.models import (
    Authority,
    ItemMapping,
    ItemUnit,
    KitComponent,
    LocationMapping,
    Tenure,
)
from inventory_sync.catalog.models import Item as ItemModel
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


class PostgresCatalog:
    """The CatalogReader of the running platform; reads inside the caller's transaction."""

    def mappings(self, connection_ids: Collection[int], refs: Collection[str]) -> Iterator[MappingRow]:
        rows = ItemMapping.objects.filter(connection_id__in=connection_ids, external_id__in=refs)
        for row in rows.order_by().values_list(
            "id",
            "connection_id",
            "external_id",
            "state",
            "label",
            "numerator",
            "denominator",
            "item_id",
            "item__sku",
            "item__base_unit_id",
            "item__kind",
        ):
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
        rows = ItemUnit.objects.filter(item_id__in=item_ids)
        for item_id, unit, numerator, denominator in rows.values_list(
            "item_id", "unit_id", "numerator", "denominator"
        ):
            yield UnitRow(item_id, unit, Factor(numerator, denominator))

    def components(self, kit_ids: Collection[int]) -> Iterator[ComponentRow]:
        rows = KitComponent.objects.filter(kit_id__in=kit_ids).order_by("kit_id", "component_id")
        for kit_id, component_id, quantity in rows.values_list("kit_id", "component_id", "quantity"):
            yield ComponentRow(kit_id, component_id, quantity)

    def places(self, connection_ids: Collection[int], refs: Collection[str]) -> Iterator[PlaceRow]:
        wanted = Q(fulfils=True) | Q(sells_for=True) | Q(external_id__in=refs)
        rows = LocationMapping.objects.filter(wanted, connection_id__in=connection_ids)
        named = rows.annotate(
            spans=_all_of(Authority, "connection_id", "attribute", "valid_from", "valid_to"),
            lived=_all_of(Tenure, "was", "mode", "starts_at", "after_reading"),
        )
        for row in named.order_by().values_list(
            "connection_id",
            "external_id",
            "location_id",
            "location__code",
            "location__mode",
            "location__rank",
            "location__active",
            "counts_from",
            "sells_for",
            "fulfils",
            "observes",
            "spans",
            "lived",
            "location__tracks_lots",
            "location__tracks_owners",
        ):
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
                authorities=tuple(_span(each) for each in row[11]),
                tenures=_tenures(row[12]),
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


def _all_of(model: type[Model], *columns: str) -> ArraySubquery:
    """Collect the rows of a location into one column, so that a batch stays one query."""
    rows = model._default_manager.filter(location_id=OuterRef("location_id"))
    rows = rows.order_by("starts_at" if model is Tenure else "id")
    return ArraySubquery(rows.values(told=JSONObject(**{name: name for name in columns})))


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
