"""The PostgreSQL store of copies of orders. Lock order: the writer's lease, then copies by id."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When

from inventory_sync.connections import writers
from inventory_sync.connections.models import Connection
from inventory_sync.connections.writers import Writer
from inventory_sync.workflows.models import Attempt, Call, Copy
from inventory_sync.workflows.ports import Made, Row, State
from inventory_sync.workflows.rows import FIELDS, to_row, write_back

HOLDER = "orders"


def due_now(now: datetime) -> Q:
    """Say which copies a writer may take up; who drains finishes what was owed when it began, no more."""
    free = Q(not_before__isnull=True) | Q(not_before__lte=now)
    begun = ~Q(target__state=Connection.State.DRAINING) | Q(since__lte=F("target__state_since"))
    return free & begun & Q(run_at__lte=now) & ~Q(state=Copy.State.GIVEN_UP)


class PostgresCopies:
    """See ports.CopyStore."""

    def transaction(self) -> AbstractContextManager[Any]:
        return transaction.atomic()

    def claim_writer(self, connection_id: int, *, now: datetime, until: datetime) -> Writer | None:
        with transaction.atomic():
            return writers.claim(connection_id, HOLDER, now=now, until=until)

    def renew_writer(self, writer: Writer, *, until: datetime) -> Writer:
        with transaction.atomic():
            return writers.renew(writer, until=until)

    def release_writer(self, writer: Writer) -> None:
        with transaction.atomic():
            writers.release(writer)

    def due(self, connection_id: int, *, now: datetime, limit: int) -> list[Row]:
        found = (
            Copy.objects.filter(due_now(now), target_id=connection_id)
            .exclude(location_ref="")
            .annotate(rank=Case(When(state=Copy.State.OWED, then=Value(0)), default=Value(1)))
            .order_by("rank", "run_at", "id")
            .select_related("source")
        )
        return [to_row(copy) for copy in found[:limit]]

    def lock(self, writer: Writer, ids: Collection[int]) -> list[Row]:
        writers.check(writer)
        return [to_row(copy) for copy in _locked(ids)]

    def save(self, rows: Sequence[Row], *, now: datetime) -> None:
        by_id = {row.id: row for row in rows}
        copies = list(_locked(by_id))
        for copy in copies:
            row = by_id[copy.pk]
            was = (copy.seen_state, copy.seen_lines, copy.known)
            settled_before = copy.state == Copy.State.SETTLED
            write_back(copy, row)
            if row.seen is not None and (row.failures == 0 or was[0] == ""):
                copy.seen_at = now
            if settled_before and row.state is State.OWED:
                copy.since = now
        if copies:
            Copy.objects.bulk_update(copies, FIELDS, batch_size=200)

    def record(self, connection_id: int, made: Made) -> None:
        if not made.attempts:
            return
        call = None
        if made.exchanges:
            call = Call.objects.create(
                connection_id=connection_id,
                at=made.attempts[0].started_at,
                exchanges=[asdict(exchange) for exchange in made.exchanges],
            )
        Attempt.objects.bulk_create(
            Attempt(
                copy_id=one.copy_id,
                call=call,
                at=one.started_at,
                finished_at=one.finished_at,
                version=one.version,
                step=one.step,
                outcome=one.outcome,
                document=one.document[:120],
                error_code=one.error_code,
                error_detail=one.error_detail[:2000],
                correlation_id=one.correlation_id,
            )
            for one in made.attempts
        )


def _locked(ids: Collection[int]) -> QuerySet[Copy]:
    return (
        Copy.objects.filter(pk__in=ids)
        .select_related("source")
        .order_by("pk")
        .select_for_update(of=("self",))
    )
