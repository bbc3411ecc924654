"""One database of the twin: its store, its clock, and how a call becomes one transaction.

A call sees one instant and commits whole or not at all. A transaction can be held open: its rows carry the
time it began and its ids are taken, but others see nothing of it until it commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from connectors.base.twinkit import Books, Doc, TwinClock
from connectors.odoo.twin_errors import SerializationFailure
from connectors.odoo.twin_orm import SUPERUSER, Env
from connectors.odoo.twin_store import Key, Store, Transaction


class Database:
    """Books with an ORM over them. Version 18 or 19 decides which models and fields there are."""

    def __init__(
        self,
        version: int,
        clock: TwinClock,
        books: Books | None = None,
        *,
        name: str = "odoo",
        absent: Iterable[str] = (),
    ) -> None:
        self.name, self.clock = name, clock
        self.absent = frozenset(absent)
        """Models nobody can call, as their app is not installed."""
        self.store = Store(version, books)
        self.settings: dict[str, Any] = {}
        """Switches of the people who run this Odoo; modules read what they need by `.get`."""

    @property
    def version(self) -> int:
        return self.store.version

    def wall_clock(self) -> datetime:
        """Return the time of now, naive UTC."""
        return self.clock.now().astimezone(UTC).replace(tzinfo=None)

    @contextmanager
    def transaction(self, uid: int = SUPERUSER, context: dict[str, Any] | None = None) -> Iterator[Env]:
        """Run a block as one transaction; what waits for the commit runs after it, outside the lock."""
        with self.store.lock:
            tx = Transaction(self.store, self.wall_clock())
            try:
                yield Env(self, tx, uid, context)
            except BaseException:
                waiting = list(tx.after_rollback)
                tx.rollback()
                for late in waiting:
                    late()
                raise
            self.store.keep(list(tx.undo))
        for late in tx.after_commit:
            late()

    def hold(self, work: Callable[[Env], Any], uid: int, context: dict[str, Any] | None = None) -> Held:
        """Do the work but keep it from others until `commit`."""
        with self.store.lock:
            tx = Transaction(self.store, self.wall_clock())
            try:
                answer = work(Env(self, tx, uid, context))
            except BaseException:
                tx.rollback()
                raise
            changes, before, late = tx.changes(), dict(tx.undo), list(tx.after_commit)
            tx.rollback()
            self.store.locked |= set(before)
        return Held(self.store, answer, changes, before, late)


class Held:
    """A transaction that is done but not committed."""

    def __init__(
        self,
        store: Store,
        answer: Any,
        changes: dict[Key, Doc | None],
        before: dict[Key, Doc | None],
        late: list[Callable[[], None]],
    ) -> None:
        self.answer = answer
        self._store, self._changes, self._before, self._late = store, changes, before, late

    def commit(self) -> Any:
        """Make it visible; raises SerializationFailure if a row it wrote was changed meanwhile."""
        with self._store.lock:
            self._store.locked -= set(self._before)
            if any(self._store.get(*key) is not row for key, row in self._before.items()):
                raise SerializationFailure
            for (model, number), row in self._changes.items():
                self._store.put(model, number, row)
            self._store.keep(list(self._changes))
        for late in self._late:
            late()
        return self.answer
