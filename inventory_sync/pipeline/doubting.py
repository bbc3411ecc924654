"""Stop believing the figure of an item that should be read again and cannot be.

It was asked for because something moved, so what is on record is known to be old. A location grows stale only
when nothing of it is read any more (availability/due.py); one item that fails among many is noticed here.
"""

from __future__ import annotations

from inventory_sync.catalog.authorities import places_decided_by
from inventory_sync.catalog.resolve import ItemTarget, load
from inventory_sync.domain.errors import Parked
from inventory_sync.intake.models import ReadDue
from inventory_sync.ledger.tenures import mark_unknown
from inventory_sync.pipeline.ports import Account, Ports
from inventory_sync.pipeline.snapshots import READ_KIND
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)


def doubt_unread(account: Account, row: ReadDue, *, ports: Ports) -> bool:
    """Have the item unknown where this connection decides, until a later reading tells it; says if it is."""
    if row.kind != READ_KIND or not account.capabilities.reads_books:
        return False
    with ports.intake.transaction():
        places = places_decided_by(account.id)
        directory = load(
            ports.catalog, connection_ids={account.id}, item_refs={row.ref}, location_refs=set(), codes=set()
        )
        try:
            target = directory.item(account.id, row.ref)
        except Parked:
            return False
        if not places or not isinstance(target, ItemTarget):
            return False
        mark_unknown(
            places,
            since_reading=ports.cursors.next_reading(),
            item_ids=[target.item_id],
            connection_id=account.id,
            store=ports.ledger,
            now=ports.clock(),
        )
    log.warning("item.doubted", connection=account.code, ref=row.ref, attempts=row.attempts)
    return True
