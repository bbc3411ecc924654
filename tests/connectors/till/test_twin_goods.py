"""The till twin's stockroom: what it says is the contract, and its own books agree with what is said."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.till.client import TillClient
from connectors.till.config import TillConfig
from connectors.till.translate import translate
from connectors.till.twin import TOKEN, TillTwin
from connectors.till.twin_control import ACTS
from connectors.till.twin_goods import unavailable
from inventory_sync.domain.config import build
from inventory_sync.domain.external import Extent, SnapshotReceived
from inventory_sync.domain.ports import Delivery, Outside
from tests.connectors.till.events import NOW, VALUES, delivery
from tests.connectors.till.test_twin_books import SEED

ORDER = {"source": "woo", "number": "482"}
SAID: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sale": ({"quantity": "1"}, {}),
    "return": ({"quantity": "1", "condition": "returned"}, {}),
    "receipt": ({"quantity": "5", "damaged": "2"}, {"expectation": {"key": "PO-1"}, "final": True}),
    "shipment": ({"quantity": "1", "order_line": "91"}, {"order": ORDER}),
    "count": ({"quantity": "3"}, {}),
    "adjustment": ({"quantity": "-1"}, {}),
    "condition": ({"quantity": "1", "was": "", "condition": "damaged"}, {}),
    "disposition": ({"quantity": "1", "disposition": "scrap", "was": "damaged"}, {}),
    "pick": ({"quantity": "1", "short": "1", "order_line": "91"}, {"order": ORDER}),
    "expectation": (
        {"quantity": "12"},
        {"expectation": {"key": "PO-1", "version": 1, "kind": "purchase", "status": "open"}},
    ),
}


@pytest.fixture
def twin() -> TillTwin:
    twin = TillTwin(now=lambda: NOW)
    twin.seed(SEED)
    return twin


def kept(twin: TillTwin) -> tuple[Decimal, Decimal]:
    return twin.till.on_hand("S-1", "MUG"), unavailable(twin.till, "S-1").get("MUG", Decimal(0))


def say(twin: TillTwin, kind: str, line: dict[str, Any], **more: Any) -> dict[str, Any]:
    event: dict[str, Any] = twin.till.write(kind, "S-1", [{"sku": "MUG", **line}], **more)
    return event


@pytest.mark.parametrize("kind", ACTS)
def test_everything_the_twin_can_be_told_is_part_of_the_contract(twin: TillTwin, kind: str) -> None:
    line, more = SAID[kind]

    said = translate(delivery(say(twin, kind, line, **more)))

    assert said


def test_damage_conditions_and_decisions_are_kept_apart_from_what_is_on_hand(twin: TillTwin) -> None:
    say(twin, "receipt", {"quantity": "5", "damaged": "2"})
    assert kept(twin) == (15, 2)

    say(twin, "return", {"quantity": "3", "condition": "returned"})
    say(twin, "condition", {"quantity": "4", "was": "", "condition": "quarantine"})
    assert kept(twin) == (18, 9)

    for what in ("restock", "quarantine", "scrap"):
        say(twin, "disposition", {"quantity": "1", "disposition": what})
    assert kept(twin) == (17, 7)


def test_a_corrected_decision_counts_instead_of_the_first(twin: TillTwin) -> None:
    say(twin, "return", {"quantity": "3", "condition": "returned"})
    event = say(twin, "disposition", {"quantity": "2", "disposition": "scrap"})
    assert kept(twin) == (11, 1)

    twin.till.correct(event["id"], [{"sku": "MUG", "quantity": "2", "disposition": "restock"}])

    assert kept(twin) == (13, 1)


def test_one_item_is_read_whole_with_what_cannot_be_sold(twin: TillTwin) -> None:
    say(twin, "receipt", {"quantity": "5", "damaged": "2"})
    with twin.serving(ticking=False):
        config = build(TillConfig, {**VALUES, "base_url": twin.url, "token": TOKEN, "allow_insecure": True})
        client = TillClient(config, connection="t", outside=Outside(private_hosts=("127.0.0.1",)))
        found = client.read_object("item", "MUG")
        client.close()

    (one,) = translate(Delivery(found.topic, {}, found.body, NOW, source="read", reading=9))

    assert isinstance(one, SnapshotReceived)
    assert (one.extent, one.item_refs, set(one.location_refs)) == (Extent.COMPLETE, ("MUG",), {"S-1", "W-1"})
    rows = {row.location_ref: (row.quantity, row.unavailable) for row in one.rows}
    assert rows == {"S-1": (15, 2), "W-1": (100, 0)}


def test_an_item_nobody_knows_cannot_be_read(twin: TillTwin) -> None:
    with twin.serving(ticking=False):
        answer = httpx.get(
            f"{twin.url}/v1/snapshot?item=NO", headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False
        )

    assert answer.status_code == 404
