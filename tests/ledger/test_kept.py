"""Keys, and facts beside the ledger, are kept: nothing edits, deletes or truncates them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import transaction
from django.db.utils import IntegrityError

from inventory_sync.availability.partitions import make_months
from inventory_sync.connections.models import Connection
from inventory_sync.ledger import partitions
from inventory_sync.ledger.models import Event, EventKey, Fulfilment
from inventory_sync.ledger.models import Period as PeriodRow
from inventory_sync.ledger.rows import execute
from inventory_sync.ledger.store import PostgresLedger
from tests.factories import saved
from tests.ledger.reports import NOW, delta, order, shipment
from tests.ledger.worlds import PostgresWorld

FUTURE = datetime(2031, 1, 31, 23, 59, tzinfo=UTC)
MARCH = datetime(2031, 3, 15, 12, 0, tzinfo=UTC)
FACTS = {
    "ledger_eventkey": "revision = 0",
    "ledger_fulfilment": "quantity = 1",
    "ledger_observation": "quantity = 1",
    "ledger_lateposting": "period = '2030-01'",
    "ledger_reservationchange": "demand = 1",
}


@pytest.fixture
def world(db: None) -> PostgresWorld:
    """A world with a row in every table of facts."""
    made = PostgresWorld()
    item, place = made.item("MUG"), made.place("BER")
    till, shop = made.connection("till"), made.connection("shop")
    closed = PeriodRow(code="2026-11", state="closed", changed_by="tests", changed_at=NOW, reason="a test")
    saved(closed, "period.closed")
    made.apply([], [order("o1", {"a": (item, 2)}, by=shop, pool=(place,))])
    made.apply([shipment("p1", item, place, 2, "o1", "a", by=till)])
    PostgresLedger().note_observations([delta("seen", item, place, 3, by=shop)], now=NOW)
    return made


def refused(statement: str) -> bool:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        execute(statement)
    return True


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(("table", "other"), FACTS.items())
def test_a_fact_is_neither_edited_nor_deleted_nor_truncated(table: str, other: str) -> None:
    kept = execute(f"SELECT * FROM {table}")
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute(f"ALTER TABLE {table} ENABLE TRIGGER ledger_no_truncate")  # off in databases of tests

    assert kept
    assert refused(f"UPDATE {table} SET {other}")
    assert refused(f"DELETE FROM {table}")
    assert refused(f"TRUNCATE {table} CASCADE")
    assert execute(f"SELECT * FROM {table}") == kept


def test_a_key_may_only_come_to_mean_a_higher_revision(world: PostgresWorld) -> None:
    sold = Fulfilment.objects.get()
    item, place, till = sold.item_id, sold.location_id, Connection.objects.get(code="till").pk

    world.apply([delta("m", item, place, 4, by=till, revision=1)])
    world.apply([delta("m", item, place, 5, by=till, revision=3)])

    assert EventKey.objects.get(key="m").revision == 3
    assert refused("UPDATE ledger_eventkey SET revision = 2 WHERE key = 'm'")
    assert refused("UPDATE ledger_eventkey SET key = 'n', revision = 4 WHERE key = 'm'")
    assert refused("UPDATE ledger_eventkey SET event_id = event_id + 1 WHERE key = 'm'")


def test_a_fulfilment_ends_when_its_event_is_replaced_and_counts_no_second_time(world: PostgresWorld) -> None:
    sold = Fulfilment.objects.get()
    item, place, till = sold.item_id, sold.location_id, Connection.objects.get(code="till").pk

    world.apply([shipment("p1", item, place, 1, "o1", "a", by=till, revision=1)])

    assert list(Fulfilment.objects.order_by("id").values_list("quantity", "effective")) == [
        (2, False), (1, True),
    ]  # fmt: skip
    assert refused("UPDATE ledger_fulfilment SET effective = true WHERE NOT effective")


def test_the_history_of_figures_is_not_emptied_in_any_of_its_months(db: None) -> None:
    make_months([MARCH])
    parts = execute("SELECT relid::regclass::text FROM pg_partition_tree('availability_figurehistory')")
    guarded = ["availability_policyversion", *(part for (part,) in parts)]

    assert "availability_figurehistory_2031_03" in guarded
    for table in guarded:
        execute(f"ALTER TABLE {table} ENABLE TRIGGER availability_no_truncate")  # off in databases of tests
        assert refused(f"TRUNCATE {table}")


@pytest.mark.parametrize("table", ["audit_entry", "pipeline_evidence"])
def test_neither_the_audit_nor_evidence_is_emptied(db: None, table: str) -> None:
    execute(f"ALTER TABLE {table} ENABLE TRIGGER {table.partition('_')[0]}_no_truncate")  # off in tests

    assert refused(f"TRUNCATE {table}")


def test_a_month_that_was_detached_is_made_again_beside_its_archive(db: None) -> None:
    world = PostgresWorld()
    partitions.make_ahead(now=FUTURE, months=3)
    item, place, till = world.item("MUG"), world.place("BER"), world.connection("till")
    first = delta("s1", item, place, -2, by=till)
    world.apply([first], now=MARCH)
    for table in partitions.TABLES:
        execute(f"ALTER TABLE {table} DETACH PARTITION {table}_2031_03")
    late = delta("s2", item, place, -3, by=till)
    world.apply([late], now=MARCH)
    assert execute("SELECT count(*) FROM ledger_event_default") == [(1,)]

    made = partitions.make_ahead(now=FUTURE, months=3)

    assert made == len(partitions.TABLES)
    assert partitions.make_ahead(now=FUTURE, months=3) == 0
    assert [event.key for event in Event.objects.all()] == ["s2"]
    for table in partitions.TABLES:
        assert execute(f"SELECT count(*) FROM {table}_2031_03") == [(1,)], "the archive is as it was"
        assert execute(f"SELECT count(*) FROM {table}_2031_03_2") == [(1,)]
        assert execute(f"SELECT count(*) FROM {table}_default") == [(0,)]
        assert f"{table}_2031_03" not in partitions.partitions_of(table)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        execute("DELETE FROM ledger_movement_2031_03_2")
    execute("ALTER TABLE ledger_event DETACH PARTITION ledger_event_2031_03_2")
    partitions.make_ahead(now=MARCH, months=0)
    assert "ledger_event_2031_03_3" in partitions.partitions_of("ledger_event")


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("ledger_order", "named in ledger_reservation.order_id"),
        ("ledger_reservation", "named in ledger_allocation.reservation_id"),
        ("catalog_item", "named in ledger_allocation.item_id"),
        ("catalog_location", "named in ledger_allocation.location_id"),
    ],
)
@pytest.mark.usefixtures("world")
def test_what_a_promise_names_is_not_deleted(table: str, reason: str) -> None:
    named = {"catalog_item": "SELECT item_id", "catalog_location": "SELECT location_id"}
    which = f"{named[table]} FROM ledger_allocation" if table in named else f"SELECT id FROM {table}"

    with pytest.raises(IntegrityError, match=reason), transaction.atomic():
        execute(f"DELETE FROM {table} WHERE id IN ({which})")


def test_what_nothing_names_can_be_deleted(db: None) -> None:
    item = PostgresWorld().item("UNSOLD")

    execute("DELETE FROM catalog_item WHERE id = %s", (item,))

    assert execute("SELECT count(*) FROM catalog_item WHERE id = %s", (item,)) == [(0,)]
