"""Tell a channel what was delivered of its orders, one order at a time, the longest owed first.

Telling reads before it writes, so it may be repeated; yet after a lost answer nothing is sent before the
longest life of a request has passed, because the first may still land between a reading and a writing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from inventory_sync.domain.commands import Delivered, DeliveryTaker
from inventory_sync.domain.errors import (
    Misconfigured,
    OutcomeUnknown,
    SyncError,
    Transient,
)
from inventory_sync.domain.lane import retry_after
from inventory_sync.domain.ports import Clock, Exchange
from inventory_sync.support import correlation, spending
from inventory_sync.support.logs import get_logger
from inventory_sync.workflows.models import Attempt, Call, DeliveryTold
from inventory_sync.workflows.ports import CaseBook
from inventory_sync.workflows.selectors import deliveries_due

log = get_logger(__name__)

CASE = "delivery_told"
MAX_ATTEMPTS = 20
MARGIN = timedelta(seconds=30)


@dataclass(slots=True)
class Telling:
    """One stretch of telling one channel. `exchanges` is filled by the client as it calls."""

    channel_id: int
    code: str
    client: DeliveryTaker
    longest_life: timedelta
    cases: CaseBook
    clock: Clock
    jitter: Callable[[], float]
    exchanges: list[Exchange] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    interrupted: Transient | None = None


def tell(work: Telling, *, until: Callable[[], bool]) -> dict[str, int]:
    """Tell what is due until nothing is, `until` says stop or the channel is away. Raises Misconfigured."""
    while work.interrupted is None and not until():
        row = _claim(work)
        if row is None:
            break
        with correlation.bound(correlation_id=row.correlation_id):
            _tell(work, row)
    if work.counts:
        log.info("deliveries.told", **work.counts)
    return dict(work.counts)


def _claim(work: Telling) -> DeliveryTold | None:
    """Take one due row; its lease outlasts every call, so a killed worker's call has landed when it ends."""
    with transaction.atomic():
        now = work.clock()
        row: DeliveryTold | None = (
            deliveries_due(now)
            .filter(channel_id=work.channel_id)
            .select_related("order")
            .order_by("run_at", "order_id")
            .select_for_update(skip_locked=True, of=("self",))
            .first()
        )
        if row is None:
            return None
        row.lease_until = now + work.longest_life + MARGIN
        row.token, row.attempts = row.token + 1, row.attempts + 1
        row.save(update_fields=["lease_until", "token", "attempts"])
    return row


def _tell(work: Telling, row: DeliveryTold) -> None:
    started = work.clock()
    told = Delivered(
        order_ref=row.order.order_ref,
        version=row.version,
        complete=row.complete,
        lines={line: Decimal(quantity) for line, quantity in row.lines.items()},
    )
    error: SyncError | None = None
    document = ""
    try:
        with spending.writing(lambda: work.clock() < started + MARGIN):
            done = work.client.tell_delivered(told)
        error, document = done.error, done.document
    except Misconfigured as refused:
        _note(work, row, refused, "", started=started)
        raise
    except SyncError as failed:
        error = failed
    except Exception as failed:
        log.exception("delivery.failed", order=row.order_id)
        error = OutcomeUnknown(f"{type(failed).__name__}: {failed}")
    _note(work, row, error, document, started=started)
    if isinstance(error, Transient) and not isinstance(error, OutcomeUnknown):
        work.interrupted = error


def _note(
    work: Telling, row: DeliveryTold, error: SyncError | None, document: str, *, started: datetime
) -> None:
    """Store what came of it, if the row is still ours; a version owed meanwhile stays owed."""
    with transaction.atomic():
        now = work.clock()
        kept = DeliveryTold.objects.select_for_update().get(pk=row.pk)
        if kept.token != row.token:
            log.warning("lease.lost", connection=work.code)
            return
        if error is None:
            _told(work, kept, row.version, document, now)
        else:
            _failed(work, kept, error, now)
        kept.save()
        _record(work, kept, row.version, error, document, started=started, now=now)


def _told(work: Telling, kept: DeliveryTold, version: int, document: str, now: datetime) -> None:
    work.counts["told"] += 1
    kept.told_version, kept.told_at, kept.attempts, kept.lease_until = version, now, 0, None
    kept.document = (document or kept.document)[:120]
    kept.error_code = kept.error_detail = ""
    if kept.version != version:
        kept.run_at = now
        return
    if kept.state != DeliveryTold.State.GIVEN_UP:
        kept.state, kept.run_at = DeliveryTold.State.TOLD, None
    work.cases.close(CASE, [str(kept.pk)], "The channel was told.")


def _failed(work: Telling, kept: DeliveryTold, error: SyncError, now: datetime) -> None:
    kept.error_code, kept.error_detail = error.code, error.detail[:2000]
    if isinstance(error, OutcomeUnknown):
        kept.run_at = kept.lease_until  # until then it may still land
        work.counts["unknown"] += 1
    else:
        kept.lease_until = None
        wait = retry_after(kept.attempts, work.jitter())
        if isinstance(error, Transient) and error.retry_after_s is not None:
            wait = max(wait, timedelta(seconds=error.retry_after_s))
        kept.run_at = now + wait
        work.counts["put_off"] += 1
    if kept.state == DeliveryTold.State.GIVEN_UP:
        kept.run_at = None
        return
    final = not isinstance(error, Transient | Misconfigured)
    if final:
        kept.state, kept.run_at = DeliveryTold.State.REFUSED, None
        work.counts["refused"] += 1
    if final or kept.attempts == MAX_ATTEMPTS:
        work.cases.open(
            error.code,
            CASE,
            str(kept.pk),
            f"{work.code} was not told what left for order {kept.order.number or kept.order.order_ref}: "
            f"{error.detail}",
            connection=work.code,
            correlation_id=kept.correlation_id,
            order=kept.order.order_ref,
        )


def _record(
    work: Telling,
    kept: DeliveryTold,
    version: int,
    error: SyncError | None,
    document: str,
    *,
    started: datetime,
    now: datetime,
) -> None:
    call = None
    work.calls += len(work.exchanges)
    if work.exchanges:
        exchanges = [asdict(exchange) for exchange in work.exchanges]
        call = Call.objects.create(connection_id=work.channel_id, at=started, exchanges=exchanges)
        work.exchanges.clear()
    Attempt.objects.create(
        delivery=kept,
        call=call,
        at=started,
        finished_at=now,
        version=version,
        step="tell",
        outcome="done" if error is None else "refused" if kept.state == "refused" else "owed",
        document=document[:120],
        error_code=error.code if error else "",
        error_detail=error.detail[:2000] if error else "",
        correlation_id=kept.correlation_id,
    )
