"""A message that nobody understands, waiting for a person."""

from __future__ import annotations

from inventory_sync.cases.models import Case
from inventory_sync.cases.services import open_case
from inventory_sync.intake.models import Delivery
from tests.factories import NOON
from tests.pipeline.hub import Hub


def malformed(hub: Hub) -> tuple[Delivery, Case]:
    """An order whose quantity is a word: it cannot be translated, and waits for a person."""
    row = hub.delivery(hub.order(482, (91, 101, 2)))
    Delivery.objects.filter(pk=row.pk).update(
        body=bytes(row.body).replace(b'"quantity": 2', b'"quantity": "two"')
    )
    hub.drain()
    row.refresh_from_db()
    assert row.state in ("parked", "rejected"), row.error_detail
    case = open_case(
        code="payload.malformed", subject_kind="delivery", subject_id=row.pk, summary="It failed.", now=NOON
    )
    return row, case
