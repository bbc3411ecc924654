"""The door on PostgreSQL: one connection of its own for the writer thread, wake-ups after the commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connection, transaction

from inventory_sync.api.hooks.backlog import Backlog
from inventory_sync.api.hooks.door import Door
from inventory_sync.api.hooks.group import GroupCommit
from inventory_sync.api.hooks.lookup import Lookup
from inventory_sync.intake import selectors, sql
from inventory_sync.intake.ports import NewDelivery
from inventory_sync.pipeline.wake import waker
from inventory_sync.support import correlation
from inventory_sync.support.clock import utc_now


def make_door() -> Door:
    """Return the door of this process. The writer thread is started at the first request."""
    knobs: dict[str, Any] = settings.INVENTORY_SYNC
    shards = int(knobs["INTAKE_SHARDS"])

    def flush(rows: Sequence[NewDelivery]) -> Sequence[int | None]:
        close_old_connections()
        with transaction.atomic(), connection.cursor() as cursor:
            return sql.store(cursor, rows, shards=shards).ids

    group = GroupCommit(flush, max_rows=knobs["DOOR_GROUP_ROWS"], wait_s=knobs["DOOR_GROUP_WAIT_MS"] / 1000)
    backlog = Backlog(selectors.pending_count, limit=knobs["DOOR_BACKLOG_REFUSE_ROWS"])
    return Door(
        lookup=Lookup(),
        submit=group.submit,
        wake=waker().drain_intake,
        too_much=backlog.is_too_much,
        clock=utc_now,
        new_id=correlation.new_id,
        done=close_old_connections,
        max_body_bytes=knobs["DOOR_MAX_BODY_BYTES"],
    )
