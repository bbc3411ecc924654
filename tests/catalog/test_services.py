"""Writing the catalog: what is refused, what is written down, and what a change sets free."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from inventory_sync.audit.models import Entry
from inventory_sync.catalog import mappings, recipes, services
from inventory_sync.catalog.models import Item, ItemMapping, KitComponent, Location, LocationMapping
from tests import factories as make

pytestmark = pytest.mark.django_db
BY: dict[str, Any] = {"actor": "jo", "reason": "because"}


def test_an_item_is_saved_with_who_what_and_why() -> None:
    item = Item(sku="MUG", name="Mug", gtin="4006381333931")
    services.save_item(item, **BY)

    item.name = "Blue mug"
    effect = services.save_item(item, **BY)

    assert effect.items == {item.pk}
    entry = Entry.objects.get(action="item.changed")
    assert (entry.before, entry.after) == ({"name": "Mug"}, {"name": "Blue mug"})
    assert (entry.actor_name, entry.reason) == ("jo", "because")


@pytest.mark.parametrize(
    ("gtin", "why"),
    [
        ("4006381333932", "check digit"),
        ("400638133393", "check digit"),
        ("4006381", "digits"),
        ("４００６３８１３３３９３１", "digits"),
    ],
)
def test_a_gtin_is_checked(gtin: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        services.save_item(Item(sku="MUG", name="Mug", gtin=gtin), **BY)


@pytest.mark.parametrize("gtin", ["", "96385074", "036000291452", "4006381333931", "14006381333938"])
def test_gtins_of_every_length_are_taken(gtin: str) -> None:
    services.save_item(Item(sku="MUG", name="Mug", gtin=gtin), **BY)

    assert Item.objects.get(sku="MUG").gtin == gtin


def test_the_base_unit_of_an_item_never_changes() -> None:
    item = make.make_item("FLOUR", unit="KGM")

    item.base_unit_id = "GRM"

    with pytest.raises(ValidationError, match="base unit"):
        services.save_item(item, **BY)


def test_packs_are_added_changed_and_removed_each_with_its_entry() -> None:
    item, shop = make.make_item("MUG"), make.make_connection()
    make.map_item(shop, item, "product:1")
    make.make_pack(item, "CT", 12)
    make.make_pack(item, "DZN", 12)
    already = Entry.objects.count()

    effect = services.set_packs(item, {"CT": (6, 1, ""), "XBX": (24, 1, "")}, **BY)

    assert {(row.unit_id, row.numerator) for row in item.units.all()} == {("CT", 6), ("XBX", 24)}
    assert (shop.pk, "unit:MUG:XBX") in effect.waits
    actions = set(Entry.objects.order_by("id")[already:].values_list("action", flat=True))
    assert actions == {"item.pack_added", "item.pack_changed", "item.pack_removed"}


def test_a_kit_does_not_hold_kits_and_a_component_does_not_become_one() -> None:
    mug = make.make_item("MUG")
    box = make.make_kit("BOX", {mug: 2})
    outer = make.make_item("OUTER", kind=Item.Kind.KIT)

    with pytest.raises(ValidationError, match="BOX is itself a kit"):
        recipes.set_components(outer, {box.pk: Decimal(1)}, **BY)
    with pytest.raises(ValidationError, match="Only a kit"):
        recipes.set_components(mug, {outer.pk: Decimal(1)}, **BY)
    mug.kind = Item.Kind.KIT
    with pytest.raises(ValidationError, match="component of a kit"):
        services.save_item(mug, **BY)


def test_a_kit_never_contains_itself_not_even_through_another() -> None:
    inner, outer = (make.make_item(sku, kind=Item.Kind.KIT) for sku in ("INNER", "OUTER"))
    make.saved(KitComponent(kit=outer, component=inner, quantity=Decimal(1)), "kit.component_added")

    for parts in ({inner.pk: Decimal(1)}, {outer.pk: Decimal(1)}):
        with pytest.raises(ValidationError) as caught:
            recipes.set_components(inner, parts, **BY)
        assert caught.value.code == "kit.contains_itself"
    assert not inner.components.exists()


def test_the_recipe_of_a_kit_is_replaced_as_a_whole() -> None:
    mug, tray, lid = (make.make_item(sku) for sku in ("MUG", "TRAY", "LID"))
    box = make.make_kit("BOX", {mug: 2, tray: 1})

    effect = recipes.set_components(box, {mug.pk: Decimal(4), lid.pk: Decimal(1)}, **BY)

    assert {(row.component.sku, row.quantity) for row in box.components.all()} == {("MUG", 4), ("LID", 1)}
    assert effect.items == {box.pk}


def test_the_tree_of_places_stays_a_tree() -> None:
    company = make.make_location("CO", kind=Location.Kind.COMPANY)
    site = make.make_location("WH", parent=company)
    area = make.make_location("WH-A", kind=Location.Kind.AREA, parent=site)

    company.parent = area

    with pytest.raises(ValidationError, match="below itself"):
        services.save_location(company, **BY)


def test_the_mode_of_a_place_never_changes() -> None:
    site = make.make_location("WH")

    site.mode = Location.Mode.FIGURES

    with pytest.raises(ValidationError, match="two modes"):
        services.save_location(site, **BY)


def test_confirming_a_mapping_names_what_waits_for_it() -> None:
    shop, mug = make.make_connection(), make.make_item("MUG")

    row, effect = mappings.confirm_item_mapping(
        connection=shop, external_id="product:92", item=mug, numerator=12, label="Mug, carton", **BY
    )

    assert (row.state, row.numerator, row.label) == ("confirmed", 12, "Mug, carton")
    assert effect.waits == ((shop.pk, "item:product:92"),)
    assert (effect.items, effect.channels) == (frozenset({mug.pk}), frozenset({shop.pk}))


def test_mapping_an_id_to_another_item_touches_both_and_keeps_what_was_not_said() -> None:
    shop, mug, cup = make.make_connection(), make.make_item("MUG"), make.make_item("CUP")
    make.map_item(shop, mug, "product:92", external_parent="product:90", label="Mug")

    row, effect = mappings.confirm_item_mapping(connection=shop, external_id="product:92", item=cup, **BY)

    assert effect.items == {mug.pk, cup.pk}
    assert (row.external_parent, row.label) == ("product:90", "Mug")
    entry = Entry.objects.get(action="mapping.changed")
    assert (entry.after or {})["item"] == cup.pk


def test_a_suspended_mapping_is_believed_again_when_confirmed() -> None:
    shop, mug = make.make_connection(), make.make_item("MUG")
    row = make.map_item(shop, mug, "product:92")

    mappings.suspend_item_mapping(mapping_id=row.pk, **BY)
    row.refresh_from_db()
    suspended = row.state
    mappings.confirm_item_mapping(connection=shop, external_id="product:92", item=mug, **BY)

    row.refresh_from_db()
    assert (suspended, row.state) == ("suspended", "confirmed")


def test_an_ignored_id_publishes_nothing_and_a_proposal_does_not_undo_it() -> None:
    shop, mug = make.make_connection(), make.make_item("MUG")
    mappings.ignore_item_mapping(connection=shop, external_id="product:1", **BY)

    row, new = mappings.propose_item_mapping(connection=shop, external_id="product:1", item=mug, **BY)

    assert not new
    assert (row.state, row.publishes) == (ItemMapping.State.IGNORED, False)


def test_a_joined_place_has_a_role_and_one_that_reports_has_an_id() -> None:
    shop, site = make.make_connection(), make.make_location("WH")

    for row, why in (
        (LocationMapping(connection=shop, location=site), "role"),
        (LocationMapping(connection=shop, location=site, counts_from=True), "id at its vendor"),
        (LocationMapping(connection=shop, location=make.virtual("scrap"), sells_for=True), "virtual"),
    ):
        with pytest.raises(ValidationError, match=why):
            mappings.save_location_mapping(row, **BY)

    effect = mappings.save_location_mapping(
        LocationMapping(connection=shop, location=site, external_id="7", counts_from=True), **BY
    )
    assert effect.waits == ((shop.pk, "location:7"),)


def test_leaving_a_place_is_written_down() -> None:
    row = make.map_location(make.make_connection(), make.make_location("WH"), sells_for=True)

    mappings.remove_location_mapping(mapping_id=row.pk, **BY)

    assert not LocationMapping.objects.exists()
    assert "'sells_for': True" in str(Entry.objects.get(action="location_mapping.removed").before)
