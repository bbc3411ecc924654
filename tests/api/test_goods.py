"""What is to come and on its way, beside a stock level; and the schemas of the events."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from rest_framework.test import APIClient

from inventory_sync.domain.external import ExpectationKind
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.store import PostgresLedger
from tests import factories
from tests.ledger.goods import announced
from tests.ledger.reports import NOW, count


def test_a_level_says_what_is_to_come_and_what_is_on_its_way(partner: APIClient) -> None:
    erp, item = factories.make_connection("erp"), factories.make_item("MUG")
    place = factories.make_location("WH")
    bought = announced("PO", place.pk, {"1": (item.pk, 12)}, by=erp.pk, due_at=NOW + timedelta(days=3))
    moving = announced("T", place.pk, {"1": (item.pk, 4)}, by=erp.pk, kind=ExpectationKind.TRANSFER)
    with transaction.atomic():
        apply_batch(
            [count("c", item.pk, place.pk, 5, by=erp.pk)], [], store=PostgresLedger(), now=NOW,
            announced=[bought, moving],
        )  # fmt: skip

    level = partner.get("/api/v1/stock-levels/WH/MUG").json()

    assert (level["on_hand"], level["incoming"], level["in_transit"]) == ("5", "12", "4")
    assert (level["reserved"], level["reserved_by_authority"], level["unassigned"]) == ("0", "0", "0")


def test_every_schema_is_listed_and_read_whole_by_anybody(client: APIClient, db: None) -> None:
    listed = client.get("/api/v1/schemas").json()["results"]
    names = {row["type"] for row in listed}

    assert {"goods.received", "transfer.dispatched", "push.applied", "till.session_closed"} <= names
    for row in listed[::8]:
        schema = client.get(f"/api/v1/schemas/{row['type']}/{row['version']}").json()
        assert schema["$id"] == row["dataschema"]
        assert "urn:inventory-sync:event:envelope:1" in schema["$defs"]
    assert client.get("/api/v1/schemas/goods.received/99").status_code == 404
    assert client.get("/api/v1/schemas/envelope/1").status_code == 404
