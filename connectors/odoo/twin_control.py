"""The twin's control API under `/_twin/`: people's acts, faults, time, and the books for witnesses.

Not part of Odoo's contract and never used by the connector. The acts are in twin_control_acts, what the books
say is in twin_control_books.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from connectors.base.twinkit import Doc, Faults, Request, Response, TwinClock, json_response
from connectors.odoo import twin_control_books as books
from connectors.odoo.twin_control_acts import Acts
from connectors.odoo.twin_control_seed import seed
from connectors.odoo.twin_core import Database
from connectors.odoo.twin_errors import OdooError
from connectors.odoo.twin_hooks import add_rule, outbox
from connectors.odoo.twin_quants import SPLIT_ROWS


class Controlled(Protocol):
    """What the control API needs of the twin itself."""

    db: Database
    clock: TwinClock
    faults: Faults
    requests: list[Doc]

    def tick(self) -> None: ...


class Control:
    """Answers `/_twin/...`; `acts` are the same acts for tests in the same process."""

    def __init__(self, twin: Controlled) -> None:
        self._twin = twin
        self.acts = Acts(twin.db)

    def seed(self, document: Doc) -> Doc:
        with self._twin.db.transaction() as env:
            return seed(env, document)

    def book(self, codes: list[str] | None = None) -> Doc:
        with self._twin.db.transaction() as env:
            return books.book(env, codes or ())

    def orders(self, reference: str = "") -> list[Doc]:
        with self._twin.db.transaction() as env:
            return books.orders(env, reference)

    def pickings(self, name: str = "") -> list[Doc]:
        with self._twin.db.transaction() as env:
            return books.pickings(env, name)

    def ledger(self, since: int = 0) -> list[Doc]:
        with self._twin.db.transaction() as env:
            return books.ledger(env, since)

    def hook(self, **rule: Any) -> int:
        """Add an automation rule that sends webhooks (twin_hooks.add_rule)."""
        with self._twin.db.transaction() as env:
            return add_rule(env, **rule)

    def sent(self) -> list[Doc]:
        """Return every webhook the twin sent, and what its receiver answered."""
        return list(outbox(self._twin.db).log)

    # ── the door ──

    def answer(self, request: Request) -> Response:
        name = request.path.removeprefix("/_twin/").strip("/")
        try:
            return self._route(request, name, request.json() if request.body else {})
        except OdooError as refused:
            return json_response(409, {"refused": refused.message, "name": refused.name})
        except (KeyError, ValueError, TypeError, IndexError) as problem:
            return json_response(404 if isinstance(problem, KeyError) else 400, {"error": repr(problem)})

    def _route(self, request: Request, name: str, body: Doc) -> Response:
        query, twin = request.query, self._twin
        if request.method == "POST" and name in self._acts():
            return json_response(201, {"done": self._acts()[name](**body)})
        match (request.method, name):
            case ("GET", "book"):
                return json_response(200, self.book(list(filter(None, query.get("sku", "").split(",")))))
            case ("GET", "orders"):
                return json_response(200, {"orders": self.orders(query.get("ref", ""))})
            case ("GET", "pickings"):
                return json_response(200, {"pickings": self.pickings(query.get("name", ""))})
            case ("GET", "ledger"):
                return json_response(200, {"moved": self.ledger(int(query.get("since", 0)))})
            case ("POST", "seed"):
                return json_response(201, {"counts": self.seed(body)})
            case ("POST", "hooks"):
                return json_response(201, {"rule": self.hook(**body)})
            case ("GET", "deliveries"):
                return json_response(200, {"deliveries": self.sent()})
            case ("GET", "requests"):
                return json_response(200, {"requests": twin.requests})
            case ("GET", "faults"):
                return json_response(200, {"faults": twin.faults.active(), "played": twin.faults.played})
            case ("POST", "faults"):
                return json_response(201, twin.faults.inject(**body).document())
            case ("DELETE", "faults"):
                twin.faults.clear(query.get("kind"))
                return json_response(200, {"faults": twin.faults.active()})
            case ("POST", "split-rows"):
                twin.db.settings[SPLIT_ROWS] = int(body["count"])
                return json_response(201, {"count": int(body["count"])})
            case ("POST", "advance"):
                twin.clock.advance(float(body["seconds"]))
                twin.tick()
                return json_response(200, {"time": twin.clock.now().isoformat()})
        return json_response(404, {"error": "no such control"})

    def _acts(self) -> dict[str, Callable[..., Any]]:
        acts = self.acts
        return {
            "sell": acts.sell, "ship": acts.ship, "return": acts.take_back, "cancel": acts.cancel,
            "change": acts.change, "reserve": acts.reserve, "unreserve": acts.unreserve,
            "receive": acts.receive, "count": acts.count, "scrap": acts.scrap, "transfer": acts.transfer,
            "edit-quantity": acts.edit_quantity, "merge": acts.merge, "archive": acts.archive,
            "till/open": acts.open_till, "till/sell": acts.ring_up, "till/return": acts.hand_back,
            "till/close": acts.close_till,
        }  # fmt: skip
