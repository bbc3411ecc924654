"""Every interleaving of two sessions, statement by statement: always one of the two serial results.

`make drill` takes more acts, and allows one more preemption than the suite: ten times the schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.requests import Act
from inventory_sync.ledger import selectors
from inventory_sync.ledger.apply import apply_batch
from inventory_sync.ledger.orders import expire_holds
from inventory_sync.ledger.request_types import Request, RequestLine, Terms
from inventory_sync.ledger.requests import decide_requests
from inventory_sync.ledger.rows import execute
from inventory_sync.ledger.store import PostgresLedger
from tests.drill import Drill
from tests.ledger import reports
from tests.ledger.interleaving import Played, Session, play, schedules
from tests.ledger.reports import NOW
from tests.ledger.worlds import PostgresWorld

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.drill, pytest.mark.timeout(3600)]

HOLD = timedelta(minutes=30)
LATER = NOW + HOLD + timedelta(minutes=1)
NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Scene:
    """One item of its own: 3 at the first place and 1 at the second, an order of 2 and a hold of 1."""

    world: PostgresWorld
    item: int
    name: str
    shop: int
    app: int
    till: int
    places: tuple[int, int]

    def set(self) -> None:
        near, far = self.places
        self.world.apply(
            [
                reports.count(f"{self.name}:c1", self.item, near, 3, by=self.till),
                reports.count(f"{self.name}:c2", self.item, far, 1, by=self.till),
            ],
            [self._order("o", 1, 2)],
        )
        self.ask(Act.RESERVE, "h", 1, hold=HOLD)

    def ask(self, act: Act, ref: str, quantity: int = 0, *, version: int = 1, **values: Any) -> object:
        """Ask for a reservation as an application does; return what was answered, in few words."""
        lines = (RequestLine("a", self.item, Decimal(quantity)),) if quantity else ()
        request = Request(act, self.app, f"{self.name}:{ref}", version, lines, **values)
        terms = {self.app: Terms(pool=self.places), self.shop: Terms(pool=self.places)}
        (answer,) = decide_requests([request], terms=terms, store=PostgresLedger(), now=NOW).answers
        return answer.refused.code if answer.refused else "done"

    def hear(self, *events: Any, orders: tuple[Any, ...] = ()) -> object:
        applied = apply_batch(events, orders, store=PostgresLedger(), now=NOW)
        return (applied.posted.recorded, applied.decided.applied)

    def _order(self, ref: str, stamp: int, quantity: int, status: Any = OrderStatus.COMMITTED) -> Any:
        return reports.order(
            f"{self.name}:{ref}", {"a": (self.item, quantity)}, stamp=stamp, by=self.shop,
            pool=self.places, status=status,
        )  # fmt: skip

    # ── what one session does; `again` is what a second one does beside it ───────────────────────────
    def reserve(self, again: bool) -> object:
        return self.ask(Act.RESERVE, "r2" if again else "r1", 1)

    def sell(self, again: bool) -> object:
        return self.hear(orders=(self._order("s2" if again else "s1", 1, 2),))

    def amend(self, again: bool) -> object:
        return self.hear(orders=(self._order("o", 3 if again else 2, 4 if again else 1),))

    def cancel(self, again: bool) -> object:
        return self.hear(orders=(self._order("o", 5, 2, OrderStatus.CANCELLED),))

    def expire(self, again: bool) -> object:
        expire_holds(store=PostgresLedger(), now=LATER)
        return "expired"

    def commit(self, again: bool) -> object:
        return self.ask(Act.COMMIT, "h")

    def ship(self, again: bool) -> object:
        name = f"{self.name}:x{2 if again else 1}"
        return self.hear(
            reports.shipment(name, self.item, self.places[0], 1, f"{self.name}:o", "a", 5, by=self.till)
        )

    def count(self, again: bool) -> object:
        name, found = (f"{self.name}:c4", 1) if again else (f"{self.name}:c3", 2)
        return self.hear(
            reports.count(name, self.item, self.places[0], found, 9 if again else 8, by=self.till)
        )

    # ── what came of it ──────────────────────────────────────────────────────────────────────────────
    def outcome(self) -> tuple[Any, ...]:
        """Return everything the ledger holds of the item, without ids that only this scene has."""
        places = {place: number for number, place in enumerate(self.places)}
        levels = execute(
            "SELECT location_id, on_hand FROM ledger_stocklevel WHERE item_id = %s AND on_hand <> 0",
            (self.item,),
        )
        lines = execute(
            "SELECT o.order_ref, r.state, a.location_id, a.quantity - a.contained FROM ledger_reservation r "
            "JOIN ledger_order o ON o.id = r.order_id LEFT JOIN ledger_allocation a "
            "ON a.reservation_id = r.id AND a.open WHERE r.item_id = %s",
            (self.item,),
        )
        return (
            tuple(sorted((places[place], int(found)) for place, found in levels)),
            tuple(
                sorted(
                    (ref.partition(":")[2], state, places.get(place, -1), int(owed or 0))
                    for ref, state, place, owed in lines
                )
            ),
        )


ACTS = ("reserve", "amend", "expire", "ship", "count")
MORE = (*ACTS, "sell", "cancel", "commit")  # in a drill


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    acts = MORE if metafunc.config.option.drill else ACTS
    metafunc.parametrize(("one", "others"), [(one, acts[place:]) for place, one in enumerate(acts)], ids=acts)


@pytest.fixture
def make_scene() -> Callable[[], Scene]:
    world = PostgresWorld()
    shop, app, till = (world.connection(code) for code in ("shop", "app", "till"))
    places = (world.place("NEAR"), world.place("FAR"))

    def make() -> Scene:
        name = f"n{next(NUMBERS)}"
        scene = Scene(world, world.item(name), name, shop, app, till, places)
        scene.set()
        return scene

    return make


@pytest.fixture
def sessions() -> Iterator[tuple[Session, Session]]:
    both = (Session("one"), Session("two"))
    yield both
    for each in both:
        each.close()


def in_turn(scene: Scene, one: str, two: str, *, swapped: bool) -> tuple[Any, ...]:
    """Return what comes of one after the other, with what each of them was answered."""
    first, second = ((two, True), (one, False)) if swapped else ((one, False), (two, True))
    told = [getattr(scene, name)(again) for name, again in (first, second)]
    answers = tuple(reversed(told)) if swapped else tuple(told)
    return (*scene.outcome(), answers)


def test_every_interleaving_of_two_sessions_is_one_of_the_two_serial_results(
    one: str,
    others: tuple[str, ...],
    make_scene: Callable[[], Scene],
    sessions: tuple[Session, Session],
    drill: Drill,
) -> None:
    played = waits = 0
    for two in others:
        serial = []
        for swapped in (False, True):
            serial.append(in_turn(make_scene(), one, two, swapped=swapped))
            expire_holds(store=PostgresLedger(), now=LATER)

        def once(prefix: list[int], two: str = two, serial: list[Any] = serial) -> Played:
            scene = make_scene()
            jobs = (lambda: getattr(scene, one)(False), lambda: getattr(scene, two)(True))
            done = play(sessions, jobs, prefix)
            told = f"{one} and {two}, schedule {''.join(map(str, done.choices))}"
            assert not done.errors, f"{told}: {done.errors}"
            outcome = (*scene.outcome(), tuple(done.results))
            assert outcome in serial, f"{told}: {outcome} is neither {serial[0]} nor {serial[1]}"
            expire_holds(store=PostgresLedger(), now=LATER)
            return done

        for done in schedules(once, preemptions=2 if drill.factor > 1 else 1):
            played += 1
            waits += done.waits > 0

    assert selectors.verify() == []
    assert played > 8 * len(others)
    assert waits, "nobody ever waited for a lock: the sessions do not meet"
    drill.say(f"{one} beside {', '.join(others)}: {played} interleavings, {waits} of them waited for a lock")
