"""What vendors' names mean, by the memory catalog and by PostgreSQL's alike."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from inventory_sync.catalog.models import ItemMapping, Location
from inventory_sync.catalog.resolve import (
    CatalogReader,
    Component,
    Directory,
    Ignored,
    ItemTarget,
    load,
    to_base,
)
from inventory_sync.catalog.selectors import PostgresCatalog, load_directory
from inventory_sync.domain.errors import Parked, QuantityInexact, UnknownUnit, UnmappedItem, UnmappedLocation
from inventory_sync.domain.levels import Mode
from inventory_sync.domain.units import Factor
from tests import factories
from tests.sim.stores.catalog import (
    CatalogTables,
    ConnectionEntry,
    ItemEntry,
    LocationEntry,
    MappingEntry,
    MemoryCatalog,
    PlaceEntry,
)

SHOP, TILL = "shop", "till"


class Ids(dict[str, int]):
    """Our ids by code, SKU or external id."""


def in_memory() -> tuple[CatalogReader, Ids]:
    rows, ids = CatalogTables(), Ids()
    for code in (SHOP, TILL):
        ids[code] = rows.add(rows.connections, ConnectionEntry(code))
    for entry in (
        ItemEntry("MUG", units={"CT": Factor(12)}),
        ItemEntry("FLOUR", base_unit="KGM", units={"GRM": Factor(1, 1000)}),
    ):
        ids[entry.sku] = rows.add(rows.items, entry)
    ids["PAIR"] = rows.add(rows.items, ItemEntry("PAIR", is_kit=True, recipe={ids["MUG"]: Decimal(2)}))
    for ref, sku, factor, state in MAPPINGS:
        item_id = ids[sku] if sku else None
        ids[ref] = rows.add(rows.mappings, MappingEntry(ids[SHOP], ref, item_id, factor, state, f"({ref})"))
    rows.add(rows.mappings, MappingEntry(ids[TILL], "mug", ids["FLOUR"]))
    for code, rank, active, mode in LOCATIONS:
        authority = ids[TILL] if code == "W1" else None
        place = LocationEntry(code, mode=Mode(mode), rank=rank, active=active, authority=authority)
        ids[code] = rows.add(rows.locations, place)
    for connection, ref, code, roles in PLACES:
        rows.places.append(PlaceEntry(ids[connection], ref, ids[code], **roles))
    return MemoryCatalog(rows), ids


def in_postgres() -> tuple[CatalogReader, Ids]:
    ids = Ids()
    shop, till = factories.make_channel(SHOP), factories.make_till(TILL)
    ids.update({SHOP: shop.pk, TILL: till.pk})
    mug, flour = factories.make_item("MUG"), factories.make_item("FLOUR", unit="KGM")
    factories.make_pack(mug, "CT", 12)
    factories.make_pack(flour, "GRM", 1, 1000)
    items = {"MUG": mug, "FLOUR": flour, "PAIR": factories.make_kit("PAIR", {mug: 2})}
    ids.update({sku: item.pk for sku, item in items.items()})
    for ref, sku, factor, state in MAPPINGS:
        row = factories.map_item(
            shop,
            items[sku] if sku else None,
            ref,
            numerator=factor.numerator,
            denominator=factor.denominator,
            state=state,
            label=f"({ref})",
        )
        ids[ref] = row.pk
    factories.map_item(till, flour, "mug")
    places = {}
    for code, rank, active, mode in LOCATIONS:
        authority = till if code == "W1" else None
        places[code] = factories.make_location(code, rank=rank, active=active, mode=mode, authority=authority)
        ids[code] = places[code].pk
    for connection, ref, code, roles in PLACES:
        factories.map_location({SHOP: shop, TILL: till}[connection], places[code], ref, **roles)
    return PostgresCatalog(), ids


MAPPINGS = [
    ("mug", "MUG", Factor(1), "confirmed"),
    ("six", "MUG", Factor(6), "confirmed"),
    ("flour", "FLOUR", Factor(1), "confirmed"),
    ("bag", "FLOUR", Factor(25), "confirmed"),
    ("third", "FLOUR", Factor(1, 3), "confirmed"),
    ("pair", "PAIR", Factor(1), "confirmed"),
    ("proposed", "MUG", Factor(1), "proposed"),
    ("suspended", "MUG", Factor(1), "suspended"),
    ("gift-card", None, Factor(1), "ignored"),
]
LOCATIONS = [
    ("W2", 20, True, "movements"),
    ("W1", 10, True, "movements"),
    ("W0", 20, True, "figures"),
    ("OLD", 1, False, "movements"),
]
PLACES = [
    (SHOP, "", "W2", {"sells_for": True, "fulfils": True}),
    (SHOP, "", "W1", {"sells_for": True, "fulfils": True}),
    (SHOP, "", "W0", {"sells_for": True}),
    (SHOP, "", "OLD", {"sells_for": True, "fulfils": True}),
    (TILL, "store-1", "W1", {"counts_from": True}),
    (TILL, "store-2", "W0", {"counts_from": True, "sells_for": True}),
    (TILL, "quay", "W2", {}),
]
EVERYTHING = {ref for ref, *_ in MAPPINGS} | {"never-seen"}


@pytest.fixture(params=[in_memory, pytest.param(in_postgres, marks=pytest.mark.django_db)])
def catalog(request: pytest.FixtureRequest) -> tuple[CatalogReader, Ids]:
    make: Callable[[], tuple[CatalogReader, Ids]] = request.param
    return make()


@pytest.fixture
def ids(catalog: tuple[CatalogReader, Ids]) -> Ids:
    return catalog[1]


@pytest.fixture
def directory(catalog: tuple[CatalogReader, Ids]) -> Directory:
    reader, ids = catalog
    return load(
        reader,
        connection_ids=[ids[SHOP], ids[TILL]],
        item_refs=EVERYTHING,
        location_refs={"store-1", "store-2", "quay", "nowhere"},
    )


def item_of(directory: Directory, connection_id: int, ref: str, unit: str = "") -> ItemTarget:
    """Return what a name means where it is not ignored."""
    target = directory.item(connection_id, ref, unit)
    assert isinstance(target, ItemTarget)
    return target


def test_a_confirmed_name_means_its_item(directory: Directory, ids: Ids):
    target = directory.item(ids[SHOP], "mug")

    assert target == ItemTarget(ids["MUG"], "MUG", Factor(1), ids["mug"], "mug")


def test_the_same_name_means_something_else_on_another_connection(directory: Directory, ids: Ids):
    assert item_of(directory, ids[SHOP], "mug").sku == "MUG"
    assert item_of(directory, ids[TILL], "mug").sku == "FLOUR"


@pytest.mark.parametrize("ref", ["never-seen", "proposed", "suspended"])
def test_a_name_nobody_confirmed_is_unmapped(directory: Directory, ids: Ids, ref: str):
    with pytest.raises(UnmappedItem) as refused:
        directory.item(ids[SHOP], ref)

    assert refused.value.waits_on == f"item:{ref}"


def test_an_unmapped_name_is_shown_with_what_the_vendor_calls_it(directory: Directory, ids: Ids):
    with pytest.raises(UnmappedItem, match="Blue mug"):
        directory.item(ids[SHOP], "never-seen", label="Blue mug")
    with pytest.raises(UnmappedItem, match=r"\(proposed\)"):
        directory.item(ids[SHOP], "proposed")


def test_an_ignored_name_is_a_marker_and_no_error(directory: Directory, ids: Ids):
    assert directory.item(ids[SHOP], "gift-card") == Ignored(ids["gift-card"], "gift-card")


def test_a_kit_comes_with_its_recipe(directory: Directory, ids: Ids):
    target = item_of(directory, ids[SHOP], "pair")

    assert target.is_kit
    assert target.components == (Component(ids["MUG"], Decimal(2)),)


@pytest.mark.parametrize(
    ("why", "ref", "unit", "quantity", "base"),
    [
        ("no unit: the mapping's own", "six", "", "2", "12"),
        ("a piece of a pack is one pack", "six", "C62", "2", "12"),
        ("a carton is the item's, whatever the article holds", "six", "CT", "1", "12"),
        ("a carton of single mugs", "mug", "CT", "2", "24"),
        ("pieces have three codes", "mug", "EA", "3", "3"),
        ("grams of flour", "flour", "GRM", "250", "0.25"),
        ("the base unit itself", "bag", "KGM", "2", "2"),
        ("a bag is one piece of the article", "bag", "C62", "2", "50"),
        ("a third, thrice, is exact", "third", "", "3", "1"),
    ],
)
def test_a_quantity_becomes_base_units(directory: Directory, ids: Ids, why, ref, unit, quantity, base):
    assert to_base(Decimal(quantity), item_of(directory, ids[SHOP], ref, unit)) == Decimal(base), why


@pytest.mark.parametrize(("ref", "unit"), [("mug", "KGM"), ("flour", "C62"), ("flour", "XYZ")])
def test_a_unit_without_a_factor_is_parked_and_not_guessed(directory: Directory, ids: Ids, ref, unit):
    with pytest.raises(UnknownUnit) as refused:
        directory.item(ids[SHOP], ref, unit)

    assert isinstance(refused.value, Parked)


def test_a_quantity_that_six_places_cannot_hold_is_parked_and_not_rounded(directory: Directory, ids: Ids):
    third = item_of(directory, ids[SHOP], "third")

    with pytest.raises(QuantityInexact) as refused:
        to_base(Decimal(1), third)

    assert refused.value.waits_on == "item:third"


def test_a_place_names_its_location_mode_and_authority(directory: Directory, ids: Ids):
    first, second = directory.location(ids[TILL], "store-1"), directory.location(ids[TILL], "store-2")

    assert (first.location_id, first.mode, first.authority_connection_id) == (
        ids["W1"],
        Mode.MOVEMENTS,
        ids[TILL],
    )
    assert (second.location_id, second.mode, second.authority_connection_id) == (
        ids["W0"],
        Mode.FIGURES,
        None,
    )


@pytest.mark.parametrize("ref", ["nowhere", "quay", ""])
def test_a_place_whose_reports_count_nowhere_is_unmapped(directory: Directory, ids: Ids, ref: str):
    with pytest.raises(UnmappedLocation) as refused:
        directory.location(ids[TILL], ref)

    assert refused.value.waits_on == f"location:{ref}"


def test_a_pool_is_ranked_and_without_closed_places(directory: Directory, ids: Ids):
    assert directory.pool(ids[SHOP]) == (ids["W1"], ids["W2"])
    assert directory.selling(ids[SHOP]) == (ids["W1"], ids["W0"], ids["W2"])


def test_where_no_place_fulfils_orders_go_where_stock_is_sold_from(directory: Directory, ids: Ids):
    assert directory.pool(ids[TILL]) == (ids["W0"],)


@pytest.mark.django_db
def test_a_changed_mapping_is_seen_by_the_next_batch():
    _, ids = in_postgres()

    def means(ref: str) -> ItemTarget | Ignored:
        found = load_directory(connection_ids=[ids[SHOP]], item_refs=[ref], location_refs=[])
        return found.item(ids[SHOP], ref)

    assert means("mug") == ItemTarget(ids["MUG"], "MUG", Factor(1), ids["mug"], "mug")
    factories.change(ItemMapping.objects.get(pk=ids["mug"]), state=ItemMapping.State.IGNORED)

    assert means("mug") == Ignored(ids["mug"], "mug")


@pytest.mark.django_db
def test_a_batch_of_any_size_costs_four_queries(django_assert_num_queries):
    _, ids = in_postgres()

    with django_assert_num_queries(4):
        load_directory(
            connection_ids=[ids[SHOP], ids[TILL]], item_refs=EVERYTHING, location_refs=["store-1", "store-2"]
        )


@pytest.mark.django_db
def test_a_location_closed_later_leaves_the_pool_but_keeps_its_name():
    _, ids = in_postgres()
    factories.change(Location.objects.get(code="W1"), active=False)

    found = load_directory(connection_ids=[ids[SHOP], ids[TILL]], item_refs=[], location_refs=["store-1"])

    assert found.pool(ids[SHOP]) == (ids["W2"],)
    assert found.location(ids[TILL], "store-1").location_id == ids["W1"]
