"""What a drained batch leaves for people: the cases it opens, and those it closes.

A parked line that waits for a name is one case with all that wait for the same name; a line that names
nothing, a message that was refused or cannot be processed, is a case of its own delivery. Runs in the
transaction of the batch, in a handful of statements however many lines there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from inventory_sync.domain.errors import ReadingContradicted, Unsupported
from inventory_sync.domain.external import ExternalEvent, OrderReported, OrderVanished
from inventory_sync.domain.failures import Failure
from inventory_sync.domain.levels import RefusalReason
from inventory_sync.domain.reports import plain
from inventory_sync.intake.ports import DELIVERY_KIND, Outcome, Result, StoredDelivery, Waiting
from inventory_sync.ledger.types import Applied
from inventory_sync.pipeline.discrepancies import note_expectations
from inventory_sync.pipeline.ports import CaseBook, Ports

TOPIC_KIND = "topic"
OVER = "Nothing waits for it any more: what had waited was applied."
APPLIED = "It was applied."
FITS = "What was shipped is what the order wants."

Drained = tuple[StoredDelivery, tuple[ExternalEvent, ...], Outcome]


def own(drained: Sequence[Drained], applied: Applied, *, cases: CaseBook) -> None:
    """Open the cases of a batch, and close those of announcements and shipments that fit now."""
    codes = {stored.connection_id: stored.connection_code for stored, _, _ in drained}
    failures = [each for one in drained for each in of_delivery(*one)]
    cases.open_all([*failures, *_of_ledger(applied, codes)])
    if applied.decided.fits:
        # A shipment may come before the version of its order that names the line.
        subjects = [f"{connection_id}:{order_ref}" for connection_id, order_ref in applied.decided.fits]
        cases.close("shipment", subjects, FITS)
    note_expectations(applied.expected, codes, cases=cases)


def settle(drained: Sequence[Drained], waited: set[Waiting], *, ports: Ports) -> None:
    """Close the cases of what a batch applied after it had failed or waited.

    `waited`: what lines waited for and do not any more. Others may wait for the same: their case is locked
    before they are looked for, so of two that apply the last lines of one the second sees that none is left.
    """
    done = [
        str(stored.id) for stored, _, outcome in drained if stored.again and outcome.result is Result.DONE
    ]
    ports.cases.close(DELIVERY_KIND, done, APPLIED)
    if not waited:
        return
    subjects: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in waited:
        subjects[each.kind, each.code].append(each.subject)
    for (kind, code), named in sorted(subjects.items()):
        ports.cases.hold(kind, named, code=code)
    subjects.clear()
    for each in waited - ports.intake.still(waited):
        subjects[each.kind, each.code].append(each.subject)
    for (kind, code), named in sorted(subjects.items()):
        ports.cases.close(kind, named, OVER, code=code)


def of_delivery(stored: StoredDelivery, events: tuple[ExternalEvent, ...], outcome: Outcome) -> list[Failure]:
    """Return what of one delivery waits for a person."""
    order = _order_of(events)
    if outcome.result is Result.REJECTED:
        return [_rejected(stored, outcome, order)]
    return [
        Failure(
            line.code,
            (waits := outcome.waiting_of(line)).kind,
            waits.subject,
            f"{line.detail} Waiting: {line.summary or stored.delivery.topic}."
            if line.waits_on
            else f"{line.summary or stored.delivery.topic}: {line.detail}",
            connection_code=stored.connection_code,
            order_ref=order,
            correlation_id=stored.correlation_id,
        )
        for line in outcome.parked
        if line.code != ReadingContradicted.code  # a case of its level
    ]


def _rejected(stored: StoredDelivery, outcome: Outcome, order: str) -> Failure:
    """Return a refused message; a topic that nothing here handles is one case, however often it comes."""
    topic = stored.delivery.topic
    of_topic = outcome.code == Unsupported.code
    return Failure(
        outcome.code,
        TOPIC_KIND if of_topic else DELIVERY_KIND,
        f"{stored.connection_id}:{topic}" if of_topic else str(stored.id),
        f"{topic} of {stored.connection_code} was refused: {outcome.detail}",
        connection_code=stored.connection_code,
        order_ref="" if of_topic else order,
        correlation_id=stored.correlation_id,
    )


def _of_ledger(applied: Applied, codes: Mapping[int, str]) -> list[Failure]:
    """Return what the ledger took in and somebody must look at."""
    found = [
        Failure(
            code=ReadingContradicted.code,
            subject_kind="level",
            subject_id=f"{refused.event.item_id}:{refused.event.location_id}",
            summary=f"Reading {refused.event.reading} of one level came with two answers; the first stands.",
            connection_code=codes.get(refused.event.connection_id, ""),
            item_id=refused.event.item_id,
            correlation_id=refused.event.correlation_id,
        )
        for refused in applied.posted.refused
        if refused.reason is RefusalReason.CONTRADICTION
    ]
    found += [
        Failure(
            code="order.closed_short",
            subject_kind="order",
            subject_id=f"{connection_id}:{order_ref}",
            summary=f"Order {order_ref} is gone at its source without notice; its open lines were closed "
            "short.",
            connection_code=codes.get(connection_id, ""),
            order_ref=order_ref,
        )
        for connection_id, order_ref in applied.decided.closed_short
    ]
    for odd in applied.decided.odd:
        connection_id, order_ref = odd.order
        found.append(
            Failure(
                code="shipment.odd",
                subject_kind="shipment",
                subject_id=f"{connection_id}:{order_ref}",
                summary=f"Shipped for order {order_ref}, line {odd.line_ref}: {plain(odd.quantity)} of item "
                f"{odd.item_id}, but {odd.why}. Stock moved; the line stays as it was.",
                connection_code=codes.get(connection_id, ""),
                item_id=odd.item_id,
                order_ref=order_ref,
                units_at_risk=abs(odd.quantity),
            )
        )
    return found


def _order_of(events: tuple[ExternalEvent, ...]) -> str:
    """Return the order a message is about, "" when it is about none or several."""
    orders = {each.order_ref for each in events if isinstance(each, OrderReported | OrderVanished)}
    return orders.pop() if len(orders) == 1 else ""
