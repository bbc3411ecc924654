"""What till events come to mean, and what the door makes of them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from connectors.base.signatures import sign_standard
from connectors.till.config import TillConfig
from connectors.till.translate import translate
from connectors.till.webhooks import receive
from inventory_sync.domain.config import build
from inventory_sync.domain.errors import (
    MalformedPayload,
    Misconfigured,
    NegativeQuantity,
    NotExact,
    NotFinite,
    NoZone,
    Unauthentic,
    Unsupported,
)
from inventory_sync.domain.external import (
    FigureObserved,
    OrderLineRef,
    Reason,
    SessionClosed,
    StockCounted,
    StockMoved,
)
from inventory_sync.domain.ports import InboundRequest
from tests.connectors.till.events import NOW, SECRET, VALUES, delivery, event, line

OTHER_SECRET = "whsec_ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A="


def moved(document: dict[str, Any]) -> list[StockMoved]:
    found = translate(delivery(document))
    assert all(isinstance(one, StockMoved) for one in found)
    return [one for one in found if isinstance(one, StockMoved)]


# ── translation ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "sent", "quantity", "reason", "changes"),
    [
        ("sale", "2", "-2", Reason.SALE, {}),
        ("return", "1.5", "1.5", Reason.RETURN, {}),
        ("shipment", "3", "-3", Reason.SHIPMENT, {}),
        ("transfer", "4", "-4", Reason.TRANSFER_OUT, {}),
        ("adjustment", "5", "5", Reason.ADJUSTMENT, {}),
        ("adjustment", "-5", "-5", Reason.ADJUSTMENT, {}),
        ("adjustment", "-5", "-5", Reason.SCRAP, {"lines": [line(quantity="-5", reason="scrap")]}),
    ],
)
def test_each_type_moves_stock_its_own_way(
    kind: str, sent: str, quantity: str, reason: Reason, changes: dict[str, Any]
) -> None:
    (one,) = moved(event(kind, **{"lines": [line(quantity=sent)], **changes}))

    assert (one.quantity, one.reason) == (Decimal(quantity), reason)
    assert (one.item_ref, one.location_ref, one.unit, one.sequence) == ("MUG-BLUE", "BER-1", "C62", 17)
    assert one.occurred_at.isoformat() == "2026-11-23T04:00:00+00:00"
    assert one.fulfils is None


def test_lines_have_keys_of_their_own_and_share_the_document() -> None:
    found = moved(event(lines=[line(1), line(2, "PEN-RED", "0.000001")]))

    assert [(one.key, one.reference) for one in found] == [
        ("T1-000017/1", "receipt/R-1001"),
        ("T1-000017/2", "receipt/R-1001"),
    ]


def test_a_shipment_closes_the_order_line_it_names() -> None:
    (one,) = moved(event("shipment", order={"source": "woo", "number": "482"}, lines=[line(order_line="91")]))

    assert one.fulfils == OrderLineRef("woo", "482", "91")


def test_a_correction_keeps_the_keys_of_what_it_corrects_with_a_higher_revision() -> None:
    (first,) = moved(event())
    (second,) = moved(event(id="T1-000020", corrects="T1-000017", revision=1, lines=[line(quantity="5")]))
    (third,) = moved(event(id="T1-000023", corrects="T1-000017", revision=2, lines=[line(quantity="0")]))

    assert first.key == second.key == third.key
    assert [one.revision for one in (first, second, third)] == [0, 1, 2]
    assert [one.quantity for one in (first, second, third)] == [-2, -5, 0]


def test_a_count_is_what_was_found_and_zero_is_a_finding() -> None:
    (one,) = translate(delivery(event("count", lines=[line(quantity="0")])))

    assert isinstance(one, StockCounted)
    assert (one.key, one.quantity, one.sequence) == ("T1-000017/1", Decimal(0), 17)


def test_a_corrected_count_is_a_further_count() -> None:
    (one,) = translate(delivery(event("count", id="T1-30", corrects="T1-000017", revision=1)))

    assert one.key == "T1-30/1"


def test_a_closed_session_names_its_last_sequence() -> None:
    (one,) = translate(delivery(event("session.closed", lines=..., sales=3, returns=1, last_sequence=16)))

    assert isinstance(one, SessionClosed)
    assert (one.key, one.session, one.last_sequence) == ("T1-000017", "BER-1/2026-11-23", 16)


def test_a_stock_reading_is_an_observation_per_item() -> None:
    stock = {
        "store": "BER-1",
        "as_of_sequence": 40,
        "items": [{"sku": "A", "on_hand": "7"}, {"sku": "B", "on_hand": 0}],
    }

    found = translate(delivery(stock, topic="stock.read"))

    assert [
        (one.item_ref, one.figure, one.location_ref) for one in found if isinstance(one, FigureObserved)
    ] == [
        ("A", Decimal(7), "BER-1"),
        ("B", Decimal(0), "BER-1"),
    ]


@pytest.mark.parametrize(
    ("why", "document", "field"),
    [
        ("a number instead of a text", event(lines=[line(quantity=2)]), "lines[0].quantity"),
        ("a float", event(lines=[line(quantity=1.5)]), "lines[0].quantity"),
        ("a comma", event(lines=[line(quantity="1,5")]), "lines[0].quantity"),
        ("an exponent", event(lines=[line(quantity="1e3")]), "lines[0].quantity"),
        ("seven places", event(lines=[line(quantity="0.0000001")]), "lines[0].quantity"),
        ("too many", event(lines=[line(quantity="9999999999999")]), "lines[0].quantity"),
        ("a sale of nothing", event(lines=[line(quantity="0")]), "lines[0].quantity"),
        ("a negative sale", event(lines=[line(quantity="-1")]), "lines[0].quantity"),
        ("a negative count", event("count", lines=[line(quantity="-1")]), "lines[0].quantity"),
        ("the second line", event(lines=[line(), line(2, sku="")]), "lines[1].sku"),
        ("one number twice", event(lines=[line(), line()]), "lines[1].line"),
        ("no lines", event(lines=[]), "lines"),
        ("lines missing", event(lines=...), "lines"),
        ("no offset", event(time="2026-11-23T05:00:00"), "time"),
        ("no time", event(time="now"), "time"),
        ("before time", event(time="0001-01-01T00:00:00+23:00"), "time"),
        ("no store", event(store=""), "store"),
        ("no sequence", event(sequence="17"), "sequence"),
        ("a negative sequence", event(sequence=-1), "sequence"),
        ("true is no number", event(sequence=True), "sequence"),
        ("a correction without revision", event(corrects="T1-1"), "revision"),
        ("a revision of nothing", event(revision=2), "corrects"),
        ("an order without line", event("shipment", order={"source": "woo", "number": "1"}),
         "lines[0].order_line"),
        ("an order without source", event("shipment", order={"number": "1"}, lines=[line(order_line="1")]),
         "order.source"),
        ("a condition in words", event("return", lines=[line(condition="Damaged!")]), "lines[0].condition"),
        ("a count of a part", event("count", lines=[line(lot="L1")]), "lines[0].lot"),
        ("a session without total", event("session.closed", lines=..., sales=1), "last_sequence"),
        ("no id", event(id=...), "id"),
        ("an id no database keeps", event(id="a\x00b"), "id"),
    ],
)  # fmt: skip
def test_a_malformed_event_names_the_path_of_its_field(
    why: str, document: dict[str, Any], field: str
) -> None:
    with pytest.raises(MalformedPayload) as caught:
        translate(delivery(document))

    assert caught.value.field == field, why


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (event(lines=[line(quantity="NaN")]), NotFinite),
        (event(lines=[line(quantity="-Infinity")]), NotFinite),
        (event(lines=[line(quantity=float("nan"))]), NotFinite),
        (event(lines=[line(quantity=1.5)]), NotExact),
        (event(lines=[line(quantity="0.0000001")]), NotExact),
        (event("count", lines=[line(quantity="-1")]), NegativeQuantity),
        (event("sale", lines=[line(quantity="-1")]), NegativeQuantity),
        (event("receipt", lines=[line(quantity="-1")]), NegativeQuantity),
        (event(time="2026-11-23T05:00:00"), NoZone),
    ],
)
def test_bad_input_has_a_code_of_its_own(sent: dict[str, Any], error: type[MalformedPayload]) -> None:
    with pytest.raises(error) as caught:
        translate(delivery(sent))

    assert type(caught.value) is error
    assert caught.value.field in ("lines[0].quantity", "time")


def test_a_type_that_is_not_of_the_contract_is_unsupported() -> None:
    with pytest.raises(Unsupported):
        translate(delivery(event("refurbish")))


# ── the door ─────────────────────────────────────────────────────────────────────────────────────────


def request(body: bytes, *secrets: str, message_id: str = "T1-000017") -> InboundRequest:
    return InboundRequest(
        sign_standard(secrets or (SECRET,), message_id=message_id, now=NOW, body=body), body
    )


def settings(**changes: Any) -> TillConfig:
    return build(TillConfig, {**VALUES, **changes})


@pytest.mark.parametrize("indent", [None, 2])
def test_an_event_is_named_by_its_type_and_store_without_parsing(indent: int | None) -> None:
    body = json.dumps(event("transfer", to_store="BER-2"), indent=indent).encode()

    found = receive(request(body), settings(), now=NOW)

    assert (found.topic, found.object_key) == ("transfer", "store:BER-1")
    assert found.dedupe_key.startswith("T1-000017:")


def test_a_destination_is_not_taken_for_the_store() -> None:
    body = b'{"to_store":"BER-2","note":"\\"store\\":\\"X\\"","store":"BER-1","type":"transfer"}'

    assert receive(request(body), settings(), now=NOW).object_key == "store:BER-1"


def test_the_same_id_with_another_body_is_another_delivery() -> None:
    one, other = (receive(request(body), settings(), now=NOW) for body in (b'{"a":1}', b'{"a":2}'))

    assert one.dedupe_key != other.dedupe_key


def test_broken_json_that_is_signed_is_kept_to_be_read() -> None:
    found = receive(request(b'{"store":'), settings(), now=NOW)

    assert (found.topic, found.object_key) == ("unknown", "")


def test_both_secrets_hold_while_rotating() -> None:
    rotating = settings(signing_secret=f"{SECRET} {OTHER_SECRET}")

    found = [receive(request(b"{}", secret), rotating, now=NOW).topic for secret in (SECRET, OTHER_SECRET)]

    assert found == ["unknown", "unknown"]
    with pytest.raises(Unauthentic):
        receive(request(b"{}", OTHER_SECRET), settings(), now=NOW)


@pytest.mark.parametrize("secret", ["whsec_", "not base64!", "whsec_AQID whsec_?"])
def test_a_secret_that_is_none_is_refused_in_the_settings(secret: str) -> None:
    with pytest.raises(Misconfigured):
        settings(signing_secret=secret)
