"""What the tests of pushing do to the shop's twin, and a client during whose calls something happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from connectors.woocommerce.twin import WooTwin
from inventory_sync.domain.errors import OutcomeUnknown, RemoteRefused, RemoteUnavailable
from inventory_sync.domain.ports import LevelWrite, WriteEnd, WriteResult

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


class Later:
    """A shop that accepts writes and applies them when it is told to: `apply`, `refuse` or `forget` them.

    Everything else goes to the client it stands before. Receipts are never given twice.
    """

    def __init__(self) -> None:
        self.client: Any = None
        self.accepted: dict[str, LevelWrite] = {}
        self.ends: dict[str, WriteEnd] = {}
        self.polls = 0
        self.silent = False

    def before(self, client: Any) -> Later:
        self.client = client
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def write_levels(self, writes: Sequence[LevelWrite]) -> list[WriteResult]:
        results = []
        for write in writes:
            receipt = f"receipt-{len(self.accepted) + 1}"
            self.accepted[receipt] = write
            results.append(WriteResult(write.ref, receipt=receipt))
        return results

    def poll_writes(self, receipts: Sequence[str]) -> list[WriteEnd]:
        self.polls += 1
        if self.silent:
            raise RemoteUnavailable("No answer.")
        return [self.ends.get(receipt, WriteEnd(done=False)) for receipt in receipts]

    def apply(self, receipt: str) -> None:
        """Let it land at the shop."""
        [result] = self.client.write_levels([self.accepted[receipt]])
        self.ends[receipt] = WriteEnd(done=True, error=result.error)

    def refuse(self, receipt: str) -> None:
        self.ends[receipt] = WriteEnd(done=True, error=RemoteRefused("Not for sale here."))

    def forget(self, receipt: str) -> None:
        self.ends[receipt] = WriteEnd(done=True, error=OutcomeUnknown("No such job."))
