"""Groups of requests: processes take turns at an item many ask for, and one bad request fails alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from django.db import OperationalError, connection, transaction

from inventory_sync.api.hooks.group import GroupCommit
from inventory_sync.api.reserve import wiring
from inventory_sync.api.reserve.book import TermsBook
from inventory_sync.api.reserve.door import Decided
from inventory_sync.api.reserve.reading import Asked, AskedLine
from inventory_sync.api.reserve.wiring import TURN, Decider
from inventory_sync.domain.requests import Act
from inventory_sync.ledger.models import Reservation
from inventory_sync.ledger.rows import execute


def ask(reference: str, quantity: int = 1, sku: str = "MUG") -> Asked:
    return Asked(Act.RESERVE, "shop", reference, lines=(AskedLine("1", sku, Decimal(quantity)),))


def turns_taken() -> int:
    ((number,),) = execute(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE l.locktype = 'advisory' AND l.classid = %s AND l.granted AND d.datname = current_database()",
        (TURN,),
    )
    return int(number)


def states(told: list[Decided]) -> list[str]:
    return [
        each.answer.refused.code if each.answer.refused else "accepted"
        for each in told
        if each.answer is not None
    ]


@pytest.fixture
def decider(shop) -> Decider:
    return Decider(TermsBook(), lambda answered: None)


@pytest.fixture
def in_threads() -> Iterator[Callable[[Callable[[], None]], threading.Thread]]:
    """Run something in a thread with a connection of its own, which is closed at its end."""
    begun: list[threading.Thread] = []

    def begin(do: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                do()
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        begun.append(thread)
        return thread

    yield begin
    for thread in begun:
        thread.join(20)


def test_a_process_that_was_asked_for_one_item_by_many_waits_for_its_turn_until_its_next_commit(decider):
    decider.take_turn()
    before = turns_taken()
    decider([ask("a"), ask("b"), ask("c")])
    decider.take_turn()
    waiting = turns_taken()
    decider([ask("d")])
    after = turns_taken()
    decider.take_turn()

    assert (before, waiting, after, turns_taken()) == (0, 1, 0, 0), "One caller alone waits for nobody."
    assert Reservation.objects.count() == 4


def test_requests_for_many_items_wait_for_no_turn(decider):
    decider([ask(f"r{number}", sku=f"NO-{number}") for number in range(8)])
    decider.take_turn()

    assert turns_taken() == 0
    assert not connection.in_atomic_block


def test_who_waits_for_its_turn_is_let_in_when_the_other_has_committed(decider, shop, in_threads):
    decider([ask("a"), ask("b")])
    said: list[str] = []

    def another() -> None:
        decider.take_turn()
        said.append("its turn")
        decider([ask("c"), ask("d")])

    with transaction.atomic():
        execute("SELECT pg_advisory_xact_lock(%s, %s)", (TURN, shop.mug.pk))
        thread = in_threads(another)
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND NOT granted"
        while not execute(waits, (TURN,))[0][0]:
            assert thread.is_alive()
        said.append("committed")
    thread.join(20)

    assert said == ["committed", "its turn"]
    assert Reservation.objects.count() == 4


def test_a_turn_that_cannot_be_had_holds_nothing_up(decider, monkeypatch):
    decider([ask("a"), ask("b")])

    def fail(sql: str, params: object = ()) -> list[tuple[object, ...]]:
        raise OperationalError("the server has closed the connection")

    with monkeypatch.context() as broken:
        broken.setattr(wiring, "execute", fail)
        decider.take_turn()

    assert not connection.in_atomic_block
    assert states(decider([ask("c")])) == ["accepted"]


def test_a_request_that_fails_fails_alone_also_within_a_turn(decider, monkeypatch, in_threads):
    decider([ask("a"), ask("b")])
    request = wiring._request

    def fail_for_the_odd(asked, book, skus):
        if asked.reference == "odd":
            raise RuntimeError("a fault of ours")
        return request(asked, book, skus)

    monkeypatch.setattr(wiring, "_request", fail_for_the_odd)
    go = threading.Event()

    def turn() -> None:
        assert go.wait(10)
        decider.take_turn()

    def flush(asked):
        try:
            return decider(asked)
        finally:
            connection.close()

    group: GroupCommit[Asked, Decided] = GroupCommit(flush, max_rows=16, wait_s=0, turn=turn)
    tickets = {name: group.submit(ask(name)) for name in ("c", "odd", "d")}
    go.set()

    assert states([tickets[name].result(20) for name in "cd"]) == ["accepted", "accepted"]
    with pytest.raises(RuntimeError):
        tickets["odd"].result(20)
    group.stop()
    assert Reservation.objects.count() == 4


def test_plain_requests_and_others_in_one_group_are_decided_in_the_order_asked(decider):
    told = decider(
        [
            ask("one", 2),
            Asked(Act.RESERVE, "shop", "two", lines=tuple(AskedLine(ref, "MUG", Decimal(1)) for ref in "12")),
            Asked(Act.CANCEL, "shop", "one"),
            ask("three", 4),
            ask("four", 3),
            ask("three", 4),
        ]
    )

    # Five are there: two and two are taken, two come back, and four are more than three.
    assert states(told) == [
        "accepted",
        "accepted",
        "accepted",
        "reservation.not_enough",
        "accepted",
        "reservation.not_enough",
    ]
