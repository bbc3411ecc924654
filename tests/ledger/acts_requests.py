"""What an application asks of its reservations: they may be refused, and are never granted twice over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from inventory_sync.domain.errors import NotEnough
from inventory_sync.domain.requests import Act
from inventory_sync.domain.reservations import LineStatus
from inventory_sync.domain.routing import ReserveMode
from inventory_sync.ledger.request_types import Answer, Request, RequestLine, Terms
from inventory_sync.ledger.requests import decide_requests
from tests.ledger.facts import Asked
from tests.ledger.machine import LedgerMachine

PICK = st.integers(0, 2**16)
WANTS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=2)
MODES = st.sampled_from([ReserveMode.ALL_OR_NOTHING, ReserveMode.PARTIAL])
HOLDS = st.sampled_from([None, timedelta(minutes=10), timedelta(minutes=40)])


class RequestActs(LedgerMachine):
    """Rules about reservations asked for. What is accepted must be covered by what is free then."""

    @rule(wants=WANTS, mode=MODES, hold=HOLDS)
    def an_application_reserves(
        self, wants: list[tuple[int, int]], mode: ReserveMode, hold: timedelta | None
    ) -> None:
        """All or nothing, or as far as it goes; the same item may stand in both lines."""
        self.acts["an application reserves"] += 1
        sold = (*self.stage.items, self.stage.kit)
        lines = tuple(
            RequestLine(name, sold[item], Decimal(quantity))
            for name, (item, quantity) in zip("ab", wants, strict=False)
        )
        self._ask(Request(Act.RESERVE, self.stage.app, f"r{self.number()}", 1, lines, mode, hold))

    @precondition(lambda self: self.asked)
    @rule(pick=PICK, quantity=st.integers(0, 4))
    def an_application_amends(self, pick: int, quantity: int) -> None:
        self.acts["an application amends"] += 1
        last = self._last(pick)
        line = replace(last.lines[0], quantity=Decimal(quantity))
        self._ask(Request(Act.AMEND, *last.key, last.version + 1, (line,)))

    @precondition(lambda self: self.asked)
    @rule(pick=PICK, act=st.sampled_from([Act.COMMIT, Act.RELEASE, Act.CANCEL]))
    def an_application_decides(self, pick: int, act: Act) -> None:
        self.acts["an application decides"] += 1
        self._ask(Request(act, *self._last(pick).key))

    @precondition(lambda self: self.asked)
    @rule(pick=PICK)
    def an_application_asks_again(self, pick: int) -> None:
        """The answer was lost: the same question changes nothing."""
        self.acts["an application asks again"] += 1
        before = self.stage.seen()
        answer = self._decide(self._last(pick))
        assert answer.repeated or answer.refused is not None
        assert self.stage.seen() == before

    def _last(self, pick: int) -> Request:
        return list(self.asked.values())[pick % len(self.asked)]

    def _ask(self, request: Request) -> None:
        room, known = self.stage.room(), self.stage.known()
        answer = self._decide(request)
        if request.act.has_content and (answer.refused is None or request.act is Act.RESERVE):
            self.asked[request.key] = request
        self._note(answer)
        after = self.stage.room()
        places = [level for level in after if after[level] < room.get(level, Decimal(0))]
        assert all(after[level] >= 0 for level in places), f"{request} was granted what is not there"
        if isinstance(answer.refused, NotEnough) and request.act is Act.RESERVE:
            assert not self._plenty(request, room, known), f"{request} was refused although all is there"
        self.compare()

    def _decide(self, request: Request) -> Answer:
        terms = {shop: Terms(pool=pool) for shop, pool in self.stage.pools.items()}
        answered = decide_requests([request], terms=terms, store=self.stage.world.store, now=self.now)
        return answered.answers[0]

    def _note(self, answer: Answer) -> None:
        """Take down what the answer says the reservation is now; the rows must say the same."""
        order = answer.order
        if order is None:
            return
        for ref, line in order.lines.items():
            key = (*order.key, ref)
            if line.status.is_exit or line.status is LineStatus.REQUESTED:
                self.facts.asked.pop(key, None)
            else:
                until = line.expires_at if line.status is LineStatus.HELD else None
                self.facts.asked[key] = Asked(line.item_id, line.demand, until)

    def _plenty(
        self, request: Request, room: dict[tuple[int, int], Decimal], known: set[tuple[int, int]]
    ) -> bool:
        """Say whether one place of known stock could serve all of it alone, with nobody waiting anywhere."""
        need: dict[int, Decimal] = {}
        for line in request.lines:
            parts = self.stage.recipe if line.item_id == self.stage.kit else {line.item_id: 1}
            for item, number in parts.items():
                need[item] = need.get(item, Decimal(0)) + line.quantity * number
        if any(left < 0 for left in room.values()):
            return False
        return any(
            all((item, place) in known and room[item, place] >= left for item, left in need.items())
            for place in self.stage.pools[self.stage.app]
        )
