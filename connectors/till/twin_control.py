"""The till twin's control API under `/_twin/`: the shop floor, the stockroom, faults, and the books.

Not part of the wire contract and never used by the connector.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from connectors.base.twinkit import Doc, Faults, Request, Response, json_response
from connectors.till.twin_books import NotEnough, TillBooks, plain
from connectors.till.twin_goods import unavailable
from connectors.till.twin_outbox import Outbox

ACTS = {
    "sale": "sale", "return": "return", "receipt": "receipt", "shipment": "shipment", "count": "count",
    "adjustment": "adjustment", "condition": "condition", "disposition": "disposition", "pick": "pick",
    "expectation": "expectation",
}  # fmt: skip


class Controlled(Protocol):
    """What the control API needs of the twin itself."""

    till: TillBooks
    outbox: Outbox
    faults: Faults

    def transfer(self, store: str, to_store: str, lines: list[Doc], *, arrives_in_s: float = 0) -> Doc: ...

    def seed(self, doc: Doc) -> int: ...

    def tick(self) -> None: ...


class Control:
    """Answers `/_twin/...`."""

    def __init__(self, twin: Controlled) -> None:
        self._twin = twin

    def book(self, skus: set[str] | None = None) -> Doc:
        """Return what the till itself holds to be there, per store and item, and how far it got."""
        till = self._twin.till
        with till.books.lock:
            stores = {
                store["id"]: {
                    "last_sequence": till.last_sequence(store["id"]),
                    "on_hand": {
                        sku: plain(found) for sku, found in sorted(till.levels(store["id"], skus).items())
                    },
                    "unavailable": {
                        sku: plain(amount) for sku, amount in sorted(unavailable(till, store["id"]).items())
                    },
                }
                for store in till.stores()
            }
            return {
                "time": till.clock.now().isoformat(),
                "stores": stores,
                "in_transit": till.books.all("transit"),
            }

    def answer(self, request: Request) -> Response:
        name = request.path.strip("/").split("/", 1)[1] if "/" in request.path.strip("/") else ""
        try:
            return self._route(request, name, request.json() if request.body else {})
        except NotEnough as short:
            return json_response(409, {"refused": str(short)})
        except (KeyError, ValueError, TypeError, ArithmeticError) as problem:
            return json_response(404 if isinstance(problem, KeyError) else 400, {"error": repr(problem)})

    def _route(self, request: Request, name: str, body: Doc) -> Response:
        twin, till = self._twin, self._twin.till
        if request.method == "POST" and name in ACTS:
            return json_response(201, self._act(ACTS[name], body))
        match (request.method, name):
            case ("POST", "transfer"):
                wait = float(body.get("arrives_in_s", 0))
                event = twin.transfer(body["store"], body["to_store"], body["lines"], arrives_in_s=wait)
                return json_response(201, event)
            case ("POST", "correct"):
                return json_response(201, till.correct(body["event"], body["lines"]))
            case ("POST", "session-close"):
                return json_response(201, till.close_session(body["store"]))
            case ("GET", "book"):
                return json_response(
                    200, self.book(set(filter(None, request.query.get("sku", "").split(","))) or None)
                )
            case ("GET", "acked"):
                return json_response(200, {"acked": twin.outbox.acked()})
            case ("GET", "outbox"):
                owed, lost = twin.outbox.owed(), twin.outbox.lost()
                gone = list(till.books.table("gone"))
                return json_response(200, {"owed": owed, "lost": lost, "gone": gone})
            case ("GET", "shipped"):
                query = request.query
                return json_response(200, {"lines": till.shipped(query["source"], query["number"])})
            case ("GET", "catalog"):
                return json_response(200, till.books.get("setting", "catalog") or {})
            case ("POST", "hook"):
                twin.outbox.point_to(str(body["url"]))
                return json_response(200, {"url": twin.outbox.hook_url})
            case ("GET", "faults"):
                return json_response(200, {"faults": twin.faults.active(), "played": twin.faults.played})
            case ("POST", "faults"):
                return json_response(201, twin.faults.inject(**body).document())
            case ("DELETE", "faults"):
                twin.faults.clear(request.query.get("kind"))
                return json_response(200, {"faults": twin.faults.active()})
            case ("POST", "send"):
                return json_response(200, {"acknowledged": twin.outbox.send_due()})
            case ("POST", "advance"):
                till.clock.advance(float(body["seconds"]))
                twin.tick()
                return json_response(200, {"time": till.clock.now().isoformat()})
            case ("POST", "seed"):
                return json_response(201, {"counts": twin.seed(body)})
        return json_response(404, {"error": "no such control"})

    def _act(self, kind: str, body: Doc) -> Doc:
        said = {"shipment": ("order",), "pick": ("order",), "receipt": ("expectation", "final")}
        named = said.get(kind, ("expectation",) if kind == "expectation" else ())
        more: dict[str, Any] = {name: body[name] for name in named if name in body}
        at = datetime.fromisoformat(body["time"]) if body.get("time") else None
        if at is not None and at.tzinfo is None:
            raise ValueError("a time needs its offset")
        return self._twin.till.write(
            kind, body["store"], body["lines"], at=at, strict=not body.get("force"), **more
        )
