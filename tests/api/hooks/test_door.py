"""The promise of the door, all its neighbours fakes: no 2xx without a commit, nothing kept of strangers."""

from __future__ import annotations

import io
from concurrent.futures import Future
from typing import Any

import pytest
from django.db.utils import OperationalError
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from inventory_sync.api.hooks.backlog import BACKLOG, DISK_FULL
from inventory_sync.api.hooks.door import Door
from inventory_sync.domain.errors import Misconfigured
from inventory_sync.intake.ports import NewDelivery
from tests.api.hooks.knocking import TOKEN, Vendor, World, knock
from tests.factories import NOON

SIGNED = {"password": "yes", "Content-Type": "application/json", "User-Agent": "shop/1"}


@pytest.fixture
def world() -> World:
    return World()


def test_a_signed_message_is_stored_raw_and_answered_after_that_with_its_correlation_id(world: World) -> None:
    answer = knock(world.door(), "/hooks/shop/", b'{"id":1}', SIGNED)

    assert answer.status == 202
    (kept,) = world.stored
    assert (kept.body, kept.source, kept.dedupe_key, kept.object_key) == (
        b'{"id":1}', "webhook", "key", "order:1",
    )  # fmt: skip
    assert answer.headers["X-Correlation-ID"] == kept.correlation_id
    assert world.woken == ["critical"]


def test_secrets_and_cookies_among_the_headers_are_not_kept(world: World) -> None:
    knock(world.door(), "/hooks/shop/", b"{}", {**SIGNED, "Cookie": "a", "X-WC-Webhook-Signature": "b"})

    assert set(world.stored[0].headers) == {"content-type", "user-agent"}


def test_a_wrong_signature_is_answered_401_and_nothing_is_kept(world: World) -> None:
    answer = knock(world.door(), "/hooks/shop/", b"{}", {"password": "no"})

    assert (answer.status, answer.problem["code"]) == (401, "hook.unauthentic")
    assert (world.stored, world.woken) == ([], [])


@pytest.mark.parametrize(
    "path",
    ["/hooks/nobody/", "/hooks/", "/hooks/shop", "/hooks/Shop/", "/hooks/shop/short/", "/hooks/shop/a/b/"],
)
def test_an_address_without_a_connection_is_answered_404(world: World, path: str) -> None:
    assert knock(world.door(), path, b"{}", SIGNED).status == 404
    assert world.stored == []


def test_only_post_is_taken(world: World) -> None:
    answer = knock(world.door(), "/hooks/shop/", method="GET")

    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


def test_a_body_that_says_it_is_too_large_is_refused_unread(world: World) -> None:
    unread = io.BytesIO(b"x" * 2000)
    large: dict[str, Any] = {"CONTENT_LENGTH": "2000", "wsgi.input": unread}

    answer = knock(world.door(), "/hooks/shop/", b"", SIGNED, **large)

    assert (answer.status, unread.tell()) == (413, 0)


def test_a_body_that_turns_out_too_large_is_refused_too(world: World) -> None:
    endless: dict[str, Any] = {
        "CONTENT_LENGTH": "",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": io.BytesIO(b"x" * 9000),
    }

    assert knock(world.door(), "/hooks/shop/", b"", SIGNED, **endless).status == 413
    assert world.stored == []


@pytest.mark.parametrize(("length", "code"), [("7", "hook.truncated"), ("many", "hook.length")])
def test_a_body_that_is_not_what_its_length_says_is_refused(world: World, length: str, code: str) -> None:
    answer = knock(world.door(), "/hooks/shop/", b"{}", SIGNED, CONTENT_LENGTH=length)

    assert (answer.status, answer.problem["code"]) == (400, code)
    assert world.stored == []


def test_an_unsigned_ping_gets_the_answer_its_vendor_asks_for_and_is_forgotten(world: World) -> None:
    answer = knock(world.door(), "/hooks/shop/", b"ping")

    assert (answer.status, answer.body) == (200, b"pong")
    assert (world.stored, world.woken) == ([], [])


def test_a_message_under_the_secret_token_is_kept_as_a_hint_only(world: World) -> None:
    assert knock(world.door(), f"/hooks/shop/{TOKEN}/").status == 202

    assert [one.source for one in world.stored] == ["hint"]


def test_a_signed_message_under_the_token_is_a_hint_as_well(world: World) -> None:
    knock(world.door(), f"/hooks/shop/{TOKEN}/", b"{}", SIGNED)

    assert [one.source for one in world.stored] == ["hint"]


def test_a_wrong_token_is_answered_401_even_if_the_message_is_signed(world: World) -> None:
    assert knock(world.door(), "/hooks/shop/another-secret-token/", b"{}", SIGNED).status == 401
    assert world.stored == []


def test_a_duplicate_is_answered_like_the_first_and_wakes_nobody() -> None:
    world = World(store=lambda row: None)

    assert knock(world.door(), "/hooks/shop/", b"{}", SIGNED).status == 202
    assert world.woken == []


def test_a_database_that_does_not_take_it_is_answered_503_and_try_again(world: World) -> None:
    def down(row: NewDelivery) -> int:
        raise OperationalError("the connection is closed")

    world.store = down

    answer = knock(world.door(), "/hooks/shop/", b"{}", SIGNED)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert world.woken == []


def test_a_commit_that_does_not_come_back_in_time_is_answered_503() -> None:
    door = Door(
        lookup=World()._known, submit=lambda row: Future(), wake=lambda tier: None, refuses=lambda tier: "",
        clock=lambda: NOON, new_id=lambda: "0123456789abcdef", patience_s=0.01,
    )  # fmt: skip

    assert knock(door, "/hooks/shop/", b"{}", SIGNED).status == 503


@pytest.mark.parametrize("error", [OperationalError("down"), Misconfigured("the secret cannot be opened")])
def test_not_knowing_who_knocks_is_answered_503_never_404(error: Exception) -> None:
    def lookup(code: str) -> None:
        raise error

    assert knock(World(lookup=lookup).door(), "/hooks/shop/", b"{}", SIGNED).status == 503


@pytest.mark.parametrize("why", [BACKLOG, DISK_FULL])
def test_who_repeats_what_is_refused_is_asked_to_come_later(why: str) -> None:
    world = World(vendor=Vendor(retries_on_refusal=True), refusal=why)

    answer = knock(world.door(), "/hooks/shop/", b"{}", SIGNED)

    assert (answer.status, answer.headers["Retry-After"], answer.problem["code"]) == (503, "30", why)
    assert (world.stored, world.woken, world.noted) == ([], [], [why])


@pytest.mark.parametrize("why", [BACKLOG, DISK_FULL])
def test_for_who_gives_up_the_door_stores_to_the_last(why: str) -> None:
    world = World(vendor=Vendor(retries_on_refusal=False), refusal=why)

    assert knock(world.door(), "/hooks/shop/", b"{}", SIGNED).status == 202
    assert (len(world.stored), world.noted) == (1, [])


def test_one_tiers_backlog_holds_up_no_other() -> None:
    world = World(vendor=Vendor(retries_on_refusal=True), refusal=BACKLOG)

    assert knock(world.door(), "/hooks/shop/", b"bulk", SIGNED).status == 202
    assert [each.tier for each in world.stored] == ["bulk"]


def test_a_stranger_learns_nothing_of_the_backlog() -> None:
    world = World(vendor=Vendor(retries_on_refusal=True), refusal=BACKLOG)

    assert knock(world.door(), "/hooks/shop/", b"{}", {"password": "no"}).status == 401


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("trace-0001", "trace-0001"), ("a b c d e f g", "0123456789abcdef"), ("x" * 41, "0123456789abcdef")],
)
def test_a_senders_correlation_id_is_taken_over_only_if_it_is_one(world: World, sent: str, kept: str) -> None:
    knock(world.door(), "/hooks/shop/", b"{}", {**SIGNED, "X-Correlation-ID": sent})

    assert world.stored[0].correlation_id == kept


def test_a_message_that_no_thread_could_take_is_counted_and_logged_without_the_token(world: World) -> None:
    path = {"PATH_INFO": f"/hooks/shop/{TOKEN}/"}
    with capture_logs(processors=[merge_contextvars]) as lines:
        world.door().turned_away(path, 429, "request.throttled", "c0ffee0000000001")

    assert world.noted == ["request.throttled"]
    [line] = lines
    assert (line["event"], line["connection"], line["correlation_id"]) == (
        "hook.refused", "shop", "c0ffee0000000001",
    )  # fmt: skip
    assert TOKEN not in str(line)
