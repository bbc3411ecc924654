"""Who decides what is at a location, in which mode, from when on. Every change is a dated, audited act.

Another authority or another mode begins a tenure (domain/modes.py): what is known there becomes unknown until
the new one has told the whole stock. Rows are ended and new ones begun, never deleted: a change is undone by
a further change. Working the levels out again is for the ledger, which acts on the Effect (`places`).
"""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from inventory_sync.audit import services as audit
from inventory_sync.catalog.models import Authority, Location, Tenure
from inventory_sync.catalog.services import Effect
from inventory_sync.connections.models import Connection

GATE = 7102  # class of the advisory locks that part posting from changes of authority and mode


def share_gates(location_ids: list[int]) -> None:
    """Keep authority and mode of these locations as they are until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock_shared(%s, id) FROM unnest(%s::int[]) AS id ORDER BY id",
            [GATE, location_ids],
        )


def hold_gate(location_id: int) -> None:
    """Wait until nobody posts at the location, and let nobody begin before the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s::int)", [GATE, location_id])


def is_decided_by(connection_id: int, location_id: int) -> bool:
    """Say whether the connection decides anything at the location, now or from a day to come."""
    return Authority.objects.filter(
        connection_id=connection_id, location_id=location_id, valid_to__isnull=True
    ).exists()


def places_decided_by(connection_id: int) -> list[int]:
    """Return the locations kept by book figures whose stock on hand this connection decides."""
    rows = Authority.objects.filter(
        connection_id=connection_id,
        attribute=Authority.Attribute.ON_HAND,
        valid_to__isnull=True,
        location__mode=Location.Mode.FIGURES,
    )
    return sorted(rows.values_list("location_id", flat=True))


def assign_authority(
    location: Location,
    decides: Connection | None,
    *,
    attribute: str = Authority.Attribute.ON_HAND,
    at: datetime | None = None,
    after_reading: int | None = None,
    continues: bool = False,
    actor: audit.Actor,
    reason: str,
) -> Effect:
    """Name the connection whose reports count for an attribute from `at` on, or nobody.

    The first one may be named from the beginning (at None). For stock on hand a change begins a tenure above
    `after_reading`, a number freshly taken, unless the new one `continues` the same books by the same clock.

    Raises ValidationError for a virtual location, a missing or too early date.
    """
    if location.kind in Location.VIRTUAL:
        raise ValidationError("A virtual location has no authority: it is only the other leg.")
    with transaction.atomic():
        place = _held(location)
        if decides is not None and place.mappings.filter(connection=decides, mirrors=True).exists():
            raise ValidationError(
                f"{decides.label} keeps a copy of {place.code}: end the mirror before it decides there."
            )
        row = _in_force(place, attribute)
        if (row.connection_id if row else None) == (decides.pk if decides else None):
            return Effect()
        had_one = Authority.objects.filter(location=place, attribute=attribute).exists()
        if had_one and at is None:
            raise ValidationError("Say from when: the place had an authority before.")
        if row is not None:
            if at is not None and row.valid_from is not None and at <= row.valid_from:
                raise ValidationError("The authority of now began later than that.")
            _end(row, at, actor=actor, reason=reason)
        if decides is not None:
            new = Authority(location=place, attribute=attribute, connection=decides, valid_from=at)
            new.full_clean()
            new.save()
            action = "authority.changed" if had_one else "authority.assigned"
            audit.record_created(new, actor=actor, action=action, reason=reason)
        effect = Effect(waits=_waiting(place, "authority") if decides else ())
        if attribute != Authority.Attribute.ON_HAND or not had_one or continues or at is None:
            return effect
        return effect | _begin(
            place, place.mode, at=at, after_reading=after_reading, actor=actor, reason=reason
        )


def change_mode(
    location: Location, mode: str, *, at: datetime, after_reading: int, actor: audit.Actor, reason: str
) -> Effect:
    """Have the location report in another mode from `at` on; book figures above `after_reading`.

    Raises ValidationError for the mode it is in, a virtual location, or a date before the last change.
    """
    if location.kind in Location.VIRTUAL:
        raise ValidationError("A virtual location reports nothing.")
    with transaction.atomic():
        place = _held(location)
        if place.mode == mode:
            raise ValidationError(f"{place.code} reports in that mode already.")
        return _begin(place, mode, at=at, after_reading=after_reading, actor=actor, reason=reason)


def _held(location: Location) -> Location:
    """Return the row as it is now, with nobody posting there."""
    hold_gate(location.pk)
    return Location.objects.select_for_update().get(pk=location.pk)


def _in_force(place: Location, attribute: str) -> Authority | None:
    rows = Authority.objects.select_for_update()
    return rows.filter(location=place, attribute=attribute, valid_to__isnull=True).first()


def _end(row: Authority, at: datetime | None, *, actor: audit.Actor, reason: str) -> None:
    before = audit.snapshot(row)
    row.valid_to = at
    row.save()
    audit.record_changed(row, before, actor=actor, action="authority.ended", reason=reason)


def _begin(
    place: Location,
    mode: str,
    *,
    at: datetime,
    after_reading: int | None,
    actor: audit.Actor,
    reason: str,
) -> Effect:
    """Begin a tenure: from then on nothing here is known before it is told anew."""
    if after_reading is None:
        raise ValidationError("A tenure begins above a reading number.")
    last = place.tenures.order_by("starts_at").last()
    if last is not None and (at <= last.starts_at or after_reading < last.after_reading):
        raise ValidationError(f"The last change of {place.code} was later than that.")
    tenure = Tenure(location=place, mode=mode, was=place.mode, starts_at=at, after_reading=after_reading)
    tenure.full_clean()
    tenure.save()
    audit.record_created(tenure, actor=actor, action="tenure.begun", reason=reason)
    before = audit.snapshot(place)
    place.mode, place.complete_since = mode, None
    place.save()
    audit.record_changed(place, before, actor=actor, action="location.changed", reason=reason)
    return Effect(places=frozenset({place.pk}), waits=_waiting(place, "mode"))


def _waiting(place: Location, what: str) -> tuple[tuple[int, str], ...]:
    """Return what parked reports about the place wait on, for every connection that reports of it."""
    senders = place.mappings.filter(counts_from=True).values_list("connection_id", flat=True)
    return tuple((sender, f"{what}:{place.code}") for sender in sorted(set(senders)))
