"""Whoever changes an order, what the ERP should have of it follows, once and to the end."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from inventory_sync.domain.commands import CopyState
from inventory_sync.domain.external import OrderStatus
from inventory_sync.ledger.models import Reservation
from inventory_sync.ledger.rows import execute
from inventory_sync.workflows import following, services
from inventory_sync.workflows.deriving import Derived, OrderFacts, Place, derive
from inventory_sync.workflows.models import Copy, Scope, Touched
from tests.factories import (
    change,
    make_authority,
    make_connection,
    make_kit,
    make_location,
    map_item,
    map_location,
)
from tests.workflows.retailer import Retailer

CANCELLED = OrderStatus.CANCELLED


def test_a_sold_order_is_at_the_erp_confirmed_and_the_copy_says_so(retailer: Retailer) -> None:
    retailer.order("1", ("a", "MUG", 2), ("b", "CUP", 3))

    retailer.run()

    assert retailer.there("1") == ("confirmed", {"product:1": 2, "product:2": 3})
    copy = retailer.copy("1")
    assert (copy.state, copy.done_version, copy.seen_document) == ("settled", copy.wanted_version, "S00001")
    assert copy.correlation_id == "cause00000000001"
    assert [each.step for each in copy.steps_made.order_by("id")] == ["write", "confirm", "read"]


def test_nothing_is_noted_while_nobody_takes_orders(db: None, connectors: None) -> None:
    retailer = Retailer(send_orders=False, tell_deliveries=False)
    retailer.item("MUG", mapped="product:1")

    retailer.order("1", ("a", "MUG", 2))

    assert not Touched.objects.exists()


def test_the_mark_is_of_the_transaction_that_changed_the_order(retailer: Retailer) -> None:
    with transaction.atomic():
        retailer.order("1", ("a", "MUG", 2))
        marked = Touched.objects.count()
        transaction.set_rollback(True)

    assert marked == 1

    assert not Touched.objects.exists()


def test_a_statement_over_many_lines_marks_each_order_once(retailer: Retailer) -> None:
    retailer.order("1", ("a", "MUG", 2), ("b", "CUP", 3))
    retailer.order("2", ("a", "MUG", 1))
    retailer.follow()
    assert not Touched.objects.exists()

    execute(
        "INSERT INTO ledger_reservationchange (reservation_id, at, item_id, state, demand, fulfilled, stamp,"
        " reading, reason, allocations, correlation_id) SELECT id, now(), item_id, state, demand, fulfilled,"
        " stamp, reading, reason, '[]', '' FROM ledger_reservation"
    )

    assert Touched.objects.count() == 2


def test_an_order_changed_in_the_shop_is_changed_at_the_erp(retailer: Retailer) -> None:
    retailer.order("1", ("a", "MUG", 2), ("b", "CUP", 3))
    retailer.run()
    retailer.order("1", ("a", "MUG", 5))

    retailer.run()

    assert retailer.there("1") == ("confirmed", {"product:1": 5})
    assert Copy.objects.count() == 1


def test_an_order_cancelled_in_the_shop_is_cancelled_at_the_erp(retailer: Retailer) -> None:
    retailer.order("1", ("a", "MUG", 2))
    retailer.run()
    retailer.order("1", ("a", "MUG", 2), status=CANCELLED)

    retailer.run()

    assert retailer.there("1")[0] == "cancelled"


def test_an_order_cancelled_before_it_was_sent_is_never_there(retailer: Retailer) -> None:
    retailer.order("1", ("a", "MUG", 2))
    retailer.follow()
    retailer.order("1", ("a", "MUG", 2), status=CANCELLED)

    retailer.run()

    assert retailer.erp.documents == {}
    assert retailer.copy("1").state == "settled"


def test_an_order_that_cannot_be_worked_out_holds_up_no_other_and_follows_once_it_can(
    retailer: Retailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbles(order: OrderFacts, *told: Any) -> dict[Place, Derived]:
        if order.order_ref == "2":
            raise ArithmeticError("nobody thought of this order")
        return derive(order, *told)

    for ref in ("1", "2", "3"):
        retailer.order(ref, ("a", "MUG", 2))
    monkeypatch.setattr(following, "derive", stumbles)

    retailer.run()

    assert [retailer.there(ref)[0] for ref in ("1", "2", "3")] == ["confirmed", "absent", "confirmed"]
    assert retailer.cases() == [("order.not_followed", "order_followed")]
    assert not Touched.objects.exists()

    monkeypatch.setattr(following, "derive", derive)
    retailer.keep_house()

    assert retailer.there("2")[0] == "confirmed"
    assert retailer.cases() == []


def test_an_unpaid_order_waits_for_its_payment(retailer: Retailer) -> None:
    retailer.order("1", ("a", "MUG", 2), status=OrderStatus.UNPAID)
    retailer.run()
    assert Copy.objects.count() == 0

    retailer.order("1", ("a", "MUG", 2))
    retailer.run()

    assert retailer.there("1") == ("confirmed", {"product:1": 2})


def test_rerouted_demand_goes_from_one_warehouse_to_the_other(retailer: Retailer) -> None:
    retailer.order("1", ("a", "MUG", 2))
    retailer.run()
    line = Reservation.objects.get()
    allocation = line.allocations.get()
    allocation.location = retailer.second
    allocation.save()
    services.touch([line.order_id])

    retailer.run()

    assert retailer.there("1", "warehouse:1")[0] == "cancelled"
    assert retailer.there("1", "warehouse:99") == ("confirmed", {"product:1": 2})


def test_what_the_books_hold_or_delivered_changes_nothing_at_the_erp(retailer: Retailer) -> None:
    retailer.order("1", ("a", "MUG", 2))
    retailer.run()
    before = retailer.copy("1").wanted_version

    retailer.books("MUG", 100, held={("1", "a"): (2, 0)})
    retailer.run()
    retailer.books("MUG", 98, held={("1", "a"): (2, 2)})
    retailer.run()

    assert Reservation.objects.get().state == "closed"
    assert retailer.copy("1").wanted_version == before
    assert not retailer.copy("1").cancelled


def test_a_missing_mapping_is_a_case_that_names_it_and_ends_with_it(retailer: Retailer) -> None:
    lamp = retailer.item("LAMP")
    retailer.order("1", ("a", "MUG", 2), ("b", "LAMP", 1))
    retailer.run()
    assert retailer.there("1") == ("confirmed", {"product:1": 2})
    assert retailer.copy("1").missing == ["LAMP (line b) has no mapping there"]
    assert retailer.cases() == [("copy.not_mapped", "order_copy_content")]

    map_item(retailer.odoo, lamp, "product:9")
    retailer.keep_house()

    assert retailer.there("1") == ("confirmed", {"product:1": 2, "product:9": 1})
    assert retailer.copy("1").missing == []
    assert retailer.cases() == []


def test_a_place_without_a_name_at_the_erp_waits_for_one(retailer: Retailer) -> None:
    third = make_location("THIRD", authority=retailer.odoo, mode="figures")
    retailer.order("1", ("a", "MUG", 2), at=third)
    retailer.run()
    assert retailer.erp.documents == {}
    assert retailer.cases() == [("copy.not_mapped", "order_copy_content")]

    map_location(retailer.odoo, third, "location:7", counts_from=True)
    retailer.keep_house()

    assert retailer.there("1", "location:7") == ("confirmed", {"product:1": 2})
    assert retailer.cases() == []


def test_a_kit_goes_as_the_kit_the_erp_knows(retailer: Retailer) -> None:
    kit = make_kit("SET", {retailer.items["MUG"]: 2, retailer.items["CUP"]: 1})
    retailer.items["SET"] = kit
    map_item(retailer.odoo, kit, "product:50")
    retailer.order("1", ("a", "SET", 3))

    retailer.run()

    assert retailer.there("1") == ("confirmed", {"product:50": 3})


def test_orders_sold_before_the_switch_are_sent_when_it_is_turned(db: None, connectors: None) -> None:
    retailer = Retailer(send_orders=False, tell_deliveries=False)
    retailer.item("MUG", mapped="product:1")
    retailer.order("1", ("a", "MUG", 2))
    retailer.order("2", ("a", "MUG", 2), status=CANCELLED)

    change(retailer.odoo, config={"send_orders": True})
    retailer.keep_house()

    assert retailer.there("1") == ("confirmed", {"product:1": 2})
    assert retailer.there("2")[0] == "absent"


def test_the_scope_is_followed_twice_and_then_left_alone(retailer: Retailer) -> None:
    assert [services.follow_scope() for _ in range(3)] == [1, 1, 0]

    make_authority(retailer.store, retailer.odoo)

    assert [services.follow_scope() for _ in range(3)] == [1, 1, 0]
    assert Scope.objects.count() == 1


def test_switched_off_nothing_is_owed_and_what_is_there_stays(retailer: Retailer) -> None:
    retailer.order("1", ("a", "MUG", 2))
    retailer.run()
    change(retailer.odoo, config={"send_orders": False})
    retailer.order("1", ("a", "MUG", 7))

    retailer.follow()

    assert retailer.copy("1").state == "settled"
    assert retailer.there("1") == ("confirmed", {"product:1": 2})


def test_an_erp_that_sells_itself_does_not_get_its_own_orders(retailer: Retailer) -> None:
    other = make_connection("odoo-2", connector="fake-erp", sells=True, config={"send_orders": True})
    change(retailer.main.authorities.get(), valid_to=retailer.now)
    make_authority(retailer.main, other, valid_from=retailer.now)
    retailer.shop = other
    retailer.order("1", ("a", "MUG", 2))

    retailer.follow()

    assert Copy.objects.count() == 0


def test_a_given_up_copy_stays_given_up_until_somebody_retries(retailer: Retailer) -> None:
    retailer.erp.bad = {"1": "the customer is blocked"}
    retailer.order("1", ("a", "MUG", 2))
    retailer.run()
    assert retailer.cases() == [("push.refused", "order_copy")]
    copy = retailer.copy("1")
    services.give_up(Copy, [copy.pk], actor="anna", reason="typed in by hand", now=retailer.now)
    assert retailer.cases() == []
    retailer.order("1", ("a", "MUG", 3))
    retailer.erp.bad = {}

    retailer.run()
    assert retailer.there("1")[0] == "absent"
    services.retry(Copy, [copy.pk], actor="anna", reason="not typed in after all", now=retailer.now)
    retailer.run()

    assert retailer.there("1") == ("confirmed", {"product:1": 3})


def test_a_copy_people_cancelled_is_made_again_when_a_person_asks_for_it(retailer: Retailer) -> None:
    retailer.order("1", ("a", "MUG", 2))
    retailer.run()
    retailer.erp.documents["shop", "1", "warehouse:1"].state = CopyState.CANCELLED
    retailer.wait(3600)
    retailer.run()
    assert retailer.cases() == [("copy.cancelled_there", "order_copy")]

    services.retry(Copy, [retailer.copy("1").pk], actor="anna", reason="it was a mistake", now=retailer.now)
    retailer.run()

    assert retailer.there("1") == ("confirmed", {"product:1": 2})
    assert retailer.cases() == []


@pytest.mark.django_db(transaction=True)
def test_while_one_follows_another_leaves_it_to_him(connectors: None) -> None:
    retailer = Retailer()
    retailer.item("MUG", mapped="product:1")
    retailer.order("1", ("a", "MUG", 2))
    seen: list[dict[str, int]] = []

    def other() -> None:
        seen.append(retailer.follow())
        connection.close()

    with transaction.atomic():
        execute("SELECT pg_advisory_xact_lock(%s)", [0x0F0110])
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)

    assert seen == [{"another_follows": 1}]
    assert Touched.objects.count() == 1


def test_quantities_go_in_the_erps_own_unit(retailer: Retailer) -> None:
    retailer.item("NUT", mapped="product:7", numerator=12)
    retailer.order("1", ("a", "NUT", 36))

    retailer.run()

    assert retailer.there("1") == ("confirmed", {"product:7": 3})
    assert Decimal(retailer.copy("1").lines[0]["quantity"]) == 3
