"""What left is told to the shop: a note per part, completed at the end, no stock moved, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connectors.woocommerce.deliveries import marker
from connectors.woocommerce.twin import WooTwin
from inventory_sync.domain.commands import Delivered
from inventory_sync.domain.errors import OutcomeUnknown, RemoteRefused
from tests.connectors.woocommerce.shop import OTHER, SIMPLE, client_of, shop


@pytest.fixture
def twin() -> Iterator[WooTwin]:
    with shop() as twin:
        yield twin


def buy(twin: WooTwin, status: str = "processing") -> dict[str, Any]:
    lines = [{"product_id": SIMPLE, "quantity": 3}, {"product_id": OTHER, "quantity": 1}]
    with twin.books.transaction():
        return twin.orders.create_from({"line_items": lines, "status": status}, created_via="checkout")


def told(order: dict[str, Any], *quantities: int, version: int = 1, complete: bool = False) -> Delivered:
    lines = {str(line["id"]): Decimal(each) for line, each in zip(order["lines"], quantities, strict=False)}
    return Delivered(str(order["id"]), version, complete, lines)


def notes(twin: WooTwin) -> list[str]:
    return [row["note"] for row in twin.books.all("note")]


def stock(twin: WooTwin) -> list[Any]:
    return [twin.products.book.get(number)["stock_quantity"] for number in (SIMPLE, OTHER)]  # type: ignore[index]


def status(twin: WooTwin, order: dict[str, Any]) -> str:
    found = twin.orders.book.get(order["id"])
    assert found is not None
    return str(found["status"])


def test_a_part_is_a_private_note_that_names_what_left(twin: WooTwin) -> None:
    order = buy(twin)

    done = client_of(twin).tell_delivered(told(order, 2, 0))

    (row,) = twin.books.all("note")
    assert done.error is None
    assert done.document == f"note {row['id']}"
    assert row["note"] == f"Delivered so far: 2 × Thing {SIMPLE}. [inventory-sync:delivered:1]"
    assert row["customer_note"] is False
    assert status(twin, order) == "processing"


def test_told_again_the_note_is_found_and_not_written_again(twin: WooTwin) -> None:
    order = buy(twin)
    client = client_of(twin)
    client.tell_delivered(told(order, 2))

    again = client.tell_delivered(told(order, 2))
    later = client.tell_delivered(told(order, 3, version=2))

    assert again.document == "note 1"
    assert later.document == "note 2"
    assert len(notes(twin)) == 2


def test_the_mark_of_one_version_is_in_no_other() -> None:
    one, ten = (marker(Delivered("1", version, False)) for version in (1, 10))

    assert one not in ten
    assert ten not in one


def test_a_lost_answer_is_unknown_and_the_next_telling_finds_the_note(twin: WooTwin) -> None:
    order = buy(twin)
    client = client_of(twin)
    twin.faults.inject("timeout_applied", only="write")
    with pytest.raises(OutcomeUnknown):
        client.tell_delivered(told(order, 2))

    done = client.tell_delivered(told(order, 2))

    assert done.error is None
    assert len(notes(twin)) == 1


@pytest.mark.parametrize("before", ["processing", "on-hold"])
def test_all_of_it_completes_the_order_and_moves_no_stock(twin: WooTwin, before: str) -> None:
    order = buy(twin, before)
    shelves = stock(twin)

    done = client_of(twin).tell_delivered(told(order, 3, 1, complete=True))

    assert done.error is None
    assert status(twin, order) == "completed"
    assert stock(twin) == shelves
    assert notes(twin) == []


@pytest.mark.parametrize("before", ["completed", "cancelled", "refunded", "trash"])
@pytest.mark.parametrize("complete", [True, False])
def test_an_order_that_is_over_in_the_shop_is_left_as_it_is(
    twin: WooTwin, before: str, complete: bool
) -> None:
    order = buy(twin)
    if before == "trash":
        twin.orders.book.trash(twin.orders.book.get(order["id"]))  # type: ignore[arg-type]
    else:
        twin.orders.book.set_status(twin.orders.book.get(order["id"]), before)  # type: ignore[arg-type]
    shelves = stock(twin)

    done = client_of(twin).tell_delivered(told(order, 3, 1, complete=complete))

    assert done.error is None
    assert status(twin, order) == before
    assert notes(twin) == []
    assert stock(twin) == shelves


@pytest.mark.parametrize("before", ["pending", "failed"])
def test_an_unpaid_order_is_refused_for_completing_it_would_take_stock(twin: WooTwin, before: str) -> None:
    order = buy(twin, before)
    shelves = stock(twin)

    done = client_of(twin).tell_delivered(told(order, 3, 1, complete=True))

    assert isinstance(done.error, RemoteRefused)
    assert status(twin, order) == before
    assert stock(twin) == shelves


def test_a_status_of_the_shops_own_counts_as_the_connection_says(twin: WooTwin) -> None:
    order = buy(twin)
    found = twin.orders.book.get(order["id"])
    assert found is not None
    found["status"] = "at-the-door"
    twin.orders.book.save(found)

    left = client_of(twin, custom_statuses="at-the-door=shipped").tell_delivered(
        told(order, 3, 1, complete=True)
    )

    assert left.error is None
    assert status(twin, order) == "at-the-door"


def test_an_order_that_is_gone_is_refused_by_name(twin: WooTwin) -> None:
    done = client_of(twin).tell_delivered(Delivered("999999", 1, True, {}))

    assert isinstance(done.error, RemoteRefused)
    assert "no such order" in done.error.detail


def test_a_note_sends_no_webhook_and_changes_nothing_of_the_order(twin: WooTwin) -> None:
    order = buy(twin)
    before = twin.orders.book.get(order["id"])
    announced: list[Any] = []
    twin.shop.announce = lambda *what: announced.append(what)  # type: ignore[method-assign]

    client_of(twin).tell_delivered(told(order, 1))

    assert announced == []
    assert twin.orders.book.get(order["id"]) == before
