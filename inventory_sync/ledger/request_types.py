"""What an external system asks of the hub about a reservation, and what it is answered.

Plain values in our own ids. A request may be refused; what a shop has sold already is no request but an
order (types.py). Quantities are in the item's base unit, times are aware.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from inventory_sync.domain.errors import Refused
from inventory_sync.domain.reports import plain
from inventory_sync.domain.requests import Act
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.domain.routing import DEFAULT_RULES, ReserveMode, Rule
from inventory_sync.ledger.ports import HeldLine, HeldOrder
from inventory_sync.ledger.types import OrderKey

ANY_ITEM = 0


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One line: the item as sold (a kit stays a kit) and how much of it."""

    line_ref: str
    item_id: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Request:
    """One request about the reservation (connection, reference).

    RESERVE names the whole content of a version, AMEND only the lines it changes (0 takes one out); either
    carries a version above the last one, or repeats it. The other acts carry no content.

    `mode`: what happens when not everything is free; RECORD is for what was sold already and is never
    refused. `hold`: for how long stock is held; None commits at once. `review`: stock is kept, and nothing is
    sold until somebody approves. `until`: the new end that EXTEND asks for. `reason` is kept with an exit.
    """

    act: Act
    connection_id: int
    reference: str
    version: int = 1
    lines: tuple[RequestLine, ...] = ()
    mode: ReserveMode = ReserveMode.ALL_OR_NOTHING
    hold: timedelta | None = None
    review: bool = False
    until: datetime | None = None
    reason: str = ""
    correlation_id: str = ""

    @property
    def key(self) -> OrderKey:
        return (self.connection_id, self.reference)


@dataclass(frozen=True, slots=True)
class Spared:
    """What another channel may still sell of an item that was set aside for it, at any of these places."""

    quantity: Decimal
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a channel's requests are decided by.

    `pool`: the locations that may serve it, best first. `rules`: how its orders are routed, the first that
    can serve a line decides. `hold_max`, `review_max`: the window: how long after its first request stock may
    be held, or wait for approval. `allowance`: per item as sold, how far below nothing the channel may go;
    ANY_ITEM is for those not named. `spared`: per item, what is set aside for other channels.
    """

    pool: tuple[int, ...] = ()
    rules: tuple[Rule, ...] = DEFAULT_RULES
    hold_max: timedelta = timedelta(hours=24)
    review_max: timedelta = timedelta(days=3)
    allowance: Mapping[int, Decimal] = field(default_factory=dict)
    spared: Mapping[int, tuple[Spared, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request, valid once its transaction has committed.

    `order`: the reservation as it is now, None when there is none. `refused`: why it was not done, with a
    stable code; then nothing has changed, but that a refused RESERVE is remembered as rejected. `missing`:
    line → units nothing was free for. `repeated`: it had been done before, this time nothing was changed.
    """

    request: Request
    order: HeldOrder | None
    refused: Refused | None = None
    missing: Mapping[str, Decimal] = field(default_factory=dict)
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """A batch of answers, in the order asked, and the items (components of kits) whose demand changed.

    freed: those of which something may have been given back.
    """

    answers: tuple[Answer, ...]
    touched: tuple[int, ...] = ()
    freed: tuple[int, ...] = ()


def fingerprint(request: Request) -> str:
    """Return what tells the contents of two versions apart."""
    lines = sorted((line.line_ref, line.item_id, plain(line.quantity)) for line in request.lines)
    content = f"{request.act} {request.mode} {request.hold} {request.review} {lines!r}"
    return hashlib.blake2b(content.encode(), digest_size=32).hexdigest()


def missing_of(lines: Iterable[HeldLine]) -> dict[str, Decimal]:
    """Return line → units that were refused, as they were kept with the lines."""
    found = {}
    for line in lines:
        if line.asked is None:
            continue
        if line.status is LineStatus.REJECTED:
            found[line.line_ref] = Decimal(json.loads(line.routing or "{}").get("missing", plain(line.asked)))
        elif line.asked > line.demand and not line.status.is_exit:
            found[line.line_ref] = line.asked - line.demand
    return {ref: quantity for ref, quantity in found.items() if quantity}
