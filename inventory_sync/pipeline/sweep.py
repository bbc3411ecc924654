"""Read systems by cursor and objects by id: webhooks are hints, and what no webhook told is counted.

What is found is stored like any delivery, its cursor in the same transaction. Where books are read, number,
call and storing of one reading happen under one turn (turns.py). Runs against ports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from inventory_sync.domain.errors import NotOurTurn, RemoteUnavailable
from inventory_sync.domain.ports import BatchReader, Found, PageSkipper, Stream, SweepPage
from inventory_sync.intake.ports import NewDelivery
from inventory_sync.pipeline.drain import drain
from inventory_sync.pipeline.left_out import note_left_out
from inventory_sync.pipeline.ports import Account, Ports, Turn
from inventory_sync.support import correlation
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

MAX_PAGES = 200
APPLY_TRIES = 100
APPLY_PAUSE_S = 0.05


def stream_named(account: Account, name: str) -> Stream:
    return next(one for one in account.capabilities.streams if one.name == name)


@dataclass(frozen=True, slots=True)
class Swept:
    """How many deliveries a sweep brought. ended: there is nothing more to read for now."""

    new: int = 0
    ended: bool = True


class _Free:
    """The turn of a connection whose readings need none: what they find is settled by its own stamps."""

    def held(self) -> bool:
        return True


def sweep(
    account: Account,
    stream: Stream,
    *,
    ports: Ports,
    source: str = "sweep",
    until: Callable[[], bool] = lambda: False,
    past: bool = False,
) -> Swept:
    """Read a stream to its end, until told to stop, or for MAX_PAGES. Raises SyncError.

    past: its next page failed too often, and is skipped.
    """
    causes: list[str] = []
    first = False
    for page_number in range(MAX_PAGES):
        skip = past and page_number == 0
        with turn_of(account, ports=ports) as turn:
            with ports.intake.transaction():
                cursor = ports.cursors.load(account.id, stream.name)
                reading = ports.cursors.next_reading()
            first = first or (page_number == 0 and not cursor)
            page = _page(account, stream, cursor, skip=skip, ports=ports)
            with ports.intake.transaction():
                _still_ours(turn, account, reading)
                now = ports.clock()
                # What the very first sweep finds is history, not something a webhook failed to tell.
                came_by = "pull" if first else source
                found = _deliveries(
                    account, page.found, source=came_by, reading=reading, stream=stream, ports=ports
                )
                ids = ports.intake.store(found).ids
                causes += [
                    one.correlation_id for one, kept in zip(found, ids, strict=True) if kept is not None
                ]
                skipped = ports.cursors.save(
                    account.id, stream.name, page.cursor, now=now, done=page.done, skipped=page.unread
                )
                note_left_out(account, page, ports=ports, now=now)
                _note_skipped(
                    account, stream, unread=page.unread, over=page.done and not skipped, ports=ports
                )
        if page.done or until():
            break
    if causes:
        with correlation.bound_all(causes, new_id=ports.new_id):
            log.info("stream.swept", connection=account.code, stream=stream.name, new=len(causes))
    return Swept(len(causes), ended=page.done)


@contextmanager
def turn_of(account: Account, *, ports: Ports) -> Iterator[Turn]:
    """Hold the turn of reading where books are read; raises NotOurTurn."""
    if not account.capabilities.reads_books:
        yield _Free()
        return
    with ports.turns.take(account.id) as turn:
        yield turn


def _still_ours(turn: Turn, account: Account, reading: int) -> None:
    """See that nobody else may have read meanwhile; raises NotOurTurn, and nothing is stored."""
    if not turn.held():
        log.warning("reading.discarded", connection=account.code, reading=reading)
        raise NotOurTurn("The turn was lost while reading.")


def _page(account: Account, stream: Stream, cursor: str, *, skip: bool, ports: Ports) -> SweepPage:
    if skip:
        return cast(PageSkipper, account.client).skip_page(stream.name, cursor, now=ports.clock())
    return account.client.sweep(stream.name, cursor, now=ports.clock())


def _note_skipped(account: Account, stream: Stream, *, unread: bool, over: bool, ports: Ports) -> None:
    """Have somebody own what cannot be read, until a round goes through without leaving anything out."""
    if not account.capabilities.skips_pages:
        return
    subject = f"{account.code}/{stream.name}"
    if unread:
        log.warning("stream.page_skipped", connection=account.code, stream=stream.name)
        words = f"A page of {stream.name} of {account.code} cannot be read; the pages behind it are."
        ports.cases.open("stream.page_skipped", "stream", subject, words, connection=account.code)
    elif over:
        ports.cases.close("stream", [subject], "A whole round was read.")


def pull_orders(account: Account, *, ports: Ports) -> None:
    """Read the orders stream and see to it that everything found is applied before returning.

    Raises SyncError when the reading fails or others hold what was found for too long.
    """
    name = account.capabilities.orders_stream
    if not name:
        return
    stream = stream_named(account, name)
    if not sweep(account, stream, ports=ports, source="pull").ended:
        raise RemoteUnavailable(f"Stream {name} did not end within {MAX_PAGES} pages.")
    # What comes in from here on is order news for the next call; waiting for it might never end.
    newest = ports.intake.newest()
    for _ in range(APPLY_TRIES):
        drain(stream.tier, ports=ports, connection_id=account.id)
        if not ports.intake.any_pending(account.id, stream.tier, up_to=newest):
            return
        ports.pause(APPLY_PAUSE_S)
    raise RemoteUnavailable(f"Orders of {account.code} are still being applied.")


def read_object(account: Account, kind: str, ref: str, *, correlation_id: str, ports: Ports) -> None:
    """Read one object at its source and store it as a delivery. Raises SyncError."""
    _read(account, lambda: [account.client.read_object(kind, ref)], correlation_id, ports=ports)


def read_objects(account: Account, kind: str, refs: Sequence[str], *, ports: Ports) -> None:
    """Read several objects in one call, which is one reading. Raises SyncError when it fails for one."""
    client = cast(BatchReader, account.client)
    _read(account, lambda: client.read_objects(kind, refs), "", ports=ports)


def _read(
    account: Account, call: Callable[[], Sequence[Found]], correlation_id: str, *, ports: Ports
) -> None:
    with turn_of(account, ports=ports) as turn:
        with ports.intake.transaction():
            reading = ports.cursors.next_reading()
        found = call()
        with ports.intake.transaction():
            _still_ours(turn, account, reading)
            ports.intake.store(
                _deliveries(
                    account, found, source="read", reading=reading, ports=ports, correlation_id=correlation_id
                )
            )


def _deliveries(
    account: Account,
    found: Sequence[Found],
    *,
    source: str,
    reading: int,
    ports: Ports,
    stream: Stream | None = None,
    correlation_id: str = "",
) -> list[NewDelivery]:
    now = ports.clock()
    return [
        NewDelivery(
            connection_id=account.id,
            topic=one.topic,
            headers={"stream": stream.name} if stream else {},
            body=one.body,
            # A reading by id settles equal stamps: it counts even if its content was seen before.
            dedupe_key=f"{one.dedupe_key}#{reading}" if source == "read" else one.dedupe_key,
            object_key=one.object_key,
            tier=one.tier,
            source=source,
            received_at=now,
            correlation_id=correlation_id or ports.new_id(),
            reading=reading,
        )
        for one in found
    ]
