"""Follow orders: work out what every target should have of the orders that changed, and owe the difference.

One follower at a time, in a transaction of its own per batch: it reads after it has the turn, so what it
finds is not older than the marks it takes away. Calls nobody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from django.db import connection as database

from inventory_sync.domain.errors import NotMappedThere
from inventory_sync.ledger.models import Allocation, Order, Reservation
from inventory_sync.support.logs import get_logger
from inventory_sync.support.redaction import in_words
from inventory_sync.workflows import delivered, naming
from inventory_sync.workflows.deriving import (
    Derived,
    Line,
    OrderFacts,
    Part,
    Place,
    derive,
)
from inventory_sync.workflows.models import Copy, Touched
from inventory_sync.workflows.ports import CaseBook
from inventory_sync.workflows.rows import lines_json, prior_of

log = get_logger(__name__)

TURN = 0x0F0110  # any number, the same everywhere
BATCH = 200
CASE = "order_copy_content"
NOT_FOLLOWED_CASE = "order_followed"


@dataclass(slots=True)
class Followed:
    """What came of it: counts, and the connections that are owed something now."""

    counts: Counter[str] = field(default_factory=Counter)
    targets: set[int] = field(default_factory=set)
    channels: set[int] = field(default_factory=set)

    def add(self, other: Followed) -> None:
        self.counts.update(other.counts)
        self.targets |= other.targets
        self.channels |= other.channels


def follow(*, cases: CaseBook, clock: Callable[[], datetime], until: Callable[[], bool]) -> Followed:
    """Follow the orders touched until none is left or `until` says stop."""
    done = Followed()
    while not until():
        with transaction.atomic():
            if not _my_turn():
                done.counts["another_follows"] += 1
                break
            marks = list(Touched.objects.order_by("id")[:BATCH])
            if not marks:
                break
            done.add(_follow_apart({mark.order_id for mark in marks}, cases=cases, now=clock()))
            Touched.objects.filter(pk__in=[mark.pk for mark in marks]).delete()
    return done


def any_touched() -> bool:
    return Touched.objects.exists()


def _my_turn() -> bool:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [TURN])
        return bool(cursor.fetchone()[0])


def _follow_apart(order_ids: set[int], *, cases: CaseBook, now: datetime) -> Followed:
    """Follow these orders together; if that fails, by halves, so that one that cannot be holds up no other.

    It becomes a case, and is tried again with every round of housekeeping (services.follow_scope).
    """
    try:
        with transaction.atomic():
            done = Followed()
            _follow(order_ids, done, cases=cases, now=now)
            return done
    except (OperationalError, InterfaceError):  # the database's trouble is no order's
        raise
    except Exception as error:
        if len(order_ids) == 1:
            log.exception("order.not_followed", orders=sorted(order_ids))
            return _own(order_ids.pop(), error, cases=cases)
    ids = sorted(order_ids)
    middle = len(ids) // 2
    done = Followed()
    for half in (ids[:middle], ids[middle:]):
        done.add(_follow_apart(set(half), cases=cases, now=now))
    return done


def _own(order_id: int, error: Exception, *, cases: CaseBook) -> Followed:
    """Have somebody own an order of which nobody can say what others should have of it."""
    order = Order.objects.select_related("connection").get(pk=order_id)
    called = f"{order.number or order.order_ref} of {order.connection.code}"
    cases.open(
        "order.not_followed",
        NOT_FOLLOWED_CASE,
        str(order_id),
        f"What other systems should have of order {called} cannot be worked out: {in_words(error)}",
        connection=order.connection.code,
        correlation_id=order.correlation_id,
        order=order.order_ref,
    )
    return Followed(Counter(not_followed=1))


def _follow(order_ids: set[int], done: Followed, *, cases: CaseBook, now: datetime) -> None:
    orders = facts_of(order_ids)
    done.counts["orders"] += len(orders)
    copies: dict[int, dict[Place, Copy]] = defaultdict(dict)
    known = Copy.objects.filter(order_id__in=order_ids).select_related("source", "location").order_by("pk")
    for copy in known.select_for_update(of=("self",)):
        copies[copy.order_id][copy.target_id, copy.location_id] = copy
    targets = naming.targets()
    world = naming.world(orders, targets)
    places = naming.place_names(targets)
    for order in orders:
        there = {place: copy for place, copy in copies[order.id].items() if place[0] in targets}
        wanted = derive(order, world, {place: prior_of(copy) for place, copy in there.items()})
        for place, derived in sorted(wanted.items()):
            copy = there.get(place) or _new(order, place, now)
            changed = _owe(copy, derived, place_ref=places.get(place, ""), now=now)
            _tell_missing(copy, derived, targets[place[0]].code, cases=cases)
            if changed:
                done.counts["owed"] += 1
                done.targets.add(copy.target_id)
    done.channels |= delivered.owe(orders, done.counts, now=now)
    cases.close(NOT_FOLLOWED_CASE, [str(each) for each in sorted(order_ids)], "It could be followed.")


def _new(order: OrderFacts, place: Place, now: datetime) -> Copy:
    return Copy(
        target_id=place[0],
        location_id=place[1],
        source_id=order.source_id,
        order_ref=order.order_ref,
        order_id=order.id,
        number=order.number,
        placed_at=order.placed_at,
        wanted_version=0,
        since=now,
        correlation_id=order.correlation_id,
    )


def _owe(copy: Copy, derived: Derived, *, place_ref: str, now: datetime) -> bool:
    """Store what is wanted; returns whether something new is owed."""
    lines, missing = lines_json(derived.lines), list(derived.missing)
    named = bool(place_ref) and not copy.location_ref
    same = (copy.lines, copy.cancelled) == (lines, derived.cancelled) and copy.pk is not None and not named
    if same and copy.missing == missing:
        return False
    copy.missing = missing
    if not same:
        copy.location_ref = copy.location_ref or place_ref
        copy.lines, copy.cancelled = lines, derived.cancelled
        copy.wanted_version += 1
        if copy.state != Copy.State.GIVEN_UP:
            if copy.state == Copy.State.SETTLED:
                copy.since = now
            copy.state, copy.attempts, copy.run_at = Copy.State.OWED, 0, now
            copy.error_code = copy.error_detail = ""
    copy.save()
    return not same and copy.state == Copy.State.OWED


def _tell_missing(copy: Copy, derived: Derived, target: str, *, cases: CaseBook) -> None:
    """Open a case for what the copy cannot carry, close it when it carries everything."""
    missing = list(derived.missing)
    if not copy.location_ref:
        missing.append(f"{copy.location.code} is mapped to no place there")
    if missing and not derived.cancelled:
        cases.open(
            NotMappedThere.code,
            CASE,
            str(copy.pk),
            f"Order {copy.number} of {copy.source.code} is incomplete at {target}: {'; '.join(missing)}.",
            connection=target,
            correlation_id=copy.correlation_id,
            order=copy.order_ref,
        )
    else:
        cases.close(CASE, [str(copy.pk)], "The copy carries everything the order wants there.")


def facts_of(order_ids: set[int]) -> list[OrderFacts]:
    """Return the orders as the ledger holds them now."""
    reservations = Reservation.objects.filter(order_id__in=order_ids).order_by("order_id", "line_ref")
    lines: dict[int, list[Reservation]] = defaultdict(list)
    for each in reservations:
        lines[each.order_id].append(each)
    parts = _parts([each.pk for each in reservations])
    orders = Order.objects.filter(pk__in=order_ids, seen=True).select_related("connection").order_by("pk")
    return [
        OrderFacts(
            id=order.pk,
            source_id=order.connection_id,
            source=order.connection.code,
            order_ref=order.order_ref,
            number=order.number or order.order_ref,
            placed_at=order.placed_at,
            withheld=order.review,
            lines=tuple(
                Line(each.line_ref, each.item_id, each.demand, each.state, tuple(parts.get(each.pk, ())))
                for each in lines[order.pk]
            ),
            correlation_id=order.correlation_id,
            incomplete=order.incomplete,
            fulfilled={each.line_ref: each.fulfilled for each in lines[order.pk] if each.fulfilled},
        )
        for order in orders
    ]


def _parts(reservation_ids: Sequence[int]) -> Mapping[int, list[Part]]:
    found: dict[int, list[Part]] = defaultdict(list)
    for each in Allocation.objects.filter(reservation_id__in=reservation_ids).order_by("id"):
        found[each.reservation_id].append(
            Part(each.item_id, each.location_id, each.quantity, each.contained, each.fulfilled)
        )
    return found
