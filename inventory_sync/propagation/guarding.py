"""Judge writes before they are made: see ports.Guard, and domain.guards for the rules.

Most flights carry nothing that alarms and cost two small reads. One that does is weighed with everything
that is owed to the channel and everything unexplained that was written within the window, under a lock of
its guard: two workers never pass half of a catastrophe each. Lock order: listings, then the guard.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection

from inventory_sync.cases.services import open_case
from inventory_sync.domain import guards
from inventory_sync.domain.guards import Change, FirstSync, GuardKind, Limits, Tally
from inventory_sync.propagation.models import HeldFigure, LaneGuard, Listing, WriteHold
from inventory_sync.propagation.ports import Judged, WouldWrite
from inventory_sync.support import correlation
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

CASE_KIND = "write_hold"
State = WriteHold.State

# What orders and tills took of an item since its listing was last known right: of the item itself, of its
# components, and of the kits it is part of, in the listing's unit. Generous, since it only lets falls pass.
_EXPLAINED = """
WITH asked AS (
    SELECT l.id, m.item_id, m.numerator, m.denominator, coalesce(l.acknowledged_at, '-infinity') AS since
    FROM propagation_listing l JOIN catalog_itemmapping m ON m.id = l.mapping_id
    WHERE l.id = ANY(%(ids)s::bigint[]) AND m.item_id IS NOT NULL
), part AS (
    SELECT id, since, numerator, denominator, item_id, 1::numeric AS per FROM asked
    UNION ALL SELECT a.id, a.since, a.numerator, a.denominator, k.component_id, 1 / k.quantity
        FROM asked a JOIN catalog_kitcomponent k ON k.kit_id = a.item_id
    UNION ALL SELECT a.id, a.since, a.numerator, a.denominator, k.kit_id, k.quantity
        FROM asked a JOIN catalog_kitcomponent k ON k.component_id = a.item_id
)
SELECT part.id, sum(part.per * (ordered.quantity + sold.quantity) * part.denominator / part.numerator)
FROM part CROSS JOIN LATERAL (
    SELECT coalesce(sum(r.demand), 0) AS quantity FROM ledger_reservation r
    JOIN ledger_order o ON o.id = r.order_id
    WHERE r.item_id = part.item_id AND o.first_seen_at >= part.since
        AND r.state NOT IN ('rejected', 'released', 'expired', 'cancelled')
) AS ordered CROSS JOIN LATERAL (
    SELECT coalesce(sum(v.quantity), 0) AS quantity FROM ledger_movement v
    WHERE v.item_id = part.item_id AND v.kind = 'sale' AND v.recorded_at >= part.since
) AS sold
GROUP BY part.id
"""
# Everything owed that is large: what is shown is the figure last read. First figures have a guard of their
# own until it was passed.
_LARGE = """
SELECT l.id, l.observed, l.desired FROM propagation_listing l
WHERE l.connection_id = %(connection)s AND l.state IN ('owed', 'waiting') AND l.desired_version > 0
    AND l.observed IS NOT NULL AND l.desired IS NOT NULL AND l.desired <> l.observed
    AND (%(first)s OR l.acknowledged IS NOT NULL OR l.writes > 0)
    AND ((l.desired <= 0 AND l.observed > 0)
        OR abs(l.desired - l.observed) * 100 >= %(percent)s * greatest(l.desired, l.observed))
ORDER BY l.id
"""
_WRITTEN = """
SELECT DISTINCT a.listing_id, bool_or(a.wrote <= 0) FROM propagation_pushattempt a
JOIN propagation_listing l ON l.id = a.listing_id
WHERE a.unexplained AND a.wrote IS NOT NULL AND a.at >= %(since)s AND l.connection_id = %(connection)s
GROUP BY a.listing_id
"""


@dataclass(frozen=True, slots=True)
class Rules:
    """The guard of one channel as it stands."""

    limits: Limits
    first_sync: FirstSync


def rules_of(guard: LaneGuard | None) -> Rules:
    """Return a channel's limits, those of the installation where it declares none."""
    knobs = settings.INVENTORY_SYNC

    def chosen(own: Any, name: str) -> Any:
        return knobs[name] if own is None else own

    return Rules(
        Limits(
            least_listings=chosen(guard and guard.least_listings, "GUARD_LEAST_LISTINGS"),
            zero_share=Decimal(chosen(guard and guard.zero_share, "GUARD_ZERO_SHARE_PERCENT")),
            shift_share=Decimal(chosen(guard and guard.shift_share, "GUARD_SHIFT_SHARE_PERCENT")),
            shift_percent=Decimal(chosen(guard and guard.shift_percent, "GUARD_SHIFT_PERCENT")),
            window=timedelta(seconds=chosen(guard and guard.window_s, "GUARD_WINDOW_S")),
        ),
        FirstSync(guard.first_sync) if guard is not None else FirstSync.OFF,
    )


def judge(connection_id: int, writes: Sequence[WouldWrite], *, now: datetime) -> Judged:
    """See ports.Guard."""
    rules = rules_of(LaneGuard.objects.filter(pk=connection_id).first())
    firsts, alarming = _alarming(writes, rules)
    if not firsts and not alarming:
        return Judged()
    LaneGuard.objects.bulk_create([LaneGuard(connection_id=connection_id)], ignore_conflicts=True)
    rules = rules_of(LaneGuard.objects.select_for_update().get(pk=connection_id))
    firsts, alarming = _alarming(writes, rules)
    decided = _decided(connection_id, [*firsts, *alarming], now=now)
    held: dict[int, GuardKind] = {
        each: kind for each, (state, kind) in decided.items() if state == State.REJECTED
    }
    firsts = [each for each in firsts if each.listing_id not in decided]
    alarming = _explain([each for each in alarming if each.listing_id not in decided], rules.limits)
    if firsts:
        _hold(connection_id, GuardKind.FIRST_SYNC, firsts, now=now)
        held |= dict.fromkeys((each.listing_id for each in firsts), GuardKind.FIRST_SYNC)
    if not alarming:
        return Judged(held)
    if not _passes(connection_id, alarming, rules, now=now):
        held |= dict.fromkeys((each.listing_id for each in alarming), GuardKind.BLAST_RADIUS)
        return Judged(held)
    return Judged(held, frozenset(each.listing_id for each in alarming))


def _alarming(writes: Sequence[WouldWrite], rules: Rules) -> tuple[list[Change], list[Change]]:
    """Return the first figures that wait, and the changes that are large, whatever explains them."""
    firsts: list[Change] = []
    alarming: list[Change] = []
    for each in writes:
        change = Change(each.listing_id, each.shown, each.wanted, first=each.first)
        if each.first and rules.first_sync is FirstSync.ARMED:
            firsts.append(change)
        elif each.first and rules.first_sync is FirstSync.OFF:
            continue
        elif guards.alarms(change, rules.limits):
            alarming.append(change)
    return firsts, alarming


def _explain(changes: Sequence[Change], limits: Limits) -> list[Change]:
    """Return those that still alarm once what orders and tills took is taken off."""
    falling = [each.listing_id for each in changes if each.wanted < each.shown]
    explained: Mapping[int, Decimal] = {}
    if falling:
        with connection.cursor() as cursor:
            cursor.execute(_EXPLAINED, {"ids": falling})
            explained = dict(cursor.fetchall())
    known = [replace(each, explained=explained.get(each.listing_id, Decimal(0))) for each in changes]
    return [each for each in known if guards.alarms(each, limits)]


def _decided(
    connection_id: int, changes: Collection[Change], *, now: datetime
) -> dict[int, tuple[str, GuardKind]]:
    """Return what people decided of these changes, as far as it still holds (waiting.py says it in SQL).

    The newest decision about a listing counts and no older one: who approved it since has changed their mind.
    """
    wanted = {each.listing_id: each.wanted for each in changes}
    tolerance = Decimal(settings.INVENTORY_SYNC["GUARD_TOLERANCE_PERCENT"])
    found = HeldFigure.objects.filter(
        hold__connection_id=connection_id,
        hold__state__in=(State.APPROVED, State.REJECTED),
        hold__ends_at__gt=now,
        listing_id__in=list(wanted),
    ).select_related("hold")
    newest = {row.listing_id: row for row in found.order_by("hold__decided_at", "hold_id")}
    return {
        row.listing_id: (row.hold.state, GuardKind(row.hold.kind))
        for row in newest.values()
        if guards.covers(row.shown, row.wanted, wanted[row.listing_id], tolerance_percent=tolerance)
    }


def _passes(connection_id: int, changes: Sequence[Change], rules: Rules, *, now: datetime) -> bool:
    """Say whether alarming changes may be written; if not, they and all others like them are held."""
    kind = GuardKind.BLAST_RADIUS
    if WriteHold.objects.filter(connection_id=connection_id, kind=kind, state__in=WriteHold.OPEN).exists():
        _hold(connection_id, kind, changes, now=now)
        return False
    limits = rules.limits
    listings = Listing.objects.filter(connection_id=connection_id).count()
    mine = {each.listing_id: each for each in changes}
    with connection.cursor() as cursor:
        cursor.execute(
            _LARGE,
            {
                "connection": connection_id,
                "percent": limits.shift_percent,
                "first": rules.first_sync is FirstSync.PASSED,
            },
        )
        large = {row[0]: Change(*row) for row in cursor.fetchall()}
        cursor.execute(_WRITTEN, {"connection": connection_id, "since": now - limits.window})
        written: dict[int, bool] = dict(cursor.fetchall())
    large |= mine
    if not guards.trips(_tally(large.values(), written), listings, limits):
        return True
    others = _explain([each for each in large.values() if each.listing_id not in mine], limits)
    settled = _decided(connection_id, others, now=now)
    others = [each for each in others if each.listing_id not in settled]
    everything = [*changes, *others]
    if not guards.trips(_tally(everything, written), listings, limits):
        return True
    _hold(connection_id, kind, everything, now=now)
    return False


def _tally(changes: Collection[Change], written: Mapping[int, bool]) -> Tally:
    """Count each listing once, whether it is owed or was written within the window."""
    to_zero = {each.listing_id for each in changes if each.to_zero} | {
        listing_id for listing_id, zero in written.items() if zero
    }
    return Tally(len({each.listing_id for each in changes} | set(written)), len(to_zero))


def _hold(connection_id: int, kind: GuardKind, changes: Sequence[Change], *, now: datetime) -> None:
    """Put these changes into the open hold while it gathers; a frozen one is left as it was shown."""
    hold, new = WriteHold.objects.get_or_create(
        connection_id=connection_id,
        kind=kind.value,
        state__in=WriteHold.OPEN,
        defaults={
            "state": State.GATHERING,
            "opened_at": now,
            "ends_at": now + timedelta(hours=settings.INVENTORY_SYNC["GUARD_HOLD_HOURS"]),
            "correlation_id": correlation.current(),
        },
    )
    if hold.state != State.GATHERING:
        return
    HeldFigure.objects.bulk_create(
        [
            HeldFigure(
                hold=hold,
                listing_id=each.listing_id,
                shown=each.shown,
                wanted=each.wanted,
                explained=each.explained.quantize(Decimal("0.000001")),
                shift=each.shift,
            )
            for each in changes
        ],
        batch_size=2000,
        update_conflicts=True,
        unique_fields=["hold", "listing"],
        update_fields=["shown", "wanted", "explained", "shift"],
    )
    if new:
        log.warning("push.held", connection=hold.connection.code, guard=kind.value, listings=len(changes))
    if not _still_unread(connection_id, {each.listing_id for each in changes}):
        freeze(hold, now=now)


def _still_unread(connection_id: int, judged: Collection[int]) -> bool:
    """Say whether listings are owed of which nobody knows yet what they show."""
    return (
        Listing.objects.filter(connection_id=connection_id, state=Listing.State.OWED, observed=None)
        .exclude(pk__in=judged)
        .exists()
    )


def freeze(hold: WriteHold, *, now: datetime) -> None:
    """End the gathering: the effect stands, and somebody is asked. The guard is locked by the caller."""
    figures = HeldFigure.objects.filter(hold=hold).values_list("listing_id", "shown", "wanted")
    effect = guards.effect_of(Change(*row) for row in figures.iterator())
    hold.state, hold.frozen_at = State.WAITING, now
    hold.of_listings = Listing.objects.filter(connection_id=hold.connection_id).count()
    hold.listings, hold.to_zero = effect.listings, effect.to_zero
    hold.shown, hold.wanted, hold.shift = effect.shown, effect.wanted, effect.shift
    hold.save()
    first = hold.kind == GuardKind.FIRST_SYNC
    open_case(
        code="push.held_first_sync" if first else "push.held_blast_radius",
        subject_kind=CASE_KIND,
        subject_id=hold.pk,
        summary=f"{hold.connection.label}: {hold.get_kind_display().lower()} of {effect.listings} listings "
        f"waits for an approval; {effect.to_zero} would go to zero.",
        connection_code=hold.connection.code,
        owner_team=hold.connection.owner_team,
        correlation_id=hold.correlation_id,
        now=now,
    )
