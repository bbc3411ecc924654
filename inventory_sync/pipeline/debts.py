"""Find every debt the rows state: what is due now, and which task pays it. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q

from inventory_sync.cases.telling.selectors import anything_due as anything_to_tell
from inventory_sync.connections.models import Connection, Cursor
from inventory_sync.connections.running import runnable
from inventory_sync.domain.errors import Misconfigured
from inventory_sync.domain.ports import Stream
from inventory_sync.intake import selectors as intake
from inventory_sync.intake.models import ReadDue
from inventory_sync.ledger.selectors import any_dirty
from inventory_sync.pipeline import replaying, retrying
from inventory_sync.pipeline.evidence.keep import day_due
from inventory_sync.pipeline.invariants.rounds import round_due
from inventory_sync.pipeline.ports import Ports
from inventory_sync.pipeline.routes import queue_of
from inventory_sync.propagation.mirror_selectors import mirrors_due
from inventory_sync.propagation.selectors import connections_owed
from inventory_sync.workflows import naming
from inventory_sync.workflows import selectors as workflows
from inventory_sync.workflows.following import any_touched


@dataclass(frozen=True, slots=True)
class Debt:
    """A task to be run, on its queue. Made by `owed`, so that the queue is the declared one."""

    task: str
    queue: str
    arguments: dict[str, Any] = field(default_factory=dict)


def owed(task: str, *, on: str = "", **arguments: Any) -> Debt:
    """Return a debt on the task's queue; `on` chooses among those that its route declares."""
    return Debt(task, queue_of(task, on), arguments)


def find_debts(now: datetime, *, ports: Ports) -> list[Debt]:
    """Return one debt per task and arguments, the most urgent first."""
    debts = [owed("pipeline.drain_intake", on=tier, tier=tier) for tier in sorted(intake.due_tiers(now))]
    if any_dirty():
        debts.append(owed("pipeline.compute"))
    may = runnable(now)
    debts += [
        owed("pipeline.push", on="critical" if urgent else "standard", connection_id=connection_id)
        for connection_id, urgent in connections_owed(now)
        if connection_id in may.to_pay
    ]
    debts += [
        owed("pipeline.mirror", connection_id=connection_id)
        for connection_id in mirrors_due(now, compared_before=now - ports.limits.mirror_compare_every)
        if connection_id in may.to_pay
    ]
    debts += _owed_elsewhere(now, may.to_pay)
    reads = ReadDue.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=now), run_at__lte=now, connection_id__in=may.to_read
    )
    debts += [
        owed("pipeline.read_again", connection_id=connection_id)
        for connection_id in sorted(set(reads.values_list("connection_id", flat=True)))
    ]
    if retrying.any_due(now) or replaying.any_due(now):
        debts.append(owed("pipeline.retry_cases"))
    if anything_to_tell(now):
        debts.append(owed("pipeline.tell_people"))
    if round_due(now, every=ports.limits.verify_every):
        debts.append(owed("pipeline.verify"))
    if ports.limits.evidence_daily and day_due(now) is not None:
        debts.append(owed("pipeline.evidence"))
    return debts + _streams_due(now, may.to_read, ports=ports)


def _owed_elsewhere(now: datetime, active: dict[int, Connection]) -> list[Debt]:
    """Return what other systems are owed beside figures: copies of orders, word of deliveries."""
    debts = [owed("pipeline.follow_orders")] if any_touched() else []
    for task, switch, due in (
        ("pipeline.send_orders", naming.SEND_ORDERS, workflows.targets_due(now)),
        ("pipeline.tell_deliveries", naming.TELL_DELIVERIES, workflows.channels_due(now)),
    ):
        debts += [
            owed(task, connection_id=connection_id)
            for connection_id in due
            if connection_id in active and active[connection_id].config.get(switch)
        ]
    return debts


def _streams_due(now: datetime, active: dict[int, Connection], *, ports: Ports) -> list[Debt]:
    cursors = {(row.connection_id, row.stream): row for row in Cursor.objects.all()}
    debts = []
    for row in active.values():
        for stream in _streams(row, ports=ports):
            cursor = cursors.get((row.pk, stream.name))
            leased = cursor is not None and cursor.lease_until is not None and cursor.lease_until > now
            due = cursor is None or cursor.run_at is None or cursor.run_at <= now
            if due and not leased:
                debts.append(owed("pipeline.sweep", connection_id=row.pk, stream=stream.name))
    return debts


def _streams(row: Connection, *, ports: Ports) -> Sequence[Stream]:
    """Return what there is to read of a connection; one whose connector is gone stops nobody."""
    try:
        return ports.connector(row.connector).capabilities.streams
    except Misconfigured:
        return ()
