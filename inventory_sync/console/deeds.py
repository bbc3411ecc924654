"""Deeds: what staff do to what failed. Shown before the click, done with a reason, shown after it.

A Deed names its permission, says what will happen to each subject, calls one service, and says what has
become of each. The pages are in admin/doing.py; the deeds themselves stand with their rooms' pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django import forms
from django.db import models
from django.db.models import QuerySet

from inventory_sync.audit import services as audit

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Card:
    """One subject on the page: facts as (name, value), lines in words. tone: good, bad, wait or ""."""

    title: str
    url: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    note: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, in a sentence; `secret` is shown once and never again.

    cards: what was found, where that is kept nowhere and is to be shown instead of the subjects.
    """

    sentence: str
    secret: str = ""
    cards: tuple[Card, ...] = ()


class Deed(Generic[Row]):
    """Override the texts, `preview` and `do`; `result` shows the same subjects as they are afterwards.

    `asks`: a form that asks for more than the reason; then `do_asked` is given its answers. `calls_out`: it
    calls a vendor, and no transaction may span that; each of its writes is whole by itself.
    """

    name: str
    permission: str
    verb: str
    icon: str = "play_arrow"
    one_at_a_time: bool = False
    calls_out: bool = False
    promise: str
    asks: type[forms.Form] | None = None

    def applies(self, row: Row) -> bool:
        """Whether the button is offered for this subject."""
        return True

    def rows(self, queryset: QuerySet[Row], ids: Sequence[int]) -> list[Row]:
        return list(queryset.filter(pk__in=ids).order_by("pk"))

    def preview(self, row: Row, *, now: datetime) -> Card:
        raise NotImplementedError

    def result(self, row: Row, *, now: datetime) -> Card:
        return self.preview(row, now=now)

    def do(self, rows: Sequence[Row], *, actor: audit.Actor, reason: str, now: datetime) -> Outcome:
        raise NotImplementedError

    def do_asked(
        self, rows: Sequence[Row], *, answers: dict[str, Any], actor: audit.Actor, now: datetime
    ) -> Outcome:
        return self.do(rows, actor=actor, reason=answers["reason"], now=now)


def ids_in(text: str) -> list[int]:
    """Return the ids of `1,2,3`; anything else in it is left out."""
    return [int(part) for part in text.split(",") if part.strip().isascii() and part.strip().isdigit()]


def many(count: int, one: str, more: str = "") -> str:
    return f"{count} {one}" if count == 1 else f"{count} {more or one + 's'}"


def facts(*pairs: tuple[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the pairs that have a value, as text."""
    return tuple((name, str(value)) for name, value in pairs if value not in (None, ""))


def join(rows: Iterable[Any]) -> str:
    return ", ".join(str(row) for row in rows)
