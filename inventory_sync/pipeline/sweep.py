"""Read systems by cursor and objects by id: webhooks are hints, and what no webhook told is counted.

What is found is stored like any delivery, its cursor in the same transaction. Runs against ports.
"""

from __future__ import annotations

from collections.abc import Sequence

from inventory_sync.domain.errors import RemoteUnavailable
from inventory_sync.domain.ports import Found, Stream
from inventory_sync.intake.ports import NewDelivery
from inventory_sync.pipeline.drain import drain
from inventory_sync.pipeline.left_out import note_left_out
from inventory_sync.pipeline.ports import Account, Ports
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

MAX_PAGES = 200
APPLY_TRIES = 100
APPLY_PAUSE_S = 0.05


def stream_named(account: Account, name: str) -> Stream:
    return next(one for one in account.capabilities.streams if one.name == name)


def sweep(account: Account, stream: Stream, *, ports: Ports, source: str = "sweep") -> int:
    """Read a stream to its end; returns how many deliveries were new. Raises SyncError."""
    new = 0
    first = False
    for page_number in range(MAX_PAGES):
        with ports.intake.transaction():
            cursor = ports.cursors.load(account.id, stream.name)
            reading = ports.cursors.next_reading()
        first = first or (page_number == 0 and not cursor)
        page = account.client.sweep(stream.name, cursor, now=ports.clock())
        with ports.intake.transaction():
            now = ports.clock()
            # What the very first sweep finds is history, not something a webhook failed to tell.
            came_by = "pull" if first else source
            new += ports.intake.store(
                _deliveries(account, page.found, source=came_by, reading=reading, stream=stream, ports=ports)
            ).new
            ports.cursors.save(account.id, stream.name, page.cursor, now=now, done=page.done)
            note_left_out(account, page, ports=ports, now=now)
        if page.done:
            if new:
                log.info("stream.swept", connection=account.code, stream=stream.name, new=new)
            return new
    raise RemoteUnavailable(f"Stream {stream.name} did not end within {MAX_PAGES} pages.")


def pull_orders(account: Account, *, ports: Ports) -> None:
    """Read the orders stream and see to it that everything found is applied before returning.

    Raises SyncError when the reading fails or others hold what was found for too long.
    """
    name = account.capabilities.orders_stream
    if not name:
        return
    stream = stream_named(account, name)
    sweep(account, stream, ports=ports, source="pull")
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
    with ports.intake.transaction():
        reading = ports.cursors.next_reading()
    found = account.client.read_object(kind, ref)
    with ports.intake.transaction():
        ports.intake.store(
            _deliveries(
                account, [found], source="read", reading=reading, ports=ports, correlation_id=correlation_id
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
