"""What the reading side knows of one database: its version, the modules it has, its places, whose lines are
whose.

Asked once and kept: modules and fields for the life of the client, places for some minutes, names of order
lines for good (an external id is written together with its line and never changes).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.odoo.cells import ref, words
from connectors.odoo.config import OdooConfig
from connectors.odoo.naming import LineName, parse_line
from connectors.odoo.places import Places, read_places
from connectors.odoo.wire import Odoo
from inventory_sync.domain.errors import Misconfigured, RemoteRefused, RemoteUnavailable

PLACES_FOR_S = 300.0
MAX_NAMES = 50_000
SALE_LINE = "sale.order.line"


@dataclass(frozen=True, slots=True)
class Shape:
    """Which optional parts a database has, by the fields that its models have for us.

    `sale`: moves name order lines (sale_stock). `final`: moves name where a chain of them ends (18 and
    later). `scrap`: moves name their scrap order. `storable`: products say whether stock is kept (18 and
    later). `kits`: bills of material (mrp) that the sync user may see. `tills`: Odoo's own point of sale,
    likewise.
    """

    sale: bool
    final: bool
    scrap: bool
    storable: bool
    kits: bool
    tills: bool


class Database:
    """One database as the reading side sees it."""

    def __init__(
        self,
        odoo: Odoo,
        config: OdooConfig,
        *,
        version: Callable[[], int],
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.odoo = odoo
        self.config = config
        self._version = version
        self._ticks = ticks
        self._shape: Shape | None = None
        self._places: tuple[float, Places] | None = None
        self._names: dict[int, LineName | None] = {}

    @property
    def version(self) -> int:
        return self._version()

    @property
    def shape(self) -> Shape:
        if self._shape is None:
            move = self.fields("stock.move", ("sale_line_id", "location_final_id", "scrap_id"))
            if move is None:
                raise Misconfigured(
                    "This Odoo has no inventory (module stock), or the sync user may not see it."
                )
            self._shape = Shape(
                sale="sale_line_id" in move,
                final="location_final_id" in move,
                scrap="scrap_id" in move,
                storable="is_storable" in (self.fields("product.product", ("is_storable",)) or ()),
                kits=self.may("mrp.bom", "read") is True,
                tills=self.may("pos.session", "read") is True and self.may("pos.order", "read") is True,
            )
        return self._shape

    def fields(self, model: str, names: Iterable[str]) -> set[str] | None:
        """Return which of the names the model has, None when there is no such model."""
        try:
            found = self.odoo.read(model, "fields_get", allfields=list(names), attributes=["type"])
        except RemoteRefused:
            return None
        if not isinstance(found, Mapping):
            raise RemoteUnavailable(f"Odoo does not tell the fields of {model}.")
        return set(found)

    def may(self, model: str, operation: str) -> bool | None:
        """Return whether the sync user may read, write or create it; None when there is no such model."""
        try:
            if self.version >= 18:
                return self.odoo.read(model, "has_access", ids=[], operation=operation) is True
            named: dict[str, Any] = {"operation": operation, "raise_exception": False}
            return self.odoo.read(model, "check_access_rights", **named) is True
        except RemoteRefused:
            return None

    def places(self, *, fresh: bool = False) -> Places:
        """Return the places, read again after some minutes or when something unknown turned up."""
        if fresh or self._places is None or self._ticks() - self._places[0] > PLACES_FOR_S:
            self._places = (self._ticks(), read_places(self.odoo, self.config))
        return self._places[1]

    def storable(self) -> list[Any]:
        """Return the domain of products of which stock is kept."""
        if self.shape.storable:
            return [["type", "=", "consu"], ["is_storable", "=", True]]
        return [["type", "=", "product"]]

    def names(self, lines: Iterable[int]) -> Mapping[int, LineName]:
        """Return those of the order lines that are ours, by their external ids."""
        wanted = set(lines)
        unknown = sorted(wanted - self._names.keys())
        if len(self._names) + len(unknown) > MAX_NAMES:
            self._names.clear()
            unknown = sorted(wanted)
        if unknown:
            found = self._external_ids(unknown)
            self._names.update({line: parse_line(found.get(line, "")) for line in unknown})
        return {line: name for line in wanted if (name := self._names.get(line)) is not None}

    def _external_ids(self, lines: list[int]) -> Mapping[int, str]:
        try:
            found = self.odoo.read(SALE_LINE, "get_external_id", ids=lines)
        except (RemoteRefused, Misconfigured):
            # Not every version lets a client call it; then the table itself, which not every user may read.
            domain = [["model", "=", SALE_LINE], ["res_id", "in", lines], ["module", "=", "inventory_sync"]]
            rows = self.odoo.rows(
                "ir.model.data", "search_read", domain=domain, fields=["module", "name", "res_id"], load=None
            )
            return {ref(row, "res_id"): f"{words(row, 'module')}.{row.get('name')}" for row in rows}
        if not isinstance(found, Mapping):
            raise RemoteUnavailable("Odoo does not tell the external ids of order lines.")
        return {int(line): str(name) for line, name in found.items() if str(line).isdecimal()}
