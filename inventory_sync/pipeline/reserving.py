"""What staff do to reservations asked for through the hub: with a reason, audited, in one transaction.

The rules are those of every request (ledger/requests.py); a refusal undoes the whole click.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from inventory_sync.audit import services as audit
from inventory_sync.domain.requests import Act
from inventory_sync.ledger.models import Order
from inventory_sync.ledger.request_types import Request
from inventory_sync.ledger.requests import decide_requests
from inventory_sync.pipeline import wiring
from inventory_sync.pipeline.serving import serve_waiting
from inventory_sync.pipeline.terms import read_book
from inventory_sync.pipeline.wake import waker


def act_on(
    orders: Sequence[Order],
    act: Act,
    *,
    action: str,
    actor: audit.Actor,
    reason: str,
    now: datetime,
    by: timedelta | None = None,
) -> None:
    """Do one act to each of these reservations; by: how long from now a hold is to last. Raises Refused.

    action: what the audit calls it.
    """
    requests = [
        Request(act, order.connection_id, order.order_ref, hold=by, reason=reason) for order in orders
    ]
    ports = wiring.ports()
    with transaction.atomic():
        done = decide_requests(requests, terms=read_book(now=now).terms, store=ports.ledger, now=now)
        for order, answer in zip(orders, done.answers, strict=True):
            if answer.refused is not None:
                raise answer.refused
            lines = answer.order.lines.values() if answer.order else ()
            after = {line.line_ref: line.status.value for line in lines}
            audit.record(actor=actor, action=action, subject=order, after=after, reason=reason)
        transaction.on_commit(lambda: _follow(done.freed), robust=True)


def _follow(freed: Sequence[int]) -> None:
    serve_waiting(freed, ports=wiring.ports())
    waker().compute()
