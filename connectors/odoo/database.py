"""What the reading side knows of one database: its version, the modules it has, its places, whose lines are
whose.

What is asked for is kept for some minutes, for the next clients too (learnt.py); an external id is written
together with its line and never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.odoo.cells import ref, words
from connectors.odoo.config import OdooConfig
from connectors.odoo.learnt import Known
from connectors.odoo.naming import LineName, parse_line
from connectors.odoo.places import Places, read_places
from connectors.odoo.wire import Odoo
from inventory_sync.domain.errors import Misconfigured, RemoteRefused, RemoteUnavailable

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
        known: Known,
        *,
        version: Callable[[], int],
    ) -> None:
        self.odoo = odoo
        self.config = config
        self._known = known
        self._version = version

    @property
    def version(self) -> int:
        return self._version()

    @property
    def shape(self) -> Shape:
        return self._known.fact("shape", self._read_shape)

    def _read_shape(self) -> Shape:
        move = self.fields("stock.move", ("sale_line_id", "location_final_id", "scrap_id"))
        if move is None:
            raise Misconfigured("This Odoo has no inventory (module stock), or the sync user may not see it.")
        return Shape(
            sale="sale_line_id" in move,
            final="location_final_id" in move,
            scrap="scrap_id" in move,
            storable="is_storable" in (self.fields("product.product", ("is_storable",)) or ()),
            kits=self.may("mrp.bom", "read") is True,
            tills=self.may("pos.session", "read") is True and self.may("pos.order", "read") is True,
        )

    def fields(self, model: str, names: Iterable[str]) -> set[str] | None:
        """Return which of the names the model has, None when there is no such model."""
        try:
            found = self.odoo.ask(model, "fields_get", allfields=list(names), attributes=["type"])
        except RemoteRefused:
            return None
        if not isinstance(found, Mapping):
            raise RemoteUnavailable(f"Odoo does not tell the fields of {model}.")
        return set(found)

    def may(self, model: str, operation: str) -> bool | None:
        """Return whether the sync user may read, write or create it; None when there is no such model."""
        try:
            if self.version >= 18:
                return self.odoo.ask(model, "has_access", ids=[], operation=operation) is True
            named: dict[str, Any] = {"operation": operation, "raise_exception": False}
            return self.odoo.ask(model, "check_access_rights", **named) is True
        except RemoteRefused:
            return None

    def places(self, *, fresh: bool = False) -> Places:
        """Return the places, read again after some minutes or when something unknown turned up."""
        return (self._known.afresh if fresh else self._known.fact)("places", self._read_places)

    def has_place(self, place: str) -> bool:
        """Whether Odoo has it; a place made a minute ago counts."""
        return place in self.places().refs or place in self._known.own("places", self._read_places).refs

    def _read_places(self) -> Places:
        return read_places(self.odoo, self.config)

    def storable(self) -> list[Any]:
        """Return the domain of products of which stock is kept."""
        if self.shape.storable:
            return [["type", "=", "consu"], ["is_storable", "=", True]]
        return [["type", "=", "product"]]

    def names(self, lines: Iterable[int]) -> Mapping[int, LineName]:
        """Return those of the order lines that are ours, by their external ids."""
        found = self._known.each("line", sorted(set(lines)), self._line_names)
        return {line: name for line, name in found.items() if name is not None}

    def _line_names(self, lines: list[int]) -> Mapping[int, LineName | None]:
        found = self._external_ids(lines)
        return {line: parse_line(found.get(line, "")) for line in lines}

    def _external_ids(self, lines: list[int]) -> Mapping[int, str]:
        try:
            found = self.odoo.ask(SALE_LINE, "get_external_id", ids=lines)
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
