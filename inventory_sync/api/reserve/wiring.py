"""The reservation door on PostgreSQL: one writer thread a process, one transaction for all who wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import close_old_connections, transaction

from inventory_sync.access.keyring import KeyRing
from inventory_sync.api.hooks.group import GroupCommit
from inventory_sync.api.reserve.book import TermsBook
from inventory_sync.api.reserve.door import Decided, ReserveDoor, put_in_words
from inventory_sync.api.reserve.once import Names as Onces
from inventory_sync.api.reserve.reading import Asked
from inventory_sync.api.reserve.shaping import Names
from inventory_sync.domain.errors import NoChannel, Refused, UnknownItem
from inventory_sync.ledger.ports import HeldOrder
from inventory_sync.ledger.request_types import Answer, Answered, Request, RequestLine
from inventory_sync.ledger.requests import decide_requests
from inventory_sync.ledger.rows import execute
from inventory_sync.ledger.store import PostgresLedger
from inventory_sync.pipeline import wiring
from inventory_sync.pipeline.serving import serve_waiting
from inventory_sync.pipeline.terms import Book
from inventory_sync.pipeline.wake import waker
from inventory_sync.support.clock import utc_now
from inventory_sync.support.logs import get_logger
from inventory_sync.support.lookups import keep_plans

log = get_logger(__name__)

_BY_SKU = "SELECT id, sku, kind = 'kit' FROM catalog_item WHERE sku = ANY(%s)"
_BY_ID = "SELECT id, sku FROM catalog_item WHERE id = ANY(%s)"


END_DUE_EVERY_S = 0.1  # holds whose time is over, so that what they held is free for who asks
LOOK_EVERY_S = 1.0  # at the connection: whether it is too old, and its plans still fit the tables


class Items:
    """Items by SKU and which of them are kits, kept for a second; used by one thread."""

    def __init__(self, *, ttl_s: float = 1.0) -> None:
        self._ttl_s, self._begun_at = ttl_s, -ttl_s
        self._ids: dict[str, int] = {}
        self._kits: set[int] = set()

    def __call__(self, skus: set[str]) -> tuple[Mapping[str, int], set[int]]:
        """Return SKU → id of those that exist (and of some others), and the ids of kits."""
        if time.monotonic() - self._begun_at >= self._ttl_s:
            self._ids, self._kits, self._begun_at = {}, set(), time.monotonic()
        if missing := skus - self._ids.keys():
            for item, sku, is_kit in execute(_BY_SKU, (sorted(missing),)):
                self._ids[sku] = item
                if is_kit:
                    self._kits.add(item)
        return self._ids, {self._ids[sku] for sku in skus if self._ids.get(sku) in self._kits}


class Decider:
    """Decides what was asked meanwhile, in one transaction. after: told what was decided, if anything was.

    Used by one thread. Processes that decide about one item wait for each other at its level, while what they
    are asked meanwhile gathers.
    """

    def __init__(
        self,
        book: Callable[[], Book],
        after: Callable[[Answered], None],
        *,
        keep: timedelta = timedelta(days=1),
    ) -> None:
        self._book, self._after, self._keep = book, after, keep
        self._looked_at = self._ended_at = -LOOK_EVERY_S
        self._items = Items()

    def __call__(self, asked: Sequence[Asked]) -> Sequence[Decided]:
        try:
            self._look()
            return self._decide(asked)
        except BaseException:
            self._looked_at = -LOOK_EVERY_S  # the connection may be what failed
            raise

    def _look(self) -> None:
        """Look at the connection now and then, outside a transaction."""
        if time.monotonic() - self._looked_at >= LOOK_EVERY_S:
            close_old_connections()
            keep_plans()
            self._looked_at = time.monotonic()

    def _decide(self, asked: Sequence[Asked]) -> Sequence[Decided]:
        book = self._book()
        started = time.monotonic()
        end_due = started - self._ended_at >= END_DUE_EVERY_S
        with transaction.atomic():
            onces = self._onces(asked)
            group = asked if onces is None else [asked[index] for index in onces.to_decide]
            skus, kits = self._items({line.sku for each in group for line in each.lines})
            requests = [_request(each, book, skus) for each in group]
            answered = decide_requests(
                [each for each in requests if isinstance(each, Request)],
                terms=book.terms,
                store=PostgresLedger(),
                now=utc_now(),
                kits=kits,
                places=book.places,
                end_due=end_due,
            )
            names = _names(answered.answers, skus)
            if onces is not None:
                decided = _all_decided(
                    asked, onces, _each_decided(group, requests, answered, names, book), book
                )
        if end_due:
            self._ended_at = started
        if answered.touched:
            self._after(answered)
        return _each_decided(group, requests, answered, names, book) if onces is None else decided

    def _onces(self, asked: Sequence[Asked]) -> Onces | None:
        """Claim the names that callers gave their requests, if any did."""
        named = [each.once for each in asked]
        if not any(named):
            return None
        now = utc_now()
        return Onces(named, now=now, oldest=now - self._keep)


def _each_decided(
    group: Sequence[Asked],
    requests: Sequence[Request | Refused],
    answered: Answered,
    names: Mapping[int, str],
    book: Book,
) -> list[Decided]:
    answers = iter(answered.answers)
    return [
        _decided(one, None if isinstance(request, Refused) else next(answers), request, names, book)
        for one, request in zip(group, requests, strict=True)
    ]


def _all_decided(
    asked: Sequence[Asked], onces: Onces, decided: Sequence[Decided], book: Book
) -> list[Decided]:
    """Return what all who asked are told, also of what was decided before; keeps the others' answers."""
    new = dict(zip(onces.to_decide, decided, strict=True))

    def tell(index: int) -> tuple[int, bytes]:
        once = asked[index].once
        assert once is not None
        return put_in_words(asked[index], new[index], once.told)

    given = onces.keep(tell)
    nothing = Names("", {}, book.places)
    return [
        replace(new.get(index) or Decided(None, nothing), given=given.get(index))
        for index in range(len(asked))
    ]


def _decided(
    asked: Asked, answer: Answer | None, request: Request | Refused, names: Mapping[int, str], book: Book
) -> Decided:
    refused = request if isinstance(request, Refused) else None
    return Decided(answer, Names(asked.channel, names, book.places), refused)


def _request(asked: Asked, book: Book, skus: Mapping[str, int]) -> Request | Refused:
    """Return the request in our own ids, or why there is none."""
    connection_id = book.ids.get(asked.channel)
    if connection_id is None:
        return NoChannel(f"No connection that sells is called {asked.channel!r}.")
    unknown = [line.sku for line in asked.lines if line.sku not in skus]
    if unknown:
        return UnknownItem(f"No item has the SKU {unknown[0]!r}.")
    return Request(
        asked.act,
        connection_id,
        asked.reference,
        asked.version,
        tuple(RequestLine(line.line_ref, skus[line.sku], line.quantity) for line in asked.lines),
        asked.mode,
        asked.hold,
        asked.review,
        asked.until,
        asked.reason,
        asked.correlation_id,
    )


def _names(answers: Sequence[Answer], skus: Mapping[str, int]) -> dict[int, str]:
    """Return id → SKU of every item the answers speak of."""
    names = {item: sku for sku, item in skus.items()}
    missing: set[int] = set()
    for answer in answers:
        if answer.order:
            missing |= _spoken_of(answer.order)
    if missing := missing - names.keys():
        names |= {row[0]: row[1] for row in execute(_BY_ID, (sorted(missing),))}
    return names


def _spoken_of(order: HeldOrder) -> set[int]:
    lines = order.lines.values()
    return {line.item_id for line in lines} | {int(each.item) for line in lines for each in line.allocations}


def make_door() -> ReserveDoor:
    """Return the door of this process. The writer thread is started at the first request."""
    knobs: dict[str, Any] = settings.INVENTORY_SYNC

    def after(answered: Answered) -> None:
        serve_waiting(answered.freed, ports=wiring.ports())
        waker().compute()

    book = TermsBook()
    decider = Decider(book, after, keep=timedelta(seconds=knobs["IDEMPOTENCY_KEEP_S"]))
    group = GroupCommit(
        decider,
        max_rows=knobs["RESERVE_GROUP_ROWS"],
        wait_s=knobs["RESERVE_GROUP_WAIT_MS"] / 1000,
        in_company=True,
        name="reservations",
    )

    keys = KeyRing()
    return ReserveDoor(
        keys=keys,
        kept=keys.kept,
        current=book.current,
        look_ahead=book.look_ahead,
        submit=group.submit,
        waiting=group.waiting,
        clock=utc_now,
        base_url=str(knobs["HUB_URL"]),
        done=close_old_connections,
        stop=group.stop,
        max_body_bytes=knobs["DOOR_MAX_BODY_BYTES"],
    )
