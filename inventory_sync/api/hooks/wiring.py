"""The door on PostgreSQL: one connection of its own for the writer thread, wake-ups after the commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connection, transaction

from inventory_sync.api.hooks.backlog import Backlog, Limits, Pressure, Waiting, free_percent
from inventory_sync.api.hooks.door import Door
from inventory_sync.api.hooks.group import GroupCommit
from inventory_sync.api.hooks.lookup import Lookup
from inventory_sync.api.hooks.tally import Tally
from inventory_sync.intake import selectors, sql
from inventory_sync.intake.ports import NewDelivery
from inventory_sync.pipeline.wake import waker
from inventory_sync.support import correlation
from inventory_sync.support.clock import utc_now
from inventory_sync.support.correlation import IN_A_LINE
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)


def make_door() -> Door:
    """Return the door of this process. The writer thread is started at the first request."""
    knobs: dict[str, Any] = settings.INVENTORY_SYNC
    shards = int(knobs["INTAKE_SHARDS"])

    def flush(rows: Sequence[NewDelivery]) -> Sequence[int | None]:
        close_old_connections()
        with transaction.atomic(), connection.cursor() as cursor:
            ids = sql.store(cursor, rows, shards=shards).ids
        tell(rows, ids)
        return ids

    group = GroupCommit(flush, max_rows=knobs["DOOR_GROUP_ROWS"], wait_s=knobs["DOOR_GROUP_WAIT_MS"] / 1000)
    backlog = Backlog(
        lambda: look(knobs),
        limits=Limits(knobs["DOOR_BACKLOG_REFUSE_ROWS"], knobs["DOOR_BACKLOG_REFUSE_AGE_S"]),
    )
    tally = Tally()

    def done() -> None:
        tally.add()
        close_old_connections()

    return Door(
        lookup=Lookup(),
        submit=group.submit,
        wake=waker().drain_intake,
        refuses=backlog.refuses,
        note=tally.note,
        clock=utc_now,
        new_id=correlation.new_id,
        done=done,
        max_body_bytes=knobs["DOOR_MAX_BODY_BYTES"],
    )


def tell(rows: Sequence[NewDelivery], ids: Sequence[int | None]) -> None:
    """Log what was stored, a line for as many as share a commit: at a thousand a second each is too many."""
    for start in range(0, len(rows), IN_A_LINE):
        part = list(zip(rows, ids, strict=True))[start : start + IN_A_LINE]
        log.info(
            "hook.stored",
            correlation_ids=[row.correlation_id for row, _ in part],
            repeated=sum(stored is None for _, stored in part),
        )


def look(knobs: dict[str, Any]) -> Pressure:
    """Return what waits, and whether the disk is as good as full by what the settings declare of it."""
    tiers = {tier: Waiting(rows, oldest_s) for tier, rows, oldest_s in selectors.waiting_by_tier(utc_now())}
    most = int(knobs["DATABASE_FULL_BYTES"])
    full = bool(most) and selectors.database_bytes() > most
    path = str(knobs["DOOR_DISK_PATH"])
    if path and not full:
        full = free_percent(path) < knobs["DOOR_DISK_FREE_PERCENT"]
    return Pressure(tiers, disk_is_full=full)
