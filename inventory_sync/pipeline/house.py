"""The chores of keeping the house, each by itself: one that fails keeps no other, and is somebody's case.

A chore is safe to run at any moment and returns counts. A lost database stops the round: the next one comes
in half a minute. What happens when is decided in schedule.py and dispatcher.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError

from inventory_sync.access import answers
from inventory_sync.availability.due import keep_time
from inventory_sync.cases.telling import outbox as telling
from inventory_sync.intake.services import requeue_answered
from inventory_sync.ledger.orders import expire_holds
from inventory_sync.pipeline import reading
from inventory_sync.pipeline.expiring import own_expiring
from inventory_sync.pipeline.inbox import forget_cases, own_waiting, raise_cases
from inventory_sync.pipeline.left_out import own_overdue
from inventory_sync.pipeline.partitions import keep_partitions
from inventory_sync.pipeline.ports import Ports
from inventory_sync.pipeline.sampling import sample
from inventory_sync.pipeline.serving import serve_waiting
from inventory_sync.pipeline.tending import tend
from inventory_sync.propagation.hold_acts import keep_holds
from inventory_sync.propagation.mirror_places import settle_places
from inventory_sync.propagation.services import forget_history
from inventory_sync.support.logs import get_logger
from inventory_sync.support.redaction import in_words
from inventory_sync.workflows import services as workflows

log = get_logger(__name__)

EXPIRE_BATCH = 500
KIND = "chore"

Chore = Callable[[Ports], Mapping[str, int]]


def keep(*, ports: Ports, compute: Callable[[], None]) -> dict[str, int]:
    """Do every chore and return their counts, `failed` among them when one did.

    `compute` is called as soon as stock came back, before the chores that take longer.
    """
    counts: dict[str, int] = {}
    failed: dict[str, str] = {}
    for name, chore in CHORES.items():
        try:
            done = chore(ports)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            failed[name] = in_words(error)
            log.exception("house.failed", chore=name)
            continue
        counts |= done
        if name in GIVE_BACK and any(done.values()):
            compute()
    _own(failed, ports=ports)
    counts |= {"failed": len(failed)} if failed else {}
    log.info("house.kept", **{name: count for name, count in counts.items() if count})
    return counts


def expire(ports: Ports) -> dict[str, int]:
    """End holds whose time is over."""
    expired = 0
    while True:
        with ports.intake.transaction():
            done = expire_holds(store=ports.ledger, now=ports.clock(), limit=EXPIRE_BATCH)
        expired += len(done.changed)
        if len(done.changed) < EXPIRE_BATCH:
            return {"expired": expired}


def pass_time(ports: Ports) -> dict[str, int]:
    """Mark the figures that time alone changes: leases that ended, readings grown stale."""
    due = keep_time(now=ports.clock())
    return {"leases_ended": due.ended, "grown_stale": due.stale}


def settle(ports: Ports) -> dict[str, int]:
    """Have the mirrored places follow what staff declared."""
    settle_places(None, now=ports.clock(), new_id=ports.new_id)
    return {}


def follow(ports: Ports) -> dict[str, int]:
    """Have the orders followed that a connection's settings newly cover."""
    workflows.follow_scope()
    return {}


def own_gaps(ports: Ports) -> dict[str, int]:
    """See that somebody owns the numbers that stay away."""
    return {"overdue": own_overdue(ports=ports, after=timedelta(seconds=_knob("GAP_CASE_AFTER_S")))}


def forget(ports: Ports) -> dict[str, int]:
    """Clear away push attempts, sent orders, messages to people and kept answers that are old enough."""
    before = ports.clock() - timedelta(days=_knob("PUSH_HISTORY_DAYS"))
    forgotten = forget_history(before=before) + workflows.forget_history(before=before)
    kept = timedelta(seconds=_knob("IDEMPOTENCY_KEEP_S"))
    forgotten += telling.forget(before=ports.clock() - timedelta(days=_knob("TOLD_KEEP_DAYS")))
    return {"forgotten": forgotten + answers.forget(before=ports.clock() - kept)}


def tend_connections(ports: Ports) -> dict[str, int]:
    after = timedelta(seconds=settings.INVENTORY_SYNC["BREAKER_CASE_AFTER_S"])
    return tend(ports=ports, case_after=after)


CHORES: dict[str, Chore] = {
    "expire_holds": expire,
    "serve_waiting": lambda ports: {"rerouted": serve_waiting(None, ports=ports)},
    "pass_time": pass_time,
    "requeue_answered": lambda ports: {"answered": requeue_answered(now=ports.clock())},
    "recheck_orders": lambda ports: {"rechecked": reading.recheck_open_orders(ports=ports)},
    "heal_webhooks": lambda ports: {"healed": reading.heal_hooks(ports=ports)},
    "settle_mirrors": settle,
    "keep_held_writes": lambda ports: {"held_writes": keep_holds(now=ports.clock())},
    "own_gaps": own_gaps,
    "tend_connections": tend_connections,
    "own_waiting": own_waiting,
    "own_expiring_keys": lambda ports: {"expiring": own_expiring(ports=ports)},
    "follow_orders": follow,
    "forget_history": forget,
    "raise_cases": raise_cases,
    "forget_cases": forget_cases,
    "sample": lambda ports: sample(now=ports.clock()),
    "keep_partitions": lambda ports: keep_partitions(now=ports.clock()),
}
"""By the name its case goes by, in the order they are done."""

GIVE_BACK = frozenset({"expire_holds", "serve_waiting", "pass_time"})
"""Chores that change what may be sold."""


def _own(failed: Mapping[str, str], *, ports: Ports) -> None:
    with ports.intake.transaction():
        for name, why in failed.items():
            ports.cases.open(
                "house.failed", KIND, name, f"Keeping the house: {name} failed. {why}", connection=""
            )
        ports.cases.close(KIND, sorted(CHORES.keys() - failed.keys()), "It was done.")


def _knob(name: str) -> Any:
    return settings.INVENTORY_SYNC[name]
