"""The life of one item in one list: movements, order lines, figures, pushes, newest first, page by page.

Ordered by when the hub knew: who knew what when. A page begins below a mark, the place of the last entry of
the page before; entries of one instant are never skipped or repeated.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q

from inventory_sync.availability.models import FigureHistory
from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection
from inventory_sync.domain.reports import plain
from inventory_sync.ledger.models import Movement, Reservation, ReservationChange
from inventory_sync.pipeline.explain.documents import MOVEMENT_KINDS
from inventory_sync.propagation.models import PushAttempt

KINDS = {"push": "Pushes", "figure": "Figures", "order": "Order lines", "movement": "Movements"}
RANK = {kind: rank for rank, kind in enumerate(KINDS)}
STATES = dict(Reservation.State.choices)


@dataclass(frozen=True, slots=True)
class Mark:
    """The place of an entry in the list."""

    at: datetime
    rank: int
    id: int

    def write(self) -> str:
        packed = json.dumps([self.at.isoformat(), self.rank, self.id], separators=(",", ":"))
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Mark | None:
        """Return the mark, None where the text is none."""
        try:
            at, rank, row_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            return cls(datetime.fromisoformat(at), int(rank), int(row_id))
        except (binascii.Error, ValueError, TypeError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that became known. `quantity`: signed for movements, the figure for figures and pushes."""

    kind: str
    at: datetime
    id: int
    title: str
    detail: str
    quantity: Decimal | None
    channel: str = ""
    location: str = ""
    model: str = ""
    pk: int = 0
    correlation_id: str = ""

    @property
    def mark(self) -> Mark:
        return Mark(self.at, RANK[self.kind], self.id)


@dataclass(frozen=True, slots=True)
class Page:
    entries: tuple[Entry, ...]
    next: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is about."""

    channel: Connection | None
    since: datetime | None
    until: datetime | None
    below: Mark | None

    def page(self, kind: str, field: str) -> Q:
        """Return the condition of the page on one source, in the order of the whole list."""
        wanted = Q()
        if self.since is not None:
            wanted &= Q(**{f"{field}__gte": self.since})
        if self.until is not None:
            wanted &= Q(**{f"{field}__lte": self.until})
        if self.below is not None:
            earlier = Q(**{f"{field}__lt": self.below.at})
            if RANK[kind] > self.below.rank:
                earlier |= Q(**{field: self.below.at})
            elif RANK[kind] == self.below.rank:
                earlier |= Q(**{field: self.below.at, "id__lt": self.below.id})
            wanted &= earlier
        return wanted


def timeline(
    item: Item,
    *,
    kinds: Collection[str] = (),
    channel: Connection | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    below: Mark | None = None,
    limit: int = 50,
) -> Page:
    """Return one page of the item's life; kinds: those of KINDS, none for all; until: not later than that."""
    asked = Asked(channel, since, until, below)
    wanted = [kind for kind in KINDS if not kinds or kind in kinds]
    found: list[Entry] = []
    for kind in wanted:
        found += _SOURCES[kind](item, asked, limit + 1)
    found.sort(key=lambda each: (each.at, -RANK[each.kind], each.id), reverse=True)
    following = found[limit - 1].mark.write() if len(found) > limit else ""
    return Page(tuple(found[:limit]), following)


def _movements(item: Item, asked: Asked, limit: int) -> Sequence[Entry]:
    if asked.channel is not None:
        return ()
    rows = Movement.objects.filter(asked.page("movement", "recorded_at"), item=item)
    found = rows.select_related("source", "destination").order_by("-recorded_at", "-id")[:limit]
    entries = []
    for row in found:
        arrives = row.source.kind in row.source.VIRTUAL
        place = row.destination if arrives else row.source
        late = f" · happened {row.occurred_at:%d %b %H:%M:%S}" if row.occurred_at < row.recorded_at else ""
        entries.append(
            Entry(
                "movement",
                row.recorded_at,
                row.pk,
                f"{MOVEMENT_KINDS.get(row.kind, row.kind)} {row.reference}".strip(),
                f"{row.source.code} → {row.destination.code}{late}",
                row.quantity if arrives else -row.quantity,
                location=place.code,
                model="ledger_movement",
                pk=row.pk,
                correlation_id=row.correlation_id,
            )
        )
    return entries


def _orders(item: Item, asked: Asked, limit: int) -> Sequence[Entry]:
    concerned = Reservation.objects.filter(Q(item=item) | Q(allocations__item=item)).values("id")
    rows = ReservationChange.objects.filter(asked.page("order", "at"), reservation_id__in=concerned)
    if asked.channel is not None:
        rows = rows.filter(reservation__order__connection=asked.channel)
    found = rows.select_related("reservation__order__connection").order_by("-at", "-id")[:limit]
    return [
        Entry(
            "order",
            row.at,
            row.pk,
            f"Order {row.reservation.order.number or row.reservation.order.order_ref}, "
            f"line {row.reservation.line_ref}: {STATES.get(row.state, row.state).lower()}",
            row.reason,
            row.demand,
            channel=row.reservation.order.connection.code,
            model="ledger_order",
            pk=row.reservation.order_id,
            correlation_id=row.correlation_id,
        )
        for row in found
    ]


def _figures(item: Item, asked: Asked, limit: int) -> Sequence[Entry]:
    rows = FigureHistory.objects.filter(asked.page("figure", "computed_at"), item=item)
    if asked.channel is not None:
        rows = rows.filter(connection=asked.channel)
    found = rows.select_related("connection").order_by("-computed_at", "-id")[:limit]
    return [
        Entry(
            "figure",
            row.computed_at,
            row.pk,
            f"{row.connection.code} may sell {_said(row.figure)}",
            f"version {row.version}, {row.verdict}" + (f": {', '.join(row.unknown)}" if row.unknown else ""),
            row.figure,
            channel=row.connection.code,
            correlation_id=row.correlation_id,
        )
        for row in found
    ]


def _pushes(item: Item, asked: Asked, limit: int) -> Sequence[Entry]:
    rows = PushAttempt.objects.filter(asked.page("push", "at"), listing__mapping__item=item)
    if asked.channel is not None:
        rows = rows.filter(listing__connection=asked.channel)
    found = rows.select_related("listing__connection").order_by("-at", "-id")[:limit]
    return [
        Entry(
            "push",
            row.at,
            row.pk,
            f"{row.listing.connection.code} {row.listing.external_id}: {row.outcome.replace('_', ' ')}",
            _written(row),
            row.wrote,
            channel=row.listing.connection.code,
            model="propagation_pushattempt",
            pk=row.pk,
            correlation_id=row.correlation_id,
        )
        for row in found
    ]


_SOURCES = {"movement": _movements, "order": _orders, "figure": _figures, "push": _pushes}


def _written(row: PushAttempt) -> str:
    seen = "not read" if row.read_before is None else f"read {plain(row.read_before)}"
    if row.wrote is None:
        return f"{seen}, wrote nothing"
    after = "not read again" if row.read_after is None else f"read {plain(row.read_after)} again"
    return f"{seen}, wrote {plain(row.wrote)}, {after}"


def _said(value: Decimal | None) -> str:
    return "unknown" if value is None else plain(value)
