"""Which cases the parked lines and refused messages of now need, seen whole.

The drain opens and closes them by itself. This is for what no batch sees: lines that a person resolved, lines
that were parked before there were cases of them, deliveries that were dropped with their partition.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection

from inventory_sync.cases.models import Case
from inventory_sync.domain.failures import Failure
from inventory_sync.intake.models import Delivery, ParkedLine
from inventory_sync.intake.ports import DELIVERY_KIND, PARKED_KIND, Waiting, waiting
from inventory_sync.intake.store import PostgresIntake

_UNOWNED = """
SELECT p.code, p.connection_id, c.code, p.waits_on, CASE WHEN p.waits_on = '' THEN p.delivery_id ELSE 0 END,
    min(p.detail), min(p.summary), count(*)
FROM intake_parkedline p JOIN connections_connection c ON c.id = p.connection_id
WHERE p.resolved_at IS NULL AND NOT p.code = ANY(%s) AND NOT EXISTS (
    SELECT FROM cases_case k WHERE k.state = 'open' AND k.code = p.code AND k.subject_kind = CASE
        WHEN p.waits_on = '' THEN %s ELSE %s END AND k.subject_id = CASE
        WHEN p.waits_on = '' THEN p.delivery_id::text ELSE p.connection_id || ':' || p.waits_on END)
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 4, 5 LIMIT %s
"""


def unowned(*, besides: Collection[str], most: int) -> list[Failure]:
    """Return a failure for each thing that lines wait for without a case; codes `besides` need none."""
    with connection.cursor() as cursor:
        cursor.execute(_UNOWNED, [list(besides), DELIVERY_KIND, PARKED_KIND, most])
        rows = cursor.fetchall()
    found = []
    for code, connection_id, connection_code, waits_on, delivery_id, detail, summary, count in rows:
        each = waiting(code, connection_id, waits_on, delivery_id)
        words = f"{detail} Waiting: {summary}." if summary else detail
        found.append(
            Failure(code, each.kind, each.subject, words, connection_code=connection_code, times=count)
        )
    return found


def over_of(rows: Collection[Case]) -> list[Case]:
    """Return those of these open cases, locked by the caller, that nothing waits for any more."""
    parked = {row.pk: each for row in rows if (each := _parked(row)) is not None}
    still = PostgresIntake().still(set(parked.values()))
    over = {pk for pk, each in parked.items() if each not in still}

    ids = {row.pk: int(row.subject_id) for row in rows if row.subject_kind == DELIVERY_KIND}
    states = dict(Delivery.objects.filter(pk__in=ids.values()).values_list("pk", "state"))
    lines = ParkedLine.objects.filter(delivery_id__in=ids.values(), resolved_at=None)
    waits = set(lines.values_list("delivery_id", flat=True))
    for pk, delivery_id in ids.items():
        state = states.get(delivery_id)
        if state in (None, Delivery.State.DONE) or (
            state == Delivery.State.PARKED and delivery_id not in waits
        ):
            over.add(pk)
    return [row for row in rows if row.pk in over]


def _parked(row: Case) -> Waiting | None:
    """Return what the lines of a case wait for, None for a case of another kind."""
    if row.subject_kind != PARKED_KIND:
        return None
    connection_id, _, waits_on = row.subject_id.partition(":")
    return waiting(row.code, int(connection_id), waits_on, 0)
