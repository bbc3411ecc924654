"""What a channel could sell at a moment of the past, and that nobody edits it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from inventory_sync.availability.compute import recompute
from inventory_sync.availability.history import figure_at, figure_now, figures_between
from inventory_sync.availability.models import FigureHistory
from inventory_sync.availability.partitions import make_months
from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection
from tests.availability.worlds import NOON, PostgresWorld, recompute_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> PostgresWorld:
    """Five mugs at noon, three an hour later, unknown after two hours."""
    world = PostgresWorld()
    world.location("W1")
    world.channel("shop", sells=["W1"])
    world.item("MUG")
    world.offer("shop", "MUG")
    for hours, on_hand, known in ((0, 5, True), (1, 3, True), (2, 3, False)):
        world.level("MUG", "W1", on_hand, known=known, version=hours)
        world.mark("MUG", cause=f"delivery-{hours}")
        with world.transaction() as store:
            recompute(store=store, now=NOON + timedelta(hours=hours), limit=10, urgent_at_or_below=2)
    return world


def at(minutes: int):
    return figure_at(
        connection=Connection.objects.get(code="shop"),
        item=Item.objects.get(sku="MUG"),
        moment=NOON + timedelta(minutes=minutes),
    )


@pytest.mark.parametrize(
    ("why", "minutes", "figure", "verdict", "cause"),
    [
        ("at its first moment", 0, 5, "known", "delivery-0"),
        ("until the next", 59, 5, "known", "delivery-0"),
        ("from the next on", 60, 3, "known", "delivery-1"),
        ("nothing to hold on to", 9999, None, "unknown", "delivery-2"),
    ],
)
def test_a_figure_stands_until_the_next_one(world, why, minutes, figure, verdict, cause):
    then = at(minutes)

    assert then is not None
    assert (then.figure, then.verdict, then.correlation_id) == (figure, verdict, cause), why


def test_also_a_figure_that_was_unknown_from_the_first_is_told_of(world):
    world.item("CUP")
    world.offer("shop", "CUP")
    world.level("CUP", "W1", 0, known=False, version=0)
    world.mark("CUP", cause="delivery-9")
    with world.transaction() as store:
        recompute(store=store, now=NOON, limit=10, urgent_at_or_below=2)

    then = figure_at(
        connection=Connection.objects.get(code="shop"), item=Item.objects.get(sku="CUP"), moment=NOON
    )

    assert then is not None
    assert (then.figure, then.verdict, then.correlation_id) == (None, "unknown", "delivery-9")


def test_before_the_first_computation_there_was_none(world):
    assert at(-1) is None


def test_the_terms_of_a_past_figure_add_up_to_it_and_name_the_levels_they_were_read_from(world):
    then = at(60)

    assert then is not None
    assert sum(Decimal(step["quantity"]) for step in then.steps) == then.figure == 3
    assert [(step["location"], step["level_version"]) for step in then.steps] == [("W1", 1)]
    assert then.until == NOON + timedelta(hours=2)


def test_what_came_to_stand_in_a_span_is_listed_newest_first(world):
    shop, mug = Connection.objects.get(code="shop"), Item.objects.get(sku="MUG")

    day = figures_between(connection=shop, item=mug, since=NOON, until=NOON + timedelta(days=1))
    hour = figures_between(connection=shop, item=mug, since=NOON, until=NOON + timedelta(hours=1))

    assert [then.figure for then in day] == [None, 3, 5]
    assert day[1].until == day[0].computed_at
    assert [then.figure for then in hour] == [5]
    assert figure_now(connection=shop, item=mug) == day[0]


@pytest.mark.parametrize("edit", [lambda rows: rows.update(figure=9), lambda rows: rows.delete()])
def test_nobody_edits_what_was_shown(world, edit):
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        edit(FigureHistory.objects.filter(version=1))


def test_each_month_has_a_partition_of_its_own(world):
    make_months([NOON, NOON + timedelta(days=400), NOON + timedelta(days=400)])

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM availability_figurehistory_2026_11")
        assert cursor.fetchone() == (3,)
        cursor.execute("SELECT count(*) FROM availability_figurehistory_2027_12")
        assert cursor.fetchone() == (0,)


def test_rows_of_a_month_that_nobody_made_move_into_it_later_and_stay_as_they_were(world):
    may = NOON + timedelta(days=900)  # of 2029
    world.level("MUG", "W1", 1)
    world.mark("MUG")
    recompute_all(world, now=may)
    rest = FigureHistory.objects.order_by("id").values()
    before = list(rest)
    assert rows_in("availability_figurehistory_rest") == 1

    assert make_months([may + timedelta(days=31)]) == 2
    assert make_months([may, may + timedelta(days=31)]) == 0

    assert rows_in("availability_figurehistory_rest") == 0
    assert rows_in("availability_figurehistory_2029_05") == 1
    assert list(rest.all()) == before
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        FigureHistory.objects.filter(computed_at=may).update(figure=9)
    world.level("MUG", "W1", 2)
    world.mark("MUG")
    recompute_all(world, now=may + timedelta(days=300))
    assert rows_in("availability_figurehistory_rest") == 1, "what comes later still finds room"


def rows_in(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])
