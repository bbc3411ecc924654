"""What the tests of pushing do to the shop's twin, and a client during whose calls something happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.woocommerce.twin import WooTwin

MUG, BOWL, LOOSE, PARENT, SHARING = 101, 103, 102, 120, 121


def product(number: int, kind: str = "simple", parent: int = 0, stock: int | None = 0) -> dict[str, Any]:
    return {
        "id": number, "type": kind, "parent_id": parent, "sku": f"SKU-{number}", "name": f"Thing {number}",
        "manage_stock": stock is not None, "stock_quantity": stock,
    }  # fmt: skip


class Between:
    """A client during whose calls something happens: before or after the n-th call of a method."""

    def __init__(self, client: Any, **acts: Callable[[], object]) -> None:
        self._client, self._acts = client, acts

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if f"before_{name}" not in self._acts and f"after_{name}" not in self._acts:
            return method

        def call(*args: Any, **more: Any) -> Any:
            self._acts.pop(f"before_{name}", lambda: None)()
            answer = method(*args, **more)
            self._acts.pop(f"after_{name}", lambda: None)()
            return answer

        return call


def shown(twin: WooTwin, number: int = MUG) -> int:
    (row,) = twin.control.book([number], history=False)["products"]
    return int(row["stock_quantity"] or 0)


def sell(twin: WooTwin, quantity: int, number: int = MUG) -> None:
    twin.control.checkout([{"product_id": number, "quantity": quantity}])


def landed(twin: WooTwin, number: int = MUG) -> list[int]:
    """Return the figures our writes brought, in the order they landed."""
    history = twin.products.book.history([number]).get(number, [])
    return [int(row["value"]) for row in history if row["who"] == "api"]
