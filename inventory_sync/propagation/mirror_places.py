"""Begin and end mirrors as the roles of places say, each at a point where nobody posts at the location.

The role is declared in the catalog (LocationMapping.mirrors), audited there. Here is from which movement on
it holds: under the location's gate every movement with a lower id is committed, and none is under way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from django.db import connection as database
from django.db import transaction

from inventory_sync.catalog.authorities import hold_gate
from inventory_sync.catalog.models import LocationMapping
from inventory_sync.propagation.models import Installation, MirrorLevel, MirrorPlace

_CODE_LENGTH = 8


def settle_places(
    connection_ids: Collection[int] | None, *, now: datetime, new_id: Callable[[], str]
) -> tuple[int, int]:
    """Begin a mirror for every role that has none and end those whose role is gone; return how many.

    None: of every connection. In the transaction that changes a role nothing slips between; called later,
    it begins then. A location that gets the role again begins anew: what moved meanwhile is not owed.
    """
    with transaction.atomic():
        roles = LocationMapping.objects.filter(mirrors=True)
        open_places = MirrorPlace.objects.filter(until__isnull=True)
        if connection_ids is not None:
            roles = roles.filter(connection_id__in=connection_ids)
            open_places = open_places.filter(connection_id__in=connection_ids)
        wanted = {(row.connection_id, row.location_id, row.external_id) for row in roles}
        there = {(row.connection_id, row.location_id, row.external_id): row for row in open_places}
        for location_id in sorted({location_id for _, location_id, _ in wanted ^ there.keys()}):
            hold_gate(location_id)  # in the order in which who posts takes them
        for key in sorted(there.keys() - wanted):
            _end(there[key], now=now)
        begun = sorted(wanted - there.keys())
        for connection_id, location_id, external_id in begun:
            MirrorPlace.objects.get_or_create(
                connection_id=connection_id,
                location_id=location_id,
                until=None,
                defaults={"external_id": external_id, "since": now, "after_id": _newest_id()},
            )
        if begun:
            installation_code(new_id)
    return len(begun), len(there.keys() - wanted)


def installation_code(new_id: Callable[[], str]) -> str:
    """Return the short id of this installation, which is made once and kept."""
    row, _ = Installation.objects.get_or_create(pk=1, defaults={"code": new_id()[:_CODE_LENGTH]})
    return row.code


def release_items(item_ids: Collection[int]) -> int:
    """Have levels looked at again that wait because nobody had said what the target calls the item."""
    if not item_ids:
        return 0
    return MirrorLevel.objects.filter(item_id__in=item_ids, run_at__isnull=False).update(run_at=None)


def _end(place: MirrorPlace, *, now: datetime) -> None:
    """End a mirror: what has moved so far stays owed, and every level is looked at once more for it."""
    place.until, place.upto_id, place.compared_at = now, _newest_id(), None
    place.save(update_fields=["until", "upto_id", "compared_at", "updated_at"])


def _newest_id() -> int:
    """Return the last id given to a movement, committed or not."""
    with database.cursor() as cursor:
        cursor.execute("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ledger_movement_id_seq")
        return int(cursor.fetchone()[0])
