"""No change of an audited table without an entry of the same transaction that names the row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction

from inventory_sync.audit import services as audit
from inventory_sync.audit.models import Entry
from inventory_sync.availability.models import Allotment, Freshness, SafetyStock
from inventory_sync.cases.models import Route
from inventory_sync.catalog.models import Item, KitComponent, Location
from inventory_sync.connections.models import Secret
from inventory_sync.ledger.models_incoming import Period
from inventory_sync.ledger.models_requests import RequestTerms
from tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


def a_secret() -> Secret:
    row = Secret(connection=make.make_connection(), name="api_key", ciphertext=b"x", key_id="1")
    make.saved(row, "secret.set")
    return row


def run(statement: str, values: Sequence[Any] = ()) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def load(row: models.Model, *, table: str) -> None:
    """Change the name of a row in a transaction that holds a bulk entry for `table`."""
    with transaction.atomic():
        audit.bulk(actor="tests", action="item.imported", table=table, summary={"rows": 1}, reason="load")
        type(row)._default_manager.filter(pk=row.pk).update(name="Loaded")


AUDITED: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "connections_connection": (make.make_connection, {"label": "Other"}),
    "connections_secret": (a_secret, {"key_id": "2"}),
    "catalog_item": (make.make_item, {"name": "Other"}),
    "catalog_itemunit": (lambda: make.make_pack(make.make_item()), {"numerator": 6}),
    "catalog_kitcomponent": (
        lambda: KitComponent.objects.get(kit=make.make_kit("KIT", {make.make_item(): 2})),
        {"quantity": 3},
    ),
    "catalog_location": (make.make_location, {"rank": 7}),
    "catalog_authority": (
        lambda: make.make_authority(make.make_location(), make.make_till()),
        {"created_at": make.NOON},
    ),
    "catalog_tenure": (
        lambda: make.make_tenure(
            make.make_location(), Location.Mode.FIGURES, starts_at=make.NOON, after_reading=3
        ),
        {"after_reading": 4},
    ),
    "catalog_itemmapping": (
        lambda: make.map_item(make.make_connection(), make.make_item()),
        {"numerator": 12},
    ),
    "catalog_locationmapping": (
        lambda: make.map_location(make.make_connection(), make.make_location()),
        {"sells_for": True},
    ),
    "availability_safetystock": (
        lambda: make.make_declared(SafetyStock, location=make.make_location(), quantity=1),
        {"quantity": 2},
    ),
    "availability_freshness": (
        lambda: make.make_declared(Freshness, location=make.make_location(), max_age_s=60),
        {"max_age_s": 61},
    ),
    "availability_allotment": (
        lambda: make.make_declared(
            Allotment, connection=make.make_channel(), item=make.make_item(), quantity=1, granted_at=make.NOON
        ),
        {"quantity": 2},
    ),
    "ledger_period": (
        lambda: make.make_declared(Period, code="2026-10", changed_by="tests", changed_at=make.NOON),
        {"state": "closed"},
    ),
    "ledger_requestterms": (
        lambda: make.make_declared(RequestTerms, connection=make.make_connection(), rules=["rank"]),
        {"hold_max_s": 60},
    ),
    "availability_policy": (lambda: make.make_policy(make.make_connection()), {"buffer": 4}),
    "cases_route": (lambda: make.make_declared(Route, name="desk"), {"per_hour": 3}),
    "access_apikey": (make.make_api_key, {"consumer": "other"}),
}


@pytest.mark.parametrize("table", AUDITED)
def test_an_update_of_an_audited_table_without_an_entry_is_refused_at_commit(table: str) -> None:
    make_row, other = AUDITED[table]
    row: models.Model = make_row()
    before = dict(type(row)._default_manager.filter(pk=row.pk).values(*other).get())

    with pytest.raises(IntegrityError, match=f"No audit entry explains this update of {table} {row.pk}"):
        type(row)._default_manager.filter(pk=row.pk).update(**other)

    assert type(row)._default_manager.filter(pk=row.pk).values(*other).get() == before


@pytest.mark.parametrize("table", AUDITED)
def test_a_deletion_from_an_audited_table_by_raw_sql_is_refused_at_commit(table: str) -> None:
    make_row, _ = AUDITED[table]
    row: models.Model = make_row()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM connections_budget")  # a dependent row that is not audited

    with pytest.raises(IntegrityError, match=f"No audit entry explains this delete of {table} {row.pk}"):
        run(f"DELETE FROM {table} WHERE id = %s", [row.pk])

    assert type(row)._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("table", AUDITED)
def test_a_copy_inserted_by_raw_sql_is_refused_at_commit(table: str) -> None:
    make_row, _ = AUDITED[table]
    row: models.Model = make_row()
    columns = [str(f.column) for f in row._meta.concrete_fields if not f.primary_key]
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_audited")
        cursor.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE id = %s", [row.pk])
        values = cursor.fetchone()
        cursor.execute("DELETE FROM connections_budget")
        cursor.execute(f"DELETE FROM {table} WHERE id = %s", [row.pk])
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_audited")
    if table == "connections_connection":  # its config column is JSON
        values = tuple("{}" if isinstance(value, dict) else value for value in values)

    with pytest.raises(IntegrityError, match=f"No audit entry explains this insert of {table}"):
        run(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})", values)

    assert not type(row)._default_manager.filter(pk=row.pk).exists()


def test_every_table_with_the_guard_is_tested_here() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
            " WHERE proname = 'audit_require_entry' AND tgdeferrable AND tginitdeferred"
        )
        guarded = {table for (table,) in cursor.fetchall()}

    assert guarded == set(AUDITED)


def test_an_entry_of_an_earlier_transaction_explains_nothing() -> None:
    item = make.make_item()
    audit.record(actor="tests", action="item.changed", subject=item, reason="too early")

    with pytest.raises(IntegrityError):
        Item.objects.filter(pk=item.pk).update(name="Other")


def test_an_entry_cannot_claim_another_transaction() -> None:
    item = make.make_item()

    with transaction.atomic():
        entry = Entry.objects.create(
            actor_name="tests",
            action="item.changed",
            subject_table="catalog_item",
            subject_id=str(item.pk),
            transaction=12345,
        )
        Item.objects.filter(pk=item.pk).update(name="Other")

    entry.refresh_from_db()
    assert entry.transaction != 12345


def test_an_entry_about_another_row_explains_nothing() -> None:
    item, other = make.make_item(), make.make_item()

    with pytest.raises(IntegrityError), transaction.atomic():  # noqa: PT012 one transaction is the point
        audit.record(actor="tests", action="item.changed", subject=other)
        Item.objects.filter(pk=item.pk).update(name="Other")


def test_a_bulk_entry_explains_every_row_of_its_table_and_of_no_other() -> None:
    item, location = make.make_item(), make.make_location()

    load(item, table="catalog_item")
    with pytest.raises(IntegrityError):
        load(location, table="catalog_item")

    item.refresh_from_db()
    assert item.name == "Loaded"


def test_the_entry_may_be_written_after_the_change_but_inside_its_transaction() -> None:
    item = make.make_item()

    with transaction.atomic():
        Item.objects.filter(pk=item.pk).update(name="Other")
        audit.record(actor="tests", action="item.changed", subject=item)

    item.refresh_from_db()
    assert item.name == "Other"


def test_a_change_inside_a_savepoint_is_explained_by_an_entry_outside_of_it() -> None:
    item = make.make_item()

    with transaction.atomic():
        with transaction.atomic():
            Item.objects.filter(pk=item.pk).update(name="Other")
        audit.record(actor="tests", action="item.changed", subject=item)

    item.refresh_from_db()
    assert item.name == "Other"


def test_an_update_that_changes_nothing_needs_no_entry() -> None:
    item = make.make_item(name="Same")

    assert Item.objects.filter(pk=item.pk).update(name="Same", updated_at=make.NOON) == 1


def test_the_mark_of_last_use_of_a_key_needs_no_entry_but_its_scopes_do() -> None:
    key = make.make_api_key()

    assert type(key).objects.filter(pk=key.pk).update(last_used_at=make.NOON) == 1
    with pytest.raises(IntegrityError):
        type(key).objects.filter(pk=key.pk).update(scopes=["stock:read"])


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET reason = 'nicer'", "DELETE FROM audit_entry"])
def test_entries_are_never_edited_nor_deleted(statement: str) -> None:
    make.make_item()

    with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement)
