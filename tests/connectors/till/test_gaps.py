"""A number that a till shows later than its successors is still read; see progress."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from connectors.till.client import TillClient
from connectors.till.progress import MOST_MISSING, Progress
from tests.connectors.till.events import NOW, event
from tests.connectors.till.test_client import Books, client_of


class Late(Books):
    """A till whose books hold these numbers of one store, and can show more later."""

    def __init__(self, *numbers: int) -> None:
        super().__init__()
        self.events["BER-1"] = []
        self.show(*numbers)

    def show(self, *numbers: int) -> None:
        rows = self.events["BER-1"] + [event(id=f"E-{n}", store="BER-1", sequence=n) for n in numbers]
        self.events["BER-1"] = sorted(rows, key=lambda row: int(row["sequence"]))

    @property
    def reads(self) -> list[str]:
        return [one for one in self.asked if one.startswith("/v1/events")]


def sweep(client: TillClient, cursor: str = "", *, now: datetime = NOW) -> tuple[list[int], str]:
    """Sweep to the end; returns the sequences found and the cursor."""
    found: list[int] = []
    for _ in range(50):
        page = client.sweep("events", cursor, now=now)
        found, cursor = found + [json.loads(one.body)["sequence"] for one in page.found], page.cursor
        if page.done:
            return found, cursor
    raise AssertionError("the sweep does not end")


@pytest.mark.parametrize("page_size", [1, 2, 3, 500])
@pytest.mark.parametrize(
    ("first", "late"),
    [([1, 2, 3, 4, 5, 7], [6]), ([2, 3], [1]), ([1, 5, 9], [2, 3, 4, 6, 7, 8]), ([1, 2, 8], [3, 7])],
)
def test_a_number_shown_after_its_successors_is_found_by_the_next_sweep(
    first: Sequence[int], late: Sequence[int], page_size: int
) -> None:
    books = Late(*first)
    client = client_of(books, page_size=page_size)
    before, cursor = sweep(client)

    books.show(*late, 10)
    after, cursor = sweep(client, cursor)
    again, _ = sweep(client, cursor)

    assert before == list(first), "what follows a gap does not wait for it"
    assert sorted(after) == [*late, 10]
    assert again == []


def test_a_gap_is_asked_for_sweep_after_sweep_until_it_is_filled() -> None:
    books = Late(1, 3)
    client = client_of(books)
    _, cursor = sweep(client)
    for hour in range(5):
        found, cursor = sweep(client, cursor, now=NOW + timedelta(hours=hour))
        assert found == []

    books.show(2)
    found, cursor = sweep(client, cursor, now=NOW + timedelta(hours=6))

    assert found == [2]
    assert Progress.load(cursor).missing == {}


def test_a_number_that_is_missing_for_a_day_is_asked_for_once_more_and_given_up() -> None:
    books = Late(1, 3)
    client = client_of(books)
    _, cursor = sweep(client)
    _, cursor = sweep(client, cursor, now=NOW + timedelta(hours=23))
    assert Progress.load(cursor).missing == {"BER-1": {2: int(NOW.timestamp())}}

    _, cursor = sweep(client, cursor, now=NOW + timedelta(hours=25))
    books.asked.clear()
    sweep(client, cursor, now=NOW + timedelta(hours=26))

    assert books.reads == ["/v1/events?after_sequence=3&store=BER-1&limit=500"]


def test_a_number_that_filled_up_while_nobody_swept_for_days_is_found() -> None:
    books = Late(1, 3)
    client = client_of(books)
    _, cursor = sweep(client)
    books.show(2)

    assert sweep(client, cursor, now=NOW + timedelta(days=9))[0] == [2]


def test_a_till_that_forgot_its_past_is_not_asked_for_all_of_it() -> None:
    books = Late(2_000_000_000, 2_000_000_001)
    client = client_of(books)

    found, cursor = sweep(client)
    missing = Progress.load(cursor).missing["BER-1"]

    assert found == [2_000_000_000, 2_000_000_001]
    assert (len(missing), max(missing)) == (MOST_MISSING, 1_999_999_999)


def test_a_sweep_broken_off_between_two_pages_goes_on_where_it_was() -> None:
    books = Late(1, 3, 5, 7)
    client = client_of(books, page_size=2)
    _, cursor = sweep(client)
    books.show(2, 4, 6, 8)

    page = client.sweep("events", cursor, now=NOW)
    found, _ = sweep(client_of(books, page_size=2), page.cursor)

    assert [json.loads(one.body)["sequence"] for one in page.found] == [2]
    assert found == [4, 6, 8]


def test_a_cursor_of_a_version_that_knew_no_gaps_is_read_on() -> None:
    books = Late(1, 2, 4)

    found, _ = sweep(client_of(books), '[{"BER-1":2},[]]')

    assert found == [4]


def test_stores_keep_their_gaps_apart() -> None:
    books = Late(1, 3)
    books.events["HAM-1"] = [event(id=f"H-{n}", store="HAM-1", sequence=n) for n in (1, 2, 3)]
    client = client_of(books)

    _, cursor = sweep(client)

    assert Progress.load(cursor).missing == {"BER-1": {2: int(NOW.timestamp())}}
