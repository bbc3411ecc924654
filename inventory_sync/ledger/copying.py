"""Append rows by COPY, which costs the server a third of an INSERT and is written here, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from itertools import islice

from django.db import connection

NULL = "\\N"
SLICE = 256


@contextmanager
def copying_in(table: str, columns: str, lines: Iterable[str]) -> Iterator[None]:
    """Append one row a line, in the caller's transaction.

    By slices: while the server takes in one of them, the next is written here. The block runs when all are
    sent, while the server is still at work; it must not use the connection, and rows are there at its end.
    """
    left = iter(lines)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        while part := "".join(islice(left, SLICE)):
            copy.write(part)
        yield


def copy_in(table: str, columns: str, lines: Iterable[str]) -> None:
    """Append one row a line, and wait for it."""
    with copying_in(table, columns, lines):
        pass


def writing(texts: Iterable[str]) -> Callable[[str], str]:
    """Return how to write these texts as fields: nearly always nothing in any of them is to be escaped."""
    return str if _is_plain("".join(texts)) else copied


@lru_cache(maxsize=8192)
def moment(at: datetime) -> str:
    """Write a time. An event and its movement name the same one, and nothing else costs as much to write."""
    return at.isoformat()


def copied(text: str) -> str:
    """Write a text as a field of a line."""
    if _is_plain(text):
        return text
    for plain, written in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, written)
    return text


def _is_plain(text: str) -> bool:
    """Say whether a text stands as it is: printable, and no backslash."""
    return text.isprintable() and "\\" not in text
