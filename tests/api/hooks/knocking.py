"""Knock at the door as a WSGI server does, and a door whose every neighbour is a fake."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from inventory_sync.api.hooks.door import Door
from inventory_sync.api.hooks.lookup import Knocked
from inventory_sync.connections.services import hook_token_hash
from inventory_sync.domain.errors import Unauthentic
from inventory_sync.domain.ports import Capabilities, InboundRequest, Received, Reply
from inventory_sync.intake.ports import NewDelivery
from tests.factories import NOON

TOKEN = "a-secret-token-in-the-path"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["Content-Type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(self.body)
        return found


def knock(
    door: Door,
    path: str,
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
    **environ: Any,
) -> Answer:
    given = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **{
            ("CONTENT_TYPE" if name == "Content-Type" else f"HTTP_{name.upper().replace('-', '_')}"): value
            for name, value in (headers or {}).items()
        },
        **environ,
    }
    answered: dict[str, Any] = {}

    def start(status: str, fields: list[tuple[str, str]], exc_info: Any = None) -> Any:
        answered.update(status=status, headers=dict(fields))

    text = b"".join(door(given, start))
    assert answered["headers"]["Content-Length"] == str(len(text))
    return Answer(int(answered["status"][:3]), answered["headers"], text)


class Vendor:
    """A connector that believes whoever says `password: yes`, and knows a ping."""

    code = "vendor"

    def __init__(self, **capabilities: Any) -> None:
        self.capabilities = replace(Capabilities(), **capabilities)

    def receive(self, request: InboundRequest, config: Any, *, now: Any) -> Received | Reply:
        if request.body == b"ping":
            return Reply(200, b"pong")
        if request.headers.get("password") != "yes" and not request.path_token:
            raise Unauthentic("The password is wrong.")
        tier = "bulk" if request.body == b"bulk" else "critical"
        return Received("order.updated", "key", "order:1", tier=tier, hint_only=bool(request.path_token))


@dataclass
class World:
    """What a door of fakes was asked to do."""

    vendor: Any = field(default_factory=Vendor)
    stored: list[NewDelivery] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)
    refusal: str = ""
    """Why the critical tier asks to come later; other tiers have room."""
    noted: list[str] = field(default_factory=list)
    store: Callable[[NewDelivery], int | None] | None = None
    lookup: Callable[[str], Knocked | None] | None = None
    patience_s: float = 1.0

    def door(self) -> Door:
        return Door(
            lookup=self.lookup or self._known, submit=self._submit, wake=self.woken.append,
            refuses=lambda tier: self.refusal if tier == "critical" else "", note=self.noted.append,
            clock=lambda: NOON, new_id=lambda: "0123456789abcdef",
            max_body_bytes=1000, patience_s=self.patience_s,
        )  # fmt: skip

    def _known(self, code: str) -> Knocked | None:
        return Knocked(1, "shop", self.vendor, None, hook_token_hash(TOKEN)) if code == "shop" else None

    def _submit(self, row: NewDelivery) -> Future[int | None]:
        future: Future[int | None] = Future()
        try:
            answer = self.store(row) if self.store else len(self.stored) + 1
            self.stored.append(row)
            future.set_result(answer)
        except Exception as error:
            future.set_exception(error)
        return future
