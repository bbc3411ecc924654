"""The hub's ledger and audit beside what the witnesses wrote down, entry by entry.

Sums may agree by chance: one sale lost and another counted twice. So each event of the till's own book is
looked for in the ledger, once and with its quantity; and each entry of the audit must tell of something that
was done to the hub, for nobody acts there while everything is being broken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory_sync.audit.models import Entry
from inventory_sync.connections.models import Breaker, Connection
from inventory_sync.ledger.models import Event
from tests.chaos.ground import SKUS
from tests.chaos.journal import Doc

OPENED, CLOSED = "connection.breaker_opened", "connection.breaker_closed"
LINGERS_S = 20.0
"""How long after a fault its last calls may still fail: a call's patience, a worker that stood still."""

SIGNS = {"sale": -1, "shipment": -1, "return": 1, "receipt": 1, "count": 1}

Line = tuple[str, str, str]
"""(event id, place, sku)."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A time in which a shop did not answer as it should. `whole`: it answered nothing at all."""

    shop: str
    began: float
    ended: float
    whole: bool = False


def compare_ledger(till: Iterable[Doc]) -> list[str]:
    """Hold every event of the till's book against the ledger's; return what differs."""
    told, kept = told_by_till(till), _kept()
    found = [
        f"event {'/'.join(key)}: the till wrote {told[key]:g}, the ledger nothing"
        for key in told
        if key not in kept
    ]
    for key in sorted(kept):
        quantities = kept[key]
        if key not in told:
            found.append(f"event {'/'.join(key)}: in the ledger, and not in the till's book")
        elif quantities != [told[key]]:
            found.append(f"event {'/'.join(key)}: the till wrote {told[key]:g}, the ledger {quantities}")
    return sorted(found)


def told_by_till(lines: Iterable[Doc]) -> dict[Line, float]:
    """Return what each event said of each item: how much it moved, or how much was counted."""
    told: dict[Line, float] = defaultdict(float)
    for event in lines:
        if event["what"] == "event":
            for line in event["lines"]:
                if line["sku"] in SKUS:
                    quantity = SIGNS[event["type"]] * float(line["quantity"])
                    told[event["id"], event["store"], line["sku"]] += quantity
    return dict(told)


def _kept() -> dict[Line, list[float]]:
    """Return the ledger's figures of each event; more than one when it was counted twice."""
    rows = Event.objects.filter(connection__code="till", effective=True, item__sku__in=SKUS)
    kept: dict[Line, list[float]] = defaultdict(list)
    for key, place, sku, quantity in rows.values_list("key", "location__code", "item__sku", "quantity"):
        kept[key.partition("/")[0], place, sku].append(float(quantity))
    return dict(kept)


def compare_audit(since: datetime, troubles: Sequence[Trouble]) -> list[str]:
    """Hold the audit's entries since then against what was done to the shops; return what differs."""
    codes = {str(pk): code for pk, code in Connection.objects.values_list("pk", "code")}
    rows = Entry.objects.filter(at__gte=since).order_by("id")
    entries = [
        (row.action, codes.get(row.subject_id, row.subject_id), row.at.timestamp())
        for row in rows
        if row.subject_table == Connection._meta.db_table
    ]
    found = [
        f"audit: {row.action} of {row.subject_label} by {row.actor_name}, which nobody did"
        for row in rows
        if row.action not in (OPENED, CLOSED)
    ]
    phases = dict(Breaker.objects.values_list("connection__code", "phase"))
    return found + judge_breakers(entries, troubles, phases)


def judge_breakers(
    entries: Sequence[tuple[str, str, float]], troubles: Sequence[Trouble], phases: Mapping[str, str]
) -> list[str]:
    """Return which openings nothing explains, which outage left none, and where the story has a hole."""
    found = []
    open_since: dict[str, float] = {}
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for action, shop, at in entries:
        if action == OPENED:
            if shop in open_since:
                found.append(f"audit: the breaker of {shop} opened twice, at {at:.2f} again")
            open_since[shop] = at
            if not any(one.shop == shop and one.began <= at <= one.ended + LINGERS_S for one in troubles):
                found.append(f"audit: the breaker of {shop} opened at {at:.2f}, when nothing ailed it")
        elif action == CLOSED:
            if shop not in open_since:
                found.append(f"audit: the breaker of {shop} closed at {at:.2f} without having opened")
            spans[shop].append((open_since.pop(shop, at), at))
    for shop, at in open_since.items():
        spans[shop].append((at, float("inf")))
    for shop, phase in sorted(phases.items()):
        if (phase == Breaker.Phase.CLOSED) == (shop in open_since):
            found.append(f"audit: the breaker of {shop} is {phase}, and its last entry says otherwise")
    unnoticed = [
        one
        for one in troubles
        if one.whole and not any(began < one.ended and one.began < ended for began, ended in spans[one.shop])
    ]
    return found + [
        f"audit: {one.shop} was away from {one.began:.2f}, no breaker opened" for one in unnoticed
    ]
