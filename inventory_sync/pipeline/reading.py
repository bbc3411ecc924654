"""Reading at the source on our own initiative: due sweeps, due objects, open orders, webhook health.

Each is claimed by a lease in its row, so that two workers do not read the same; a failure moves run_at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Q, Value, When

from inventory_sync.connections.models import Connection, Cursor, Hook
from inventory_sync.connections.running import runnable
from inventory_sync.domain.errors import (
    NOT_ASKED,
    Misconfigured,
    NotAnswering,
    NotOurTurn,
    Rejected,
    SyncError,
    Transient,
)
from inventory_sync.domain.lane import retry_after
from inventory_sync.domain.ports import Capabilities
from inventory_sync.intake.models import ReadDue
from inventory_sync.intake.ports import ReadWanted
from inventory_sync.ledger.selectors import open_orders_not_seen_since
from inventory_sync.pipeline import sweep
from inventory_sync.pipeline.doubting import doubt_unread
from inventory_sync.pipeline.flight import AFTER_THE_PROBE
from inventory_sync.pipeline.ports import Account, Ports
from inventory_sync.pipeline.snapshots import READ_KIND
from inventory_sync.support.logs import get_logger
from inventory_sync.support.spending import BULK, spending

log = get_logger(__name__)

READ_BATCH = 20
TURN_AGAIN = timedelta(seconds=1)
LONGEST_REST = timedelta(seconds=30)  # how often a connection in trouble is asked is its breaker's business
SKIP_AFTER = 3  # failures in a row of one page, after which the pages behind it come first
DOUBT_AFTER = 10  # attempts, about a quarter of an hour, after which an item's figure is no longer believed
RECHECK_AFTER = timedelta(minutes=15)
RECHECK_BATCH = 100
HOOKS_EVERY = timedelta(minutes=3)


def sweep_due(
    connection_id: int, name: str, *, ports: Ports, until: Callable[[], bool] = lambda: False
) -> tuple[int, str]:
    """Sweep a stream if it is due and nobody else does; returns how many deliveries were new, and their tier.

    Wake-ups that piled up while it was swept find nothing due. What does not end in time stays due, and goes
    on at its cursor.
    """
    now = ports.clock()
    with transaction.atomic():
        row, _ = Cursor.objects.select_for_update().get_or_create(connection_id=connection_id, stream=name)
        leased = row.lease_until is not None and row.lease_until > now
        if leased or (row.run_at is not None and row.run_at > now):
            return 0, "standard"
        row.run_at = row.lease_until = now + _lease()
        row.token += 1
        row.save(update_fields=["run_at", "lease_until", "token", "updated_at"])
    try:
        account = ports.account(connection_id)
        stream = sweep.stream_named(account, name)
        past = account.capabilities.skips_pages and row.failures >= SKIP_AFTER
        with spending(BULK):
            swept = sweep.sweep(
                account,
                stream,
                ports=ports,
                until=lambda: not _renewed(row, ports=ports) or until(),
                past=past,
            )
    except NotOurTurn:
        _give_back(row, run_at=ports.clock() + _turn_comes(ports))
        return 0, "standard"
    except SyncError as error:
        _sweep_failed(row, error, ports=ports)
        return 0, "standard"
    except Exception as error:
        _sweep_failed(row, SyncError(f"{type(error).__name__}: {error}"), ports=ports)
        raise
    scale = settings.INVENTORY_SYNC["SWEEP_SCALE_PERCENT"] / 100
    rest = timedelta(seconds=stream.every_s * scale) if swept.ended else timedelta()
    _give_back(row, run_at=ports.clock() + rest)
    return swept.new, stream.tier


def _lease() -> timedelta:
    """Return how long one page, or one object, may take; a worker that was killed holds it no longer."""
    return timedelta(seconds=settings.INVENTORY_SYNC["READ_LEASE_S"])


def _renewed(row: Cursor, *, ports: Ports) -> bool:
    """Keep the stream for another page; False when somebody else has taken it over."""
    kept = Cursor.objects.filter(pk=row.pk, token=row.token)
    return bool(kept.update(lease_until=ports.clock() + _lease()))


def _give_back(row: Cursor, *, run_at: datetime, **more: Any) -> None:
    """Let others sweep the stream, at the earliest at `run_at` unless somebody hinted at it meanwhile."""
    due = Case(When(run_at=row.run_at, then=Value(run_at)), default=F("run_at"))
    Cursor.objects.filter(pk=row.pk, token=row.token).update(lease_until=None, run_at=due, **more)


def _turn_comes(ports: Ports) -> timedelta:
    """Return when to ask for the turn again: soon, and not all at once."""
    return TURN_AGAIN * (0.5 + ports.jitter())


def _sweep_failed(row: Cursor, error: SyncError, *, ports: Ports) -> None:
    log.warning("stream.not_swept", stream=row.stream, code=error.code, detail=error.detail)
    wait = retry_after(row.failures + 1, ports.jitter(), cap=LONGEST_REST)
    if isinstance(error, NotAnswering):
        wait = AFTER_THE_PROBE
    elif isinstance(error, Transient) and error.retry_after_s is not None:
        wait = timedelta(seconds=error.retry_after_s)
    if isinstance(error, Misconfigured):
        ports.misconfigured(row.connection_id, error.detail)
    _give_back(
        row,
        run_at=ports.clock() + wait,
        failures=F("failures") + (0 if isinstance(error, NOT_ASKED) else 1),
        error_code=error.code,
        error_detail=error.detail,
    )


def read_due(connection_id: int, *, ports: Ports, until: Callable[[], bool]) -> int:
    """Read due objects by id, each stored as a delivery; a hint that comes meanwhile keeps the row."""
    done = 0
    try:
        account = ports.account(connection_id)
    except Misconfigured as error:
        ports.misconfigured(connection_id, error.detail)
        return 0
    if account.capabilities.reads_books and _somebody_reads(connection_id, ports.clock()):
        return 0
    while not until():
        rows = _claim_due(connection_id, ports.clock())
        if not rows:
            break
        try:
            for together in _together(rows, account.capabilities):
                done += _read_together(account, together, ports=ports)
        except NotOurTurn:
            _not_yet(rows, run_at=ports.clock() + _turn_comes(ports))
            break
        except NotAnswering:
            _not_yet(rows, run_at=ports.clock() + AFTER_THE_PROBE)
            break
        except NOT_ASKED as error:
            _not_yet(rows, run_at=ports.clock() + timedelta(seconds=error.retry_after_s or 1.0))
            break
        except Misconfigured as error:
            ports.misconfigured(connection_id, error.detail)
            _not_yet(rows, run_at=ports.clock())
            break
    return done


def _somebody_reads(connection_id: int, now: datetime) -> bool:
    """Say whether a worker is at it already: another would stand and wait for the turn."""
    return ReadDue.objects.filter(connection_id=connection_id, lease_until__gt=now).exists()


def _claim_due(connection_id: int, now: datetime) -> list[ReadDue]:
    with transaction.atomic():
        rows = list(
            ReadDue.objects.select_for_update(skip_locked=True)
            .filter(
                Q(lease_until__isnull=True) | Q(lease_until__lt=now),
                connection_id=connection_id,
                run_at__lte=now,
            )
            .order_by("run_at")[:READ_BATCH]
        )
        for row in rows:
            row.lease_until, row.token, row.attempts = now + _lease(), row.token + 1, row.attempts + 1
        ReadDue.objects.bulk_update(rows, ["lease_until", "token", "attempts"])
    return rows


def _not_yet(rows: Sequence[ReadDue], *, run_at: datetime) -> None:
    """Give back those of the rows that were not read: that was no attempt."""
    for row in rows:
        ReadDue.objects.filter(pk=row.pk, token=row.token, lease_until__isnull=False).update(
            lease_until=None, run_at=run_at, attempts=F("attempts") - 1
        )


def _together(rows: Sequence[ReadDue], can: Capabilities) -> list[list[ReadDue]]:
    """Return the rows by the call that reads them: what failed before goes alone, so that it fails alone."""
    new = [row for row in rows if row.kind == READ_KIND and row.attempts == 1] if can.read_batch > 1 else []
    alone = [[row] for row in rows if row not in new]
    size = can.read_batch
    return [new[start : start + size] for start in range(0, len(new), size)] + alone


def _read_together(account: Account, rows: Sequence[ReadDue], *, ports: Ports) -> int:
    if len(rows) == 1:
        return _read_one(account, rows[0], ports=ports)
    try:
        sweep.read_objects(account, READ_KIND, [row.ref for row in rows], ports=ports)
    except (Misconfigured, NotOurTurn, *NOT_ASKED):
        raise
    except Rejected:
        return sum(_read_one(account, row, ports=ports) for row in rows)
    except SyncError as error:
        for row in rows:
            _read_failed(account, row, error, ports=ports)
        return 0
    for row in rows:
        _no_longer_due(row)
    return len(rows)


def _read_one(account: Account, row: ReadDue, *, ports: Ports) -> int:
    try:
        sweep.read_object(account, row.kind, row.ref, correlation_id=row.correlation_id, ports=ports)
    except (Misconfigured, NotOurTurn, *NOT_ASKED):
        raise
    except Rejected as error:
        log.warning("object.dropped", kind=row.kind, ref=row.ref, code=error.code, detail=error.detail)
        doubt_unread(account, row, ports=ports)
        _no_longer_due(row)
        return 0
    except SyncError as error:
        _read_failed(account, row, error, ports=ports)
        return 0
    _no_longer_due(row)
    return 1


def _read_failed(account: Account, row: ReadDue, error: SyncError, *, ports: Ports) -> None:
    wait = retry_after(row.attempts, ports.jitter())
    ReadDue.objects.filter(pk=row.pk, token=row.token).update(
        lease_until=None, run_at=ports.clock() + wait, error_detail=error.detail
    )
    log.warning("object.not_read", kind=row.kind, ref=row.ref, code=error.code)
    if row.attempts == DOUBT_AFTER:
        doubt_unread(account, row, ports=ports)


def _no_longer_due(row: ReadDue) -> None:
    """Forget the row, unless it was hinted at again meanwhile: then it is read again."""
    gone, _ = ReadDue.objects.filter(pk=row.pk, token=row.token, version=row.version).delete()
    if not gone:
        ReadDue.objects.filter(pk=row.pk, token=row.token).update(lease_until=None, attempts=0)


def recheck_open_orders(*, ports: Ports) -> int:
    """Have orders with open lines read again that nobody spoke of for a while; some vanish silently."""
    now = ports.clock()
    wanted = [
        ReadWanted(connection_id, "order", ref, "open for long")
        for connection_id, ref in open_orders_not_seen_since(now - RECHECK_AFTER, limit=RECHECK_BATCH)
    ]
    if wanted:
        with ports.intake.transaction():
            ports.intake.want_reads(wanted, now=now)
    return len(wanted)


def heal_hooks(*, ports: Ports) -> int:
    """See that webhooks exist and are active; after a gap the streams are read at once."""
    now = ports.clock()
    healed = 0
    for row in runnable(now).to_read.values():
        try:
            if not ports.connector(row.connector).capabilities.needs_hooks or _looked_at(row, now):
                continue
            healed += _heal(row, now, ports=ports)
        except Misconfigured as error:
            ports.misconfigured(row.pk, error.detail)
        except SyncError as error:
            log.warning("hooks.not_healed", connection=row.code, code=error.code, detail=error.detail)
    return healed


def _looked_at(row: Connection, now: datetime) -> bool:
    return row.hooks.exists() and not row.hooks.filter(checked_at__lt=now - HOOKS_EVERY).exists()


def _heal(row: Connection, now: datetime, *, ports: Ports) -> int:
    account = ports.account(row.pk)
    config: Any = ports.config(row.pk)
    address = f"{settings.INVENTORY_SYNC['HUB_URL'].rstrip('/')}/hooks/{row.code}/"
    with spending(BULK):
        states = account.client.heal_hooks(delivery_url=address, secret=getattr(config, "webhook_secret", ""))
    recreated = 0
    with transaction.atomic():
        for state in states:
            hook, new = Hook.objects.update_or_create(
                connection=row,
                topic=state.topic,
                defaults={"external_id": state.external_id, "status": state.status, "checked_at": now},
            )
            if state.recreated and not new:
                recreated += 1
                Hook.objects.filter(pk=hook.pk).update(recreated=F("recreated") + 1)
        if recreated:
            ports.intake.want_reads([ReadWanted(row.pk, "stream", "", "webhooks were recreated")], now=now)
            log.warning("hooks.recreated", connection=row.code, count=recreated)
    return recreated
