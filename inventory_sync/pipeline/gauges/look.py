"""One look at everything: each part is read when it is first asked for, and once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings

from inventory_sync.connections.ladder import Standing, ladder
from inventory_sync.domain.freshness import Objective
from inventory_sync.pipeline.gauges import calls, flow, fresh, people, steps
from inventory_sync.pipeline.models_tallies import Sample
from inventory_sync.pipeline.watch import Watch, watch

STANDS_FOR = timedelta(minutes=5)
"""So long a sample says how things stand; an older one only what was counted by then."""


class Look:
    """What is measured, as of `now`. Belongs to one request."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def age_s(self, since: datetime | None) -> float:
        """Return how long ago, 0 for what is not."""
        return max(0.0, (self.now - since).total_seconds()) if since is not None else 0.0

    @cached_property
    def objectives(self) -> Mapping[str, Objective]:
        found: Mapping[str, Objective] = settings.INVENTORY_SYNC["FRESHNESS_TARGETS"]
        return found

    @cached_property
    def samples(self) -> list[Sample]:
        return flow.recent_samples(now=self.now)

    @cached_property
    def newest(self) -> Sample | None:
        return self.samples[-1] if self.samples else flow.newest_sample()

    @cached_property
    def tiers(self) -> tuple[flow.Tier, ...]:
        return flow.tiers(self.samples, self.newest, self.set_aside, self.objectives, now=self.now)

    @cached_property
    def standing(self) -> Mapping[str, Any]:
        """Return how things stood at the newest sample; nothing when that is too long ago to say."""
        newest = self.newest
        if newest is None or self.now - newest.at > STANDS_FOR:
            return {}
        found: Mapping[str, Any] = newest.figures
        return found

    @cached_property
    def set_aside(self) -> flow.Counts:
        """Return what piles up, as sampled; while nobody samples, as it is."""
        return self.standing["aside"] if "aside" in self.standing else flow.set_aside()

    @cached_property
    def listings(self) -> flow.Counts:
        return self.standing["listings"] if "listings" in self.standing else flow.listings()

    @cached_property
    def lanes(self) -> tuple[flow.Lane, ...]:
        return flow.lanes(self.samples, self.newest, now=self.now)

    @cached_property
    def bounds(self) -> Mapping[str, Mapping[str, float]]:
        """Return by lane how old each class may get while things go on, if a sample says so lately."""
        found: Mapping[str, Mapping[str, float]] = self.standing.get("bounds", {})
        return found

    @cached_property
    def ages(self) -> tuple[fresh.Ages, ...]:
        return fresh.ages()

    @cached_property
    def slots(self) -> tuple[fresh.Slot, ...]:
        return fresh.slots(now=self.now)

    @cached_property
    def allowances(self) -> tuple[fresh.Allowance, ...]:
        return fresh.allowances(self.objectives, now=self.now)

    @cached_property
    def late_slots(self) -> Mapping[str, int]:
        return fresh.late_slots(self.slots, self.objectives, now=self.now)

    @cached_property
    def people(self) -> tuple[people.Telling, ...]:
        return people.telling(now=self.now)

    @cached_property
    def unsettled(self) -> datetime | None:
        return people.unsettled()

    @cached_property
    def calls(self) -> tuple[calls.Calls, ...]:
        return calls.calls(now=self.now)

    @cached_property
    def ladder(self) -> list[Standing]:
        return ladder(self.now)

    @cached_property
    def flights(self) -> tuple[steps.Flights, ...]:
        return steps.flights()

    @cached_property
    def sources(self) -> tuple[steps.Source, ...]:
        return steps.sources()

    @cached_property
    def parked(self) -> tuple[steps.Parked, ...]:
        return steps.parked()

    @cached_property
    def cases(self) -> tuple[steps.Cases, ...]:
        return steps.cases()

    @cached_property
    def runs(self) -> tuple[steps.Run, ...]:
        return steps.runs()

    @cached_property
    def signs(self) -> tuple[steps.Sign, ...]:
        return steps.signs()

    @cached_property
    def refusals(self) -> dict[str, int]:
        return steps.refusals()

    @cached_property
    def requests(self) -> steps.Requests:
        return steps.requests(self.newest)

    @cached_property
    def watch(self) -> Watch:
        return watch(self.now)
