"""The ledger's store in PostgreSQL: set-based statements inside the caller's transaction.

The only code that writes ledger rows. The statements are in rows_events.py, rows_levels.py, rows_orders.py
and rows_requests.py; which rows are locked when is said in apply.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from inventory_sync.catalog.selectors import tenures_of
from inventory_sync.domain.levels import Mode
from inventory_sync.domain.reports import Counterpart
from inventory_sync.ledger.ports import Component, Place
from inventory_sync.ledger.rows import execute
from inventory_sync.ledger.rows_events import EventRows
from inventory_sync.ledger.rows_incoming import IncomingRows
from inventory_sync.ledger.rows_levels import LevelRows
from inventory_sync.ledger.rows_requests import RequestRows

KIND_OF = {
    Counterpart.CUSTOMER: "customer",
    Counterpart.VENDOR: "vendor",
    Counterpart.ADJUSTMENT: "adjustment",
    Counterpart.TRANSIT: "transit",
    Counterpart.SCRAP: "scrap",
    Counterpart.PRODUCTION: "adjustment",
    Counterpart.OPENING: "adjustment",
}

_PLACES = """
SELECT id, mode, code, complete_since IS NOT NULL,
    EXISTS (SELECT FROM catalog_tenure t WHERE t.location_id = place.id)
FROM catalog_location place WHERE id = ANY(%s)
"""


class PostgresLedger(EventRows, RequestRows, LevelRows, IncomingRows):
    """The LedgerStore of the running platform. It keeps nothing: one may be made for each batch."""

    def places(self, location_ids: Collection[int]) -> Mapping[int, Place]:
        if not location_ids:
            return {}
        rows = execute(_PLACES, (sorted(location_ids),))
        lived = tenures_of([row[0] for row in rows if row[4]])
        return {row[0]: Place(Mode(row[1]), row[2], row[3], lived.get(row[0])) for row in rows}

    def counterparts(self) -> Mapping[Counterpart, int]:
        rows = execute(
            "SELECT kind, min(id) FROM catalog_location WHERE kind = ANY(%s) GROUP BY kind",
            (sorted(set(KIND_OF.values())),),
        )
        ids: dict[str, int] = {row[0]: row[1] for row in rows}
        return {counterpart: ids[kind] for counterpart, kind in KIND_OF.items()}

    def connection_ids(self, codes: Collection[str]) -> Mapping[str, int]:
        rows = execute("SELECT code, id FROM connections_connection WHERE code = ANY(%s)", (sorted(codes),))
        return {row[0]: row[1] for row in rows}

    def recipes(self, item_ids: Collection[int]) -> Mapping[int, tuple[Component, ...]]:
        recipes: dict[int, list[Component]] = defaultdict(list)
        for kit, item, quantity in execute(
            "SELECT kit_id, component_id, quantity FROM catalog_kitcomponent WHERE kit_id = ANY(%s) "
            "ORDER BY kit_id, component_id",
            (sorted(item_ids),),
        ):
            recipes[kit].append(Component(item, quantity))
        return {kit: tuple(recipe) for kit, recipe in recipes.items()}
