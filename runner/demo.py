"""The demo retailer: about 500 believable items, five places, one web shop, an Odoo, tills. Plain data.

Odoo keeps the books of the two warehouses, the tills those of the three stores. Odoo mirrors one store and
begins it empty: the mirror brings what is there. The same seed gives the same file, byte for byte. Knows
nothing of the platform or the twins, who read it. `python -m runner.demo --out FILE`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

Doc = dict[str, Any]

COLOURS = ("Blue", "Red", "Green", "White", "Black", "Yellow", "Grey", "Rose", "Sand", "Teal")
SIZES = ("S", "M", "L", "XL", "XXL")
SCENTS = ("Vanilla", "Cedar", "Linen", "Fig", "Orange", "Lavender", "Amber", "Mint", "Rose", "Pine")
TEAS = ("Assam", "Darjeeling", "Ceylon", "Earl Grey", "Sencha", "Oolong", "Jasmine", "Rooibos", "Mint",
        "Chamomile", "Fennel", "Ginger", "Lemon", "Hibiscus", "Fruit", "Chai")  # fmt: skip
COMPANY = "RETAIL"
LOCATIONS: tuple[tuple[str, str, str], ...] = (
    ("WH-HAM", "Warehouse Hamburg", "warehouse"), ("WH-MUC", "Warehouse Munich", "warehouse"),
    ("ST-BER", "Store Berlin", "store"), ("ST-CGN", "Store Cologne", "store"),
    ("ST-LEJ", "Store Leipzig", "store"),
)  # fmt: skip
SELLS_FROM = ("WH-HAM", "WH-MUC")
MIRRORED = "ST-BER"
FIRST_WAREHOUSE = 2
"""Odoo's id of the first warehouse we make: every new database has one already, which nobody here uses."""
CUSTOMER = (7, "Customers of the web shop")
"""Odoo 19's id and name of the contact under which it keeps the web shop's orders."""


@dataclass(frozen=True, slots=True)
class Family:
    """Items that differ by one or two options; `carton` is how many come in one, 0 if loose."""

    code: str
    name: str
    price: str
    first: tuple[str, ...] = ()
    second: tuple[str, ...] = ()
    carton: int = 0
    unit: str = "C62"
    online: bool = True


FAMILIES: tuple[Family, ...] = (
    Family("MUG", "Mug", "7.90", COLOURS, carton=12),
    Family("CUP", "Espresso cup", "5.90", COLOURS[:8], carton=12),
    Family("PLATE", "Dinner plate", "11.90", COLOURS[:6]),
    Family("DESSERT", "Dessert plate", "8.90", COLOURS[:6]),
    Family("BOWL", "Bowl", "9.50", COLOURS[:8]),
    Family("TEAPOT", "Teapot", "34.00", COLOURS[:5]),
    Family("CANDLE", "Scented candle", "14.90", SCENTS, ("Small", "Large")),
    Family("PILLAR", "Pillar candle", "6.90", COLOURS, ("10 cm", "15 cm", "20 cm")),
    Family("TSHIRT", "T-shirt", "24.90", COLOURS[:8], SIZES),
    Family("HOODIE", "Hoodie", "54.00", COLOURS[:6], SIZES),
    Family("SOCKS", "Socks", "7.50", COLOURS, ("35-38", "39-42", "43-46")),
    Family("BEANIE", "Beanie", "19.90", COLOURS[:8]),
    Family("TOWEL", "Hand towel", "12.90", COLOURS),
    Family("BATH", "Bath towel", "27.90", COLOURS),
    Family("LINEN", "Bed linen", "69.00", COLOURS[:6], ("135x200", "155x220", "200x220")),
    Family("CUSHION", "Cushion cover", "17.90", COLOURS, ("40x40", "50x50")),
    Family("THROW", "Throw", "49.00", COLOURS[:8]),
    Family("NOTE", "Notebook", "9.90", COLOURS[:8], ("A5", "A6")),
    Family("PEN", "Ballpoint pen", "3.90", COLOURS[:6]),
    Family("FRAME", "Photo frame", "15.90", ("10x15", "13x18", "20x30", "30x40"), ("Oak", "Walnut", "Black")),
    Family("VASE", "Vase", "22.90", COLOURS[:6], ("Low", "Tall")),
    Family("POT", "Plant pot", "13.50", COLOURS[:8], ("12 cm", "16 cm", "22 cm")),
    Family("BASKET", "Storage basket", "18.90", ("Natural", "White", "Grey"), ("S", "M", "L")),
    Family("TEA", "Tea", "6.50", TEAS, carton=6),
    Family("COFFEE", "Coffee beans", "9.80", ("House", "Espresso", "Decaf", "Organic"), ("250 g", "1 kg")),
    Family("JAM", "Jam", "4.90", ("Apricot", "Cherry", "Plum", "Quince", "Orange", "Fig")),
    Family(
        "CHOC", "Chocolate", "3.50", ("Milk", "Dark", "White", "Nougat", "Sea salt", "Chilli", "Mint", "Nut")
    ),
    Family("SCARF", "Scarf", "22.90", COLOURS[:8]),
    Family("GLOVES", "Gloves", "18.90", COLOURS[:6], ("S", "L")),
    Family("SOAP", "Soap", "4.20", SCENTS),
    Family("CREAM", "Hand cream", "8.90", SCENTS[:6]),
    Family("TOTE", "Tote bag", "12.00", COLOURS[:8]),
    Family("APRON", "Apron", "29.00", COLOURS[:6]),
    Family("BOARD", "Cutting board", "24.50", ("Beech", "Oak", "Walnut"), ("Small", "Large")),
    Family("JAR", "Glass jar", "5.50", ("0.25 l", "0.5 l", "1 l", "2 l"), carton=6),
    Family("LIGHTS", "String lights", "16.90", ("Warm", "Cold", "Colour")),
    Family("WRAP", "Gift wrap", "3.20", ("Dots", "Stars", "Kraft", "Stripes", "Leaves")),
    Family("RIBBON", "Ribbon by the metre", "1.80", COLOURS[:4], unit="MTR", online=False),
    Family("SPOON", "Wooden spoon", "4.50"), Family("LADLE", "Ladle", "12.90"),
    Family("WHISK", "Whisk", "9.90"), Family("GRATER", "Grater", "14.90"),
    Family("TIMER", "Kitchen timer", "11.50"), Family("SCALE", "Kitchen scale", "32.00"),
    Family("MILL", "Pepper mill", "38.00"), Family("PRESS", "French press", "42.00"),
    Family("KETTLE", "Kettle", "59.00"), Family("LANTERN", "Lantern", "36.00"),
    Family("CLOCK", "Wall clock", "44.00"), Family("MIRROR", "Mirror", "79.00"),
    Family("COASTER", "Coasters", "10.90"), Family("UMBRELLA", "Umbrella", "25.90"),
    Family("MAT", "Door mat", "26.90"), Family("HOOK", "Wall hook", "8.50"),
    Family("TRAY", "Serving tray", "28.00"), Family("MATCHES", "Long matches", "4.90"),
)  # fmt: skip
BOXES = ("Plain", "Birthday", "Wedding", "Winter")  # four looks of one gift box, one pool of stock
UNMAPPED = ("GIFT-10", "GIFT-25", "GIFT-50")
UNMANAGED = ("HOOK", "MAT", "TRAY", "MATCHES")


def gtin13(number: int) -> str:
    """Return a GTIN-13 below the demo's company prefix, check digit last."""
    body = f"4006381{number:05d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return f"{body}{(10 - total % 10) % 10}"


def build(seed: int = 1) -> Doc:
    """Return the whole dataset."""
    return _Builder(random.Random(seed)).build()


def _code(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum())


def _members(family: Family) -> Iterator[tuple[str, str, str]]:
    """Yield SKU, name and option text of each item of a family."""
    for one in family.first or ("",):
        for two in family.second or ("",):
            options = [option for option in (one, two) if option]
            sku = "-".join([family.code, *map(_code, options)])
            yield sku, " ".join([family.name, *options]), ", ".join(options)


class _Builder:
    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._items: dict[str, Doc] = {}
        self._stock: dict[tuple[str, str], int] = {}
        self._products: list[Doc] = []
        self._gtins = 0
        self._next_id = 101

    def build(self) -> Doc:
        for family in FAMILIES:
            for sku, name, _ in _members(family):
                self._item(family, sku, name)
        self._item(Family("BOX", "Gift box", "2.50"), "BOX", "Gift box")
        stocked = list(self._items)
        self._place(stocked)
        self._kits(stocked)
        self._shop()
        return {
            "items": list(self._items.values()),
            "locations": [
                {"code": COMPANY, "name": "Hanse Home GmbH", "kind": "company", "parent": None},
                *(
                    {
                        "code": code, "name": name, "kind": kind, "parent": COMPANY,
                        "mode": "figures" if kind == "warehouse" else "movements",
                    }
                    for code, name, kind in LOCATIONS
                ),
            ],
            "stock": [
                {"location": place, "sku": sku, "quantity": str(quantity)}
                for (place, sku), quantity in self._stock.items()
            ],
            "woo": {"products": self._products, "sells_from": list(SELLS_FROM)},
            "odoo": self._odoo(stocked),
            "till": {
                "stores": [
                    {"external_id": code, "location": code} for code, _, kind in LOCATIONS if kind == "store"
                ],
                "items": [
                    {
                        "external_id": sku, "item": sku, "unit": self._items[sku]["unit"], "factor": "1",
                        "name": self._items[sku]["name"], "gtin": self._items[sku]["gtin"],
                    }
                    for sku in stocked
                ],
            },
        }  # fmt: skip

    # ── the ERP ──

    def _odoo(self, stocked: Sequence[str]) -> Doc:
        """Return what Odoo begins with. Ids are those a new database gives; the twin holds us to them."""
        kept = [row for row in LOCATIONS if row[0] in (*SELLS_FROM, MIRRORED)]
        number, name = CUSTOMER
        return {
            "warehouses": [
                {
                    "id": FIRST_WAREHOUSE + index, "code": code.rsplit("-", 1)[-1], "name": name,
                    "location": code, "decides": code != MIRRORED,
                }
                for index, (code, name, _) in enumerate(kept)
            ],
            "products": [
                {
                    "id": index, "sku": sku, "name": self._items[sku]["name"],
                    "barcode": self._items[sku]["gtin"], "price": self._items[sku]["price"],
                    "opening": {
                        code.rsplit("-", 1)[-1]: self._stock[(code, sku)]
                        for code, _, _ in kept if code != MIRRORED
                    },
                }
                for index, sku in enumerate(stocked, start=1)
            ],
            "customers": [{"id": number, "name": name}],
        }  # fmt: skip

    # ── catalogue ──

    def _gtin(self) -> str:
        self._gtins += 1
        return gtin13(self._gtins)

    def _item(self, family: Family, sku: str, name: str) -> None:
        packs = []
        if family.carton:
            packs = [{"unit": "CT", "factor": str(family.carton), "gtin": self._gtin()}]
        self._items[sku] = {
            "sku": sku, "name": name, "gtin": self._gtin(), "unit": family.unit, "kind": "stocked",
            "components": [], "packs": packs, "price": family.price,
        }  # fmt: skip

    def _place(self, stocked: Sequence[str]) -> None:
        """Lay out the opening stock: every item is counted everywhere, often as 0 in a store."""
        for sku in stocked:
            popularity = self._dice.choice((1, 1, 1, 2, 3))
            for place, _, kind in LOCATIONS:
                if kind == "warehouse":
                    quantity = self._dice.randint(15, 90) * popularity
                else:
                    quantity = self._dice.randint(2, 14) * popularity if self._dice.random() < 0.7 else 0
                self._stock[(place, sku)] = quantity

    def _kits(self, stocked: Sequence[str]) -> None:
        loose = [sku for sku in stocked if self._items[sku]["unit"] == "C62" and sku != "BOX"]
        for number in range(1, 26):
            parts = self._dice.sample(loose, self._dice.choice((2, 2, 3)))
            components = [{"sku": sku, "quantity": str(self._dice.choice((1, 1, 2)))} for sku in parts]
            total = sum(
                Decimal(self._items[part["sku"]]["price"]) * int(part["quantity"]) for part in components
            )
            sku = f"SET-{number:02d}"
            self._items[sku] = {
                "sku": sku, "name": f"Gift set {number}", "gtin": self._gtin(), "unit": "C62",
                "kind": "kit",
                "components": components, "packs": [],
                "price": str((total * Decimal("0.9")).quantize(Decimal("0.01"))),
            }  # fmt: skip

    # ── the web shop ──

    def _shop(self) -> None:
        for family in FAMILIES:
            members = list(_members(family))
            if not family.online:
                continue
            if len(members) == 1:
                self._simple(members[0][0], managed=family.code not in UNMANAGED)
                continue
            parent = self._product(family.code, family.name, "variable")
            for sku, _, option in members:
                self._product(
                    sku, f"{family.name} - {option}", "variation", parent_id=parent["id"], item=sku,
                    figure=self._shown(sku),
                )  # fmt: skip
        parent = self._product("BOX", "Gift box", "variable", item="BOX", figure=self._shown("BOX"))
        for look in BOXES:
            box = self._product(
                f"BOX-{_code(look)}", f"Gift box - {look}", "variation", parent_id=parent["id"], item="BOX"
            )
            box["manage_stock"] = "parent"
        cartons = [sku for sku, item in self._items.items() if item["packs"]]
        for sku in cartons[::5]:
            factor = int(self._items[sku]["packs"][0]["factor"])
            carton = self._product(
                f"{sku}-CT", f"{self._items[sku]['name']}, carton of {factor}", "simple", item=sku,
                figure=self._shown(sku) // factor,
            )  # fmt: skip
            carton["factor"] = str(factor)
        for sku in [sku for sku, item in self._items.items() if item["kind"] == "kit"]:
            self._simple(sku)
        for sku in UNMAPPED:
            self._product(sku, f"Gift card {sku[-2:]} euro", "simple", figure=500)

    def _simple(self, sku: str, *, managed: bool = True) -> None:
        self._product(
            sku, self._items[sku]["name"], "simple", item=sku, figure=self._shown(sku) if managed else None
        )

    def _product(
        self,
        sku: str,
        name: str,
        kind: str,
        *,
        parent_id: int = 0,
        item: str | None = None,
        figure: int | None = None,
    ) -> Doc:
        row: Doc = {
            "id": self._next_id, "type": kind, "parent_id": parent_id, "sku": sku, "name": name,
            "manage_stock": figure is not None, "stock_quantity": figure, "item": item, "factor": "1",
        }  # fmt: skip
        self._next_id += 1
        self._products.append(row)
        return row

    def _shown(self, sku: str) -> int:
        """Return what the shop shows before the first sync: a little less than there is."""
        item = self._items[sku]
        if item["kind"] == "kit":
            return min(self._shown(part["sku"]) // int(part["quantity"]) for part in item["components"])
        return sum(self._stock[(place, sku)] for place in SELLS_FROM) * 9 // 10


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m runner.demo", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(build(options.seed), ensure_ascii=False, indent=1) + "\n"
    options.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
