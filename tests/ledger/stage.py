"""A stage for long runs on PostgreSQL: rows of the catalog made once, what is played on it taken back.

Reads the ledger's rows with its own statements, so that what is compared was not worked out by the code that
is being checked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from inventory_sync.domain.reservations import LineStatus
from inventory_sync.ledger.rows import execute
from inventory_sync.ledger.rows_orders import STATUS_OF
from inventory_sync.ledger.types import LevelKey
from tests.ledger.facts import Facts, LineKey, Totals
from tests.ledger.worlds import PostgresWorld

VIRTUAL = ["vendor", "customer", "adjustment", "transit", "scrap"]
_SEEN = """
SELECT
    (SELECT json_agg(json_build_array(item_id, location_id, on_hand::text)) FROM ledger_stocklevel
        WHERE on_hand <> 0),
    (SELECT json_agg(json_build_array(moved.item_id, moved.here, other.kind, moved.total::text)) FROM (
        SELECT item_id, here, there, sum(quantity) AS total FROM (
            SELECT item_id, destination_id AS here, source_id AS there, quantity FROM ledger_movement
            UNION ALL
            SELECT item_id, source_id, destination_id, -quantity FROM ledger_movement
        ) AS legs WHERE NOT here = ANY(%s) GROUP BY item_id, here, there
    ) AS moved JOIN catalog_location other ON other.id = moved.there WHERE moved.total <> 0),
    (SELECT json_agg(json_build_array(o.connection_id, o.order_ref, r.line_ref, r.state, debt.owed))
        FROM ledger_reservation r JOIN ledger_order o ON o.id = r.order_id
        LEFT JOIN LATERAL (
            SELECT json_agg(json_build_array(item_id, owed::text)) AS owed FROM (
                SELECT item_id, sum(greatest(quantity - contained, 0)) AS owed FROM ledger_allocation a
                WHERE a.reservation_id = r.id GROUP BY item_id
            ) AS sums WHERE owed <> 0
        ) AS debt ON true)
"""
_ROOM = """
SELECT item_id, location_id, coalesce(l.there, 0) - coalesce(w.owed, 0)
FROM (
    SELECT item_id, location_id, on_hand - unavailable - reserved - unassigned AS there FROM ledger_stocklevel
) AS l FULL JOIN (
    SELECT item_id, location_id, sum(quantity - contained) AS owed FROM ledger_allocation
    WHERE open GROUP BY item_id, location_id
) AS w USING (item_id, location_id)
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rows say. Totals are Σ movements per level and kind of the other end. No zeros anywhere."""

    on_hand: dict[LevelKey, Decimal]
    totals: Totals
    owed: dict[tuple[LineKey, int], Decimal]
    statuses: dict[LineKey, LineStatus]

    def per_item(self) -> dict[int, Decimal]:
        """Return what is owed of each item."""
        sums: dict[int, Decimal] = defaultdict(Decimal)
        for (_, item), quantity in self.owed.items():
            sums[item] += quantity
        return dict(sums)


class Stage:
    """A till that is the authority of two places, two shops that sell from them, four items and a kit."""

    def __init__(self) -> None:
        self.world = PostgresWorld()
        self.till = self.world.connection("till")
        self.shops = (self.world.connection("shop"), self.world.connection("mart"))
        self.items = tuple(self.world.item(f"ITEM-{number}") for number in range(3))
        self.recipe = {self.items[0]: 2, self.items[1]: 1}
        self.kit = self.world.kit("KIT", self.recipe)
        self.places = tuple(self.world.place(f"PLACE-{number}") for number in range(2))
        self.books = self.world.place("BOOKS", figures=True)
        self.app = self.world.connection("app")
        self.pools = {
            self.shops[0]: (*self.places, self.books),
            self.shops[1]: self.places[:1],
            self.app: (*self.places, self.books),
        }
        found = execute("SELECT id FROM catalog_location WHERE kind = ANY(%s)", (VIRTUAL,))
        self.virtual = [row[0] for row in found]
        self.codes = {self.shops[0]: "shop", self.shops[1]: "mart"}

    def facts(self) -> Facts:
        sources = {code: shop for shop, code in self.codes.items()}
        return Facts({self.kit: self.recipe}, sources, frozenset({self.books}))

    @contextmanager
    def play(self) -> Iterator[None]:
        """Run one transaction on the stage and take it back."""
        with transaction.atomic():
            yield
            transaction.set_rollback(True)

    # ── what the rows say ────────────────────────────────────────────────────────────────────────────
    def seen(self) -> Seen:
        """Return the state of the rows, in one statement for there are many such looks."""
        ((levels, legs, lines),) = execute(_SEEN, (self.virtual,))
        return Seen(
            on_hand={(item, place): Decimal(n) for item, place, n in levels or ()},
            totals={(item, place, kind): Decimal(n) for item, place, kind, n in legs or ()},
            owed={
                ((connection_id, ref, line), item): Decimal(n)
                for connection_id, ref, line, _, owed in lines or ()
                for item, n in owed or ()
            },
            statuses={(each[0], each[1], each[2]): STATUS_OF[each[3]] for each in lines or ()},
        )

    def room(self) -> dict[LevelKey, Decimal]:
        """Return on hand less what is set aside and owed, at each level that is there or owes."""
        return {(row[0], row[1]): row[2] for row in execute(_ROOM)}

    def known(self) -> set[LevelKey]:
        """Return the levels whose stock is known; nothing is promised from the others."""
        return {
            (row[0], row[1])
            for row in execute("SELECT item_id, location_id FROM ledger_stocklevel WHERE known")
        }

    def cleaned(self) -> set[int]:
        """Return the dirty items, and forget them."""
        return {row[0] for row in execute("DELETE FROM ledger_dirtyitem RETURNING item_id")}


def differences(seen: Seen, facts: Facts, now: datetime) -> list[str]:
    """Return where the ledger's rows and the facts disagree. There must be nothing."""
    on_hand, totals = facts.shelf()
    sums: dict[LevelKey, Decimal] = defaultdict(Decimal)
    for (item, place, _), quantity in seen.totals.items():
        sums[item, place] += quantity
    wrong = [
        *_unequal("on hand", seen.on_hand, on_hand),
        *_unequal("Σ movements", {level: total for level, total in sums.items() if total}, seen.on_hand),
        *_unequal("totals per counterpart", seen.totals, totals),
        *_unequal("owed", seen.owed, facts.owed(now)),
    ]
    stand, must = seen.statuses, facts.statuses(now)
    for key, status in must.items():
        if stand.get(key) != status and not (status == "promised" and stand.get(key) in PROMISED):
            wrong.append(f"line {key} is {stand.get(key)}, should be {status}")
    wrong += [
        f"line {key} is {status}, though no ruling version names it"
        for key, status in stand.items()
        if key not in must and not status.is_exit
    ]
    return wrong


PROMISED = (LineStatus.COMMITTED, LineStatus.BACKORDERED)


def _unequal(what: str, got: object, wanted: object) -> list[str]:
    return [] if got == wanted else [f"{what}: {got}, should be {wanted}"]
