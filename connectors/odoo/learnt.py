"""What was learnt of a database, shared by the clients of one connection in this process for some minutes.

The platform opens a client per step, and Odoo keeps no connection open: without this every step would ask
again for the version, the user, the company, the modules and the places before its first useful call.

What is learnt may be out of date, so it is never the ground of a refusal: what Odoo refuses to a client that
took anything over from others is held against Odoo as it is now (`outdated`). After an answer that did not
come everything is forgotten, for who answers next may be another version. Does not know what is learnt; keys
are kept as digests only.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import astuple, dataclass
from threading import Lock
from typing import Any, TypeVar, cast

from connectors.odoo.config import OdooConfig
from inventory_sync.domain.errors import SyncError, Transient

LEARNT_FOR_S = 300.0
MAX_FACTS = 50_000
MAX_DATABASES = 64
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Fact:
    """`by`: the client that asked for it."""

    value: Any
    at: float
    by: object


class Learnt:
    """The facts of one database as one user sees it. Safe between threads; asks nothing itself."""

    def __init__(self, *, ticks: Callable[[], float] = time.monotonic, most: int = MAX_FACTS) -> None:
        self._ticks = ticks
        self._most = most
        self._guard = Lock()
        self._facts: OrderedDict[Hashable, Fact] = OrderedDict()
        self._era = 0

    def __len__(self) -> int:
        return len(self._facts)

    @property
    def era(self) -> int:
        """How often everything was forgotten; what was asked for in an earlier round is not kept."""
        return self._era

    def get(self, names: Iterable[Hashable]) -> dict[Hashable, Fact]:
        """Return those of the facts that are known and young enough."""
        with self._guard:
            oldest = self._ticks() - LEARNT_FOR_S
            found = {}
            for name in names:
                fact = self._facts.get(name)
                if fact is not None and fact.at >= oldest:
                    self._facts.move_to_end(name)
                    found[name] = fact
            return found

    def put(self, values: Mapping[Hashable, Any], *, by: object, era: int) -> None:
        with self._guard:
            if era != self._era:
                return
            at = self._ticks()
            for name, value in values.items():
                self._facts[name] = Fact(value, at, by)
                self._facts.move_to_end(name)
            while len(self._facts) > self._most:
                self._facts.popitem(last=False)

    def forget(self) -> None:
        with self._guard:
            self._facts.clear()
            self._era += 1


class Known:
    """One client's way to what is learnt; remembers what it took over from others, and how to ask for it."""

    def __init__(self, learnt: Learnt) -> None:
        self._learnt = learnt
        self._self = object()  # not the client itself: facts outlive it
        self._taken: dict[Hashable, tuple[Callable[[], Any], Any]] = {}

    def fact(self, name: Hashable, ask: Callable[[], T]) -> T:
        """Return a fact, asked for when nobody knows it. What an error interrupts is not known."""
        found = self._learnt.get([name]).get(name)
        if found is None:
            return self.afresh(name, ask)
        if found.by is not self._self:
            self._taken.setdefault(name, (ask, found.value))
        return cast(T, found.value)

    def own(self, name: Hashable, ask: Callable[[], T]) -> T:
        """Return a fact that this client has asked for itself: before it says that something is not there."""
        found = self._learnt.get([name]).get(name)
        if found is None or found.by is not self._self:
            return self.afresh(name, ask)
        return cast(T, found.value)

    def afresh(self, name: Hashable, ask: Callable[[], T]) -> T:
        before = self._learnt.era
        value = ask()
        self._taken.pop(name, None)
        self._learnt.put({name: value}, by=self._self, era=before)
        return value

    def each(self, kind: str, keys: Iterable[K], ask: Callable[[list[K]], Mapping[K, T]]) -> dict[K, T]:
        """Return a fact per key, asking together for those that nobody knows."""
        wanted = list(dict.fromkeys(keys))
        known = self._learnt.get([(kind, key) for key in wanted])
        found: dict[K, T] = {key: known[kind, key].value for key in wanted if (kind, key) in known}
        unknown = [key for key in wanted if key not in found]
        if unknown:
            before = self._learnt.era
            asked = ask(unknown)
            self._learnt.put({(kind, key): value for key, value in asked.items()}, by=self._self, era=before)
            found.update(asked)
        return found

    def recall(self, name: Hashable, default: T) -> T:
        """Return a fact if it is known; nothing is asked."""
        found = self._learnt.get([name]).get(name)
        return default if found is None else cast(T, found.value)

    def note(self, name: Hashable, value: Any) -> None:
        self._learnt.put({name: value}, by=self._self, era=self._learnt.era)

    def forget(self) -> None:
        self._taken = {}
        self._learnt.forget()

    def outdated(self) -> bool:
        """Forget everything, ask again for what this client took over, and say whether any of it changed.

        Who asked for everything itself has nothing to doubt. What cannot be asked for any more is refused for
        its own reasons: the first refusal stands.
        """
        taken = self._taken
        if not taken:
            return False
        self.forget()
        changed = False
        for name, (ask, before) in taken.items():
            try:
                changed |= self.fact(name, ask) != before
            except Transient:
                raise
            except SyncError:
                continue
        return changed


class Memory:
    """What one process has learnt, per connection and everything in its settings."""

    def __init__(self, *, ticks: Callable[[], float] = time.monotonic, most: int = MAX_DATABASES) -> None:
        self._ticks = ticks
        self._most = most
        self._guard = Lock()
        self._databases: OrderedDict[tuple[str, str], Learnt] = OrderedDict()

    def __len__(self) -> int:
        return len(self._databases)

    def of(self, connection: str, config: OdooConfig) -> Learnt:
        """Return what is known under exactly these settings; another key or company starts from nothing."""
        key = connection, digest(repr(astuple(config)))
        with self._guard:
            found = self._databases.setdefault(key, Learnt(ticks=self._ticks))
            self._databases.move_to_end(key)
            while len(self._databases) > self._most:
                self._databases.popitem(last=False)
            return found

    def clear(self) -> None:
        with self._guard:
            self._databases.clear()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
