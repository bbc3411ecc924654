"""Telling as the platform runs it: found as a debt, done by its step, posted by the wires of production."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from inventory_sync.cases import services as cases
from inventory_sync.cases.models_telling import Message
from inventory_sync.pipeline import steps, wiring
from inventory_sync.pipeline.debts import find_debts
from inventory_sync.support.clock import utc_now
from tests.cases.receiving import webhook_receiver
from tests.cases.telling import make_route

pytestmark = pytest.mark.django_db
SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes for the webhook").decode()


def owed() -> bool:
    return "pipeline.tell_people" in {debt.task for debt in find_debts(utc_now(), ports=wiring.ports())}


def test_a_new_case_is_a_debt_until_whoever_is_to_be_told_has_been(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "close_old_connections", lambda: None)  # the test's own transaction is open
    settings.INVENTORY_SYNC = settings.INVENTORY_SYNC | {
        "TELL_AFTER_S": 0,
        "EGRESS_ALLOWED_HOSTS": ["127.0.0.1"],
    }
    with webhook_receiver(SECRET) as (receiver, url):
        make_route(kind="webhook", url=url, secret=SECRET)
        assert not owed()
        case = cases.open_case(
            code="push.refused", subject_kind="listing", subject_id=7, summary="no price", now=utc_now()
        )
        assert owed()

        counts = steps.tell_people()

    assert (counts["happenings"], counts["messages"], counts["sent"]) == (1, 1, 1)
    assert receiver.authentic == [True]
    assert json.loads(receiver.bodies[0])["data"]["groups"][0]["case_ids"] == [case.pk]
    assert Message.objects.get().state == "sent"
    assert not owed()
