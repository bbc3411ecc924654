"""What the tests of telling share: a round with a clock to set, a carrier that notes, routes by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from inventory_sync.cases import services as cases
from inventory_sync.cases.models import Case
from inventory_sync.cases.models_telling import Route
from inventory_sync.cases.telling import routes
from inventory_sync.cases.telling.rounds import World, tell_people
from inventory_sync.cases.telling.sending import Carrier, Letter, Receipt
from tests.factories import ACTOR, NOON

HUB = "https://stock.example"
_numbers = count(1)


class Carried:
    """A carrier that takes every letter, unless told to fail: `failing` is raised as long as it is set."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.failing: Exception | None = None

    def __call__(self, letter: Letter) -> Receipt:
        if self.failing is not None:
            raise self.failing
        self.letters.append(letter)
        return Receipt(accepted=letter.addresses)

    @property
    def subjects(self) -> list[str]:
        return [letter.subject for letter in self.letters]


class Desk:
    """The world of one test: its clock moves only when told to."""

    def __init__(self, carrier: Carrier | None = None, *, now: datetime = NOON) -> None:
        self.now = now
        self.carried = Carried()
        carry = carrier or self.carried
        self.world = World(
            clock=lambda: self.now,
            new_id=lambda: f"{next(_numbers):016x}",
            jitter=lambda: 0.5,
            carriers={"email": carry, "webhook": carry},
            hub=HUB,
            settle=timedelta(seconds=20),
        )

    def tell(self, after: timedelta = timedelta(seconds=20), until: Callable[[], bool] | None = None) -> Any:
        """Let time pass, then do one round."""
        self.now += after
        return tell_people(self.world, until=until or (lambda: False))

    def fail(self, subject: object = 1, **values: Any) -> Case:
        usual: dict[str, Any] = {
            "code": "push.refused",
            "subject_kind": "listing",
            "summary": f"Listing {subject} is refused: price missing.",
            "connection_code": "shop-de",
        }
        return cases.open_case(**(usual | values), subject_id=subject, now=self.now)

    def heal(self, subject: object = 1) -> int:
        return cases.resolve_cases(
            subject_kind="listing", subject_ids=[str(subject)], resolution="It was pushed.", now=self.now
        )


def make_route(name: str = "", *, secret: str = "", **values: Any) -> Route:
    usual: dict[str, Any] = {"least_severity": "low", "kind": "email", "addresses": "desk@shop.example"}
    row = Route(name=name or f"route {next(_numbers)}", **(usual | values))
    return routes.save_route(row, secret=secret, actor=ACTOR, reason="a test", now=NOON)
