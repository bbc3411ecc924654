"""Calls to Odoo over either protocol, held against recorded answers of 18 and 19."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from connectors.odoo.client import OdooClient
from connectors.odoo.config import OdooConfig
from connectors.odoo.twin import DATABASE, KEY, LOGIN, OdooTwin
from inventory_sync.domain.config import build
from inventory_sync.domain.errors import (
    Misconfigured,
    NotApplied,
    OutcomeUnknown,
    RateLimited,
    RemoteRefused,
    RemoteUnavailable,
    Transient,
)
from inventory_sync.domain.ports import Exchange, Outside
from tests.connectors.odoo.recordings import recording
from tests.connectors.odoo.replays import VALUES, answering, body, called, named, recorded, replaying, result

BOTH = pytest.mark.parametrize("version", [18, 19])


def client(version: int, answer: Any, **changes: Any) -> OdooClient:
    """A client whose every call to the model `m` gets this answer."""
    return replaying(answering(version, {"m.read": answer, "m.write": answer, "m.load": answer}), **changes)


# ── which protocol ──


@pytest.mark.parametrize(("version", "protocol"), [(17, "jsonrpc"), (18, "jsonrpc"), (19, "json2")])
def test_the_server_s_version_chooses_the_protocol_and_is_asked_once(version: int, protocol: str):
    asked: list[str] = []
    script = answering(version, {"m.read": []})

    def noting(request: httpx.Request) -> httpx.Response:
        asked.append(called(request))
        return script(request)

    odoo = replaying(noting).odoo
    odoo.read("m", "read", ids=[1])
    odoo.read("m", "read", ids=[1])

    assert odoo.transport.name == protocol
    assert asked.count("common.version") == 1


def test_the_recorded_version_is_understood():
    assert replaying(lambda request: recorded(18, "version")).version() == 18


def test_a_server_without_json_rpc_is_one_that_speaks_json_2():
    def script(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404) if request.url.path == "/jsonrpc" else result(19, [])

    assert replaying(script).odoo.read("m", "read", ids=[1]) == []


def test_a_version_of_the_hosted_kind_is_understood():
    serie = {"jsonrpc": "2.0", "id": 1, "result": {"server_serie": "saas~18.2"}}

    assert replaying(lambda request: httpx.Response(200, json=serie)).version() == 18


# ── what is sent ──


def test_json_rpc_sends_ids_first_the_key_as_password_and_the_company_in_the_context():
    sent: list[httpx.Request] = []
    replaying(
        answering(18, {"stock.quant.write": lambda request: sent.append(request) or result(18, True)})
    ).odoo.write("stock.quant", "write", ids=[7], vals={"x": 1}, context={"inventory_mode": True})

    assert body(sent[0])["params"]["args"] == [
        "books", 6, VALUES["api_key"], "stock.quant", "write", [[7]],
        {"vals": {"x": 1}, "context": {"inventory_mode": True, "allowed_company_ids": [1]}},
    ]  # fmt: skip
    assert sent[0].headers["x-odoo-database"] == "books"
    assert "authorization" not in sent[0].headers


def test_json_rpc_creates_by_position_because_the_server_looks_there():
    sent: list[Any] = []
    replaying(
        answering(18, {"m.create": lambda request: sent.append(named(request)) or result(18, [1])})
    ).odoo.write("m", "create", vals_list=[{"name": "x"}])

    assert sent[0]["positional"] == [[{"name": "x"}]]


def test_json_2_sends_everything_by_name_as_recorded():
    sent: list[httpx.Request] = []
    asked = recording(19, "json2-webread-products-with-quants").request

    def keep(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return recorded(19, "webread-products-with-quants")

    rows = replaying(answering(19, {"product.product.web_read": keep})).odoo.rows(
        "product.product", "web_read", **asked["body"]
    )

    assert sent[0].url.path == asked["path"]
    assert body(sent[0]) == {**asked["body"], "context": {"allowed_company_ids": [1]}}
    assert sent[0].headers["authorization"] == f"bearer {VALUES['api_key']}"
    assert sent[0].headers["x-odoo-database"] == "books"
    assert [row["id"] for row in rows] == [903, 904, 905]


@BOTH
def test_rows_of_a_searching_read_are_its_records(version: int):
    answers = {"stock.move.web_search_read": recorded(version, "webread-open-moves-with-quants")}

    rows = replaying(answering(version, answers)).odoo.rows("stock.move", "web_search_read", domain=[])

    assert len(rows) == 3
    assert all(row["product_id"]["stock_quant_ids"] for row in rows)


@BOTH
def test_the_user_s_own_company_is_taken_where_none_is_named(version: int):
    sent: list[Any] = []
    answers = {
        "res.users.context_get": {"uid": 6, "lang": "en_US"},
        "res.users.read": [{"id": 6, "company_id": 3}],
        "m.read": lambda request: sent.append(named(request)) or result(version, []),
    }

    replaying(answering(version, answers), company_id=0).odoo.read("m", "read", ids=[1])

    assert sent[0]["context"] == {"allowed_company_ids": [3]}


@BOTH
def test_a_method_that_returns_nothing_returns_nothing(version: int):
    assert client(version, recorded(version, "unreserve")).odoo.write("m", "write", ids=[1]) is None


# ── what errors mean ──


@BOTH
@pytest.mark.parametrize(
    ("scene", "error", "code"),
    [
        ("error-access-denied", Misconfigured, ""),
        ("error-foreign-company", Misconfigured, ""),
        ("private-method", Misconfigured, ""),
        ("error-duplicate-picking-name", RemoteRefused, "ValidationError"),
        ("error-lot-required", RemoteRefused, "UserError"),
        ("error-missing-record-write", RemoteRefused, "MissingError"),
        ("error-unknown-field-write", RemoteRefused, "ValueError"),
        ("error-so-confirm-twice", RemoteRefused, "UserError"),
        ("error-serialization-failure", RemoteUnavailable, ""),
    ],
)
def test_a_recorded_error_decides_by_its_name_what_happens_next(
    version: int, scene: str, error: type[Exception], code: str
):
    with pytest.raises(error) as raised:
        client(version, recorded(version, scene)).odoo.write("m", "write", ids=[1], vals={})

    assert "traceback" not in str(raised.value).lower()
    if isinstance(raised.value, RemoteRefused):
        assert raised.value.vendor_code.rpartition(".")[2] == code


@BOTH
def test_a_lost_race_proves_that_a_write_did_nothing(version: int):
    odoo = client(version, recorded(version, "error-serialization-failure")).odoo

    with pytest.raises(Transient) as raised:
        odoo.write("m", "write", ids=[1], vals={})

    assert not isinstance(raised.value, OutcomeUnknown)


@pytest.mark.parametrize(("name", "status"), [("LockError", 409), ("ConcurrencyError", 500)])
def test_a_row_that_somebody_else_is_at_work_on_may_be_asked_for_again(name: str, status: int):
    error = {"name": f"odoo.exceptions.{name}", "message": "Cannot grab a lock on records", "debug": ""}

    with pytest.raises(RemoteUnavailable):
        client(19, httpx.Response(status, json=error)).odoo.write("m", "write", ids=[1], vals={})


def test_an_unknown_database_is_said_as_such():
    odoo = client(19, recorded(19, "auth-unknown-db"), transport="json2").odoo

    with pytest.raises(Misconfigured, match="no Odoo database of this name"):
        odoo.read("m", "read", ids=[1])


def test_a_missing_right_is_named():
    with pytest.raises(Misconfigured, match="lacks a right for m") as raised:
        client(18, recorded(18, "error-access-denied")).odoo.write("m", "write", ids=[1])

    assert "Inventory/User" in raised.value.detail


@BOTH
@pytest.mark.parametrize("scene", ["delivery-partial-1-validate-returns-wizard", "adjust-conflict-wizard"])
def test_a_window_instead_of_a_result_means_that_nothing_was_done(version: int, scene: str):
    with pytest.raises(NotApplied, match="stock"):
        client(version, recorded(version, scene)).odoo.write("m", "write", ids=[1])


@BOTH
def test_a_method_that_opens_a_window_after_its_work_is_believed_where_asked_for(version: int):
    answer = client(version, recorded(version, "return-4-create-returns")).odoo.write(
        "m", "write", window_is_fine=True, ids=[1]
    )

    assert answer["type"] == "ir.actions.act_window"


@BOTH
def test_a_load_that_wrote_nothing_says_why(version: int):
    failed = {"ids": False, "messages": [{"type": "error", "message": "No matching record found"}]}

    with pytest.raises(RemoteRefused, match="No matching record found"):
        client(version, result(version, failed)).odoo.write("m", "load", fields=[], data=[])


@BOTH
def test_a_lost_race_inside_a_load_may_be_sent_again(version: int):
    words = "could not serialize access due to concurrent update"
    failed = {"ids": False, "messages": [{"type": "error", "message": words}]}

    with pytest.raises(RemoteUnavailable):
        client(version, result(version, failed)).odoo.write("m", "load", fields=[], data=[])


@BOTH
def test_a_load_that_wrote_returns_its_ids(version: int):
    answer = client(version, recorded(version, "load-external-id")).odoo.write(
        "m", "load", fields=[], data=[]
    )

    assert answer["ids"]


# ── answers that are none ──


def hang_up(request: httpx.Request) -> httpx.Response:
    raise httpx.RemoteProtocolError("Server disconnected without sending a response.")


@BOTH
@pytest.mark.parametrize(
    "answer", [hang_up, httpx.Response(502, html="<p>bad gateway</p>")], ids=["hung", "502"]
)
def test_a_lost_answer_is_unknown_for_a_write_and_only_late_for_a_read(version: int, answer: Any):
    odoo = client(version, answer).odoo

    with pytest.raises(OutcomeUnknown):
        odoo.write("m", "write", ids=[1], vals={})
    with pytest.raises(RemoteUnavailable):
        odoo.read("m", "read", ids=[1])


def test_a_proxy_that_answers_json_is_not_taken_for_odoo():
    answer = httpx.Response(503, json={"error": "upstream restarting"})

    with pytest.raises(OutcomeUnknown):
        client(19, answer).odoo.write("m", "write", ids=[1], vals={})


def test_a_proxy_that_asks_for_fewer_calls_is_obeyed():
    answer = httpx.Response(429, headers={"Retry-After": "7"})

    with pytest.raises(RateLimited) as raised:
        client(18, answer).odoo.read("m", "read", ids=[1])

    assert raised.value.retry_after_s == 7


def test_a_database_that_is_away_is_unknown_for_a_write():
    odoo = client(18, recorded(18, "authenticate-unknown-db")).odoo

    with pytest.raises(RemoteUnavailable, match="database"):
        odoo.read("m", "read", ids=[1])
    with pytest.raises(OutcomeUnknown):
        odoo.write("m", "write", ids=[1])


# ── keys ──


def refusing(version: int, key: str, sent: list[str]) -> Any:
    """A server that refuses one of the keys, as each version does it."""
    accepted = answering(version, {"m.write": True})

    def script(request: httpx.Request) -> httpx.Response:
        what = called(request)
        text = request.content.decode() + request.headers.get("authorization", "")
        sent.append(what)
        if key in text and what == "common.authenticate":
            return recorded(18, "authenticate-wrong-key")
        if key in text and what == "m.write":
            return recorded(version, "execute-wrong-key" if version == 18 else "auth-wrong-key")
        return accepted(request)

    return script


@BOTH
def test_a_refused_key_is_followed_by_the_other_one_and_kept(version: int):
    sent: list[str] = []
    odoo = replaying(refusing(version, VALUES["api_key"], sent)).odoo

    assert odoo.write("m", "write", ids=[1]) is True
    before = len(sent)
    assert odoo.write("m", "write", ids=[1]) is True
    assert sent[before:] == ["m.write"]


@BOTH
def test_a_connection_without_a_second_key_is_misconfigured_when_its_key_is_refused(version: int):
    sent: list[str] = []
    odoo = replaying(refusing(version, VALUES["api_key"], sent), next_api_key="").odoo

    with pytest.raises(Misconfigured, match="refuses the API key"):
        odoo.write("m", "write", ids=[1])
    assert len([what for what in sent if what in ("m.write", "common.authenticate")]) == 1


# ── what is noted ──


@BOTH
def test_neither_a_key_nor_a_traceback_is_ever_noted(version: int):
    notes: list[Exchange] = []
    script = answering(version, {"m.write": recorded(version, "error-serialization-failure")})
    odoo = replaying(script, notes=notes).odoo

    with pytest.raises(RemoteUnavailable):
        odoo.write("m", "write", ids=[1], vals={})

    written = repr(notes)
    assert len(notes) >= 2
    assert VALUES["api_key"] not in written
    assert "traceback" not in written
    assert "SerializationFailure" in written


# ── over a socket ──


@BOTH
def test_a_twin_on_a_socket_is_probed_and_read(version: int):
    with OdooTwin(version=version).serving() as twin:
        values = {
            **VALUES, "base_url": twin.url, "allow_insecure": True, "database": DATABASE, "login": LOGIN,
            "api_key": KEY, "next_api_key": "",
        }  # fmt: skip
        there = OdooClient(
            build(OdooConfig, values), connection="odoo", outside=Outside(private_hosts=("127.0.0.1",))
        )

        found = there.probe()
        page = there.sweep("changes", "", now=datetime.now(UTC))

    assert found.facts["version"] == str(version)
    assert abs(int(found.facts["clock_offset_s"])) < 60
    assert page.done
