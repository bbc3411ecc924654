"""A case grows worse by itself: by what is at stake, by who waits, by nobody having looked."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from inventory_sync.cases import services
from inventory_sync.cases.models import Case, Happening
from inventory_sync.cases.worsening import MANY_UNITS, NOBODY_LOOKED, ORDER_WAITS, raise_worse
from tests.factories import NOON

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def seen(**values: Any) -> Case:
    usual: dict[str, Any] = {
        "code": "push.refused",
        "subject_kind": "listing",
        "subject_id": 7,
        "summary": "no",
    }
    return services.open_case(**{**usual, "now": NOON, **values})


def raised(case: Case, at: timedelta) -> tuple[str, str]:
    raise_worse(now=NOON + at)
    case.refresh_from_db()
    return case.severity, case.raised_because


def test_many_units_at_risk_are_urgent_at_once_even_where_somebody_hid_the_case() -> None:
    few = seen(units_at_risk=MANY_UNITS - 1, subject_id=8)
    many = seen(units_at_risk=MANY_UNITS, severity="low")
    until = NOON + timedelta(days=7)
    services.snooze([many.pk], until=until, actor="anna", reason="later", now=NOON)

    assert raised(many, SECOND) == ("urgent", "100 units or more are at risk")
    assert many.snoozed_until is None
    few.refresh_from_db()
    assert (few.severity, few.raised_because) == ("normal", "")


def test_an_order_waits_four_hours_and_anything_else_a_day() -> None:
    order = seen(order_ref="482")
    other = seen(subject_id=8)

    assert raised(order, ORDER_WAITS)[0] == "normal"
    assert raised(order, ORDER_WAITS + SECOND)[0] == "urgent"
    assert order.raised_because.startswith("an order has waited for 4 hours")
    assert raised(other, NOBODY_LOOKED)[0] == "normal"
    assert raised(other, NOBODY_LOOKED + SECOND) == ("urgent", "nobody has seen it for 24 hours")


def test_what_somebody_has_in_hand_is_left() -> None:
    known, hidden, over = seen(), seen(subject_id=8), seen(subject_id=9)
    later = NOON + 30 * NOBODY_LOOKED
    services.acknowledge([known.pk], actor="anna", reason="I see", now=NOON)
    services.snooze([hidden.pk], until=later, actor="anna", reason="later", now=NOON)
    services.resolve([over.pk], actor="anna", reason="done", now=NOON)

    assert raise_worse(now=later - SECOND) == 0
    assert raised(hidden, later + SECOND - NOON)[0] == "urgent"
    known.refresh_from_db()
    assert known.severity == "normal"


def test_what_can_wait_waits_and_what_was_raised_is_raised_once() -> None:
    low = seen(code="payload.unsupported")
    seen(subject_id=8, units_at_risk=Decimal(500))

    assert raise_worse(now=NOON + 30 * NOBODY_LOOKED) == 1
    assert raise_worse(now=NOON + 31 * NOBODY_LOOKED) == 0
    low.refresh_from_db()
    assert low.severity == "low"


def test_whoever_is_told_of_what_got_worse_is_told_of_it() -> None:
    case = seen(order_ref="482")

    raised(case, ORDER_WAITS + SECOND)

    assert list(Happening.objects.order_by("pk").values_list("occasion", "severity")) == [
        ("opened", "normal"),
        ("worsened", "urgent"),
    ]
