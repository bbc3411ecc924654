"""Periods in the admin: closed and opened by people with a reason; what waited for one is applied again."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from inventory_sync.audit.models import Entry
from inventory_sync.ledger import periods
from inventory_sync.ledger.models import Period
from tests.console.conftest import Retailer
from tests.factories import park_line

pytestmark = pytest.mark.django_db
ADD = "admin:ledger_period_add"


def deed(name: str, row: Period) -> str:
    return f"{reverse('admin:ledger_period_deed', args=[name])}?ids={row.pk}"


def closed(code: str = "2026-01") -> Period:
    return periods.close_period(code, actor="tests", reason="a test", now=timezone.now())


def test_a_month_that_is_over_is_closed_with_a_reason(boss: Client) -> None:
    boss.post(reverse(ADD), {"code": "2026-01", "reason": "audited"})

    row = Period.objects.get()
    assert (row.code, row.state, row.changed_by, row.reason) == ("2026-01", "closed", "boss", "audited")
    assert Entry.objects.get(action="period.closed").actor_name == "boss"


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        ("2026-13", "why not", "year and a month"),
        ("last month", "why not", "at most 7"),
        ("9999-01", "why not", "not over yet"),
        ("2026-01", "", "required"),
    ],
)
def test_what_cannot_be_closed_is_refused_in_words(boss: Client, code: str, reason: str, words: str) -> None:
    page = boss.post(reverse(ADD), {"code": code, "reason": reason}, follow=True).content.decode()

    assert words in page
    assert not Period.objects.exists()


def test_opening_it_again_has_what_waited_for_it_applied(boss: Client, retailer: Retailer) -> None:
    row = closed()
    retailer.parked.delete()
    park_line(retailer.delivery, "period:2026-01", code="period.closed")

    shown = boss.get(deed("reopen", row)).content.decode()
    boss.post(deed("reopen", row), {"reason": "an invoice was late"})

    row.refresh_from_db()
    retailer.delivery.refresh_from_db()
    assert "applied again" in shown
    assert (row.state, retailer.delivery.state) == ("open", "pending")
    assert Entry.objects.get(action="period.opened").reason == "an invoice was late"


def test_only_who_may_change_periods_does(signed_in: Any) -> None:
    client, row = signed_in("ledger.view_period"), closed()

    assert client.get(deed("reopen", row)).status_code == 403
    assert client.get(reverse(ADD)).status_code == 403
    assert client.get(reverse("admin:ledger_period_changelist")).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_period_cannot_be_changed_behind_the_audit() -> None:
    row = closed()

    with pytest.raises(IntegrityError, match="No audit entry"):
        open_behind_the_audit(row)


def open_behind_the_audit(row: Period) -> None:
    with transaction.atomic():
        Period.objects.filter(pk=row.pk).update(state="open")
