"""A system that does not decide stock is told every movement of it, once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.conf import LazySettings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from inventory_sync.cases.models import Case
from inventory_sync.catalog.authorities import assign_authority
from inventory_sync.catalog.mappings import remove_location_mapping, save_location_mapping
from inventory_sync.catalog.models import LocationMapping
from inventory_sync.connections import registry
from inventory_sync.propagation.mirror_cut import compare
from inventory_sync.propagation.mirror_places import installation_code, release_items
from inventory_sync.propagation.mirror_selectors import movements_behind
from inventory_sync.propagation.models import MirrorDocument, MirrorLevel, MirrorLine, MirrorPlace
from tests.factories import map_item
from tests.propagation.mirror_world import World, open_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(settings: LazySettings) -> World:
    settings.CONNECTORS = {**settings.CONNECTORS, "books": "tests.propagation.mirror_books"}
    registry.connector.cache_clear()
    return open_world()


def only_document() -> MirrorDocument:
    return MirrorDocument.objects.get()


# ── declaring ──


def test_what_was_there_before_the_mirror_began_is_not_owed(world: World) -> None:
    mug = world.item("MUG", stock=10)
    world.declare()

    world.till("sale", ("MUG", "2"))
    world.settle()

    assert world.copied(mug) == -2


def test_a_connection_that_decides_a_place_keeps_no_copy_of_it(world: World) -> None:
    assign_authority(
        world.hub.store, world.target, at=world.hub.clock(), after_reading=1, actor="tests", reason="a test"
    )

    with pytest.raises(ValidationError, match="decides what is at ST-1"):
        world.declare()


def test_a_connection_that_cannot_keep_copies_is_refused(world: World) -> None:
    row = LocationMapping(connection=world.hub.till, location=world.hub.store, external_id="X", mirrors=True)

    with pytest.raises(ValidationError, match="cannot keep a copy"):
        save_location_mapping(row, actor="tests", reason="a try")


def test_who_keeps_a_copy_cannot_become_the_authority(world: World) -> None:
    world.declare()

    with pytest.raises(ValidationError, match="end the mirror"):
        assign_authority(
            world.hub.store,
            world.target,
            at=world.hub.clock(),
            after_reading=1,
            actor="tests",
            reason="a try",
        )


def test_what_moves_after_the_end_is_not_owed_and_what_moved_before_is(world: World) -> None:
    mug = world.item("MUG", stock=10)
    row = world.declare()
    world.till("sale", ("MUG", "2"))

    remove_location_mapping(mapping_id=row.pk, actor="tests", reason="sold the store")
    world.settle_places()
    world.till("sale", ("MUG", "3"))
    world.settle()

    assert world.copied(mug) == -2
    assert world.sums_hold()


def test_a_mirror_that_begins_again_owes_nothing_of_the_time_between(world: World) -> None:
    mug = world.item("MUG", stock=10)
    row = world.declare()
    remove_location_mapping(mapping_id=row.pk, actor="tests", reason="a mistake")
    world.settle_places()
    world.till("sale", ("MUG", "2"))
    world.declare()

    world.till("sale", ("MUG", "3"))
    world.settle()

    assert world.copied(mug) == -3
    assert MirrorPlace.objects.count() == 2


# ── summing ──


def test_several_sales_of_one_item_are_one_line(world: World) -> None:
    world.item("MUG", stock=10)
    world.item("CUP", stock=10)
    world.declare()
    for _ in range(3):
        world.till("sale", ("MUG", "1"), ("CUP", "2"))

    world.settle()

    lines = MirrorLine.objects.order_by("item__sku").values_list("item__sku", "told", "movements")
    assert list(lines) == [("CUP", 6, 3), ("MUG", 3, 3)]
    assert (only_document().reason, only_document().arrives) == ("sale", False)


def test_each_reason_and_direction_is_a_document_of_its_own(world: World) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    world.till("return", ("MUG", "1"))

    world.settle()

    told = MirrorDocument.objects.order_by("reason").values_list("reason", "arrives", "lines__told")
    assert list(told) == [("return", True, 1), ("sale", False, 2)]


def test_adjustments_that_cancel_out_are_not_told_and_not_owed_either(world: World) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.till("adjustment", ("MUG", "4"))
    world.till("adjustment", ("MUG", "-4"))

    world.settle()

    assert not MirrorDocument.objects.exists()
    assert MirrorLevel.objects.get().due_since is None
    assert world.sums_hold()


def test_what_a_count_finds_is_told_as_an_adjustment(world: World) -> None:
    mug = world.item("MUG", stock=10)
    world.declare()

    world.till("count", ("MUG", "7"))
    world.settle()

    assert (only_document().reason, world.copied(mug)) == ("adjustment", -3)


def test_a_sale_that_is_taken_back_by_a_revision_is_told_both_ways(world: World) -> None:
    mug = world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    world.settle()

    world.till("sale", ("MUG", "1"), corrects=f"ST-1-{world.hub.sequence}", revision=1)
    world.settle()

    assert world.copied(mug) == world.moved(mug) == -1


def test_quantities_are_told_in_the_units_of_the_target(world: World) -> None:
    world.item("MUG", stock=24, numerator=12)
    world.declare()

    world.till("sale", ("MUG", "6"))
    world.settle()

    line = MirrorLine.objects.get()
    assert (line.quantity, line.told) == (6, Decimal("0.5"))


def test_a_name_holds_the_installation_and_is_the_document_s_own(world: World) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    world.settle()

    code = installation_code(lambda: "another one")
    assert only_document().name == f"SYNC-{code}-{only_document().pk}"
    assert len(code) == 8


def test_what_was_written_down_cannot_be_changed(world: World) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    world.settle()

    for change in (
        lambda: MirrorLine.objects.update(told=3),
        lambda: MirrorLine.objects.all()._raw_delete("default"),
        lambda: MirrorDocument.objects.update(name="other"),
        lambda: MirrorDocument.objects.update(state="owed"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_a_line_leads_to_the_movements_it_sums(world: World) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    world.till("return", ("MUG", "1"))
    world.till("sale", ("MUG", "3"))
    world.settle()

    line = MirrorLine.objects.get(document__reason="sale")
    assert [each.quantity for each in movements_behind(line)] == [-2, -3]


# ── what no mark told ──


def test_a_movement_nobody_marked_is_found_by_comparing(world: World) -> None:
    mug = world.item("MUG", stock=10)
    world.declare()
    world.mirror()
    world.till("sale", ("MUG", "2"))
    MirrorLevel.objects.all().delete()
    world.mirror()
    assert world.copied(mug) == 0

    world.hub.clock.advance(3601)
    world.settle()

    assert world.copied(mug) == -2


def test_comparing_marks_nothing_that_was_told(world: World) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    world.settle()

    assert compare(MirrorPlace.objects.get().pk, now=world.hub.clock()) == 0


# ── items the target has no word for ──


def test_an_item_without_a_name_there_waits_with_a_case_and_its_neighbours_go_ahead(world: World) -> None:
    world.item("CUP", stock=10, mapped=False)
    mug = world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "1"), ("CUP", "2"))

    world.settle()

    assert world.copied(mug) == -1
    case = Case.objects.get(state="open")
    assert (case.code, case.item_sku) == ("copy.not_mapped", "CUP")


def test_a_name_given_later_lets_everything_through_and_closes_the_case(world: World) -> None:
    cup = world.item("CUP", stock=10, mapped=False)
    world.declare()
    world.till("sale", ("CUP", "2"))
    world.settle()
    world.till("sale", ("CUP", "3"))
    world.settle()

    map_item(world.target, cup, "product:CUP")
    release_items([cup.pk])
    world.settle()

    assert world.copied(cup) == -5
    assert not Case.objects.filter(state="open").exists()
