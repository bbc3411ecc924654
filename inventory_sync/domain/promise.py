"""What can be promised for a later date: today's figure, worked out with what comes in by then.

    ATP(date) = available to sell with every confirmed arrival due by the date added where it arrives, and
                never more than at any later date for which departures are confirmed too

What is committed is in the terms of the locations already: an order takes its stock today, whenever it ships.
Only confirmed expectations are asked for here; one that is overdue counts for nothing until it has arrived,
for nobody knows when it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from inventory_sync.domain.availability import Availability, LocationTerms
from inventory_sync.domain.reports import ZERO


@dataclass(frozen=True, slots=True)
class Expectation:
    """A quantity confirmed to arrive at a location at a time; negative when it is confirmed to leave."""

    location: str
    quantity: Decimal
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Promise:
    """What can be promised from a date on, and the date whose figure limits it."""

    available: Availability
    limited_at: datetime


def available_to_promise(
    date: datetime, *, now: datetime, due: Iterable[datetime], work_out: Callable[[datetime], Availability]
) -> Promise:
    """Return what may be promised for delivery on that date.

    due: when something is expected to arrive or leave. work_out: the figure with everything expected by a
    moment counted as there (with_incoming, then available or available_kits). An unknown figure promises
    nothing: figure None.
    """
    moments = sorted({max(date, now), *(moment for moment in due if moment > max(date, now))})
    promises = [Promise(work_out(moment), moment) for moment in moments]
    unknown = next((each for each in promises if each.available.figure is None), None)
    return unknown or min(promises, key=lambda each: (each.available.figure or ZERO, each.limited_at))


def with_incoming(
    locations: Sequence[LocationTerms],
    expectations: Iterable[Expectation],
    *,
    now: datetime,
    by: datetime,
) -> list[LocationTerms]:
    """Return the terms of the locations with what is expected between now and then counted as there."""
    sums: dict[str, Decimal] = {}
    for each in expectations:
        if not now < each.due_at <= by:
            continue
        sums[each.location] = sums.get(each.location, ZERO) + each.quantity
    return [
        replace(terms, incoming=terms.incoming + sums[terms.location]) if terms.location in sums else terms
        for terms in locations
    ]
