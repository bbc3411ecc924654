"""A channel that asks the hub for reservations, for the tests of requests."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from inventory_sync.domain.requests import Act
from inventory_sync.ledger.request_types import Answer, Request, RequestLine, Terms
from inventory_sync.ledger.requests import decide_requests
from tests.ledger.reports import NOW
from tests.ledger.shops import Shop
from tests.ledger.worlds import PostgresWorld, World

HOUR = timedelta(hours=1)


class Asking:
    """A shop (five mugs near, two far) whose channel asks before it sells."""

    def __init__(self, world: World) -> None:
        self.shop = Shop(world)
        self.world = world
        self.channel = self.shop.shop
        self.mug, self.cup = self.shop.mug, self.shop.cup
        self.terms = {self.channel: Terms(pool=self.shop.pool)}

    def with_terms(self, **values: Any) -> None:
        self.terms[self.channel] = replace(self.terms[self.channel], **values)

    def ask(self, *requests: Request, now: datetime = NOW) -> list[Answer]:
        """Decide these requests in one transaction."""
        scope: AbstractContextManager[object] = nullcontext()
        if isinstance(self.world, PostgresWorld):
            scope = transaction.atomic()
        with scope:
            done = decide_requests(requests, terms=self.terms, store=self.world.store, now=now)
        return list(done.answers)

    def request(
        self, act: Act, ref: str = "r1", lines: dict[str, tuple[int, int]] | None = None, **values: Any
    ) -> Request:
        made = tuple(RequestLine(name, item, Decimal(n)) for name, (item, n) in (lines or {}).items())
        return Request(act, self.channel, ref, lines=made, **values)

    def reserve(
        self, quantity: int = 2, ref: str = "r1", *, now: datetime = NOW, lines: Any = None, **values: Any
    ) -> Answer:
        wanted = lines or {"a": (self.mug, quantity)}
        (answer,) = self.ask(self.request(Act.RESERVE, ref, wanted, **values), now=now)
        return answer

    def act(self, act: Act, ref: str = "r1", *, now: datetime = NOW, **values: Any) -> Answer:
        (answer,) = self.ask(self.request(act, ref, **values), now=now)
        return answer

    def total_open(self) -> Decimal:
        return self.shop.total_open()

    def status(self, ref: str = "r1", line: str = "a") -> str:
        return self.world.statuses()[ref, line].value
