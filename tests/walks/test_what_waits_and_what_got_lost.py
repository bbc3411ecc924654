"""Lines that wait for a person, webhooks that never came, hooks that were switched off."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from inventory_sync.catalog.mappings import confirm_item_mapping
from inventory_sync.connections.models import Connection, Cursor, Hook
from inventory_sync.intake.models import Delivery, ParkedLine
from inventory_sync.ledger.models import Reservation
from inventory_sync.pipeline import replay
from inventory_sync.pipeline.models import Tick
from inventory_sync.propagation.models import Listing
from tests.walks import retailer
from tests.walks.platform import Platform

URN = "URN"


def test_an_unmapped_line_waits_its_neighbour_does_not_and_a_mapping_replays_it_by_itself(
    walk: Platform,
) -> None:
    unknown, known = (retailer.product_of("woo", sku) for sku in (URN, "CUP"))
    before = walk.figure("outlet", "CUP")

    sold = walk.shops["woo"].control.checkout(
        [{"product_id": unknown, "quantity": 4}, {"product_id": known, "quantity": 2}]
    )
    walk.shows("CUP", before - 2)
    parked = walk.wait(
        lambda: ParkedLine.objects.filter(connection__code="woo", resolved_at=None).first(), "a line waits"
    )
    assert (parked.code, parked.waits_on) == ("mapping.item_unknown", f"item:product:{unknown}")
    reservations = Reservation.objects.filter(order__connection__code="woo", order__order_ref=str(sold["id"]))
    assert [(row.item.sku, row.demand) for row in reservations] == [("CUP", 2)]
    assert walk.figure("woo", URN) == 46, "nobody has written to a listing nobody knows"

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(replay, "waker", walk.waker)
        for shop in walk.shops:
            connection = Connection.objects.get(code=shop)
            external = f"product:{retailer.product_of(shop, URN)}"
            confirm_item_mapping(
                connection=connection, external_id=external, item=retailer.item(URN),
                actor="walks", reason="staff know it",
            )  # fmt: skip
            replay.replay_waiting(connection.pk, f"item:{external}")

    walk.shows(URN, 46)
    walk.rest()
    assert {row.item.sku: row.demand for row in reservations.all()} == {"CUP": 2, URN: 4}
    parked.refresh_from_db()
    assert (parked.resolution, parked.delivery.state) == ("replayed by itself", Delivery.State.DONE)
    shown = Listing.objects.get(connection__code="outlet", mapping__item__sku=URN)
    assert (shown.state, shown.acknowledged) == (Listing.State.SETTLED, 46)


def test_an_order_whose_webhook_was_lost_is_found_by_the_sweep_and_counted(walk: Platform) -> None:
    swept = Cursor.objects.filter(connection__code="woo", stream="orders", swept_at__isnull=False)
    walk.wait(swept.exists, "the first sweep is over: it reads history and counts nothing")
    walk.rest()
    # No reading of its own accord meanwhile: what the test asks for is the one that finds the order.
    Cursor.objects.filter(connection__code="woo").update(run_at=timezone.now() + timedelta(hours=1))
    cursor = swept.get()
    walk.shops["woo"].faults.inject("drop_webhooks", count=None, probability=1.0)

    line = {"product_id": retailer.product_of("woo", "TRAY"), "quantity": 1}
    sold = walk.shops["woo"].control.checkout([line])
    walk.wait(lambda: not walk.shops["woo"].webhooks.pending(), "the shop believes it has told everybody")
    walk.shops["woo"].faults.clear()
    heard = Delivery.objects.filter(connection__code="woo", object_key=f"order:{sold['id']}")
    assert not heard.exists()

    Cursor.objects.filter(pk=cursor.pk).update(run_at=timezone.now())

    walk.wait(heard.exists, "the sweep finds the order")
    walk.shows("TRAY", walk.figure("woo", "TRAY"), "outlet")
    walk.rest()
    assert {one.source for one in heard} == {"sweep"}
    assert Cursor.objects.get(pk=cursor.pk).finds == cursor.finds + 1


def test_a_till_event_that_never_arrived_is_read_after_its_session_was_closed(walk: Platform) -> None:
    walk.till.faults.inject("drop_webhooks", count=1)
    lost = walk.till.till.write("sale", "ST-1", [{"sku": "TRAY", "quantity": "2"}])
    walk.wait(lambda: lost["id"] in walk.till.outbox.lost(), "the till's message is lost")

    walk.till.till.close_session("ST-1")

    walk.wait(lambda: walk.hub_book("TRAY")["ST-1"] == Decimal(8), "the sale is read at the till")
    assert Delivery.objects.filter(connection__code="till", source="sweep", state="done").exists()


def test_a_hook_the_shop_switched_off_is_made_anew_and_the_gap_is_read(walk: Platform) -> None:
    shop = walk.shops["woo"]
    hook = next(one for one in shop.books.all("webhook") if one["topic"] == "order.created")
    updated = next(one for one in shop.books.all("webhook") if one["topic"] == "order.updated")
    for one in (hook, updated):
        shop.books.put("webhook", one["id"], {**one, "status": "disabled"})
    before = walk.figure("woo", "CUP")
    line = {"product_id": retailer.product_of("woo", "CUP"), "quantity": 1}
    sold = shop.control.checkout([line])

    Hook.objects.update(checked_at=timezone.now() - timedelta(minutes=10))
    Tick.objects.all().delete()
    walk.send("pipeline.keep_house", "standard", {"at": ""})

    walk.wait(
        lambda: {one["status"] for one in shop.books.all("webhook")} == {"active"},
        "every hook is active again",
    )
    walk.shows("CUP", before - 1)
    walk.rest()
    made = Hook.objects.filter(connection__code="woo", topic="order.created")
    walk.wait(lambda: made.get().recreated == 1, "the hub has noted that it made the hook anew")
    assert Delivery.objects.filter(connection__code="woo", object_key=f"order:{sold['id']}").exists()
