"""What waits for a person is a case from the batch that found it to the one that ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory_sync.cases import services as cases
from inventory_sync.cases.models import Case
from inventory_sync.domain.errors import Unsupported
from inventory_sync.intake import services as intake
from inventory_sync.intake.models import ParkedLine
from inventory_sync.intake.ports import Outcome, Result
from inventory_sync.pipeline.inbox import forget_cases, own_waiting
from inventory_sync.pipeline.owning import of_delivery
from tests.factories import NOON, change, map_item
from tests.pipeline.hub import Hub, open_hub

pytestmark = pytest.mark.django_db


@pytest.fixture
def hub() -> Hub:
    hub = open_hub()
    hub.stocked("MUG", 10, "product:101")
    return hub


def open_ones() -> list[tuple[str, str, str]]:
    """By what they are about: which of two orders is drained first is a matter of their shards."""
    rows = Case.objects.filter(state="open").order_by("code", "subject_kind", "subject_id")
    return list(rows.values_list("code", "subject_kind", "subject_id"))


def map_and_replay(hub: Hub, external_id: str) -> None:
    map_item(hub.shop, hub.stocked(f"SKU-{external_id[-3:]}", 4), external_id)
    hub.clock.advance(1)
    intake.requeue_waiting(hub.shop.pk, f"item:{external_id}", now=hub.clock())


def test_lines_that_wait_for_one_name_are_one_case_however_many(hub: Hub) -> None:
    for number in range(1, 6):
        hub.order(number, (1, 555, 1))
    hub.order(9, (1, 556, 1))
    hub.drain()

    named = f"{hub.shop.pk}:item:product:"
    assert open_ones() == [
        ("mapping.item_unknown", "parked", f"{named}555"),
        ("mapping.item_unknown", "parked", f"{named}556"),
    ]
    many = Case.objects.get(subject_id=f"{named}555")
    assert (many.times, many.connection_code) == (5, hub.shop.code)
    assert many.order_ref in {str(number) for number in range(1, 6)}


def test_the_batch_that_applies_the_last_of_them_closes_their_case(hub: Hub) -> None:
    hub.order(1, (1, 555, 1))
    both = hub.order(2, (1, 555, 1), (2, 556, 1))
    hub.drain()

    map_and_replay(hub, "product:555")
    hub.drain()

    assert open_ones() == [("mapping.item_unknown", "parked", f"{hub.shop.pk}:item:product:556")]
    closed = Case.objects.get(state="resolved")
    assert (closed.closed_by, closed.resolution.split(":")[0]) == ("", "Nothing waits for it any more")
    assert hub.delivery(both).state == "parked"


def test_a_case_stays_while_one_line_of_another_delivery_waits(hub: Hub) -> None:
    first = hub.order(1, (1, 555, 1))
    hub.order(2, (1, 555, 1))
    hub.drain()
    map_item(hub.shop, hub.stocked("PLATE", 4), "product:555")
    hub.clock.advance(1)

    intake.requeue([first or 0], actor="anna", reason="one first", now=hub.clock())
    hub.drain()

    assert len(open_ones()) == 1
    intake.requeue_waiting(hub.shop.pk, "item:product:555", now=hub.clock())
    hub.drain()
    assert open_ones() == []


def test_a_batch_opens_its_cases_in_one_statement_however_many_lines_it_parks(hub: Hub) -> None:
    for number in range(100, 140):
        hub.order(number, (1, 500 + number, 1), (2, 700 + number, 1))

    with CaptureQueriesContext(connection) as seen:
        hub.drain()

    statements = [each["sql"] for each in seen.captured_queries]
    opened = sum("INSERT INTO cases_case" in each for each in statements)
    batches = sum("UPDATE intake_delivery d SET" in each for each in statements)
    assert Case.objects.count() == 80
    assert opened == batches < 40  # a batch per shard that has any


def test_a_refused_message_is_a_case_of_its_own_and_a_topic_nobody_handles_one_for_all(hub: Hub) -> None:
    number = hub.order(1, (1, 101, 1))
    claim = hub.ports.intake.claim("critical", now=hub.clock(), lease=timedelta(seconds=9), limit=5)
    assert claim is not None
    [stored] = claim.deliveries
    refused = Outcome(number or 0, hub.shop.pk, Result.REJECTED, code="line.rejected", detail="no")
    unheard = Outcome(number or 0, hub.shop.pk, Result.REJECTED, code=Unsupported.code, detail="no")

    [one], [topic] = of_delivery(stored, (), refused), of_delivery(stored, (), unheard)

    assert (one.subject_kind, one.subject_id) == ("delivery", str(number))
    assert (topic.subject_kind, topic.subject_id) == ("topic", f"{hub.shop.pk}:{stored.delivery.topic}")


def test_a_message_applied_after_it_had_failed_closes_its_case(hub: Hub) -> None:
    number = hub.order(1, (1, 101, 1))
    cases.open_case(
        code="line.rejected", subject_kind="delivery", subject_id=number, summary="no", now=hub.clock()
    )
    hub.clock.advance(1)
    intake.requeue([number or 0], actor="anna", reason="corrected", now=hub.clock())

    hub.drain()

    assert open_ones() == []
    assert Case.objects.get().resolution.startswith("It was applied.")


def test_the_house_owns_lines_that_have_no_case_and_closes_cases_that_have_no_line(hub: Hub) -> None:
    order = hub.order(1, (1, 555, 1))
    hub.drain()
    Case.objects.all().delete()

    assert own_waiting(hub.ports) == {"owned": 1, "over": 0}
    assert own_waiting(hub.ports) == {"owned": 0, "over": 0}

    lines = list(ParkedLine.objects.values_list("pk", flat=True))
    intake.resolve_parked(lines, actor="anna", reason="not ours", now=hub.clock())
    assert own_waiting(hub.ports) == {"owned": 0, "over": 1}
    assert hub.delivery(order).state == "done"


def test_a_case_of_a_delivery_that_is_done_or_gone_is_closed_by_the_house(hub: Hub) -> None:
    done = hub.order(1, (1, 101, 1))
    waits = hub.order(2, (1, 101, 1))
    hub.drain()
    change(hub.delivery(waits), state="rejected")
    for subject in (done, waits, 999_999):
        cases.open_case(
            code="line.rejected", subject_kind="delivery", subject_id=subject, summary="?", now=NOON
        )

    own_waiting(hub.ports)

    assert [subject for _, _, subject in open_ones()] == [str(waits)]


def test_a_delivery_that_fails_in_another_way_by_now_leaves_only_the_case_of_that(hub: Hub) -> None:
    order = hub.order(1, (1, 555, 1))
    cases.open_case(
        code="line.rejected", subject_kind="delivery", subject_id=order, summary="no", now=hub.clock()
    )
    hub.drain()
    assert hub.delivery(order).state == "parked"

    own_waiting(hub.ports)

    assert open_ones() == [("mapping.item_unknown", "parked", f"{hub.shop.pk}:item:product:555")]


def test_old_cases_are_forgotten_after_the_days_that_are_set(hub: Hub) -> None:
    case = cases.open_case(code="push.refused", subject_kind="x", subject_id=1, summary="?", now=hub.clock())
    cases.resolve([case.pk], actor="anna", reason="done", now=hub.clock())
    hub.clock.advance(179 * 86_400)
    assert forget_cases(hub.ports) == {"cases_forgotten": 0}

    hub.clock.advance(2 * 86_400)
    assert forget_cases(hub.ports) == {"cases_forgotten": 1}
