"""The figure that stands, with its terms as they are now.

A row of history is written when the figure changes. Terms may move and add up to the same: what was sold left
the shelf, say. They are worked out here as the computation would, and saved by nobody.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from inventory_sync.availability.compute import work_out
from inventory_sync.availability.history import FigureThen, figure_now
from inventory_sync.availability.micro import maybe_exact
from inventory_sync.availability.steps import rows_of
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection


def figure_present(*, connection: Connection, item: Item, now: datetime) -> FigureThen | None:
    """Return the figure that stands with its present terms; with those it was computed from if they would
    make another figure, which is yet to be computed then. None where nothing was computed.
    """
    then = figure_now(connection=connection, item=item)
    if then is None:
        return None
    store = PostgresAvailability()
    recipes = {each.kit_id: each for each in store.recipes([item.pk]) if each.kit_id == item.pk}
    for worked in work_out(store, [item.pk], recipes=recipes, now=now):
        stands = (maybe_exact(worked.figure), worked.verdict, worked.policy_version)
        if worked.connection_id == connection.pk and stands == (
            then.figure,
            then.verdict,
            then.policy_version,
        ):
            terms, basis = worked.terms()
            return replace(then, steps=tuple(rows_of(terms, basis, policy_version=worked.policy_version)))
    return then
