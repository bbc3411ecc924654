"""Reading by cursor: nothing is skipped, nothing is told twice, refunds come whole."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.woocommerce.sweeps import LOOK_S
from connectors.woocommerce.translate import translate
from connectors.woocommerce.twin_shop import Quirks
from inventory_sync.domain.errors import RemoteUnavailable, Unsupported
from inventory_sync.domain.external import FigureObserved, ObjectHinted, OrderReported, OrderVanished
from inventory_sync.domain.ports import Found
from tests.connectors.woocommerce.recordings import delivery, replaying
from tests.connectors.woocommerce.shop import (
    OTHER,
    PARENT,
    POOL,
    RED,
    SIMPLE,
    SIMPLE_REF,
    START,
    client_of,
    shop,
    sweep,
)


def refs(found: list[Found]) -> list[str]:
    return [one.object_key for one in found]


def buy(twin: Any, quantity: int = 1, number: int = SIMPLE, **more: Any) -> int:
    return int(twin.control.checkout([{"product_id": number, "quantity": quantity}], **more)["id"])


def test_an_order_is_found_once_and_again_only_when_it_changed() -> None:
    with shop() as twin:
        client = client_of(twin)
        number = buy(twin)
        first, cursor = sweep(client, "orders")
        second, cursor = sweep(client, "orders", cursor)
        twin.clock.advance(5)
        twin.control.set_status(number, "completed")
        third, cursor = sweep(client, "orders", cursor)
        fourth, _ = sweep(client, "orders", cursor)

    assert [refs(found) for found in (first, second, third, fourth)] == [
        [f"order:{number}"],
        [],
        [f"order:{number}"],
        [],
    ]
    assert first[0].tier == "critical"


def test_a_change_within_the_same_second_is_found() -> None:
    with shop() as twin:
        client = client_of(twin)
        number = buy(twin)
        _, cursor = sweep(client, "orders")
        twin.control.set_status(number, "cancelled")
        found, _ = sweep(client, "orders", cursor)

    (event,) = translate(delivery("order.read", found[0].body))
    assert isinstance(event, OrderReported)
    assert event.status == "cancelled"


def test_an_order_that_shows_late_is_caught_by_the_overlap() -> None:
    with shop() as twin:
        client = client_of(twin)
        _, cursor = sweep(client, "orders")
        twin.faults.inject("orders_invisible_s", seconds=20)
        late = buy(twin)
        twin.clock.advance(15)
        twin.faults.clear("orders_invisible_s")
        newer = buy(twin)
        found, cursor = sweep(client, "orders", cursor)
        twin.clock.advance(20)
        caught, _ = sweep(client, "orders", cursor)

    assert set(refs(found) + refs(caught)) == {f"order:{late}", f"order:{newer}"}


def test_rows_of_one_second_are_all_read_however_small_the_page() -> None:
    with shop() as twin:
        client = client_of(twin, page_size=2)
        numbers = [buy(twin) for _ in range(9)]
        found, cursor = sweep(client, "orders")
        again, _ = sweep(client, "orders", cursor)

    assert sorted(refs(found)) == sorted(f"order:{number}" for number in numbers)
    assert again == []


def test_an_order_that_changes_between_two_pages_shifts_none_out_of_sight() -> None:
    with shop() as twin:
        client = client_of(twin, page_size=2)
        numbers = []
        for _ in range(6):
            numbers.append(buy(twin))
            twin.clock.advance(1)
        page = client.sweep("orders", "", now=START)
        found = list(page.found)
        twin.control.set_status(numbers[0], "completed")
        while not page.done:
            page = client.sweep("orders", page.cursor, now=START)
            found += page.found

    assert {f"order:{number}" for number in numbers} == set(refs(found))


def test_refunds_come_with_the_order_and_reduce_what_is_owed() -> None:
    with shop() as twin:
        client = client_of(twin)
        number = buy(twin, 5)
        (line,) = twin.control.orders()[0]["lines"]
        twin.control.refund(number, {"amount": "1", "line_items": [{"id": line["id"], "quantity": 2}]})
        found, _ = sweep(client, "orders")

    (event,) = translate(delivery("order.read", found[0].body))
    assert isinstance(event, OrderReported)
    assert [row.quantity for row in event.lines] == [3]


def test_an_order_and_refunds_that_keep_disagreeing_are_not_believed() -> None:
    order = {"id": 7, "status": "processing", "refunds": [{"id": 1}], "line_items": []}

    def script(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[{"id": 2}] if "refunds" in request.url.path else order)

    with pytest.raises(RemoteUnavailable, match="do not agree"):
        replaying(script).read_object("order", "7")


def test_a_refund_made_while_reading_is_read_with_the_order_of_its_time() -> None:
    reads = {"orders": 0}

    def script(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/refunds"):
            return httpx.Response(200, json=[{"id": 1, "line_items": []}, {"id": 2, "line_items": []}])
        reads["orders"] += 1
        stubs = [{"id": 1}] if reads["orders"] == 1 else [{"id": 1}, {"id": 2}]
        return httpx.Response(200, json={"id": 7, "status": "processing", "refunds": stubs, "line_items": []})

    found = replaying(script).read_object("order", "7")

    body = json.loads(found.body)
    assert (
        [stub["id"] for stub in body["order"]["refunds"]] == [one["id"] for one in body["refunds"]] == [1, 2]
    )


def test_what_is_stored_of_an_order_names_no_customer() -> None:
    with shop() as twin:
        buy(twin, billing={"first_name": "Zoe", "email": "zoe@example.test"})
        found, _ = sweep(client_of(twin), "orders")

    assert b"zoe" not in found[0].body.lower()


@pytest.mark.parametrize(
    "quirks", [Quirks(), Quirks(global_variations=False)], ids=["since 10.3", "before 10.3"]
)
def test_changed_figures_are_found_on_products_variations_and_pools(quirks: Quirks) -> None:
    with shop(quirks=quirks) as twin:
        client = client_of(twin, page_size=2)
        _, cursor = sweep(client, "products")
        twin.clock.advance(600)
        for number, figure in ((SIMPLE, 1), (RED, 2), (POOL, 3)):
            twin.control.set_stock(number, figure)
        found, _ = sweep(client, "products", cursor)

    events = [event for one in found for event in translate(delivery(one.topic, one.body))]
    figures = {event.item_ref: event.figure for event in events if isinstance(event, FigureObserved)}
    assert figures["product:101"] == 1
    assert figures["variation:111"] == 2
    assert figures["product:120"] == 3
    assert {one.object_key for one in found} >= {f"product:{SIMPLE}", f"product:{RED}", f"product:{POOL}"}


def test_a_raw_write_of_a_plugin_is_seen_by_reading_levels_only() -> None:
    with shop() as twin:
        client = client_of(twin)
        twin.clock.advance(600)
        twin.control.set_stock(OTHER, 1)
        _, cursor = sweep(client, "products")
        twin.control.set_stock(SIMPLE, 1, silent=True)
        found, _ = sweep(client, "products", cursor)
        (level,) = client.read_levels([SIMPLE_REF])

    assert found == []
    assert level.figure == 1


def test_times_go_out_bare_with_dates_are_gmt() -> None:
    asked: list[httpx.URL] = []

    def script(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(200, json=[])

    replaying(script).sweep("orders", "", now=START)

    assert asked[0].params["modified_after"] == (START - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%S")
    assert asked[0].params["dates_are_gmt"] == "true"
    assert asked[0].params["orderby"] == "modified"


def test_a_quiet_shop_is_not_read_from_the_beginning_each_time() -> None:
    with shop() as twin:
        client = client_of(twin)
        buy(twin)
        _, cursor = sweep(client, "orders")
        page = client.sweep("orders", cursor, now=START + timedelta(hours=1))
        later = client.sweep("orders", page.cursor, now=START + timedelta(hours=2))

    assert (page.done, page.found, later.found) == (True, [], [])
    assert json.loads(later.cursor)[0] == "2026-11-23T09:59:59"


def test_an_order_stamped_before_the_cursor_is_found_by_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The shop's clock was an hour fast and was set right."""
    with shop() as twin:
        client = client_of(twin)
        right = twin.clock.now()
        twin.clock.advance(3600)
        buy(twin)
        _, cursor = sweep(client, "orders")
        monkeypatch.setattr(twin.clock, "now", lambda: right)
        hidden = buy(twin)
        soon = client.sweep("orders", cursor, now=START + timedelta(seconds=30))
        later = client.sweep("orders", soon.cursor, now=START + timedelta(seconds=LOOK_S))
        again = client.sweep("orders", later.cursor, now=START + timedelta(seconds=3 * LOOK_S))

    assert refs(list(soon.found)) == []
    assert refs(list(later.found)) == [f"order:{hidden}"]
    assert refs(list(again.found)) == [], "told once"


def test_what_the_sweep_itself_has_found_is_not_found_again_by_its_number() -> None:
    with shop() as twin:
        client = client_of(twin)
        _, cursor = sweep(client, "orders")
        twin.clock.advance(5)
        number = buy(twin)
        page = client.sweep("orders", cursor, now=START + timedelta(seconds=LOOK_S))

    assert refs(list(page.found)) == [f"order:{number}"]


def test_a_cursor_of_before_orders_were_listed_by_number_goes_on() -> None:
    with shop() as twin:
        client = client_of(twin)
        old = buy(twin)
        _, cursor = sweep(client, "orders")
        before = json.dumps(json.loads(cursor)[:8])
        page = client.sweep("orders", before, now=START + timedelta(seconds=LOOK_S))

    assert page.found == []
    assert json.loads(page.cursor)[8] == old


@pytest.mark.parametrize("cursor", ["x", "[]", "{}", '["a",1,2,3,4,5,6,7]', "[" * 5000])
def test_a_cursor_of_another_make_is_refused(cursor: str) -> None:
    with pytest.raises(Unsupported):
        replaying(lambda request: httpx.Response(200, json=[])).sweep("orders", cursor, now=START)


def test_an_unknown_stream_is_refused() -> None:
    with pytest.raises(Unsupported):
        replaying(lambda request: httpx.Response(200, json=[])).sweep("coupons", "", now=START)


# ── one object ───────────────────────────────────────────────────────────────────────────────────────


def test_a_force_deleted_order_is_found_gone_when_read_by_id() -> None:
    with shop() as twin:
        client = client_of(twin)
        number = buy(twin)
        there = client.read_object("order", str(number))
        twin.control.delete_order(number, force=True)
        gone = client.read_object("order", str(number))

    (event,) = translate(delivery(gone.topic, gone.body))
    assert (there.topic, gone.topic) == ("order.read", "order.gone")
    assert there.object_key == gone.object_key
    assert isinstance(event, OrderVanished)
    assert not event.announced


def test_a_trashed_order_read_by_id_has_vanished() -> None:
    with shop() as twin:
        client = client_of(twin)
        number = buy(twin)
        twin.control.delete_order(number, force=False)
        found = client.read_object("order", str(number))

    (event,) = translate(delivery(found.topic, found.body))
    assert isinstance(event, OrderVanished)
    assert event.announced


def test_a_product_read_by_id_tells_its_kind() -> None:
    with shop() as twin:
        client = client_of(twin)
        topics = [
            client.read_object("product", str(number)).topic for number in (SIMPLE, RED, PARENT, 999999)
        ]

    assert topics == ["product.read", "variation.read", "product.read", "product.gone"]


@pytest.mark.parametrize(
    ("kind", "ref"), [("stream", "orders"), ("coupon", "1"), ("order", "x"), ("order", "../1"), ("order", "")]
)
def test_what_cannot_be_read_by_itself_is_said_plainly(kind: str, ref: str) -> None:
    with pytest.raises(Unsupported):
        replaying(lambda request: httpx.Response(200, json={})).read_object(kind, ref)


def test_a_hint_of_the_webhook_leads_to_the_whole_order() -> None:
    with shop() as twin:
        client = client_of(twin)
        number = buy(twin, 5)
        (line,) = twin.control.orders()[0]["lines"]
        twin.control.refund(number, {"amount": "1", "line_items": [{"id": line["id"], "quantity": 1}]})
        order = twin.orders.book.get(number)
        assert order is not None
        sent = twin.orders.document(order)
        (hint,) = translate(delivery("order.updated", sent))
        assert isinstance(hint, ObjectHinted)
        found = client.read_object(hint.kind, hint.ref)

    (event,) = translate(delivery(found.topic, found.body, reading=1))
    assert isinstance(event, OrderReported)
    assert event.lines[0].quantity == 4
