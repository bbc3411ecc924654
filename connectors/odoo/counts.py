"""Absolute counts at a place, for reconciliation only: what happens day by day goes as documents.

A count is written and applied by one call per batch (`inventory_quantity_auto_apply` in inventory mode),
never as two: between the two somebody else's count would be applied as nothing, and applying twice sets stock
to 0. What is equal is not written. A place is more than one location: the count goes to its own stock, and
what lies elsewhere in it, in packages, or belongs to others stays as it is and is taken off first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.base.fields import clean
from connectors.odoo.batches import alone, chunks
from connectors.odoo.cells import ZERO, Row, number, plain, ref
from connectors.odoo.database import Database
from connectors.odoo.endpoints import Endpoints
from connectors.odoo.goods import Product, read_products
from connectors.odoo.refs import place_id, product_id
from connectors.odoo.wire import Odoo
from inventory_sync.domain.errors import NotApplied, Rejected, RemoteRefused
from inventory_sync.domain.ports import LevelWrite, ListingLevel, ListingRef, WriteResult

BATCH = 100
Key = tuple[int, str]
"""(product, place)."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What a place has of one product. `rows`: its own stock that a count may set, {quant: quantity}."""

    total: Decimal = ZERO
    rows: Mapping[int, Decimal] = field(default_factory=dict)
    reserved: Decimal = ZERO

    def to_show(self, figure: Decimal) -> Decimal:
        """Return what its own stock must be for the place to show `figure`."""
        return plain(figure - (self.total - sum(self.rows.values(), ZERO)))


@dataclass(frozen=True, slots=True)
class Count:
    """One count to be written; `quant` 0 creates or finds the row."""

    write: LevelWrite
    key: Key
    location: int
    quantity: Decimal
    quant: int = 0


class CountsStock:
    """Counts of the client, by refs of product and place."""

    odoo: Odoo
    endpoints: Endpoints
    database: Database

    def read_levels(self, refs: Sequence[ListingRef]) -> list[ListingLevel]:
        """Return what Odoo's books say of a product at a place, all its locations together."""
        keys = [self._key(one) for one in refs]
        held = self._holdings([key for key in keys if not isinstance(key, Rejected)])
        return [
            ListingLevel(one, None, error=key)
            if isinstance(key, Rejected)
            else ListingLevel(one, held[key].total)
            for one, key in zip(refs, keys, strict=True)
        ]

    def write_levels(
        self, writes: Sequence[LevelWrite], *, below_reserved: bool = False
    ) -> list[WriteResult]:
        """Count; a result shows what was read afterwards, which somebody may have changed again.

        `below_reserved`: also take stock that deliveries have reserved, which Odoo does without a word.
        """
        results: list[WriteResult] = []
        for some in chunks(writes, BATCH):
            results += self._count(some, below_reserved)
        return results

    def _count(self, writes: Sequence[LevelWrite], below_reserved: bool) -> list[WriteResult]:
        keys = [self._key(write.ref) for write in writes]
        wanted = [key for key in keys if not isinstance(key, Rejected)]
        flag = self.database.shape.storable
        products = read_products(self.odoo, (product for product, _ in wanted), storable_flag=flag)
        before = self._holdings(wanted)
        outcomes: list[Key | Rejected] = []
        counts: list[Count] = []
        for write, key in zip(writes, keys, strict=True):
            if not isinstance(key, Rejected):
                try:
                    _check(write, products.get(key[0]), before[key], self.odoo.company, below_reserved)
                except Rejected as error:
                    outcomes.append(error)
                    continue
                if write.figure != before[key].total:
                    counts.append(self._count_of(write, key, before[key]))
            outcomes.append(key)
        refused = {id(count.write): error for count, error in self._apply(counts)}
        shown = before | self._holdings([count.key for count in counts])
        return [
            WriteResult(write.ref, error=outcome)
            if isinstance(outcome, Rejected)
            else WriteResult(write.ref, shown[outcome].total)
            for write, outcome in (
                (write, refused.get(id(write), outcome))
                for write, outcome in zip(writes, outcomes, strict=True)
            )
        ]

    def _count_of(self, write: LevelWrite, key: Key, held: Holding) -> Count:
        quantity = held.to_show(write.figure)
        location = self.endpoints.stock(key[1])
        if len(held.rows) < 2:
            return Count(write, key, location, quantity)
        # Odoo keeps several rows of one key for a while: one takes the difference, the others stay.
        quant = max(held.rows, key=lambda one: (held.rows[one], one))
        others = sum(held.rows.values(), ZERO) - held.rows[quant]
        return Count(write, key, location, plain(quantity - others), quant)

    def _apply(self, counts: Sequence[Count]) -> list[tuple[Count, Rejected]]:
        whole = [count for count in counts if not count.quant]
        refused = alone(whole, self._create)
        for count in counts:
            if count.quant:
                refused += alone([count], self._write)
        return refused

    def _create(self, counts: Sequence[Count]) -> None:
        values = [
            {
                "product_id": count.key[0],
                "location_id": count.location,
                "inventory_quantity_auto_apply": count.quantity,
            }
            for count in counts
        ]
        self.odoo.write("stock.quant", "create", vals_list=values, context=_mode(counts[0].write))

    def _write(self, counts: Sequence[Count]) -> None:
        for count in counts:
            values = {"inventory_quantity_auto_apply": count.quantity}
            self.odoo.write(
                "stock.quant", "write", ids=[count.quant], vals=values, context=_mode(count.write)
            )

    def _key(self, one: ListingRef) -> Key | Rejected:
        try:
            product = product_id(one.external_id)
            place_id(one.location_ref)
        except Rejected as error:
            return error
        if not self.database.has_place(one.location_ref):
            return RemoteRefused(f"Odoo has no place {clean(one.location_ref, limit=60)} for this company.")
        return product, one.location_ref

    def _holdings(self, keys: Sequence[Key]) -> dict[Key, Holding]:
        """Return what Odoo has of these, by one reading; every row of a key is summed."""
        if not keys:
            return {}
        places = self.database.places()
        wanted = {place for _, place in keys}
        locations = {one.id: one.place for one in places.locations.values() if one.place in wanted}
        rows = self.odoo.rows(
            "stock.quant",
            "search_read",
            domain=[
                ["product_id", "in", sorted({product for product, _ in keys})],
                ["location_id", "in", sorted(locations)],
            ],
            fields=[
                "product_id",
                "location_id",
                "lot_id",
                "package_id",
                "owner_id",
                "quantity",
                "reserved_quantity",
            ],
            load=None,
        )
        by_key: dict[Key, list[Row]] = defaultdict(list)
        for row in rows:
            by_key[ref(row, "product_id"), locations[ref(row, "location_id")]].append(row)
        return {key: self._holding(key[1], by_key[key]) for key in keys}

    def _holding(self, place: str, rows: Sequence[Row]) -> Holding:
        own = [row for row in rows if self._is_own(place, row)]
        return Holding(
            total=plain(sum((number(row, "quantity") for row in rows), ZERO)),
            rows={int(row["id"]): number(row, "quantity") for row in own},
            reserved=sum((number(row, "reserved_quantity") for row in own), ZERO),
        )

    def _is_own(self, place: str, row: Row) -> bool:
        loose = not any(ref(row, name) for name in ("lot_id", "package_id", "owner_id"))
        return loose and ref(row, "location_id") == self.endpoints.stock(place)


def _mode(write: LevelWrite) -> dict[str, object]:
    """Return the context without which Odoo ignores the count; 19 keeps the name on the movement."""
    return {"inventory_mode": True, "inventory_name": write.idempotency_key}


def _check(
    write: LevelWrite, product: Product | None, held: Holding, company: int, below_reserved: bool
) -> None:
    if product is None:
        raise RemoteRefused(f"Odoo has no product {write.ref.external_id}.")
    product.refuse_unless_kept(company)
    product.refuse_unless_exact(write.figure)
    if product.tracked:
        raise RemoteRefused(f"{product.name} is tracked by lot: it can only be counted lot by lot, in Odoo.")
    if write.figure < 0:
        raise RemoteRefused(f"{product.name} cannot be counted as less than nothing.")
    if write.expected is not None and write.expected != held.total:
        raise NotApplied(f"{product.name} was {write.expected} when it was compared and is {held.total} now.")
    quantity = held.to_show(write.figure)
    if quantity < 0:
        raise RemoteRefused(
            f"{product.name}: other locations of the place, packages or owners hold more than "
            f"{write.figure}; only Odoo's own people can count those."
        )
    if quantity < held.reserved and not below_reserved:
        raise RemoteRefused(
            f"{product.name}: {held.reserved} are reserved for deliveries; a count of {write.figure} would "
            "take them away."
        )
