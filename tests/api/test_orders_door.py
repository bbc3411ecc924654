"""Orders reported by a system of ours: what happened is recorded, changed and cancelled, never refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from inventory_sync.access.models import ApiKey
from inventory_sync.access.services import create_key
from inventory_sync.api.reserve.door import ReserveDoor
from inventory_sync.ledger.models import Order, Reservation
from tests import factories
from tests.api.reserve.conftest import Caller, Shop, Told, door, shop

__all__ = ["door", "shop"]
ORDERS = "/api/v1/orders"
WRITE, READ, RESERVE = ApiKey.Scope.WRITE_ORDERS, ApiKey.Scope.READ_ORDERS, ApiKey.Scope.RESERVE


def key(*scopes: str, channels: tuple[str, ...] = ()) -> str:
    _, raw = create_key(consumer="pos", scopes=scopes, channels=channels, actor="tests", reason="a test")
    return raw


@pytest.fixture
def caller(shop: Shop, door: ReserveDoor) -> Caller:
    return Caller(door, key(WRITE))


def report(caller: Caller, quantity: Any = 2, reference: str = "S-1", **more: Any) -> Told:
    lines = [{"line": "1", "sku": "MUG", "quantity": str(quantity)}]
    return caller("POST", ORDERS, {"channel": "shop", "reference": reference, "lines": lines}, **more)


def change(caller: Caller, quantity: Any, version: int = 2) -> Told:
    lines = [{"line": "1", "sku": "MUG", "quantity": str(quantity)}]
    return caller("PATCH", f"{ORDERS}/shop/S-1", {"version": version, "lines": lines})


def test_what_was_sold_is_recorded_even_below_zero(caller: Caller) -> None:
    told = report(caller, 9)

    assert (told.status, told.body["state"], told.body["mode"]) == (201, "committed", "record")
    assert Reservation.objects.get().demand == 9


def test_an_order_is_changed_by_a_newer_version_whatever_is_there(caller: Caller) -> None:
    report(caller, 2)

    assert change(caller, 12).body["lines"][0]["reserved"] == "12"
    assert change(caller, 3, version=3).body["lines"][0]["reserved"] == "3"
    old = change(caller, 4, version=2)
    assert (old.status, old.body["code"]) == (409, "reservation.older_version")


def test_a_cancelled_order_gives_back_what_it_held(caller: Caller) -> None:
    report(caller, 2)

    told = caller("POST", f"{ORDERS}/shop/S-1/cancel", {"reason": "sent back"})

    assert (told.status, told.body["state"]) == (200, "cancelled")
    assert not Reservation.objects.filter(allocations__quantity__gt=0, state="committed").exists()


def test_the_same_report_again_counts_once_with_a_name_or_without(caller: Caller) -> None:
    first, again = report(caller), report(caller)
    named, replayed = (report(caller, 1, "S-2", idempotency_key="k-1") for _ in range(2))

    assert first.body == again.body
    assert named.raw == replayed.raw
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert Order.objects.count() == 2


def test_one_name_is_not_both_an_order_and_a_reservation(shop: Shop, door: ReserveDoor) -> None:
    caller = Caller(door, key(WRITE, RESERVE))
    lines = [{"line": "1", "sku": "MUG", "quantity": "1"}]
    given = {"channel": "shop", "reference": "S-1", "lines": lines}

    caller("POST", ORDERS, given, idempotency_key="k-1")
    told = caller("POST", "", given, idempotency_key="k-1")

    assert (told.status, told.body["code"]) == (409, "request.idempotency_key_reused")


@pytest.mark.parametrize("field", [{"mode": "partial"}, {"hold_s": 60}, {"review": True}])
def test_what_happened_is_not_held_or_asked_for(caller: Caller, field: dict[str, Any]) -> None:
    lines = [{"line": "1", "sku": "MUG", "quantity": "1"}]

    told = caller("POST", ORDERS, {"channel": "shop", "reference": "S-1", "lines": lines, **field})

    assert (told.status, told.body["code"]) == (400, "request.invalid")
    assert [each["parameter"] for each in told.body["errors"]] == list(field)


@pytest.mark.parametrize("act", ["commit", "release", "extend", "approve"])
def test_an_order_has_no_acts_of_a_reservation(caller: Caller, act: str) -> None:
    report(caller)

    assert caller("POST", f"{ORDERS}/shop/S-1/{act}").status == 404


@pytest.mark.parametrize("address", [ORDERS, "/api/v1/reservations"])
@pytest.mark.parametrize("scope", [WRITE, READ, RESERVE])
@pytest.mark.parametrize("channels", [(), ("shop",), ("other",)])
def test_scope_and_channel_of_the_key_decide(
    shop: Shop, door: ReserveDoor, address: str, scope: str, channels: tuple[str, ...]
) -> None:
    needed = WRITE if address == ORDERS else RESERVE
    lines = [{"line": "1", "sku": "MUG", "quantity": "1"}]

    told = Caller(door, key(scope, channels=channels))(
        "POST", address, {"channel": "shop", "reference": "S-1", "lines": lines}
    )

    wanted = (
        (403, "key.scope_missing")
        if scope != needed
        else (403, "key.channel_missing")
        if channels == ("other",)
        else (201, None)
    )
    assert (told.status, told.body.get("code")) == wanted
    assert Order.objects.exists() == (told.status == 201)


def test_an_order_is_read_by_its_channel_and_reference(caller: Caller, client: Client) -> None:
    report(caller, 2)
    header = {"Authorization": f"Bearer {key(READ)}"}

    found = client.get(f"{ORDERS}/shop/S-1", headers=header)
    by_id = client.get(f"{ORDERS}/{Order.objects.get().pk}", headers=header)

    assert found.json() == by_id.json()
    assert Decimal(found.json()["reservations"][0]["demand"]) == 2
    assert client.get(f"{ORDERS}/shop/S-9", headers=header).status_code == 404


def test_a_key_of_another_channel_sees_no_order_of_this_one(caller: Caller, client: Client) -> None:
    factories.make_channel("other")
    report(caller, 2)
    header = {"Authorization": f"Bearer {key(READ, channels=('other',))}"}

    assert client.get(f"{ORDERS}/shop/S-1", headers=header).status_code == 404
    assert client.get(f"{ORDERS}/{Order.objects.get().pk}", headers=header).status_code == 404
    assert client.get(ORDERS, headers=header).json()["results"] == []
