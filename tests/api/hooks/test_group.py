"""Group commit: many requests, few transactions, each with its own answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from inventory_sync.api.hooks.group import GroupCommit, WrongCount


class Database:
    """Writes down its commits; the first waits until it is let go."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.busy, self.let_go = threading.Event(), threading.Event()

    def flush(self, rows: Sequence[str]) -> list[int | None]:
        self.busy.set()
        assert self.let_go.wait(10)
        if "bad" in rows:
            raise ValueError("a bad row")
        self.commits.append(list(rows))
        return [None if row == "known" else int(row) for row in rows]


@pytest.fixture
def database() -> Database:
    return Database()


def test_what_arrives_while_one_commit_runs_shares_the_next(database: Database) -> None:
    group = GroupCommit(database.flush, max_rows=256, wait_s=0)
    first = group.submit("0")
    assert database.busy.wait(10)

    others = [group.submit(str(number)) for number in range(1, 21)]
    database.let_go.set()

    assert [one.result(10) for one in (first, *others)] == list(range(21))
    assert database.commits == [["0"], [str(number) for number in range(1, 21)]]


def test_a_group_is_never_larger_than_agreed(database: Database) -> None:
    group = GroupCommit(database.flush, max_rows=8, wait_s=0)
    first = group.submit("0")
    assert database.busy.wait(10)

    others = [group.submit(str(number)) for number in range(1, 21)]
    database.let_go.set()

    assert [one.result(10) for one in (first, *others)] == list(range(21))
    assert [len(commit) for commit in database.commits] == [1, 8, 8, 4]


def test_a_bad_row_fails_its_own_request_only(database: Database) -> None:
    group = GroupCommit(database.flush, max_rows=256, wait_s=0)
    first = group.submit("0")
    assert database.busy.wait(10)

    good, bad, known = group.submit("1"), group.submit("bad"), group.submit("known")
    database.let_go.set()

    assert (first.result(10), good.result(10), known.result(10)) == (0, 1, None)
    with pytest.raises(ValueError, match="a bad row"):
        bad.result(10)


def test_nobody_is_answered_before_the_commit(database: Database) -> None:
    group = GroupCommit(database.flush, max_rows=256, wait_s=0)

    waiting = group.submit("1")
    assert database.busy.wait(10)

    assert not waiting.done()
    database.let_go.set()
    assert waiting.result(10) == 1


@pytest.mark.parametrize("rows", [["1", "2", "odd"], ["odd"]])
def test_a_flush_with_too_few_results_is_told_to_everybody_and_the_writer_lives_on(rows: list[str]) -> None:
    flushed: list[list[str]] = []
    first, gate = threading.Event(), threading.Event()

    def flush(given: Sequence[str]) -> list[str]:
        first.set()
        assert gate.wait(10)
        flushed.append(list(given))
        return [row for row in given if row != "odd"]

    group = GroupCommit(flush, max_rows=256, wait_s=0)
    before = group.submit("0")
    assert first.wait(10)
    tickets = [group.submit(row) for row in rows]
    gate.set()

    assert before.result(10) == "0"
    for ticket in tickets:
        with pytest.raises(WrongCount):
            ticket.result(10)
    assert group.submit("3").result(10) == "3"
    assert flushed == [["0"], rows, ["3"]], "What has committed is not done again."
