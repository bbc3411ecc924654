"""The HTTP client: what failed requests mean next, what is noted, and where the connection goes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connectors.base.hostile import HOSTILITIES, answer, hostile_server
from connectors.base.http import HttpClient, Limits, dump_json, parse_json, retry_after_s
from inventory_sync.domain.errors import (
    Misconfigured,
    OutcomeUnknown,
    RateLimited,
    RemoteUnavailable,
    SyncError,
    Transient,
)
from inventory_sync.domain.ports import Exchange, Outside

SECRET = "cs_very_secret_value"


def client(base_url: str, notes: list[Exchange] | None = None, **changes: object) -> HttpClient:
    outside = Outside(
        on_exchange=notes.append if notes is not None else None,
        correlation_id=lambda: "corr-1",
        private_hosts=("127.0.0.1", "shop.test"),
    )
    given = {
        "connection": "c", "base_url": base_url,
        "sign": lambda m, p, query: ({"Authorization": SECRET}, query),
        "secrets": (SECRET,), "allow_insecure": True, "outside": outside, **changes,
    }  # fmt: skip
    return HttpClient(**given)  # type: ignore[arg-type]


CASES: list[tuple[str, type[SyncError], type[SyncError]]] = [
    ("hangs up without a word", RemoteUnavailable, OutcomeUnknown),
    ("speaks another protocol", RemoteUnavailable, OutcomeUnknown),
    ("cuts the answer in the middle", RemoteUnavailable, OutcomeUnknown),
    ("breaks the chunks", RemoteUnavailable, OutcomeUnknown),
    ("a page instead of JSON", RemoteUnavailable, OutcomeUnknown),
    ("nothing at all under a 200", RemoteUnavailable, OutcomeUnknown),
    ("an exponent no number has", RemoteUnavailable, OutcomeUnknown),
    ("NaN", RemoteUnavailable, OutcomeUnknown),
    ("too deep", RemoteUnavailable, OutcomeUnknown),
    ("a number too long", RemoteUnavailable, OutcomeUnknown),
    ("not UTF-8", RemoteUnavailable, OutcomeUnknown),
    ("broken gzip", RemoteUnavailable, OutcomeUnknown),
    ("a gzip bomb", RemoteUnavailable, OutcomeUnknown),
    ("a header bomb", RemoteUnavailable, OutcomeUnknown),
    ("500 with JSON", RemoteUnavailable, OutcomeUnknown),
    ("503 with a page", RateLimited, OutcomeUnknown),
    ("429 with seconds", RateLimited, RateLimited),
    ("429 with nonsense", RateLimited, RateLimited),
    ("moved for good", Misconfigured, Misconfigured),
    ("a login page for now", Transient, Transient),
]


@pytest.mark.parametrize(("manner", "on_read", "on_write"), CASES)
def test_a_failure_is_named_by_what_happens_next(
    manner: str, on_read: type[SyncError], on_write: type[SyncError]
) -> None:
    with hostile_server(HOSTILITIES[manner]) as url:
        with pytest.raises(SyncError) as read:
            client(url).get("/x")
        with pytest.raises(SyncError) as write:
            client(url).call("POST", "/x", json_body={"a": 1})

    assert (type(read.value), type(write.value)) == (on_read, on_write)


def test_a_refused_connection_proves_that_a_write_was_not_carried_out() -> None:
    with hostile_server(b"") as url:
        pass

    with pytest.raises(RemoteUnavailable, match="No connection"):
        client(url).call("POST", "/x", json_body={})


def test_a_dripping_answer_ends_by_the_clock_of_the_whole_call() -> None:
    with hostile_server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1]  ") as url:
        slow = client(url, limits=Limits(read_s=1.0, total_s=-1.0))

        with pytest.raises(OutcomeUnknown, match="not complete"):
            slow.call("POST", "/x", json_body={})


def test_an_answer_larger_than_allowed_is_not_swallowed() -> None:
    large = answer(200, b"[" + b" " * 5000 + b"]")
    with hostile_server(large) as url, pytest.raises(RemoteUnavailable, match="larger than"):
        client(url, limits=Limits(answer_bytes=4096)).get("/x")


def test_a_packed_answer_is_unpacked_and_numbers_stay_exact() -> None:
    packed = gzip.compress(b'{"stock_quantity": 0.1}')
    with hostile_server(answer(200, packed, extra="Content-Encoding: gzip\r\n")) as url:
        assert client(url).get("/x").data == {"stock_quantity": Decimal("0.1")}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        ("999999", 3600.0),
        ("Mon, 23 Nov 2026 05:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 04:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("٣", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str, seconds: float | None) -> None:
    now = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)

    assert retry_after_s(header, date=None, now=now) == seconds


def test_a_retry_after_date_is_held_against_the_vendors_own_clock() -> None:
    vendor = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    waits = retry_after_s("Mon, 23 Nov 2026 09:00:10 GMT", date=vendor, now=datetime(2026, 1, 1, tzinfo=UTC))

    assert waits == 10.0


def test_the_vendors_wish_travels_with_the_error() -> None:
    with hostile_server(HOSTILITIES["429 with seconds"]) as url, pytest.raises(RateLimited) as caught:
        client(url).get("/x")

    assert caught.value.retry_after_s == 7.0


def test_each_call_is_noted_without_its_secrets() -> None:
    notes: list[Exchange] = []
    body = json.dumps({"code": "no", "echo": SECRET, "token": "other-secret"}).encode()
    with hostile_server(answer(400, body)) as url:
        client(url, notes).call(
            "POST",
            "/items",
            (("consumer_secret", "abc"), ("page", "2")),
            json_body={"secret": "hush", "n": 1},
        )

    (note,) = notes
    shown = repr(note)
    assert (note.method, note.status, note.outcome, note.correlation_id) == ("POST", 400, "", "corr-1")
    assert note.path == "/items?consumer_secret=…&page=2"
    assert note.sent_bytes > 0
    assert note.received_bytes == len(body)
    assert [secret for secret in (SECRET, "abc", "hush", "other-secret") if secret in shown] == []
    assert '"n":1' in note.sent


def test_a_failed_call_is_noted_with_the_code_of_its_error() -> None:
    notes: list[Exchange] = []
    with hostile_server(b"") as url, pytest.raises(OutcomeUnknown):
        client(url, notes).call("PUT", "/x", json_body={})

    assert [(note.status, note.outcome) for note in notes] == [(0, "remote.outcome_unknown")]


def test_the_body_of_a_good_read_is_not_kept() -> None:
    notes: list[Exchange] = []
    with hostile_server(answer(200, b'{"customer": "Zoe"}')) as url:
        client(url, notes).get("/orders/1")

    assert notes[0].answer == ""


def test_a_note_that_cannot_be_kept_does_not_undo_the_call() -> None:
    def broken(_: Exchange) -> None:
        raise RuntimeError("disk full")

    with hostile_server(answer(200, b"{}")) as url:
        outside = Outside(on_exchange=broken, private_hosts=("127.0.0.1",))

        assert client(url, outside=outside).get("/x").ok


def test_a_name_is_looked_up_once_and_its_checked_address_is_called() -> None:
    asked: list[str] = []
    with hostile_server(answer(200, b"{}")) as url:
        port = url.rpartition(":")[2]

        def once(host: str, number: int) -> Sequence[str]:
            asked.append(host)
            return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

        assert client(f"http://shop.test:{port}", resolver=once).get("/x").ok

    assert asked == ["shop.test"]


def test_the_next_address_is_tried_when_the_first_takes_no_connection() -> None:
    with hostile_server(answer(200, b"{}")) as url:
        port = url.rpartition(":")[2]
        resolver = lambda host, number: ["127.0.0.2", "127.0.0.1"]  # noqa: E731

        assert client(f"http://shop.test:{port}", resolver=resolver).call("POST", "/x", json_body={}).ok


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with hostile_server(answer(200, b"{}")) as url:
        assert client(url).get("/x").ok


def test_json_comes_back_as_the_numbers_it_was() -> None:
    raw = b'{"a":1.5,"b":7,"c":"\xc3\xbc"}'

    assert dump_json(parse_json(raw)) == raw
