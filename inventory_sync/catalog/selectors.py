"""Reads of the catalog: the PostgreSQL reader behind resolve, one query per kind and batch.

Does not write (services) and caches nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from django.db.models import Q

from inventory_sync.catalog.models import Item as ItemModel
from inventory_sync.catalog.models import ItemMapping, ItemUnit, KitComponent, LocationMapping
from inventory_sync.catalog.resolve import (
    ComponentRow,
    Directory,
    MappingRow,
    PlaceRow,
    UnitRow,
    load,
)
from inventory_sync.domain.levels import Mode
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
        for row in rows.order_by().values_list(
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
            "location__authority__connection_id",
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
                authority_connection_id=row[10],
            )


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
