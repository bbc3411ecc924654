"""What a remedy is asked and what it answers. Knows no kind of subject.

A remedy owes something again through the service of its room, inside the caller's transaction; the lanes and
drains do the work. So a retry never sends by itself, and doing it twice owes it once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.cases.models import Case
from inventory_sync.connections.models import Connection
from inventory_sync.domain.writing import Writing
from inventory_sync.pipeline.wake import Waker

Facts = tuple[tuple[str, str], ...]
MOST_TRIES = 10


class Manner(StrEnum):
    """What a retry sends or applies."""

    RECOMPUTED = "recomputed"
    IDENTICAL = "replayed identically"
    READ_FIRST = "read back first"
    NOTHING = "nothing to retry"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a retry would do if it were begun now.

    `delivery_id` names the stored message that would be applied: whoever shows it masks what it says of
    people. `waits`: what keeps the retry from its end meanwhile, such as a paused connection.
    """

    manner: Manner
    sentence: str
    facts: Facts = ()
    lines: tuple[str, ...] = ()
    delivery_id: int | None = None
    waits: str = ""

    @property
    def possible(self) -> bool:
        return self.manner is not Manner.NOTHING


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt that was made: `exchanges` are its requests and answers, redacted and clipped when kept."""

    at: datetime
    what: str
    outcome: str
    error: str = ""
    exchanges: tuple[Any, ...] = ()
    delivery_id: int | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """How a retry ended; `good` closes its case."""

    good: bool
    words: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants a retry and why; `wake` tells the workers once it is committed."""

    actor: audit.Actor
    reason: str
    now: datetime
    wake: Waker


class Remedy:
    """Override `foresee` and `begin`; the rest where a kind knows more than its case does.

    kinds: the subjects it is for. page: the admin's page of a subject (app_model), "" for none.
    """

    kinds: ClassVar[tuple[str, ...]]
    page: ClassVar[str] = ""

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        raise NotImplementedError

    def tries(self, case: Case, *, most: int = MOST_TRIES) -> Sequence[Try]:
        """Return what was tried already, the newest first."""
        return ()

    def begin(self, case: Case, asked: Asked) -> None:
        """Owe it again, in the caller's transaction."""
        raise NotImplementedError

    def fate(self, case: Case, *, since: datetime) -> Fate | None:
        """Say how a retry begun at `since` ended, None while it is under way.

        As far as a case tells: over when it closed, failed when it was seen again or a new one was opened.
        """
        if case.state != Case.State.OPEN:
            again = Case.objects.filter(
                code=case.code,
                subject_kind=case.subject_kind,
                subject_id=case.subject_id,
                state=Case.State.OPEN,
                pk__gt=case.pk,
            ).first()
            return Fate(False, again.summary) if again else Fate(True, case.resolution or "It is over.")
        if case.last_seen_at > since:
            return Fate(False, case.summary)
        return None

    def page_id(self, case: Case) -> int | None:
        """Return the id of its page in the admin, None where there is none."""
        return number(case.subject_id) or None


class Untried(Remedy):
    """Kinds of which there is nothing to send or apply again: `why` says what ends the case instead."""

    why: ClassVar[str]

    def foresee(self, case: Case, *, now: datetime) -> Foreseen:
        return Foreseen(Manner.NOTHING, self.why)

    def begin(self, case: Case, asked: Asked) -> None:
        raise AssertionError(f"nothing of a {case.subject_kind} can be begun")


def gone(what: str) -> Foreseen:
    """Say that the subject is no longer there."""
    return Foreseen(Manner.NOTHING, f"{what} is no longer there: resolve the case, nothing waits for it.")


def held_back(connection: Connection) -> str:
    """Say what keeps a connection from being written to, in a sentence; "" when nothing does."""
    if connection.state != Connection.State.ACTIVE:
        return f"{connection.label} is {connection.get_state_display().lower()}: it waits until that is over."
    if connection.writing == Writing.SHADOW:
        return f"{connection.label} is in shadow mode: what would be sent is only recorded."
    if connection.writing == Writing.READ_ONLY:
        return f"{connection.label} is read-only: it waits until it may be written to."
    return ""


def after_commit(call: Callable[[], None]) -> None:
    transaction.on_commit(call, robust=True)


def number(text: str) -> int:
    """Return a subject's id as the number it is; 0, which no row has, where it is none."""
    return int(text) if text.isascii() and text.isdigit() else 0


def facts(*pairs: tuple[str, Any]) -> Facts:
    """Return the pairs that have a value, as text."""
    return tuple((name, str(value)) for name, value in pairs if value not in (None, ""))
