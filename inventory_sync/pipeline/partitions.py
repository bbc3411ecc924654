"""Room for what is to come, and an end for what is old: partitions of every room, by the schedule.

A room that cannot get its lock soon is tried again at the next tick; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, OperationalError

from inventory_sync.availability import partitions as availability
from inventory_sync.intake import partitions as intake
from inventory_sync.ledger import partitions as ledger
from inventory_sync.support.logs import get_logger
from inventory_sync.support.months import months_from

log = get_logger(__name__)

MONTHS_AHEAD = 3


def keep_partitions(*, now: datetime) -> dict[str, int]:
    """Make the partitions of the near future, drop blocks of deliveries that need not be kept."""
    knobs = settings.INVENTORY_SYNC
    size = int(knobs["INTAKE_BLOCK_ROWS"])
    keep = timedelta(days=int(knobs["DELIVERY_KEEP_DAYS"]))
    return {
        "partitions": _soon("ledger", lambda: ledger.make_ahead(now=now))
        + _soon("intake", lambda: intake.make_ahead(size=size))
        + _soon("availability", lambda: availability.make_months(months_from(now, MONTHS_AHEAD + 1))),
        "dropped": _soon("intake", lambda: len(intake.drop_old(before=now - keep))),
    }


def _soon(room: str, work: Callable[[], int]) -> int:
    try:
        return work()
    except (OperationalError, IntegrityError) as error:  # no lock, or rows of a month wait in the default
        log.warning("partitions.delayed", room=room, error=str(error).strip())
        return 0
