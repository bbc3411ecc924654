"""What the ledger's tables promise by themselves: months, keys that stay, lines nobody edits."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError

from inventory_sync.ledger import partitions, selectors
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.models import Event, EventKey, Movement, StockLevel
from inventory_sync.ledger.ports import NewMovement
from inventory_sync.ledger.rows import execute
from inventory_sync.ledger.store import PostgresLedger
from inventory_sync.ledger.types import FigureFacts, LineHeld, StockEvent
from tests.ledger.reports import NOW, delta, figure
from tests.ledger.test_concurrency import applying, race
from tests.ledger.worlds import PostgresWorld

MARCH = datetime(2031, 3, 15, 12, 0, tzinfo=UTC)
FUTURE = datetime(2031, 1, 31, 23, 59, tzinfo=UTC)


@pytest.fixture
def world(db: None) -> PostgresWorld:
    return PostgresWorld()


@pytest.fixture
def months(db: None) -> None:
    """Partitions of the spring of 2031, taken back with the test's transaction."""
    partitions.make_ahead(now=FUTURE, months=3)


class RolledBack(Exception):
    """Ends a transaction that is not to stay."""


def sale(world: PostgresWorld, key: str = "s1", **values: int) -> StockEvent:
    return delta(key, world.item("MUG"), world.place("BER"), -2, by=world.connection("till"), **values)


def test_months_are_there_ahead_of_the_time_that_needs_them(db):
    made = partitions.make_ahead(now=FUTURE, months=3)

    assert made == 2 * 4
    assert partitions.make_ahead(now=FUTURE, months=3) == 0
    for table in partitions.TABLES:
        wanted = [f"{table}_2031_{month:02}" for month in (1, 2, 3, 4)]
        assert set(wanted) <= set(partitions.partitions_of(table))


@pytest.mark.usefixtures("months")
def test_an_event_and_its_movement_lie_in_the_month_they_were_recorded(world):
    world.apply([sale(world)], now=MARCH)

    assert execute("SELECT count(*) FROM ledger_event_2031_03") == [(1,)]
    assert execute("SELECT count(*) FROM ledger_movement_2031_03") == [(1,)]


def test_rows_of_a_month_that_nobody_made_find_room_and_move_into_it_later(world):
    world.apply([sale(world)], now=MARCH)
    assert execute("SELECT count(*) FROM ledger_event_default") == [(1,)]

    partitions.make_ahead(now=FUTURE, months=0)

    for table in partitions.TABLES:
        assert execute(f"SELECT count(*) FROM {table}_default") == [(0,)]
        assert execute(f"SELECT count(*) FROM {table}_2031_03") == [(1,)]
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        execute("DELETE FROM ledger_movement")
    assert world.apply([sale_again(world)], now=MARCH).posted.duplicates == 1
    assert selectors.verify() == []


def sale_again(world: PostgresWorld) -> StockEvent:
    event = Event.objects.get()
    return delta(event.key, event.item_id, event.location_id, -2, by=event.connection_id)


@pytest.mark.usefixtures("months")
@pytest.mark.parametrize("table", ["ledger_movement", "ledger_event"])
def test_lines_are_neither_edited_nor_deleted_nor_truncated_in_any_partition(world, table):
    world.apply([sale(world, "s1")], now=MARCH)
    world.apply([sale_again(world)], now=MARCH)
    parts = [table, *partitions.partitions_of(table)]
    refused = 0

    for part in parts:
        execute(f"ALTER TABLE {part} ENABLE TRIGGER ledger_no_truncate")  # off in databases of tests
    for part in parts:
        filled = execute(f"SELECT count(*) FROM {part}") != [(0,)]
        for tampering in (
            f"UPDATE {part} SET quantity = 7",
            f"DELETE FROM {part}",
            f"TRUNCATE {part} CASCADE",
        ):
            if filled or tampering.startswith("TRUNCATE"):
                with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                    execute(tampering)
                refused += 1

    assert refused == len(parts) + 2 * 2, "the parent and the month that is filled refuse edits too"


@pytest.mark.usefixtures("months")
def test_a_key_is_known_after_the_partition_of_its_event_is_gone(world):
    first = sale(world)
    world.apply([first], now=MARCH)

    for table in partitions.TABLES:
        execute(f"ALTER TABLE {table} DETACH PARTITION {table}_2031_03")
    again = world.apply([first], now=MARCH).posted
    later = world.apply(
        [delta("s1", first.item_id, first.location_id, -9, by=first.connection_id, revision=1)], now=MARCH
    ).posted

    assert (again.recorded, again.duplicates) == (0, 1)
    assert (later.recorded, later.movements) == (1, 0), "what is gone cannot be taken back: kept, no effect"
    assert world.on_hand() == {(first.item_id, first.location_id): -2}
    assert Event.objects.filter(effective=True).count() == 0
    assert EventKey.objects.get().revision == 0


def test_everything_an_event_says_comes_back_from_its_row(world):
    till, mug, berlin = world.connection("till"), world.item("MUG"), world.place("BER")
    odoo = world.place("WH", figures=True)
    world.apply(
        [delta("odd\tkey\\n\n\r", mug, berlin, -2, by=till, lot="L\\1", owner="ACME", reference='"a"\t{b}')],
    )
    facts = FigureFacts(
        reserved=Decimal("1.5"),
        unassigned=Decimal(2),
        unavailable=Decimal(3),
        contained=(LineHeld("shop", "o\n1", "a", Decimal("0.5"), Decimal("0.25")),),
    )
    told = figure(mug, odoo, 12, reading=7, by=till)
    told = StockEvent(
        **{name: getattr(told, name) for name in told.__slots__ if name != "figure"}, figure=facts
    )
    world.apply([told])

    kept = {event.kind: event for event in Event.objects.all()}
    assert kept["delta"].key == "odd\tkey\\n\n\r"
    assert (kept["delta"].lot, kept["delta"].owner, kept["delta"].reference) == ("L\\1", "ACME", '"a"\t{b}')
    line = Movement.objects.get(event_id=kept["delta"].pk)
    assert (line.lot, line.owner, line.reference) == ("L\\1", "ACME", '"a"\t{b}')

    higher = StockEvent(
        **{name: getattr(told, name) for name in told.__slots__ if name != "revision"}, revision=1
    )
    recording = PostgresLedger().record_events([higher], now=NOW)
    assert recording.replaced[till, told.key].event == told


def test_the_rows_of_events_are_there_after_the_block_that_writes_them(world):
    event, ledger = sale(world), PostgresLedger()

    recording = ledger.record_events([event], now=NOW)
    with ledger.writing_events(recording, now=NOW):
        pass

    assert Event.objects.get().key == event.key
    assert ledger.originals([(event.connection_id, event.key)]) == {(event.connection_id, event.key): event}


def test_a_level_that_was_seen_and_rolled_back_is_made_again(world):
    key, ledger = (world.item("MUG"), world.place("BER")), PostgresLedger()
    with suppress(RolledBack), transaction.atomic():
        ledger.lock_levels((), create=[key])
        ledger.lock_levels((), create=[key])
        raise RolledBack
    assert not StockLevel.objects.exists()

    locked = ledger.lock_levels((), create=[key])

    assert (list(locked), locked[key].on_hand, locked[key].version) == ([key], 0, 0)
    assert len(ledger.lock_levels([key], create=())) == 1
    assert StockLevel.objects.filter(item_id=key[0], location_id=key[1]).count() == 1


def test_movements_are_appended_as_given(world):
    mug, berlin, adjustment = world.item("MUG"), world.place("BER"), world.place("ADJ")
    line = NewMovement(
        1, mug, adjustment, berlin, Decimal("1E+3"), "count", NOW, "r\\", "2026-12", "c", "l", "o", "damaged"
    )

    with PostgresLedger().writing_movements([line], now=NOW):
        pass

    row = Movement.objects.get()
    assert (row.quantity, row.reference, row.condition) == (1000, "r\\", "damaged")
    assert (row.source_id, row.destination_id, row.recorded_at) == (adjustment, berlin, NOW)


@pytest.mark.django_db(transaction=True)
def test_two_sessions_with_two_revisions_of_one_key_leave_the_higher_one_counting():
    world = PostgresWorld()
    first = sale(world)
    there = world.item("CUP")
    values = {"by": first.connection_id}
    second = delta("s1", there, first.location_id, -3, revision=1, **values)
    third = delta("s1", first.item_id, first.location_id, -7, revision=2, **values)

    for jobs in ([third, first], [second, third], [first, second]):
        race(*[applying([event]) for event in jobs])

    assert {key: n for key, n in world.on_hand().items() if n} == {(first.item_id, first.location_id): -7}
    assert list(Event.objects.filter(effective=True).values_list("revision", flat=True)) == [2]
    assert Event.objects.count() == 3, "each revision is kept once"
    assert EventKey.objects.get().revision == 2
    assert selectors.verify() == []


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_changes_every_row_of_a_page_touches_no_index():
    world = PostgresWorld()
    till, place = world.connection("till"), world.place("BER")
    items = [world.item(f"I{number}") for number in range(60)]
    with transaction.atomic():
        PostgresLedger().lock_levels((), create=[(item, place) for item in items])
    before = updates("ledger_stocklevel")
    post_all(items, place, till, "first", 100)

    made = updates("ledger_stocklevel") - before
    assert made.total == 60
    assert made.in_place >= 54, f"{made}: some grow by a digit at their first quantity"

    before = updates("ledger_dirtyitem")
    post_all(items, place, till, "second", 100)

    made = updates("ledger_dirtyitem") - before
    assert made.total == 60
    assert made.in_place >= 54, str(made)


def post_all(items: list[int], place: int, till: int, key: str, quantity: int) -> None:
    events = [delta(f"{key}-{item}", item, place, quantity, by=till) for item in items]
    with transaction.atomic():
        apply_batch(events, (), store=PostgresLedger(), now=NOW)


class Updates:
    """How often rows of a table were updated, and how often that touched no index."""

    def __init__(self, total: int, in_place: int) -> None:
        self.total, self.in_place = total, in_place

    def __sub__(self, other: Updates) -> Updates:
        return Updates(self.total - other.total, self.in_place - other.in_place)

    def __repr__(self) -> str:
        return f"{self.in_place} of {self.total}"


def updates(table: str) -> Updates:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = %s", [table])
        return Updates(*cursor.fetchone())


def test_a_partition_for_a_month_of_tomorrow_is_made_by_migrate_itself(db):
    ((now,),) = execute("SELECT now()")
    there = partitions.partitions_of("ledger_movement")

    for moment in (now, now + timedelta(days=59)):
        assert f"ledger_movement_{moment:%Y_%m}" in there
