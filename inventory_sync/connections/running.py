"""Whether a connection may be called: staff's word (state, windows) and the breaker's. Reads only.

The dispatcher asks for all, a step for its own before it begins; each call asks again when it is paid
(budgets.py), so that a wake-up that comes late calls nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from inventory_sync.connections.breakers import rules
from inventory_sync.connections.models import Breaker, Connection, Maintenance


class Errand(StrEnum):
    """What a step is about to do. Draining finishes what is owed and begins nothing."""

    PAY = "pay"  # what is owed to it: figures, copies, documents
    READ = "read"  # streams, objects, webhooks: something new may come of it


RUNNING = {
    Errand.PAY: (Connection.State.ACTIVE, Connection.State.DRAINING),
    Errand.READ: (Connection.State.ACTIVE,),
}


@dataclass(frozen=True, slots=True)
class Runnable:
    """The connections that may be called now, by id: those whose debts may be paid, and those to be read."""

    to_pay: dict[int, Connection]
    to_read: dict[int, Connection]


def runnable(now: datetime) -> Runnable:
    """Return what may run now. One whose breaker is open runs again when its next probe is due."""
    rows = list(_running(now, Errand.PAY))
    return Runnable(
        to_pay={row.pk: row for row in rows},
        to_read={row.pk: row for row in rows if row.state in RUNNING[Errand.READ]},
    )


def may_begin(connection_id: int, errand: Errand, *, now: datetime) -> Connection | None:
    """Return the connection, or None when this errand has to wait; what is owed stays owed."""
    return _running(now, errand).filter(pk=connection_id).first()


def under_maintenance(now: datetime) -> QuerySet[Maintenance]:
    """Return the windows that are open now."""
    return Maintenance.objects.filter(starts_at__lte=now, ends_at__gt=now, closed_at__isnull=True)


def held_by(label: str, state: str, *, window_ends: datetime | None, errand: Errand) -> str:
    """Return in a sentence why staff do not want a connection called now, or nothing.

    window_ends: of the maintenance window that is open now.
    """
    if state not in RUNNING[errand]:
        return f"{label} is {Connection.State(state).label.split(':')[0].lower()}."
    return f"{label} is under maintenance until {window_ends:%Y-%m-%d %H:%M} UTC." if window_ends else ""


def _running(now: datetime, errand: Errand) -> QuerySet[Connection]:
    shut = Breaker.objects.filter(
        ~Q(phase=Breaker.Phase.CLOSED),
        connection_id=OuterRef("pk"),
        next_at__gt=now,
        next_at__lte=now + rules().at_most,  # further off it was set by a clock that has been set back
    )
    closed_for_work = under_maintenance(now).filter(connection_id=OuterRef("pk"))
    return Connection.objects.filter(
        ~Exists(shut), ~Exists(closed_for_work), state__in=RUNNING[errand]
    ).order_by(F("code"))
