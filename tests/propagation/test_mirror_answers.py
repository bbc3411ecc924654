"""What a mirror is told is booked once, whatever becomes of the calls, and what is refused finds an owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import LazySettings

from inventory_sync.audit.models import Entry
from inventory_sync.cases.models import Case
from inventory_sync.connections import registry, services, writers
from inventory_sync.domain.commands import DocumentState
from inventory_sync.domain.errors import OutcomeUnknown
from inventory_sync.pipeline.ports import Limits, Ports
from inventory_sync.propagation import mirror_acts
from inventory_sync.propagation.models import MirrorDocument
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


@pytest.mark.parametrize("fault", ["read stumbles", "stumbles"])
def test_a_fault_of_the_connector_is_a_call_of_unknown_outcome_and_stops_nothing(
    world: World, fault: str
) -> None:
    mug = world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    world.books.faults = [fault]

    world.mirror()
    owed = only_document()
    world.settle()

    assert (owed.error_code, "a field nobody expected" in owed.error_detail) == (OutcomeUnknown.code, True)
    assert world.copied(mug) == -2
    assert world.states() == ["booked"]


def test_a_mirror_that_does_not_answer_is_not_asked_every_second(world: World) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    world.books.faults = ["read fails"] * 60

    for _ in range(60):
        world.mirror()
        world.hub.clock.advance(1)

    assert [step for step, _ in world.books.calls] == ["read"] * 4


def test_nobody_else_writes_during_a_call_however_long_the_reading_took(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    clock, read, others = world.hub.clock, world.books.read_documents, list[object]()

    def slowly(names: Sequence[str]) -> Mapping[str, DocumentState]:
        clock.advance(LIFE_S - 1)
        return read(names)

    def asks() -> None:
        clock.advance(LIFE_S - 1)
        others.append(writers.claim(world.target.pk, "orders", now=clock(), until=clock()))

    monkeypatch.setattr(world.books, "read_documents", slowly)
    world.books.meanwhile = asks

    world.mirror()

    assert others == [None]
    assert world.states() == ["booked"]


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
    assert (case.subject_id, case.item_sku, "archived" in case.summary) == (
        str(refused.pk), "SKU-4", True
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
    world.mirror()
    assert world.copied(mug) == 0, "nobody is called before it is put right"
    services.resume(connection_id=world.target.pk, actor="tests", reason="the key was entered anew")
    world.settle()
    assert world.copied(mug) == -2


def test_the_place_told_is_the_one_named_in_the_mapping(world: World) -> None:
    world.item("MUG", stock=10)
    world.declare()
    world.till("sale", ("MUG", "2"))
    world.settle()

    assert {document.location_ref for document in world.books.contents.values()} == {PLACE}
