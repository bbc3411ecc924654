"""Places of the hub and locations of Odoo: which location belongs to which place, and what of it is for
sale.

A place is a warehouse with everything below its view location, or one internal location outside every
warehouse. Transit outside warehouses is no place: what lies there is on its way. Goods in a location that is
not for sale (named in the settings, transit within a warehouse, archived) are there and unavailable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.odoo.cells import Row, ref, words
from connectors.odoo.config import OdooConfig
from connectors.odoo.wire import Odoo, Rows
from inventory_sync.domain.errors import Misconfigured

PAGE = 2000
HELD_IN = ("internal", "transit")


@dataclass(frozen=True, slots=True)
class Location:
    """`place` is "" where nothing of ours is kept: vendors, customers, losses, other people's transit."""

    id: int
    name: str
    usage: str
    place: str
    for_sale: bool
    scrap: bool = False


@dataclass(frozen=True, slots=True)
class Places:
    """Every location of the company by id, and the places in order. `owner`: the company as a partner."""

    locations: Mapping[int, Location]
    refs: tuple[str, ...]
    owner: int
    names: Mapping[str, str]

    def place(self, location: int) -> str:
        found = self.locations.get(location)
        return found.place if found else ""

    def usage(self, location: int) -> str:
        found = self.locations.get(location)
        return found.usage if found else ""

    def for_sale(self, location: int) -> bool:
        found = self.locations.get(location)
        return found is not None and found.for_sale


def read_places(odoo: Odoo, config: OdooConfig) -> Places:
    """Return all places of the company. Raises Misconfigured when the settings name an unknown location."""
    company = odoo.company
    warehouses = odoo.rows(
        "stock.warehouse",
        "search_read",
        domain=[["company_id", "=", company]],
        fields=["name", "code", "view_location_id"],
        order="id",
        load=None,
    )
    partner = odoo.rows("res.company", "read", ids=[company], fields=["partner_id"], load=None)
    return arrange(_locations(odoo, company), warehouses, config.not_for_sale(), owner=_owner(partner))


def _owner(rows: Rows) -> int:
    return ref(rows[0], "partner_id") if rows else 0


def _locations(odoo: Odoo, company: int) -> Rows:
    found: Rows = []
    flag = odoo.read("stock.location", "fields_get", allfields=["scrap_location"], attributes=["type"])
    fields = ["complete_name", "usage", "parent_path", "active", *(flag if isinstance(flag, dict) else ())]
    while True:
        after = found[-1]["id"] if found else 0
        page = odoo.rows(
            "stock.location",
            "search_read",
            domain=[["company_id", "in", [company, False]], ["id", ">", after]],
            fields=fields,
            order="id",
            limit=PAGE,
            load=None,
            context={"active_test": False},
        )
        found += page
        if len(page) < PAGE or page[-1]["id"] <= after:
            return found


def arrange(
    rows: Sequence[Row], warehouses: Sequence[Row], not_for_sale: Sequence[str], *, owner: int
) -> Places:
    """Return the places of these rows, by the tree that `parent_path` spells out."""
    roots = {ref(row, "view_location_id"): f"warehouse:{row['id']}" for row in warehouses}
    names = {f"warehouse:{row['id']}": words(row, "name") for row in warehouses}
    closed = _closed(rows, not_for_sale)
    locations: dict[int, Location] = {}
    outside: list[str] = []
    for row in rows:
        number, usage = int(row["id"]), words(row, "usage")
        path = _path(row)
        place = next((roots[above] for above in reversed(path) if above in roots), "")
        if not place and usage == "internal":
            place = f"location:{number}"
            outside.append(place)
            names[place] = words(row, "complete_name")
        held = usage in HELD_IN
        locations[number] = Location(
            number,
            words(row, "complete_name"),
            usage,
            place if held else "",
            for_sale=usage == "internal" and row.get("active") is not False and closed.isdisjoint(path),
            scrap=row.get("scrap_location") is True,
        )
    return Places(locations, (*sorted(roots.values(), key=_by_number), *outside), owner, names)


def _path(row: Row) -> list[int]:
    """Return the ids from the root down to the location itself."""
    text = row.get("parent_path")
    numbers = [int(part) for part in text.split("/") if part.isdecimal()] if isinstance(text, str) else []
    return numbers or [int(row["id"])]


def _closed(rows: Sequence[Row], wanted: Sequence[str]) -> set[int]:
    by_name = {words(row, "complete_name"): int(row["id"]) for row in rows}
    ids = {int(row["id"]) for row in rows}
    found: set[int] = set()
    for name in wanted:
        number = int(name) if name.isascii() and name.isdecimal() else by_name.get(name)
        if number is None or number not in ids:
            raise Misconfigured(f"Odoo has no location {name!r}; correct the locations not for sale.")
        found.add(number)
    return found


def _by_number(place: str) -> int:
    return int(place.partition(":")[2])
