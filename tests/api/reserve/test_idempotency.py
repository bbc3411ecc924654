"""`Idempotency-Key`: done once, answered the same ever after, whatever was lost in between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from inventory_sync.access import answers
from inventory_sync.access.models import ApiKey, KeptAnswer
from inventory_sync.access.services import create_key
from inventory_sync.api.reserve import wiring
from inventory_sync.api.reserve.book import TermsBook
from inventory_sync.api.reserve.door import Decided
from inventory_sync.api.reserve.once import Once, fingerprint_of, is_name
from inventory_sync.api.reserve.reading import Asked, AskedLine
from inventory_sync.api.reserve.wiring import Decider
from inventory_sync.domain.requests import Act
from inventory_sync.ledger.models import Order, Reservation
from inventory_sync.ledger.requests import decide_requests
from inventory_sync.pipeline import steps
from inventory_sync.support.clock import utc_now
from tests.api.reserve.conftest import Caller, Shop, Told
from tests.sessions import end_other_sessions

TOLD = {"base": "", "instance": "/api/v1/reservations", "correlation_id": "c1"}


@pytest.fixture(autouse=True)
def _lone_session(transactional_db: None) -> Iterator[None]:
    yield
    end_other_sessions()


def body(reference: str = "cart-1", quantity: int = 2, **more: Any) -> dict[str, Any]:
    lines = [{"line": "1", "sku": "MUG", "quantity": str(quantity)}]
    return {"channel": "shop", "reference": reference, "lines": lines, **more}


def reserve(caller: Caller, name: str, **fields: Any) -> Told:
    return caller("POST", "", body(**fields), idempotency_key=name)


def test_the_same_again_is_answered_byte_for_byte_and_says_so(caller: Caller) -> None:
    first = reserve(caller, "k-1")
    caller.act("cancel")
    again = reserve(caller, "k-1")

    assert (first.status, again.status) == (201, 201)
    assert again.raw == first.raw, "even though the reservation was cancelled meanwhile"
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["X-Correlation-ID"] != first.headers["X-Correlation-ID"]
    assert Reservation.objects.count() == 1


def test_an_act_without_a_version_counts_once_too(caller: Caller) -> None:
    """An extension by seconds asked for twice would be two; under one name it is one."""
    caller.reserve(hold_s=60)

    first = caller("POST", "/shop/cart-1/extend", {"hold_s": 600}, idempotency_key="k-1")
    again = caller("POST", "/shop/cart-1/extend", {"hold_s": 600}, idempotency_key="k-1")

    assert first.body["expires_at"] == again.body["expires_at"]


@pytest.mark.parametrize(
    ("method", "path", "other"),
    [
        ("POST", "", body(quantity=3)),
        ("POST", "", body(reference="cart-2")),
        ("POST", "/shop/cart-1/cancel", body()),
        ("PATCH", "/shop/cart-1", body()),
    ],
)
def test_a_name_belongs_to_one_request(caller: Caller, method: str, path: str, other: dict[str, Any]) -> None:
    first = reserve(caller, "k-1")
    if path:
        other = {"reason": "x"} if path.endswith("cancel") else {"version": 2, "lines": other["lines"]}

    told = caller(method, path, other, idempotency_key="k-1")

    assert (told.status, told.body["code"]) == (409, "request.idempotency_key_reused")
    assert Reservation.objects.get().demand == Decimal(first.body["lines"][0]["reserved"])


def test_a_refusal_is_an_answer_like_any_other(caller: Caller, shop: Shop) -> None:
    refused = reserve(caller, "k-1", quantity=9)
    shop.count(50)

    again = reserve(caller, "k-1", quantity=9)

    assert (refused.status, refused.body["code"]) == (409, "reservation.not_enough")
    assert again.raw == refused.raw
    assert reserve(caller, "k-2", quantity=9, version=2).status == 201


def test_what_was_never_asked_leaves_its_name_free(caller: Caller) -> None:
    wrong = caller("POST", "", body(quantity=-1), idempotency_key="k-1")

    assert wrong.status == 400
    assert reserve(caller, "k-1").status == 201


def test_what_failed_leaves_its_name_free(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:

    def fail(*args: Any, **kwargs: Any) -> Any:
        decide_requests(*args, **kwargs)
        raise IntegrityError("a fault of ours")

    monkeypatch.setattr(wiring, "decide_requests", fail)
    failed = reserve(caller, "k-1")
    monkeypatch.undo()

    assert failed.status == 500
    assert not KeptAnswer.objects.exists()
    assert reserve(caller, "k-1").status == 201


def test_keys_of_the_api_do_not_share_names(caller: Caller, door: Any) -> None:
    _, raw = create_key(consumer="other", scopes=[ApiKey.Scope.RESERVE], actor="tests", reason="a test")
    reserve(caller, "k-1")

    other = reserve(Caller(door, raw), "k-1", reference="cart-2")

    assert other.status == 201
    assert Order.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("k", True),
        ("a" * 255, True),
        ("!~", True),
        ("", False),
        ("a" * 256, False),
        ("a b", False),
        ("ä", False),
    ],
)
def test_a_name_is_visible_ascii_of_1_to_255_characters(caller: Caller, name: str, right: bool) -> None:
    told = reserve(caller, name)

    assert is_name(name) is right
    assert told.status == (201 if right else 400)
    if not right:
        assert told.body["errors"][0]["parameter"] == "Idempotency-Key"


def test_an_answer_is_kept_for_a_day_and_forgotten(caller: Caller) -> None:
    first = reserve(caller, "k-1")
    old = utc_now() - timedelta(days=1, seconds=1)
    KeptAnswer.objects.update(at=old)

    fresh = reserve(caller, "k-1", reference="cart-2")
    assert (fresh.status, fresh.body["reference"]) == (201, "cart-2"), "the name is free again"
    assert fresh.raw != first.raw

    assert answers.forget(before=utc_now() - timedelta(days=1)) == 0
    KeptAnswer.objects.update(at=old)
    assert answers.forget(before=utc_now() - timedelta(days=1)) == 1


def test_however_many_are_old_none_is_kept(caller: Caller) -> None:
    for number in range(5):
        reserve(caller, f"k-{number}", reference=f"cart-{number}")

    assert answers.forget(before=utc_now() + timedelta(days=1), at_once=2) == 5

    assert not KeptAnswer.objects.exists()


def test_the_keeping_of_the_house_forgets_them(caller: Caller) -> None:
    reserve(caller, "k-1")
    reserve(caller, "k-2", reference="cart-2")
    KeptAnswer.objects.filter(name="k-1").update(at=utc_now() - timedelta(days=2))

    steps.keep_house()

    assert [row.name for row in KeptAnswer.objects.all()] == ["k-2"]


# ── below the door ──


def ask(name: str = "", reference: str = "a", quantity: int = 1, *, key_id: int = 0) -> Asked:
    asked = Asked(Act.RESERVE, "shop", reference, lines=(AskedLine("1", "MUG", Decimal(quantity)),))
    if not name:
        return asked
    same = fingerprint_of("POST", reference, str(quantity).encode())
    return replace(asked, once=Once(key_id, name, same, TOLD))


@pytest.fixture
def key_id(key: str) -> int:
    return ApiKey.objects.get().pk


@pytest.fixture
def decider(shop: Shop) -> Decider:
    return Decider(TermsBook(), lambda answered: None)


def given(told: Decided) -> tuple[int | None, bool]:
    assert told.given is not None
    return told.given.status, told.given.replayed


def test_who_died_after_the_commit_is_answered_from_what_was_kept(decider: Decider, key_id: int) -> None:
    (lost,) = decider([ask("k", key_id=key_id)])

    (again,) = Decider(TermsBook(), lambda answered: None)([ask("k", key_id=key_id)])

    assert lost.given is not None
    assert again.given == replace(lost.given, replayed=True)


def test_one_name_twice_in_a_group_is_decided_once(decider: Decider, key_id: int) -> None:
    told = decider(
        [
            ask("k", key_id=key_id),
            ask(reference="b"),
            ask("k", key_id=key_id),
            ask("k", quantity=3, key_id=key_id),
        ]
    )

    assert [given(told[index]) for index in (0, 2, 3)] == [(201, False), (201, True), (None, False)]
    assert told[1].given is None
    assert Reservation.objects.count() == 2


def test_who_asks_while_the_same_is_being_decided_waits_for_its_answer(decider: Decider, key_id: int) -> None:
    """Another process holds the name in a transaction that has not ended."""
    named = {(key_id, "k"): fingerprint_of("POST", "a", b"1")}
    told: list[Decided] = []

    def elsewhere() -> None:
        try:
            told.extend(Decider(TermsBook(), lambda answered: None)([ask("k", key_id=key_id)]))
        finally:
            connection.close()

    other = threading.Thread(target=elsewhere)
    with transaction.atomic():
        now = utc_now()
        assert answers.claim(named, now=now, oldest=now - timedelta(days=1)) == {}
        answers.write([((key_id, "k"), 201, b"{}")])
        other.start()
        waited = _waits_for_us(tries=400)
    other.join(timeout=20)

    assert waited
    assert told[0].given is not None
    assert (told[0].given.status, told[0].given.body, told[0].given.replayed) == (201, b"{}", True)
    assert not Order.objects.exists()


def _waits_for_us(tries: int) -> bool:
    """Say whether another session came to wait for this one's transaction."""
    pause = threading.Event()
    for _ in range(tries):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) > 0 FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return True
        pause.wait(0.01)
    return False


def test_who_sends_no_name_pays_nothing(decider: Decider) -> None:
    decider([ask(reference="warm")])
    with CaptureQueriesContext(connection) as queries:
        decider([ask(reference="b")])

    assert not [query for query in queries if "keptanswer" in str(query["sql"])]
