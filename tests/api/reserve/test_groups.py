"""Groups of requests: decided in the order asked, and one bad request fails alone."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.db import connection

from inventory_sync.api.hooks.group import GroupCommit
from inventory_sync.api.reserve import wiring
from inventory_sync.api.reserve.book import TermsBook
from inventory_sync.api.reserve.door import Decided
from inventory_sync.api.reserve.reading import Asked, AskedLine
from inventory_sync.api.reserve.wiring import Decider
from inventory_sync.domain.requests import Act
from inventory_sync.ledger.models import Reservation


def ask(reference: str, quantity: int = 1, sku: str = "MUG") -> Asked:
    return Asked(Act.RESERVE, "shop", reference, lines=(AskedLine("1", sku, Decimal(quantity)),))


def states(told: list[Decided]) -> list[str]:
    return [
        each.answer.refused.code if each.answer.refused else "accepted"
        for each in told
        if each.answer is not None
    ]


@pytest.fixture
def decider(shop) -> Decider:
    return Decider(TermsBook(), lambda answered: None)


def test_a_request_that_fails_fails_alone(decider, monkeypatch):
    decider([ask("a"), ask("b")])
    request = wiring._request

    def fail_for_the_odd(asked, book, skus):
        if asked.reference == "odd":
            raise RuntimeError("a fault of ours")
        return request(asked, book, skus)

    monkeypatch.setattr(wiring, "_request", fail_for_the_odd)
    go = threading.Event()

    def flush(asked):
        assert go.wait(10)
        try:
            return decider(asked)
        finally:
            connection.close()

    group: GroupCommit[Asked, Decided] = GroupCommit(flush, max_rows=16, wait_s=0.1)
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
