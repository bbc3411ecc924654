"""What a lane needs of its store. PostgreSQL in production, memory in the simulation.

A listing's row is written by three hands: the drain notes order news, computing owes figures, the lane's
own calls settle. Each locks the row, applies a pure function of domain.lane or domain.sandwich, writes it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol

from inventory_sync.domain.guards import GuardKind
from inventory_sync.domain.lane import ListingState
from inventory_sync.domain.ports import Exchange, ListingRef
from inventory_sync.domain.units import SAME, Factor
from inventory_sync.domain.writing import Writing


@dataclass(frozen=True, slots=True)
class News:
    """An order of the channel touched an item as sold; `delta` is the change of demand in base units."""

    connection_id: int
    item_id: int
    delta: Decimal


class Wanted(NamedTuple):
    """A figure to be shown, in base units; None is unknown."""

    connection_id: int
    item_id: int
    figure: Decimal | None
    version: int
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a channel was heard to show, outside of our own calls. `figure` in vendor units."""

    connection_id: int
    external_id: str
    figure: Decimal | None
    stamp: str
    managed: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A listing as the lane works on it, its state in vendor units; `factor`: base units in one of them.

    `fresh` is False while its item is dirty: the figure wanted does not yet hold the newest order news.
    `aside`: owed, and claimed by nobody until there is news of it ("shadow": its connection is only watched,
    "waiting": for a person); a new figure, an order or a sighting ends it.
    """

    id: int
    ref: ListingRef
    item_id: int
    state: ListingState
    fresh: bool = True
    correlation_id: str = ""
    error_code: str = ""
    error_detail: str = ""
    failed: bool = False
    aside: str = ""
    factor: Factor = SAME


@dataclass(frozen=True, slots=True)
class Flight:
    """Listings claimed for one call, or why there are none: `wait_s` until the budget allows one."""

    rows: tuple[Row, ...] = ()
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one sandwich did for one listing, for people to read."""

    listing_id: int
    wanted: Decimal | None
    version: int
    read_before: Decimal | None
    wrote: Decimal | None
    read_after: Decimal | None
    outcome: str
    started_at: datetime
    error_code: str = ""
    error_detail: str = ""
    exchanges: tuple[Exchange, ...] = field(default=())
    correlation_id: str = ""
    write_key: str = ""
    unexplained: bool = False  # written although large and no order's doing: it counts for the next ones


@dataclass(frozen=True, slots=True)
class WouldWrite:
    """A write about to be made. `first`: nothing was ever written to the listing, nor settled."""

    listing_id: int
    shown: Decimal
    wanted: Decimal
    first: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """Which of the writes wait for a person, and which of the others are to be remembered as unexplained."""

    held: Mapping[int, GuardKind] = field(default_factory=dict)
    unexplained: frozenset[int] = frozenset()


class Guard(Protocol):
    """Judges writes before they are made, inside the transaction that aims them."""

    def __call__(self, connection_id: int, writes: Sequence[WouldWrite], *, now: datetime) -> Judged: ...


def nothing_is_held(connection_id: int, writes: Sequence[WouldWrite], *, now: datetime) -> Judged:
    return Judged()


class LaneStore(Protocol):
    def transaction(self) -> AbstractContextManager[None]:
        """Commit at the end, or roll back on any exception."""

    def claim(
        self,
        connection_id: int,
        *,
        now: datetime,
        limit: int,
        calls: int,
        lease: timedelta,
        longest_life: timedelta,
    ) -> Flight:
        """Begin a flight for up to `limit` due listings, if the budget has room for `calls`; own transaction.

        Nothing is claimed while the connection is read-only. What was set aside is claimed once its reason
        is gone: the connection is live again, nobody is asked any more.
        """

    def writing(self, connection_id: int) -> Writing:
        """Return how far the connection's writes go now, whatever the account said when it was opened."""

    def lock(self, listing_ids: Collection[int]) -> list[Row]:
        """Lock these listings in id order, inside the caller's transaction."""

    def save(self, rows: Sequence[Row], *, now: datetime) -> None:
        """Write locked rows back."""

    def record(self, attempts: Sequence[Attempt], *, now: datetime) -> None:
        """Keep what was done, for the push history."""

    def note_news(self, news: Sequence[News], *, now: datetime) -> None:
        """Unsettle the listings whose item an order touched."""

    def observe(self, sightings: Sequence[Sighting], *, now: datetime) -> int:
        """Owe again what shows something else than wanted; own echoes change nothing. Returns how many."""

    def owe(self, wanted: Sequence[Wanted], *, now: datetime) -> frozenset[int]:
        """Owe new figures to their listings; returns the connections that are owed something."""

    def shut_budget(self, connection_id: int, *, now: datetime, until: datetime) -> None:
        """Take no call from this credential's budget before `until`: the vendor said so."""
