"""The PostgreSQL store of lanes. Rows are locked in id order, changed by pure functions, written back.

Lock order: after the ledger's rows; listings by id. They are locked without their key (NO KEY UPDATE, as an
update does itself): who writes a row that refers to a listing, a guard that holds it say, waits for nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from inventory_sync.connections.budgets import may_call, shut_for
from inventory_sync.connections.models import Connection
from inventory_sync.domain import lane
from inventory_sync.domain.writing import Writing
from inventory_sync.propagation import marks, waiting
from inventory_sync.propagation.models import Listing, PushAttempt, PushCall
from inventory_sync.propagation.owing import owe_all
from inventory_sync.propagation.ports import Attempt, Flight, News, Row, Sighting, Wanted
from inventory_sync.propagation.rows import to_row, write_back
from inventory_sync.propagation.saving import write_all
from inventory_sync.propagation.waiting import STAYS
from inventory_sync.support.spending import CRITICAL

MICRO = Decimal("0.000001")

# A listing's figure holds all order news only while neither its item nor a component of it is dirty: the
# ledger marks them in the transaction that brings the news.
DIRTY = """
SELECT i.id FROM unnest(%s::bigint[]) AS i(id) WHERE EXISTS (
    SELECT 1 FROM ledger_dirtyitem d WHERE d.item_id = i.id
) OR EXISTS (
    SELECT 1 FROM catalog_kitcomponent k JOIN ledger_dirtyitem d ON d.item_id = k.component_id
    WHERE k.kit_id = i.id
)
"""

# What was set aside is owed again once its reason is gone. Rows of others are left to them.
RETURN = f"""
UPDATE propagation_listing SET state = 'owed', run_at = NULL WHERE id IN (
    SELECT l.id FROM propagation_listing l WHERE l.connection_id = %(connection)s
        AND l.state IN ('shadow', 'waiting')
        AND ((l.state = 'shadow' AND %(live)s) OR (l.state = 'waiting' AND NOT {STAYS}))
    ORDER BY l.id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
"""  # noqa: S608
RETURNED_AT_ONCE = 1000

PICK = """
SELECT id FROM propagation_listing
WHERE connection_id = %(connection)s AND state = 'owed' AND (run_at IS NULL OR run_at <= %(now)s)
    AND (lease_until IS NULL OR lease_until <= %(now)s) AND (%(any)s OR urgent)
    AND NOT EXISTS (  -- who drains pays what was owed when it began, and nothing new
        SELECT 1 FROM connections_connection c
        WHERE c.id = connection_id AND c.state = 'draining' AND c.state_since < dirty_since
    )
ORDER BY dirty_since, id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
"""


class PostgresLanes:
    """See ports.LaneStore.

    budgets_by_callers_clock: budgets go by the time a caller tells, and not by the database's clock.
    """

    def __init__(self, *, near_zero: Decimal | None = None, budgets_by_callers_clock: bool = False) -> None:
        self.budgets_by_callers_clock = budgets_by_callers_clock
        chosen = near_zero if near_zero is not None else settings.INVENTORY_SYNC["URGENT_AT_OR_BELOW"]
        self.near_zero = Decimal(str(chosen))

    def transaction(self) -> AbstractContextManager[Any]:
        return transaction.atomic()

    def claim(
        self,
        connection_id: int,
        *,
        now: datetime,
        limit: int,
        calls: int,
        lease: timedelta,
        longest_life: timedelta,
    ) -> Flight:
        with transaction.atomic():
            if not self._open(connection_id, now=now):
                return Flight()
            urgent, others = self._pick(connection_id, now=now, limit=limit)
            picked = urgent + others
            if not picked:
                return Flight()
            tier = CRITICAL if urgent else ""
            wait_s = may_call(connection_id, calls, now=self._of_budgets(now), tier=tier)
            if wait_s:
                return Flight(wait_s=wait_s)
            listings = list(self._locked(picked))
            rows = [
                replace(row, state=lane.begin(row.state, now=now, lease=lease, longest_life=longest_life))
                for row in self._rows(listings)
            ]
            self._write(listings, rows)
            return Flight(tuple(rows))

    def writing(self, connection_id: int) -> Writing:
        return Writing(Connection.objects.values_list("writing", flat=True).get(pk=connection_id))

    def _open(self, connection_id: int, *, now: datetime) -> bool:
        """Owe again what need not stay aside; return whether anything may be claimed at all."""
        writing = self.writing(connection_id)
        if writing is Writing.READ_ONLY:
            return False
        given = {"connection": connection_id, "live": writing is Writing.LIVE, "limit": RETURNED_AT_ONCE}
        with connection.cursor() as cursor:
            cursor.execute(RETURN, given | waiting.values(now))
        return True

    def _pick(self, connection_id: int, *, now: datetime, limit: int) -> tuple[list[int], list[int]]:
        """Lock at most half from the urgent, the rest oldest first; the sets domain.lane.pick describes."""
        values: dict[str, Any] = {"connection": connection_id, "now": now}
        with connection.cursor() as cursor:
            cursor.execute(PICK, {**values, "any": False, "limit": (limit + 1) // 2})
            urgent = [row[0] for row in cursor.fetchall()]
            cursor.execute(PICK, {**values, "any": True, "limit": limit})
            oldest = [row[0] for row in cursor.fetchall() if row[0] not in urgent]
        return urgent, oldest[: limit - len(urgent)]

    def lock(self, listing_ids: Collection[int]) -> list[Row]:
        return self._rows(list(self._locked(listing_ids)))

    def save(self, rows: Sequence[Row], *, now: datetime) -> None:
        listings = list(self._locked([row.id for row in rows]))
        self._write(listings, rows, now=now)

    def record(self, attempts: Sequence[Attempt], *, now: datetime) -> None:
        first = next((one for one in attempts if one.exchanges), None)
        call = None
        if first is not None:
            call = PushCall.objects.create(
                connection_id=Listing.objects.values_list("connection_id", flat=True).get(
                    pk=first.listing_id
                ),
                at=first.started_at,
                exchanges=[asdict(exchange) for exchange in first.exchanges],
            )
        PushAttempt.objects.bulk_create(
            PushAttempt(
                listing_id=one.listing_id,
                at=one.started_at,
                finished_at=now,
                wanted=one.wanted,
                version=one.version,
                read_before=one.read_before,
                wrote=one.wrote,
                read_after=one.read_after,
                outcome=one.outcome,
                error_code=one.error_code,
                error_detail=one.error_detail,
                write_key=one.write_key[:120],
                unexplained=one.unexplained,
                call=call,
                correlation_id=one.correlation_id,
            )
            for one in attempts
        )

    def note_news(self, news: Sequence[News], *, now: datetime) -> None:
        marks.note_news(news, now=now, near_zero=self.near_zero)

    def observe(self, sightings: Sequence[Sighting], *, now: datetime) -> int:
        return marks.observe(sightings, now=now, near_zero=self.near_zero)

    def owe(self, wanted: Sequence[Wanted], *, now: datetime) -> frozenset[int]:
        return owe_all(wanted, now=now, near_zero=self.near_zero)

    def shut_budget(self, connection_id: int, *, now: datetime, until: datetime) -> None:
        shut_for(connection_id, until - now, now=self._of_budgets(now))

    def _of_budgets(self, now: datetime) -> datetime | None:
        """Return the time budgets go by; None is the database's own, which is every worker's."""
        return now if self.budgets_by_callers_clock else None

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────────

    def _locked(self, ids: Collection[int]) -> list[Listing]:
        return list(self._locked_where(Listing.objects.filter(id__in=ids))) if ids else []

    def _locked_where(self, query: QuerySet[Listing]) -> QuerySet[Listing]:
        return query.select_related("mapping").order_by("id").select_for_update(of=("self",), no_key=True)

    def _rows(self, listings: Sequence[Listing], *, fresh: bool = True) -> list[Row]:
        """Return the rows; with `fresh` those whose items are not dirty hold all their news."""
        dirty: set[int] = set()
        if fresh and listings:
            with connection.cursor() as cursor:
                cursor.execute(DIRTY, [sorted({one.mapping.item_id or 0 for one in listings})])
                dirty = {row[0] for row in cursor.fetchall()}
        return [to_row(one, fresh=fresh and one.mapping.item_id not in dirty) for one in listings]

    def _write(
        self, listings: Sequence[Listing], rows: Sequence[Row], *, now: datetime | None = None
    ) -> None:
        by_id = {row.id: row for row in rows}
        changed = []
        for listing in listings:
            row = by_id.get(listing.pk)
            if row is None:
                continue
            before = (listing.observed, listing.acknowledged)
            write_back(listing, row)
            if now is not None:
                listing.observed_at = now if listing.observed is not None else listing.observed_at
                if listing.acknowledged is not None and (
                    before[1] != listing.acknowledged or listing.state == Listing.State.SETTLED
                ):
                    listing.acknowledged_at = now
            changed.append(listing)
        write_all(changed)
