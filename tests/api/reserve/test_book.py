"""The terms that are kept for a second: how old they may be, and who reads them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import OperationalError

from inventory_sync.api.reserve.book import TermsBook
from inventory_sync.pipeline.terms import Book


@dataclass
class Reader:
    """Reads a book that is another each time; what else happens meanwhile is `meanwhile`."""

    reads: int = 0
    meanwhile: Callable[[], Any] = lambda: None

    def __call__(self) -> Book:
        self.reads += 1
        number = self.reads
        self.meanwhile()
        return Book(ids={"shop": number})


@pytest.fixture
def clock() -> list[float]:
    return [100.0]


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def book(reader: Reader, clock: list[float]) -> TermsBook:
    return TermsBook(ttl_s=1.0, read=reader, monotonic=lambda: clock[0])


def test_it_is_read_again_when_it_is_a_second_old(book, reader, clock):
    read = []
    for clock[0] in (100.0, 100.9, 101.0, 101.5):
        read.append(book().ids["shop"])

    assert read == [1, 1, 2, 2]


@pytest.mark.parametrize(("age", "reads"), [(0.5, 1), (0.7, 2), (1.0, 1), (60.0, 1)])
def test_it_is_read_ahead_only_shortly_before_it_is_too_old(book, reader, clock, age, reads):
    book()
    clock[0] += age
    book.look_ahead()

    assert reader.reads == reads


def test_what_was_read_ahead_is_as_old_as_the_moment_its_reading_began(book, reader, clock):
    book()
    clock[0] += 0.7

    def slowly() -> None:
        clock[0] += 0.8

    reader.meanwhile = slowly
    book.look_ahead()
    reader.meanwhile = lambda: None
    clock[0] += 0.3

    assert book().ids["shop"] == 3


def test_only_one_reads_ahead(book, reader, clock):
    book()
    clock[0] += 0.7
    reader.meanwhile = book.look_ahead
    book.look_ahead()

    assert reader.reads == 2


def test_a_failure_to_read_ahead_is_found_by_who_needs_the_book(book, reader, clock):
    book()
    clock[0] += 0.7

    def fail() -> None:
        raise OperationalError("the database is away")

    reader.meanwhile = fail
    book.look_ahead()
    assert book().ids["shop"] == 1
    clock[0] += 0.3
    with pytest.raises(OperationalError):
        book()
