"""What the drain needs of the store of deliveries. PostgreSQL in production, memory in the simulation.

A claim belongs to a shard: one owner at a time, so one object's messages stay in turn. The attempt is
counted when it is claimed, so a delivery that kills its worker is known by its count.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from inventory_sync.domain.ports import Delivery

PARKED_KIND, DELIVERY_KIND = "parked", "delivery"


class Result(StrEnum):
    """What became of a delivery: the stored states, and `retry` which stays pending until run_at."""

    DONE = "done"
    PARKED = "parked"
    REJECTED = "rejected"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to be stored. `dedupe_key` "" stores it whatever came before."""

    connection_id: int
    topic: str
    headers: dict[str, str]
    body: bytes
    dedupe_key: str
    object_key: str
    tier: str
    source: str
    received_at: datetime
    correlation_id: str
    reading: int = 0


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A claimed delivery with what the drain must know around it."""

    id: int
    connection_id: int
    connection_code: str
    connector: str
    delivery: Delivery
    correlation_id: str
    attempts: int
    again: bool = False  # it was finished or failed before, and is due anew


@dataclass(frozen=True, slots=True)
class Claim:
    """A shard in our hands until `lease_until`; `token` is the fence."""

    tier: str
    shard: int
    token: int
    lease_until: datetime
    deliveries: tuple[StoredDelivery, ...]


@dataclass(frozen=True, slots=True)
class Parking:
    """One line that waits for a person. `event_key` "" is the whole delivery."""

    event_key: str
    code: str
    detail: str
    waits_on: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """What parked lines wait for, as the subject of their one case: a name that somebody must explain, for
    the lines of any number of deliveries; or, where a line names nothing, its own delivery.
    """

    code: str
    connection_id: int
    waits_on: str
    delivery_id: int

    @property
    def kind(self) -> str:
        return PARKED_KIND if self.waits_on else DELIVERY_KIND

    @property
    def subject(self) -> str:
        return f"{self.connection_id}:{self.waits_on}" if self.waits_on else str(self.delivery_id)


def waiting(code: str, connection_id: int, waits_on: str, delivery_id: int) -> Waiting:
    """Return what a line waits for; lines that wait for the same name are equal."""
    return Waiting(code, connection_id, waits_on, 0 if waits_on else delivery_id)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one delivery of a claim."""

    delivery_id: int
    connection_id: int
    result: Result
    events: int = 0
    code: str = ""
    detail: str = ""
    parked: tuple[Parking, ...] = ()
    run_at: datetime | None = None
    occurred_at: datetime | None = None

    def waiting_of(self, line: Parking) -> Waiting:
        """Return what one of its parked lines waits for."""
        return waiting(line.code, self.connection_id, line.waits_on[:200], self.delivery_id)


@dataclass(frozen=True, slots=True)
class ReadWanted:
    """An object to be read again at its source, `delay_s` from now. Kind "stream" is a stream to sweep; one
    that the connection does not have means all of them.
    """

    connection_id: int
    kind: str
    ref: str
    why: str = ""
    correlation_id: str = ""
    delay_s: int = 0


@dataclass(frozen=True, slots=True)
class Finds:
    """How many objects of a connection a sweep brought that nothing had announced."""

    connection_id: int
    stream: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class NumberUsed:
    """A message says: this number of its source's own, at this place, is mine."""

    connection_id: int
    place: str
    number: int
    said_by: str

    @property
    def name(self) -> tuple[int, str, int]:
        return (self.connection_id, self.place, self.number)


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing did: ids by position, None where the key was known."""

    ids: tuple[int | None, ...] = field(default=())

    @property
    def new(self) -> int:
        return sum(1 for one in self.ids if one is not None)


class IntakeStore(Protocol):
    def transaction(self) -> AbstractContextManager[None]:
        """Commit at the end, or roll back on any exception."""

    def store(self, deliveries: Sequence[NewDelivery]) -> Stored:
        """Keep each delivery whose dedupe key is new. Inside the caller's transaction."""

    def claim(
        self, tier: str, *, now: datetime, lease: timedelta, limit: int, connection_id: int | None = None
    ) -> Claim | None:
        """Take the shard with the oldest due delivery nobody owns; its own transaction.

        Raises its token, counts an attempt on each delivery. None when nothing is due or free.
        """

    def check_fence(self, claim: Claim) -> None:
        """Lock the shard row; raises FenceLost when another owner has taken over."""

    def renew(self, claim: Claim, *, until: datetime) -> Claim:
        """Keep the shard longer, its own transaction; raises FenceLost when another owner has taken over."""

    def finish(self, outcomes: Sequence[Outcome], *, now: datetime) -> set[Waiting]:
        """Write what became of deliveries and of their parked lines.

        Returns what lines waited for that wait for it no more; others may wait for it still.
        """

    def still(self, wanted: Collection[Waiting]) -> set[Waiting]:
        """Return those of them that a parked line waits for."""

    def release(self, claim: Claim) -> None:
        """Give the shard back if it is still ours."""

    def want_reads(self, reads: Collection[ReadWanted], *, now: datetime) -> None:
        """Note objects to be read again; many hints make one row. Kind "stream" makes its cursor due."""

    def count_finds(self, finds: Sequence[Finds]) -> None:
        """Add to the number of finds of a stream."""

    def claim_numbers(self, used: Sequence[NumberUsed]) -> set[NumberUsed]:
        """Keep who says each number first; return those whose number another message has.

        First is the first in the order given, so that it is the same in one batch as in two.
        """

    def numbers_come(self, connection_id: int, place: str, numbers: Collection[int]) -> set[int]:
        """Return those of a source's numbers at a place that a message has used."""

    def newest(self) -> int:
        """Return the id of the newest delivery, 0 when there is none."""

    def any_pending(self, connection_id: int, tier: str, *, up_to: int | None = None) -> bool:
        """Say whether a delivery of this connection and tier, no newer than `up_to`, is not applied yet."""
