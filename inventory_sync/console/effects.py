"""Act on what a change of the catalog asks of the rooms above it.

Each debt is kept in a row of its room: figures to be worked out anew, listings to be brought up to date,
parked lines to be tried again (once the change is committed). Nothing here waits for them.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.db import transaction

from inventory_sync.availability.services import recompute_channel
from inventory_sync.catalog.services import Effect
from inventory_sync.connections.models import Connection
from inventory_sync.ledger.services import mark_items_dirty
from inventory_sync.ledger.store import PostgresLedger
from inventory_sync.ledger.tenures import begin_tenure
from inventory_sync.pipeline.replay import replay_waiting
from inventory_sync.propagation.mirror_places import release_items, settle_places
from inventory_sync.propagation.services import owe_known_figures, sync_listings
from inventory_sync.support import correlation


def act_on(effect: Effect, *, now: datetime) -> None:
    """Note the debts in the caller's transaction; replay what waited once that is committed."""
    for location_id in sorted(effect.places):
        begin_tenure(location_id, store=PostgresLedger(), now=now)
    mark_items_dirty(effect.items, now=now, correlation_id=correlation.current())
    for connection in Connection.objects.filter(pk__in=effect.channels, sells=True):
        sync_listings(connection.pk, now=now)
        if effect.mappings:
            owe_known_figures(connection.pk, effect.mappings, now=now)
        else:
            recompute_channel(connection=connection, now=now)
    settle_places(effect.channels, now=now, new_id=correlation.new_id)
    release_items(effect.items)
    for connection_id, waits_on in effect.waits:
        transaction.on_commit(partial(replay_waiting, connection_id, waits_on), robust=True)
