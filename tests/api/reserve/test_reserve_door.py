"""The door for reservations: who may ask, what may be asked, and answers that can be trusted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, OperationalError

from inventory_sync.access import services as access
from inventory_sync.access.models import ApiKey
from inventory_sync.access.services import create_key
from inventory_sync.api.hooks.group import WrongCount
from inventory_sync.ledger.models import Order, Reservation
from tests.api.reserve.conftest import Caller


def test_a_request_is_answered_with_where_it_stands_and_why(caller):
    told = caller.reserve(quantity="2")

    assert told.status == 201
    assert told.body["state"] == "committed"
    (line,) = told.body["lines"]
    assert (line["asked"], line["reserved"], line["missing"]) == ("2", "2", "0")
    assert line["allocations"] == [{"sku": "MUG", "location": "NEAR", "quantity": "2"}]
    assert line["routing"]["rule"] == "whole_order"
    assert told.headers["X-Correlation-ID"] == told.body["correlation_id"]


def test_what_is_not_free_is_a_problem_that_says_how_much_is_missing(caller):
    told = caller.reserve(quantity=9)

    assert (told.status, told.body["code"]) == (409, "reservation.not_enough")
    assert told.headers["Content-Type"] == "application/problem+json"
    assert told.body["missing"] == {"1": "4"}
    assert told.body["reservation"]["state"] == "rejected"


@pytest.mark.parametrize("quantity", [2, 9])
def test_asked_again_it_is_answered_the_same_and_counts_once(caller, quantity):
    first = caller.reserve(quantity=quantity, mode="partial")
    again = caller.reserve(quantity=quantity, mode="partial")

    assert (again.status, again.body) == (first.status, first.body)
    assert Reservation.objects.count() == 1


def test_a_hold_goes_through_its_life(caller):
    held = caller.reserve(hold_s=600)
    longer = caller.act("extend", hold_s=1200)
    committed = caller.act("commit")
    cancelled = caller.act("cancel", reason="changed their mind")

    assert [told.body["state"] for told in (held, longer, committed, cancelled)] == [
        "held",
        "held",
        "committed",
        "cancelled",
    ]
    assert held.body["expires_at"] < longer.body["expires_at"]
    assert cancelled.body["lines"][0]["reason"] == "changed their mind"


def test_an_amendment_changes_the_lines_it_names(caller):
    caller.reserve()

    told = caller(
        "PATCH", "/shop/cart-1", {"version": 2, "lines": [{"line": "1", "sku": "MUG", "quantity": "5"}]}
    )

    assert (told.status, told.body["version"]) == (200, 2)
    assert told.body["lines"][0]["reserved"] == "5"


def test_what_is_held_for_review_is_no_sale_until_it_is_approved(caller):
    held = caller.reserve(review=True)
    early = caller.act("commit")
    approved = caller.act("approve")

    assert held.body["state"] == "review"
    assert (early.status, early.body["code"]) == (409, "reservation.in_review")
    assert approved.body["state"] == "committed"


def test_an_extension_takes_the_end_itself_so_that_it_can_be_repeated(caller):
    caller.reserve(hold_s=60)
    end = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    first, again = caller.act("extend", expires_at=end), caller.act("extend", expires_at=end)

    assert first.body == again.body
    assert datetime.fromisoformat(first.body["expires_at"]) == datetime.fromisoformat(end)


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"lines": []}, "lines"),
        ({"lines": [{"line": "1", "sku": "MUG"}]}, "lines.0"),
        ({"lines": [{"line": "1", "sku": "MUG", "quantity": "1e3"}]}, "lines.0.quantity"),
        ({"lines": [{"line": "1", "sku": "MUG", "quantity": "NaN"}]}, "lines.0.quantity"),
        ({"lines": [{"line": "1", "sku": "MUG", "quantity": True}]}, "lines.0.quantity"),
        ({"lines": [{"line": "1", "sku": "MUG", "quantity": 0.0000001}]}, "lines.0.quantity"),
        ({"lines": [{"line": "1", "sku": "MUG", "quantity": -1}]}, "lines.0.quantity"),
        ({"lines": [{"line": "1", "sku": "MUG", "quantity": 1}] * 2}, "lines"),
        ({"version": 0}, "version"),
        ({"version": 1.0}, "version"),
        ({"mode": "perhaps"}, "mode"),
        ({"hold_s": -1}, "hold_s"),
        ({"review": 1}, "review"),
        ({"hold": 5}, "hold"),
        ({"reference": "a b"}, "reference"),
        ({"reference": "cart\x00"}, "reference"),
        ({"channel": "Shop!"}, "channel"),
    ],
)
def test_what_cannot_be_taken_is_named_and_nothing_is_kept(caller, fields, parameter):
    given = {
        "channel": "shop",
        "reference": "cart-1",
        "lines": [{"line": "1", "sku": "MUG", "quantity": 1}],
        **fields,
    }

    told = caller("POST", "", given)

    assert (told.status, told.body["code"]) == (400, "request.invalid")
    assert told.body["errors"][0]["parameter"] == parameter
    assert not Order.objects.exists()


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"version": NaN}'])
def test_what_is_no_json_object_is_refused(caller, raw):
    told = caller("POST", "", raw=raw)

    assert (told.status, told.body["code"]) == (400, "request.malformed")


def test_an_unknown_item_or_channel_is_named(caller):
    item = caller.reserve(lines=[{"line": "1", "sku": "NOPE", "quantity": 1}])
    channel = caller("POST", "/nowhere/cart-1/commit")

    assert (item.status, item.body["code"]) == (409, "reservation.item_unknown")
    assert (channel.status, channel.body["code"]) == (404, "reservation.channel_unknown")


def test_a_till_that_sells_nothing_through_us_is_no_channel(caller):
    told = caller("POST", "/till/cart-1/commit")

    assert (told.status, told.body["code"]) == (404, "reservation.channel_unknown")


def test_nothing_is_known_of_a_reference_never_reserved(caller):
    told = caller.act("commit", "nobody")

    assert (told.status, told.body["code"]) == (404, "reservation.unknown")
    assert not Order.objects.exists()


# ── who may ask ──────────────────────────────────────────────────────────────────────────────────────


def test_a_key_without_the_scope_may_not_ask(door, shop):
    _, raw = create_key(consumer="reader", scopes=[ApiKey.Scope.READ_STOCK], actor="tests", reason="a test")

    told = Caller(door, raw).reserve()

    assert (told.status, told.body["code"]) == (403, "key.scope_missing")


def test_a_key_of_another_channel_may_not_ask_for_this_one(door, shop):
    _, raw = create_key(
        consumer="app", scopes=[ApiKey.Scope.RESERVE], channels=["other"], actor="tests", reason="a test"
    )

    told = Caller(door, raw).reserve()

    assert (told.status, told.body["code"]) == (403, "key.channel_missing")
    assert not Order.objects.exists()


@pytest.mark.parametrize("spoilt", ["", "x", "sync0000000000_abc", "\u00e9"])
def test_a_wrong_key_opens_nothing(door, shop, spoilt):
    told = Caller(door, spoilt).reserve()

    assert (told.status, told.body["code"]) == (401, "key.invalid")
    assert told.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_key_opens_nothing_a_second_later(door, shop):
    key, raw = create_key(consumer="app", scopes=[ApiKey.Scope.RESERVE], actor="tests", reason="a test")
    caller = Caller(door, raw)
    clock = [100.0]
    door._keys._monotonic = lambda: clock[0]
    assert caller.reserve("before").status == 201

    access.revoke_key(key_id=key.pk, actor="tests", reason="lost", now=datetime.now(UTC))
    clock[0] += 1.0

    assert caller.reserve("after").status == 401


def test_other_methods_are_told_what_is_offered(caller):
    assert caller("DELETE", "/shop/cart-1").headers["Allow"] == "GET, PATCH"
    assert caller("PATCH", "").headers["Allow"] == "GET, POST"
    assert caller("PUT", "/shop/cart-1/commit").headers["Allow"] == "POST"


# ── what may go wrong ────────────────────────────────────────────────────────────────────────────────


def test_an_answer_lost_after_the_commit_is_the_same_when_asked_again(door, key, shop):
    asked = []
    submit = door._submit

    def lose_the_answer(request):
        asked.append(submit(request).result(10))
        raise ConnectionError("the process was killed after its commit")

    door._submit = lose_the_answer
    lost = Caller(door, key).reserve(hold_s=600)
    door._submit = submit
    again = Caller(door, key).reserve(hold_s=600)

    assert lost.status == 503
    assert "Retry-After" in lost.headers
    assert again.status == 201
    assert again.body["lines"][0]["reserved"] == "2"
    assert asked[0].answer.order.lines["1"].expires_at.isoformat() == again.body["expires_at"]
    assert Reservation.objects.count() == 1


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (OperationalError("deadlock detected"), 503, "server.database_unavailable"),
        (TimeoutError("no result yet"), 503, "server.database_unavailable"),
        (IntegrityError("a row that the ledger cannot hold"), 500, "server.failed"),
        (WrongCount("1 results for 2 rows"), 500, "server.failed"),
    ],
)
def test_only_what_passes_is_a_reason_to_ask_again(door, key, shop, failure, status, code):
    def fail(request):
        raise failure

    door._submit = fail
    told = Caller(door, key).reserve()

    assert (told.status, told.body["code"]) == (status, code)
    assert ("Retry-After" in told.headers) is (status == 503)
    assert told.body["correlation_id"] == told.headers["X-Correlation-ID"]


def test_a_long_queue_is_told_to_come_back(door, key, shop):
    door._waiting = lambda: 100_000

    told = Caller(door, key).reserve()

    assert (told.status, told.body["code"]) == (429, "request.throttled")
    assert told.headers["Retry-After"]


@pytest.mark.parametrize("sku", ["MUG\ud800", "MUG\x00"])
def test_a_text_that_cannot_be_stored_is_the_callers_mistake_and_not_ours(caller, sku):
    told = caller.reserve(lines=[{"line": "1", "sku": sku, "quantity": "1"}])

    assert (told.status, told.body["code"]) == (400, "request.invalid")


def test_a_time_outside_the_calendar_is_the_callers_mistake_and_not_ours(caller):
    caller.reserve(hold_s=60)

    told = caller.act("extend", expires_at="0001-01-01T00:00:00+23:59")

    assert (told.status, told.body["code"]) == (400, "request.invalid")


@pytest.mark.parametrize("quantity", ["1E99999999", "1E-99999999", "0E99999999", "-1E2000000000"])
def test_a_number_of_few_characters_and_endless_digits_is_refused_unwritten(caller, shop, quantity):
    body = f'{{"channel":"shop","reference":"c","lines":[{{"line":"1","sku":"MUG","quantity":{quantity}}}]}}'

    told = caller("POST", "", raw=body.encode())

    assert (told.status, told.body["errors"][0]["parameter"]) == (400, "lines.0.quantity")


def test_of_very_many_mistakes_the_first_are_told(caller, shop):
    told = caller("POST", "", raw=json.dumps({f"f{number}": 1 for number in range(5_000)}).encode())

    assert (told.status, len(told.body["errors"])) == (400, 20)
