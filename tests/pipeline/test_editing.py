"""A message edited and applied as a copy of its own; the one that came is never applied over it."""

from __future__ import annotations

from typing import Any

import pytest

from inventory_sync.cases.models import Case
from inventory_sync.cases.runs import freeze_run
from inventory_sync.cases.services import resolve
from inventory_sync.domain.errors import EditedMeanwhile
from inventory_sync.intake.models import Delivery
from inventory_sync.ledger.models import Reservation
from inventory_sync.pipeline.models import EditedCopy
from inventory_sync.pipeline.remedies.editing import apply_edited, newest_of, read_aloud
from inventory_sync.pipeline.remedies.registry import remedy_for
from inventory_sync.pipeline.remedies.types import Asked, Manner
from inventory_sync.pipeline.retrying import retry_due
from inventory_sync.pipeline.wake import Waker
from tests.factories import NOON
from tests.pipeline.hub import HandClock, Hub, open_hub
from tests.pipeline.malformed import malformed

pytestmark = pytest.mark.django_db


@pytest.fixture
def quiet() -> Waker:
    return Waker(lambda task, queue, arguments: None)


@pytest.fixture
def shop_hub(clock: HandClock) -> Hub:
    return open_hub(clock=clock)


def edit(hub: Hub, case: Case, row: Delivery, quantity: bytes, quiet: Waker, **more: Any) -> Any:
    body = bytes(row.body).replace(b'"two"', quantity)
    given = {"actor": "ada", "reason": "a typo", "now": hub.clock(), "wake": quiet, **more}
    return apply_edited(case, row, body, **given)


def test_a_body_is_read_aloud_without_applying_it(shop_hub: Hub) -> None:
    row, _ = malformed(shop_hub)
    right = bytes(row.body).replace(b'"two"', b"2")

    assert read_aloud(row, bytes(row.body)).error
    assert any("2 × product:101" in words for words in read_aloud(row, right).says)
    assert Delivery.objects.count() == 1


def test_an_edited_copy_names_its_origin_which_is_kept_as_it_came(shop_hub: Hub, quiet: Waker) -> None:
    hub = shop_hub
    hub.stocked("MUG", 10, "product:101")
    row, case = malformed(hub)
    before = bytes(row.body)

    run = apply_edited(
        case, row, before.replace(b'"two"', b"2"), actor="ada", reason="a typo", now=hub.clock(), wake=quiet
    )
    hub.drain()
    retry_due(clock=hub.clock, wake=quiet)

    row.refresh_from_db()
    case.refresh_from_db()
    [line] = run.lines.all()
    assert bytes(row.body) == before
    assert row.parked_lines.filter(resolved_at=None).count() == 0
    assert (line.state, case.state) == ("succeeded", "resolved")
    assert "Its edited copy #" in line.outcome
    seen = remedy_for(case).foresee(case, now=NOON)
    assert (seen.manner, "applied instead" in seen.sentence) == (Manner.NOTHING, True)
    assert [each.what.partition(" ")[0] for each in remedy_for(case).tries(case)] == [
        "edited",
        "order.updated",
    ]


def test_a_retry_after_an_edit_that_failed_applies_the_edit_never_what_came(
    shop_hub: Hub, quiet: Waker
) -> None:
    hub = shop_hub
    hub.stocked("MUG", 10, "product:101")
    row, case = malformed(hub)
    edit(hub, case, row, b'"three"', quiet)
    hub.drain()
    copy = Delivery.objects.get(pk=EditedCopy.objects.get().copy_id)
    assert copy.state == "parked"
    remedy = remedy_for(case)

    seen = remedy.foresee(case, now=NOON)
    remedy.begin(case, Asked(actor="ada", reason="again", now=hub.clock(), wake=quiet))

    copy.refresh_from_db()
    row.refresh_from_db()
    assert (seen.manner, seen.delivery_id) == (Manner.IDENTICAL, copy.pk)
    assert (copy.state, row.state) == ("pending", "done")


def test_while_an_edited_copy_is_being_applied_nothing_else_of_it_is(shop_hub: Hub, quiet: Waker) -> None:
    row, case = malformed(shop_hub)
    edit(shop_hub, case, row, b"2", quiet)

    seen = remedy_for(case).foresee(case, now=NOON)

    assert (seen.possible, "being applied" in seen.sentence) == (False, True)


def test_of_two_who_edit_the_same_message_one_is_told_that_the_other_was_quicker(
    shop_hub: Hub, quiet: Waker
) -> None:
    hub = shop_hub
    hub.stocked("MUG", 10, "product:101")
    row, case = malformed(hub)
    edit(hub, case, row, b"2", quiet)

    with pytest.raises(EditedMeanwhile, match="quicker"):
        edit(hub, case, row, b"3", quiet, actor="bert")

    hub.drain()
    assert EditedCopy.objects.count() == 1
    assert [line.demand for line in Reservation.objects.all()] == [2]


def test_a_message_that_is_being_applied_again_cannot_be_edited_meanwhile(
    shop_hub: Hub, quiet: Waker
) -> None:
    row, case = malformed(shop_hub)
    remedy_for(case).begin(case, Asked(actor="bert", reason="again", now=shop_hub.clock(), wake=quiet))

    with pytest.raises(EditedMeanwhile, match="pending"):
        edit(shop_hub, case, row, b"2", quiet)

    assert Delivery.objects.count() == 1


def test_a_case_that_is_over_stores_no_copy(shop_hub: Hub, quiet: Waker) -> None:
    row, case = malformed(shop_hub)
    resolve([case.pk], actor="bert", reason="not ours", now=NOON)

    with pytest.raises(EditedMeanwhile):
        edit(shop_hub, case, row, b"2", quiet)

    assert Delivery.objects.count() == 1


def test_an_edit_takes_the_place_of_a_retry_that_waits_for_its_turn(shop_hub: Hub, quiet: Waker) -> None:
    hub = shop_hub
    hub.stocked("MUG", 10, "product:101")
    row, case = malformed(hub)
    waits = freeze_run([case.pk], actor="bert", reason="all of them", now=NOON)

    run = edit(hub, case, row, b"2", quiet)
    hub.drain()
    for _ in range(3):
        retry_due(clock=hub.clock, wake=quiet)
        hub.clock.advance(3)

    assert waits.lines.get().state == "skipped"
    assert run.lines.get().state == "succeeded"
    assert Reservation.objects.get().demand == 2


def test_a_copy_that_failed_is_edited_further_from_where_it_is(shop_hub: Hub, quiet: Waker) -> None:
    hub = shop_hub
    hub.stocked("MUG", 10, "product:101")
    row, case = malformed(hub)
    Delivery.objects.filter(pk=row.pk).update(state="rejected")
    edit(hub, case, row, b'"three"', quiet)
    hub.drain()
    copy = newest_of(row)
    assert copy.pk != row.pk
    retry_due(clock=hub.clock, wake=quiet)

    body = bytes(copy.body).replace(b'"three"', b"3")
    apply_edited(case, copy, body, actor="ada", reason="digits", now=hub.clock(), wake=quiet)
    hub.drain()
    retry_due(clock=hub.clock, wake=quiet)

    assert Reservation.objects.get().demand == 3
    assert set(Delivery.objects.filter(topic=row.topic).values_list("state", flat=True)) == {"done"}
