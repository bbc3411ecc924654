"""A system that does not decide stock is told every movement of it, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import LazySettings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from inventory_sync.audit.models import Entry
from inventory_sync.cases.models import Case
from inventory_sync.catalog.authorities import assign_authority
from inventory_sync.catalog.mappings import remove_location_mapping, save_location_mapping
from inventory_sync.catalog.models import LocationMapping
from inventory_sync.connections import registry
from inventory_sync.domain.commands import DocumentState
from inventory_sync.pipeline.ports import Limits, Ports
from inventory_sync.propagation import mirror_acts
from inventory_sync.propagation.mirror_cut import compare
from inventory_sync.propagation.mirror_places import installation_code, release_items
from inventory_sync.propagation.mirror_selectors import movements_behind
from inventory_sync.propagation.models import MirrorDocument, MirrorLevel, MirrorLine, MirrorPlace
from tests.factories import map_item
from tests.propagation.mirror_books import LIFE_S
from tests.propagation.mirror_world import PLACE, World, open_world

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
    assert (case.code, "CUP" in case.summary) == ("copy.not_mapped", True)


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


# ── refusals ──


def test_one_line_that_cannot_be_booked_stands_alone_in_the_end(world: World) -> None:
    items = [world.item(f"SKU-{number}", stock=50) for number in range(7)]
    world.declare()
    world.books.refuses = {"product:SKU-4"}
    world.till("sale", *((item.sku, "1") for item in items))

    world.settle()

    refused = MirrorDocument.objects.get(state="refused")
    assert [line.item.sku for line in refused.lines.all()] == ["SKU-4"]
    assert set(world.differing()) == {"SKU-4"}
    case = Case.objects.get(state="open")
    assert (case.subject_id, "product:SKU-4" in case.summary, "archived" in case.summary) == (
        str(refused.pk), True, True
    )  # fmt: skip
    assert world.sums_hold()


def test_a_refused_line_is_booked_once_it_can_be(world: World) -> None:
    mug = world.item("MUG", stock=10)
    world.declare()
    world.books.refuses = {"product:MUG"}
    world.till("sale", ("MUG", "2"))
    world.settle()
    world.books.refuses = set()

    tried = mirror_acts.retry(
        [only_document().pk], actor="tests", reason="un-archived", now=world.hub.clock()
    )
    world.settle()

    assert [row.pk for row in tried.documents] == [only_document().pk]
    assert world.copied(mug) == -2
    assert Entry.objects.get(action="mirror.retried").reason == "un-archived"
    assert not Case.objects.filter(state="open").exists()


def test_giving_up_leaves_the_copy_different_and_says_who_decided_it(world: World) -> None:
    mug = world.item("MUG", stock=10)
    world.declare()
    world.books.refuses = {"product:MUG"}
    world.till("sale", ("MUG", "2"))
    world.settle()

    mirror_acts.give_up([only_document().pk], actor="tests", reason="thrown away", now=world.hub.clock())
    world.settle()

    assert (only_document().state, world.copied(mug)) == ("given_up", 0)
    assert Entry.objects.get(action="mirror.given_up").reason == "thrown away"
    assert not Case.objects.filter(state="open").exists()
    assert world.sums_hold()


def test_a_document_of_several_lines_that_lies_open_is_not_split(world: World) -> None:
    world.item("MUG", stock=10)
    world.item("CUP", stock=10)
    world.declare()
    world.books.refuses, world.books.leaves_drafts = {"product:MUG"}, True
    world.till("sale", ("MUG", "1"), ("CUP", "1"))

    world.settle()

    assert world.states() == ["refused"]
    assert Case.objects.get(state="open").code == "mirror.left_open"


def test_a_document_cancelled_by_people_is_booked_under_a_new_name_on_staff_s_word(world: World) -> None:
    mug = world.item("MUG", stock=10)
    world.declare()
    world.books.faults = ["draft"]
    world.till("sale", ("MUG", "2"))
    world.mirror()
    world.books.states[only_document().name] = DocumentState.CANCELLED
    world.settle()
    first = only_document()
    assert first.error_code == "mirror.cancelled_there"

    mirror_acts.retry([first.pk], actor="tests", reason="cancelled by mistake", now=world.hub.clock())
    world.settle()

    assert world.states() == ["split", "booked"]
    assert world.copied(mug) == -2
    assert world.sums_hold()


def test_a_document_that_people_cancel_while_it_is_sent_is_not_booked_in_parts(world: World) -> None:
    world.item("MUG", stock=10)
    world.item("CUP", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"), ("CUP", "1"))

    def cancel() -> None:
        world.books.states[only_document().name] = DocumentState.CANCELLED

    world.books.meanwhile = cancel
    world.mirror()

    assert (world.states(), only_document().error_code) == (["refused"], "mirror.cancelled_there")


def test_a_name_that_is_known_there_and_was_never_sent_waits_for_a_person(world: World) -> None:
    mug = world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    world.books.faults = ["read fails"]
    world.mirror()
    world.books.states[only_document().name] = DocumentState.BOOKED

    world.settle()

    assert (only_document().error_code, world.copied(mug)) == ("mirror.name_taken", 0)
    mirror_acts.retry([only_document().pk], actor="tests", reason="a restored backup", now=world.hub.clock())
    world.settle()
    assert world.copied(mug) == -2


# ── outcomes that are not known ──


@pytest.mark.parametrize("fault", ["lost", "half", "draft", "late", "never", "unavailable", "read fails"])
def test_whatever_becomes_of_a_call_each_movement_is_booked_once(world: World, fault: str) -> None:
    items = [world.item(f"SKU-{number}", stock=50) for number in range(4)]
    world.declare()
    world.books.faults = [fault]
    world.till("sale", *((item.sku, "2") for item in items[:2]))
    world.till("return", *((item.sku, "1") for item in items[2:]))

    world.mirror()
    world.hub.clock.advance(LIFE_S / 2)
    world.books.land()
    world.settle()

    assert world.differing() == {}
    assert world.sums_hold()


def test_a_document_whose_outcome_is_unknown_is_not_sent_again_while_it_may_land(world: World) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.books.faults = ["never"]
    world.till("sale", ("MUG", "2"))
    world.mirror()

    world.hub.clock.advance(LIFE_S - 6)
    world.mirror()
    sent_early = [call for call in world.books.calls if call[0] == "book"]
    world.hub.clock.advance(10)
    world.mirror()

    assert len(sent_early) == 1
    assert world.states() == ["booked"]


def test_a_request_that_lands_late_meets_no_parts_of_its_document(world: World) -> None:
    world.item("MUG", stock=10)
    world.item("CUP", stock=10)
    world.declare()
    world.books.faults, world.books.refuses = ["late"], {"product:MUG"}
    world.till("sale", ("MUG", "2"), ("CUP", "1"))
    world.mirror()
    world.hub.clock.advance(10)
    world.mirror()  # sent now it would be refused, and split

    world.books.refuses = set()
    world.books.land()
    world.settle()

    assert world.differing() == {}
    assert world.states() == ["booked"]


def test_during_an_outage_movements_wait_in_the_ledger_and_make_few_documents(world: World) -> None:
    mug = world.item("MUG", stock=50)
    cup = world.item("CUP", stock=50)
    limits = world.hub.ports.limits
    world.hub.ports = _with(world, limits, lines=2)
    world.declare()
    world.books.faults = ["unavailable"] * 8
    for _ in range(8):
        world.till("sale", ("MUG", "1"), ("CUP", "1"))
        world.mirror()

    written = MirrorDocument.objects.count()
    world.settle()

    assert written == 1
    assert MirrorDocument.objects.count() == 2
    assert (world.copied(mug), world.copied(cup)) == (-8, -8)


def _with(world: World, limits: Limits, *, lines: int) -> Ports:
    return replace(world.hub.ports, limits=replace(limits, mirror_lines=lines))


def test_a_target_without_credentials_pauses_and_nothing_is_lost(world: World) -> None:
    mug = world.item("MUG", stock=10)
    world.declare()
    world.books.faults = ["misconfigured"]
    world.till("sale", ("MUG", "2"))

    world.mirror()

    world.target.refresh_from_db()
    assert world.target.state == "misconfigured"
    world.hub.clock.advance(timedelta(minutes=10).total_seconds())
    world.settle()
    assert world.copied(mug) == -2


def test_the_place_told_is_the_one_named_in_the_mapping(world: World) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    world.settle()

    assert {document.location_ref for document in world.books.contents.values()} == {PLACE}
