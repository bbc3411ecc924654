"""The sockets between the platform and its connectors: Protocols and the values that cross them.

A connector is found by dotted path and seen only through `Connector`. Store ports live beside
the algorithm that needs them, in each room's own ports module.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from inventory_sync.domain.budget import Told
from inventory_sync.domain.errors import MalformedPayload, SyncError
from inventory_sync.domain.external import ExternalEvent

TIERS = ("critical", "standard", "bulk", "replay")


class Clock(Protocol):
    def __call__(self) -> datetime:
        """Return the present as an aware UTC datetime."""


@dataclass(frozen=True, slots=True)
class InboundRequest:
    """One request at the door, before anything is believed. Header names are lower-case."""

    headers: Mapping[str, str]
    body: bytes
    path_token: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as stored: what `translate` is given. `id` is 0 before it is stored.

    `source` says how it came: webhook, hint, sweep, pull, read, replay or file.
    `reading` is the hub's reading number for what the hub itself asked for, else 0; `begun` the last reading
    that had begun when it was stored, by whomever: a later reading shows what this tells, or newer.
    """

    topic: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    source: str = "webhook"
    reading: int = 0
    id: int = 0
    begun: int = 0

    def json(self) -> Any:
        """Return the body parsed with exact numbers (Decimal), or raise MalformedPayload."""
        try:
            return json.loads(self.body, parse_float=Decimal)
        except (ValueError, RecursionError, ArithmeticError) as error:
            raise MalformedPayload(f"The body is not JSON: {error}") from error


@dataclass(frozen=True, slots=True)
class Received:
    """The door's view of an authentic message.

    `dedupe_key` is unique per connection by the vendor's contract; "" stores every delivery.
    `object_key` keeps one object's messages in turn (same order, same item).
    `hint_only`: the sender could not sign, so the body may only name what to read again.
    """

    topic: str
    dedupe_key: str
    object_key: str
    tier: str = "standard"
    hint_only: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer at once and keep nothing (a vendor's unsigned ping)."""

    status: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Stream:
    """Something that can be read by cursor; `overlap_s` is read again each time."""

    name: str
    every_s: int
    overlap_s: int
    tier: str = "standard"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a vendor can do. An absent one is said plainly, never dropped silently.

    `max_request_life_s`: how long after sending a request may still land.
    `retries_on_refusal`: the sender repeats what we refuse, so refusing is back-pressure.
    `reads_books`: its books are read by us, one reading at a time, in which movements are read no later than
    the figures they explain. `takes_orders`: its client is an
    OrderTaker, `mirrors_stock`: a Mirror, `takes_deliveries`: a DeliveryTaker (domain/commands.py).
    `read_batch`: how many items one call reads; above 1 its client is a BatchReader. `skips_pages`: its
    client is a PageSkipper. `answers_later`: it accepts writes and applies them within `applies_within_s`;
    its client is a LaterWriter.
    Limits of the credential, 0 where the vendor sets none of the kind: `calls_per_s` with `burst` (a bucket;
    of points, if `call_cost` says what a call takes until its answer tells), `window_calls` in each
    `window_s`, sliding, `concurrent_calls` at once. `reserve_percent` of each is the critical tier's alone.
    """

    sells: bool = False
    reports_stock: bool = False
    signs: bool = True
    retries_on_refusal: bool = False
    batch_lines: int = 1
    parallel_calls: int = 1
    max_request_life_s: int = 120
    orders_visible_within_s: int = 10
    compare_and_set: bool = False
    calls_per_s: float = 2.0
    burst: int = 10
    call_cost: int = 1
    window_calls: int = 0
    window_s: int = 0
    concurrent_calls: int = 0
    reserve_percent: int = 20
    whole_numbers: bool = True
    streams: tuple[Stream, ...] = ()
    orders_stream: str = ""
    needs_hooks: bool = False
    reads_books: bool = False
    read_batch: int = 1
    skips_pages: bool = False
    answers_later: bool = False
    applies_within_s: int = 900
    takes_orders: bool = False
    mirrors_stock: bool = False
    takes_deliveries: bool = False
    semantics: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ListingRef:
    """Where a figure is written: the vendor's id, its parent if the vendor needs it, its location."""

    external_id: str
    parent_id: str = ""
    location_ref: str = ""


@dataclass(frozen=True, slots=True)
class ListingLevel:
    """One listing as read. `figure` is None when the channel keeps no stock for it or it is missing."""

    ref: ListingRef
    figure: Decimal | None
    stamp: str = ""
    error: SyncError | None = None


@dataclass(frozen=True, slots=True)
class LevelWrite:
    """An absolute figure for one listing; `idempotency_key` is stable for the same write."""

    ref: ListingRef
    figure: Decimal
    idempotency_key: str
    expected: Decimal | None = None


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What the vendor said of one line: `figure` it now shows, or the `error` of this line alone.

    `receipt`: it was accepted and is not applied yet; a LaterWriter tells what becomes of it.
    """

    ref: ListingRef
    figure: Decimal | None = None
    stamp: str = ""
    error: SyncError | None = None
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class WriteEnd:
    """What became of an accepted write: applied, refused with an `error`, or not `done` yet."""

    done: bool
    error: SyncError | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One object read by the hub itself, to be stored like a delivery."""

    topic: str
    body: bytes
    dedupe_key: str
    object_key: str
    tier: str = "standard"


@dataclass(frozen=True, slots=True)
class SweepPage:
    """One page of a stream; `cursor` goes back in for the next, `done` ends this sweep.

    `missing`: the numbers of the feed about `missing_at` that this and earlier pages left out, all of them.
    `unread`: something of a page that was skipped could not be read.
    """

    found: Sequence[Found]
    cursor: str
    done: bool
    missing_at: str = ""
    missing: Sequence[int] = ()
    unread: bool = False


@dataclass(frozen=True, slots=True)
class ExternalListing:
    """A sellable thing as the vendor lists it, for import and mapping proposals."""

    ref: ListingRef
    sku: str
    name: str
    gtin: str = ""
    managed: bool = True
    kind: str = "variant"  # variant, pack or parent_pool
    figure: Decimal | None = None


@dataclass(frozen=True, slots=True)
class HookState:
    """A webhook registration after healing."""

    external_id: str
    topic: str
    status: str
    recreated: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What a live look at the account found; `problems` are sentences for staff."""

    ok: bool
    facts: Mapping[str, str]
    problems: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call to a vendor as kept for people to read: no secret in it, the answer clipped.

    `status` is 0 when no answer came; `outcome` is "" or the code of the error it became; `told` is what the
    answer said of the limits.
    """

    connection: str
    method: str
    path: str
    status: int
    outcome: str
    correlation_id: str
    sent_bytes: int
    received_bytes: int
    elapsed_ms: int
    sent: str = ""
    answer: str = ""
    told: Told | None = None


@dataclass(frozen=True, slots=True)
class Outside:
    """What the platform lends a client: where to note its calls, whose errand it runs, whom it may reach.

    `before_call` is asked before each call; it may take its time, and raises SyncError when there is to be
    none. `on_exchange` is told of each call that it let through, however it ended.
    `private_hosts` are names, addresses or networks that may be reached although they are not
    public (the twins of a demo); everything else private is refused.
    """

    on_exchange: Callable[[Exchange], None] | None = None
    before_call: Callable[[], None] | None = None
    correlation_id: Callable[[], str] | None = None
    private_hosts: tuple[str, ...] = ()


class Client(Protocol):
    """One account of a vendor over HTTP. Calls raise only SyncError."""

    def probe(self) -> Probe: ...

    def read_levels(self, refs: Sequence[ListingRef]) -> list[ListingLevel]:
        """Return one level per ref, in the order asked."""

    def write_levels(self, writes: Sequence[LevelWrite]) -> list[WriteResult]:
        """Write absolute figures; one result per write in the order asked.

        Raises OutcomeUnknown when the call as a whole may or may not have been applied.
        """

    def read_object(self, kind: str, ref: str) -> Found:
        """Return the object as it is now; a vanished one is Found under a topic that says so."""

    def sweep(self, stream: str, cursor: str, *, now: datetime) -> SweepPage:
        """Return what changed since `cursor` ("" for the first time)."""

    def listings(self) -> Iterator[ExternalListing]: ...

    def heal_hooks(self, *, delivery_url: str, secret: str) -> list[HookState]:
        """Make every webhook this connector needs exist and be active; recreate the disabled ones."""


class LaterWriter(Protocol):
    """A client of a vendor that accepts writes and applies them later. Raises only SyncError."""

    def poll_writes(self, receipts: Sequence[str]) -> list[WriteEnd]:
        """Return what became of each, in the order asked.

        OutcomeUnknown as an error says that the vendor knows nothing of it any more: it may yet land.
        """


class BatchReader(Protocol):
    """A client that reads several objects in one call. Raises only SyncError."""

    def read_objects(self, kind: str, refs: Sequence[str]) -> list[Found]:
        """Return what there is to say of all of them as they are now; a vanished one is spoken of too."""


class PageSkipper(Protocol):
    """A client of a stream that goes on behind a page it cannot read. Raises only SyncError."""

    def skip_page(self, stream: str, cursor: str, *, now: datetime) -> SweepPage:
        """Return what can be had of the page at `cursor`, and the cursor behind it.

        Asked after sweep() failed there several times. What it leaves out is named by a cut reading, so
        that it is unknown and not merely old, and the page says that it is `unread`: after an outage
        nothing is.
        """


class Connector(Protocol):
    """What connectors/<code>/connector.py offers as `CONNECTOR`."""

    code: str
    label: str
    capabilities: Capabilities
    config_type: type[Any]

    def receive(self, request: InboundRequest, config: Any, *, now: datetime) -> Received | Reply:
        """Verify and name a message, bytes in, no I/O; raises Unauthentic."""

    def translate(self, delivery: Delivery, config: Any = None) -> list[ExternalEvent]:
        """Return what the delivery says, in the vendor's ids. Pure. Raises Rejected.

        `config` holds the connection's own meanings (custom order words, holds); None means the defaults.
        """

    def client(self, config: Any, *, connection: str, outside: Outside | None = None) -> Client:
        """Return a client; without `outside` it notes nothing and reaches public addresses only."""
