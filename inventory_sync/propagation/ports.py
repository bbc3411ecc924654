"""What a lane needs of its store. PostgreSQL in production, memory in the simulation.

A listing's row is written by three hands: the drain notes order news, computing owes figures, the lane's
own calls settle. Each locks the row, applies a pure function of domain.lane or domain.sandwich, writes it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol

from inventory_sync.domain.lane import ListingState
from inventory_sync.domain.ports import Exchange, ListingRef


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
    """A listing as the lane works on it, its state in vendor units.

    `fresh` is False while its item is dirty: the figure wanted does not yet hold the newest order news.
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
        """Begin a flight for up to `limit` due listings and take `calls` from the budget; own transaction."""

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

    def charge(self, connection_id: int, calls: int, *, now: datetime) -> None:
        """Take calls that were made beyond those a claim paid for; the budget may owe them."""

    def shut_budget(self, connection_id: int, *, until: datetime) -> None:
        """Take no call from this credential's budget before `until`: the vendor said so."""
