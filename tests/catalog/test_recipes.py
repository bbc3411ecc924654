"""What a kit is made of, version by version, and from a date on."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from inventory_sync.audit.models import Entry
from inventory_sync.cases.models import Case
from inventory_sync.catalog.models import Item, KitRecipe
from inventory_sync.catalog.recipes import apply_due, set_components
from tests import factories
from tests.factories import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def kit() -> Item:
    """A box of two mugs, as first declared."""
    box = factories.make_item("BOX", kind=Item.Kind.KIT)
    for sku in ("MUG", "LID"):
        factories.make_item(sku)
    declare(box, {"MUG": 2})
    return box


def declare(kit: Item, parts: dict[str, int], **when):
    components = {Item.objects.get(sku=sku).pk: Decimal(number) for sku, number in parts.items()}
    return set_components(kit, components, actor="tests", reason="new box", **{"now": NOON, **when})


def rename(sku: str, to: str) -> Item:
    item = Item.objects.get(sku=sku)
    item.sku = to
    factories.saved(item, "item.renamed")
    return item


def made_of(kit: Item) -> dict[str, int]:
    return {row.component.sku: int(row.quantity) for row in kit.components.all()}


def version(kit: Item) -> int:
    return Item.objects.get(pk=kit.pk).recipe_version


def test_each_change_is_a_version_that_stays(kit: Item):
    declare(kit, {"MUG": 4})
    declare(kit, {"MUG": 4, "LID": 4})

    assert version(kit) == 3
    assert [row.components for row in KitRecipe.objects.filter(kit=kit).order_by("version")] == [
        {"MUG": "2"},
        {"MUG": "4"},
        {"MUG": "4", "LID": "4"},
    ]


def test_the_same_recipe_again_is_no_version(kit: Item):
    declare(kit, {"MUG": 2})

    assert (version(kit), KitRecipe.objects.count()) == (1, 1)


def test_an_announced_recipe_comes_into_force_at_its_time(kit: Item):
    announced = declare(kit, {"LID": 1}, valid_from=NOON + timedelta(days=1))
    assert announced.items == frozenset()
    assert (made_of(kit), version(kit)) == ({"MUG": 2}, 1)
    assert apply_due(now=NOON + timedelta(hours=23)).items == frozenset()

    effect = apply_due(now=NOON + timedelta(days=1))

    assert effect.items == {kit.pk}
    assert (made_of(kit), version(kit)) == ({"LID": 1}, 2)
    assert Entry.objects.filter(action="kit.recipe_changed", actor_name="the clock").exists()
    assert apply_due(now=NOON + timedelta(days=2)).items == frozenset()


def test_of_two_that_are_due_the_later_counts(kit: Item):
    declare(kit, {"LID": 1}, valid_from=NOON + timedelta(days=2))
    declare(kit, {"LID": 2}, valid_from=NOON + timedelta(days=1))

    apply_due(now=NOON + timedelta(days=3))

    assert (made_of(kit), version(kit)) == ({"LID": 1}, 2)
    assert apply_due(now=NOON + timedelta(days=4)).items == frozenset()


def test_a_recipe_that_names_nothing_any_more_does_not_hold_up_another_kits(kit: Item):
    declare(kit, {"LID": 1}, valid_from=NOON + timedelta(days=1))
    factories.make_item("POT")
    other = factories.make_item("SET", kind=Item.Kind.KIT)
    declare(other, {"POT": 1}, valid_from=NOON + timedelta(days=1))
    rename("LID", "COVER")

    effect = apply_due(now=NOON + timedelta(days=2))

    assert effect.items == {other.pk}
    assert (made_of(kit), version(kit)) == ({"MUG": 2}, 1)


def test_a_recipe_that_cannot_be_put_in_force_is_a_case_until_it_can(kit: Item):
    declare(kit, {"LID": 1}, valid_from=NOON + timedelta(days=1))
    lid = rename("LID", "COVER")

    for hours in (24, 25):
        apply_due(now=NOON + timedelta(hours=hours))
    case = Case.objects.get()

    assert (case.code, case.subject_kind, case.subject_id) == ("recipe.not_applied", "kit", str(kit.pk))
    assert (case.state, case.times) == ("open", 2)
    assert "BOX" in case.summary
    assert "No item is called LID." in case.summary

    lid.sku = "LID"
    factories.saved(lid, "item.renamed")
    effect = apply_due(now=NOON + timedelta(hours=26))

    case.refresh_from_db()
    assert effect.items == {kit.pk}
    assert (case.state, case.resolution) == ("resolved", "Version 2 of the recipe is in force.")


def test_its_case_closes_too_when_staff_declare_another_recipe(kit: Item):
    declare(kit, {"LID": 1}, valid_from=NOON + timedelta(days=1))
    rename("LID", "COVER")
    apply_due(now=NOON + timedelta(days=1))

    declare(kit, {"COVER": 1}, now=NOON + timedelta(days=2))

    assert Case.objects.get().state == "resolved"
    assert apply_due(now=NOON + timedelta(days=3)).items == frozenset()
    assert made_of(kit) == {"COVER": 1}


def test_a_component_that_has_become_a_kit_is_no_component_any_more(kit: Item):
    declare(kit, {"LID": 1}, valid_from=NOON + timedelta(days=1))
    lid = Item.objects.get(sku="LID")
    lid.kind = Item.Kind.KIT
    factories.saved(lid, "item.changed")

    apply_due(now=NOON + timedelta(days=1))

    assert made_of(kit) == {"MUG": 2}
    assert "LID is itself a kit" in Case.objects.get().summary


def test_nobody_edits_a_version(kit: Item):
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        KitRecipe.objects.update(components={})
