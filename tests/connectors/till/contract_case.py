"""The till's case for the contract suite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from connectors.base.contract import ContractCase
from connectors.base.signatures import sign_standard
from connectors.till import connector
from inventory_sync.domain.ports import ListingRef
from tests.connectors.till.events import SECRET, VALUES, delivery, event, line
from tests.connectors.till.goods import condition, disposition, expectation, pick, receipt, snapshot


def sign(body: bytes, now: datetime) -> Mapping[str, str]:
    try:
        message_id = json.loads(body)["id"]
    except ValueError:
        message_id = "none"
    return sign_standard([SECRET], message_id=message_id, now=now, body=body)


CASE = ContractCase(
    connector=connector.CONNECTOR,
    folder=Path(connector.__file__).parent,
    values=VALUES,
    sign=sign,
    samples=[
        delivery(event("sale", lines=[line(1), line(2, "PEN-RED", "0.5")])),
        delivery(event("return", id="T1-18", sequence=18)),
        delivery(event("receipt", id="T1-19", document={"kind": "transfer", "number": "TR-1"})),
        delivery(receipt(id="T1-26")), delivery(expectation(id="T1-27")), delivery(pick(id="T1-28")),
        delivery(disposition(id="T1-29")), delivery(condition(id="T1-30")), delivery(snapshot(id="T1-31")),
        delivery(snapshot(), topic="snapshot.read"),
        delivery(event("shipment", id="T1-20", order={"source": "woo", "number": "482"},
                       lines=[line(order_line="91")])),
        delivery(event("transfer", id="T1-21", to_store="BER-2")),
        delivery(event("adjustment", id="T1-22", lines=[line(quantity="-3", reason="scrap")])),
        delivery(event("count", id="T1-23", lines=[line(quantity="0")])),
        delivery(event("session.closed", id="T1-24", lines=..., sales=3, returns=1, last_sequence=24)),
        delivery(event("sale", id="T1-25", corrects="T1-12", revision=1)),
        delivery({"store": "BER-1", "as_of_sequence": 25, "items": [{"sku": "MUG-BLUE", "on_hand": "7"}]},
                 topic="stock.read"),
    ],
    twins=(
        delivery(event("sale", lines=[line(quantity="2")])),
        delivery(event("sale", lines=[line(quantity="5")])),
    ),
    objects=[("event", "BER-1:17"), ("store", "BER-1")],
    refs=[ListingRef("MUG-BLUE", location_ref="BER-1"), ListingRef("PEN-RED", location_ref="BER-2")],
)  # fmt: skip
