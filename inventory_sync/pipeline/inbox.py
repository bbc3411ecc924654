"""Keep the failure inbox true and short: own what waits unowned, close what is over, forget what is old."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from inventory_sync.cases import services
from inventory_sync.cases.models import Case
from inventory_sync.domain.errors import ReadingContradicted
from inventory_sync.intake.ports import DELIVERY_KIND, PARKED_KIND
from inventory_sync.intake.waiting import over_of, unowned
from inventory_sync.pipeline.ports import Ports

AT_ONCE = 1_000
OVER = "Nothing waits for it any more."


def own_waiting(ports: Ports) -> dict[str, int]:
    """Open the cases that parked lines lack, and close those that nothing waits for."""
    with ports.intake.transaction():
        lacking = unowned(besides=[ReadingContradicted.code], most=AT_ONCE)
        ports.cases.open_all(lacking)
    closed, last = 0, 0
    while True:
        with ports.intake.transaction():
            rows = Case.objects.select_for_update().filter(
                pk__gt=last, state=Case.State.OPEN, subject_kind__in=(PARKED_KIND, DELIVERY_KIND)
            )
            page = list(rows.order_by("pk")[:AT_ONCE])
            for row in over_of(page):
                closed += services.resolve_case(case_id=row.pk, resolution=OVER, now=ports.clock())
        if len(page) < AT_ONCE:
            return {"owned": len(lacking), "over": closed}
        last = page[-1].pk


def forget_cases(ports: Ports) -> dict[str, int]:
    """Drop cases that ended long ago."""
    keep = timedelta(days=settings.INVENTORY_SYNC["CASE_KEEP_DAYS"])
    return {"cases_forgotten": services.forget_over(before=ports.clock() - keep)}
