"""What may be promised for a day: announced, dated, not overdue, not there yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from inventory_sync.availability.ports import Expected
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.domain.external import ExpectationStatus
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.expectation_types import ExpectationEvent
from inventory_sync.ledger.store import PostgresLedger
from tests import factories as make
from tests.ledger.goods import announced, receipt
from tests.ledger.reports import NOW

pytestmark = pytest.mark.django_db


def day(number: int) -> datetime:
    return NOW + timedelta(days=number)


def told(ref: str, place: int, item: int, quantity: int, due: datetime | None, by: int) -> ExpectationEvent:
    event = announced(ref, place, {"1": (item, quantity)}, by=by)
    return replace(event, lines=tuple(replace(line, due_at=due) for line in event.lines))


def test_only_what_is_still_to_come_in_time_is_expected() -> None:
    erp, mug, place = make.make_connection("erp"), make.make_item("MUG"), make.make_location("WH")
    said = [
        told(ref, place.pk, mug.pk, quantity, due, erp.pk)
        for ref, quantity, due in [
            ("soon", 12, day(3)), ("later", 7, day(9)), ("overdue", 5, day(-1)), ("some day", 3, None),
            ("off", 4, day(3)),
        ]
    ]  # fmt: skip
    said[-1] = replace(said[-1], status=ExpectationStatus.CANCELLED)
    came = receipt("r", mug.pk, place.pk, 2, "soon", by=erp.pk)
    with transaction.atomic():
        apply_batch([came], [], store=PostgresLedger(), now=NOW, announced=said)

    found = PostgresAvailability().expected([mug.pk], now=NOW, until=day(5))

    assert found == [Expected(mug.pk, place.pk, 10_000_000, day(3))]
