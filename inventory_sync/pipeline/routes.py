"""Which queue each task goes to, and why: the one table that every sender asks.

A queue is chosen by latency (how soon a customer or a channel feels a delay), impact (what a delay costs) and
recovery (what finds the work again when its message is lost). Celery's own routing, the wakers, the
dispatcher and the table in docs/operations.md are read from here. Does not run anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

QUEUES = ("critical", "standard", "bulk", "replay")
"""The tiers, each with workers of its own. The first may not wait for any of the others."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a task goes. `queues`: the usual one first, then those its rows' own tier may choose."""

    task: str
    queues: tuple[str, ...]
    within: timedelta
    """The freshness it is meant to keep."""
    impact: str
    recovery: str
    holds: timedelta = timedelta(seconds=60)
    """The longest a healthy worker is at it; one that is longer is named by the watchdog."""

    @property
    def queue(self) -> str:
        return self.queues[0]


def _s(seconds: int) -> timedelta:
    return timedelta(seconds=seconds)


_DUE = "its rows are due until done"

TABLE = (
    Route(
        "pipeline.drain_intake", ("standard", "critical", "bulk", "replay"), _s(1),
        "sales and reservations not yet subtracted", "pending deliveries",
    ),
    Route(
        "pipeline.compute", ("critical",), _s(1),
        "channels sell from an older figure", "dirty items",
    ),
    Route(
        "pipeline.push", ("critical", "standard"), _s(30),
        "a channel shows an older figure; critical near zero", "owed listings",
    ),
    Route(
        "pipeline.follow_orders", ("standard",), _s(30),
        "an ERP learns of an order late", "touched orders",
    ),
    Route(
        "pipeline.send_orders", ("standard",), _s(60),
        "an order is picked late", "owed copies of orders", holds=_s(90),
    ),
    Route(
        "pipeline.tell_deliveries", ("standard",), _s(300),
        "a customer hears late that goods left", "owed deliveries told", holds=_s(90),
    ),
    Route(
        "pipeline.read_again", ("standard",), _s(30),
        "an unsigned hint is believed late", "objects due to be read", holds=_s(90),
    ),
    Route(
        "pipeline.mirror", ("standard",), _s(300),
        "a copy of a location differs", "movements not mirrored", holds=_s(90),
    ),
    Route(
        "pipeline.tell_people", ("standard",), _s(60),
        "whoever must act learns of it late", "happenings, notices and messages due", holds=_s(120),
    ),
    Route(
        "pipeline.keep_house", ("standard",), _s(120),
        "expired holds keep stock back", "the next tick", holds=_s(120),
    ),
    Route(
        "pipeline.sweep", ("bulk",), _s(600),
        "what no webhook told is found late", "cursors due", holds=_s(180),
    ),
    Route(
        "pipeline.retry_cases", ("replay",), _s(10),
        "what a person retries waits", "runs due and lines begun",
    ),
    Route(
        "pipeline.verify", ("bulk",), _s(7200),
        "a violated rule is seen late", "the round that is due", holds=_s(120),
    ),
    Route(
        "pipeline.evidence", ("bulk",), _s(86_400),
        "a day is sealed late", "the day that is due", holds=_s(240),
    ),
    Route(
        "pipeline.canary", QUEUES, _s(30),
        "none: the watchdog's own", "the next one flies in seconds",
    ),
)  # fmt: skip

ROUTES: Mapping[str, Route] = {route.task: route for route in TABLE}


def queue_of(task: str, tier: str = "") -> str:
    """Return the task's queue, or the one its rows' own tier names. ValueError when undeclared."""
    route = ROUTES.get(task)
    if route is None:
        raise ValueError(f"{task} has no row in pipeline/routes.py")
    if tier and tier not in route.queues:
        raise ValueError(f"{task} is not declared for the queue {tier}")
    return tier or route.queue
