"""One round of telling: settle who is owed word, escalate, compose, send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory_sync.cases.telling import composing, escalating, outbox, sending


@dataclass(frozen=True, slots=True)
class World:
    """What a round is given. `hub` is the address of this platform as people reach it."""

    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    jitter: Callable[[], float]
    carriers: dict[str, sending.Carrier]
    hub: str
    settle: timedelta


def tell_people(world: World, *, until: Callable[[], bool]) -> dict[str, int]:
    """Tell what is due; every part of it may be done by several workers at once, or be broken off."""
    routed = 0
    while not until():
        count = outbox.owe_notices(now=world.clock(), settle=world.settle)
        routed += count
        if count < outbox.AT_ONCE:
            break
    escalated = escalating.escalate(now=world.clock())
    composed = composing.compose(now=world.clock(), new_id=world.new_id, hub=world.hub)
    sent = sending.send_due(carriers=world.carriers, clock=world.clock, jitter=world.jitter, until=until)
    return {"happenings": routed, "escalated": escalated, "messages": composed, **sent}
