"""Serve orders that wait, when stock of their items came or was given back: a transaction after the one that
brought it. What is missed here is found by the keeping of the house.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from inventory_sync.catalog.resolve import load
from inventory_sync.domain.routing import DEFAULT_RULES
from inventory_sync.ledger.request_types import Terms
from inventory_sync.ledger.rerouting import reroute
from inventory_sync.pipeline.ports import Ports
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)


def serve_waiting(items: Collection[int] | None, *, ports: Ports) -> int:
    """Route lines anew that wait for these items (None: for any); return how many orders changed.

    Never fails its caller, whose work is committed already.
    """
    if items is not None and not items:
        return 0

    def terms_of(connection_ids: Collection[int]) -> Mapping[int, Terms]:
        directory = load(ports.catalog, connection_ids=connection_ids, item_refs=(), location_refs=())
        rules = ports.ledger.routing_rules(connection_ids)
        return {
            each: Terms(pool=directory.pool(each), rules=rules.get(each, DEFAULT_RULES))
            for each in connection_ids
        }

    try:
        with ports.intake.transaction():
            done = reroute(items, terms_of=terms_of, store=ports.ledger, now=ports.clock())
    except Exception:
        log.exception("orders.not_rerouted")
        return 0
    if done.changed:
        log.info("orders.rerouted", orders=len(done.changed))
    return len(done.changed)
