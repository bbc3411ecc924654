"""Keep the failure inbox true and short: own what waits unowned, close what is over, forget what is old."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from inventory_sync.cases import services
from inventory_sync.cases.worsening import raise_worse
from inventory_sync.domain.errors import ReadingContradicted
from inventory_sync.intake.waiting import over_of, perhaps_over, unowned
from inventory_sync.pipeline.ports import Ports

AT_ONCE = 1_000
OVER = "Nothing waits for it any more."


def own_waiting(ports: Ports) -> dict[str, int]:
    """Open the cases that parked lines lack, and close those that nothing waits for."""
    with ports.intake.transaction():
        lacking = unowned(besides=[ReadingContradicted.code], most=AT_ONCE)
        ports.cases.open_all(lacking)
    closed, seeming = 0, perhaps_over()
    for first in range(0, len(seeming), AT_ONCE):
        with ports.intake.transaction():
            over = over_of(services.locked(seeming[first : first + AT_ONCE]))
            ids = [row.pk for row in over]
            closed += services.close_these(ids, resolution=OVER, now=ports.clock())
    return {"owned": len(lacking), "over": closed}


def raise_cases(ports: Ports) -> dict[str, int]:
    """Make urgent the cases that got worse while nobody looked."""
    with ports.intake.transaction():
        return {"cases_raised": raise_worse(now=ports.clock())}


def forget_cases(ports: Ports) -> dict[str, int]:
    """Drop cases that ended long ago."""
    keep = timedelta(days=settings.INVENTORY_SYNC["CASE_KEEP_DAYS"])
    return {"cases_forgotten": services.forget_over(before=ports.clock() - keep)}
