"""Which cases the parked lines and refused messages of now need, seen whole.

The drain opens and closes them by itself. This is for what no batch sees: lines that a person resolved, lines
that were parked before there were cases of them, deliveries that were dropped with their partition.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping

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

# All at once, unlocked: most of what waits still waits. Who closes them locks them first and looks again.
_PERHAPS_OVER = """
SELECT k.id FROM cases_case k
WHERE k.state = 'open' AND k.subject_kind = %(parked)s AND NOT EXISTS (
    SELECT FROM intake_parkedline p WHERE p.resolved_at IS NULL AND p.code = k.code
        AND p.connection_id || ':' || p.waits_on = k.subject_id)
UNION ALL
SELECT k.id FROM cases_case k
LEFT JOIN intake_delivery d ON d.id = CASE WHEN k.subject_id ~ '^[0-9]{1,18}$' THEN k.subject_id::bigint END
WHERE k.state = 'open' AND k.subject_kind = %(delivery)s AND (
    d.id IS NULL OR d.state = 'done'
    OR d.state = 'parked' AND NOT EXISTS (
        SELECT FROM intake_parkedline p WHERE p.delivery_id = d.id AND p.resolved_at IS NULL
            AND p.code = k.code AND p.waits_on = '')
    OR d.state = 'rejected' AND d.error_code NOT IN ('', k.code))
ORDER BY 1
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


def perhaps_over() -> list[int]:
    """Return the open cases, by id, that nothing seems to wait for."""
    with connection.cursor() as cursor:
        cursor.execute(_PERHAPS_OVER, {"parked": PARKED_KIND, "delivery": DELIVERY_KIND})
        return [row[0] for row in cursor.fetchall()]


def over_of(rows: Collection[Case]) -> list[Case]:
    """Return those of these open cases, locked by the caller, that nothing waits for any more.

    One of a delivery is over too when that fails in another way by now, of which there is another case.
    """
    parked = {row.pk: each for row in rows if (each := _parked(row)) is not None}
    still = PostgresIntake().still(set(parked.values()))
    over = {pk for pk, each in parked.items() if each not in still}

    ids = {row.pk: int(row.subject_id) for row in rows if row.subject_kind == DELIVERY_KIND and _is_id(row)}
    found = Delivery.objects.filter(pk__in=ids.values()).values_list("pk", "state", "error_code")
    states = {pk: (state, code) for pk, state, code in found}
    lines = ParkedLine.objects.filter(delivery_id__in=ids.values(), resolved_at=None, waits_on="")
    waits = set(lines.values_list("delivery_id", "code"))
    for row in rows:
        if row.pk in ids and _is_over(row.code, ids[row.pk], states, waits):
            over.add(row.pk)
    return [row for row in rows if row.pk in over]


def _is_over(
    code: str, delivery_id: int, states: Mapping[int, tuple[str, str]], waits: Container[tuple[int, str]]
) -> bool:
    state, failed_by = states.get(delivery_id, (Delivery.State.DONE, ""))
    match state:
        case Delivery.State.DONE:
            return True
        case Delivery.State.PARKED:
            return (delivery_id, code) not in waits
        case Delivery.State.REJECTED:
            return failed_by not in ("", code)
        case _:
            return False


def _is_id(row: Case) -> bool:
    return row.subject_id.isascii() and row.subject_id.isdigit()


def _parked(row: Case) -> Waiting | None:
    """Return what the lines of a case wait for, None for a case of another kind."""
    connection_id, _, waits_on = row.subject_id.partition(":")
    if row.subject_kind != PARKED_KIND or not connection_id.isdigit():
        return None
    return waiting(row.code, int(connection_id), waits_on, 0)
