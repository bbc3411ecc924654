"""How figures reach an outlet: the sandwich of domain/sandwich.py, over a wire that loses answers.

One outlet compares before it sets, the other takes whatever it is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from inventory_sync.domain.lane import ListingState, aim, begin, is_due, note_news, observe, owe
from inventory_sync.domain.sandwich import (
    AlreadyThere,
    Outcome,
    PullAgain,
    Report,
    Write,
    decide_write,
    note_read,
    settle,
    stand_down,
)
from tests.sim.arithmetic.schedule import Clock, Mix, Process
from tests.sim.shop import VISIBLE_WITHIN_S, Shop

LONGEST_LIFE_S = 12.0
VISIBLE_WITHIN = timedelta(seconds=VISIBLE_WITHIN_S)
LONGEST_LIFE = timedelta(seconds=LONGEST_LIFE_S)
LEASE = timedelta(seconds=60)
SECOND = timedelta(seconds=1)
PER_CALL = 3


@dataclass
class Lane:
    """The listings of one outlet. `pull` hears every order it now shows; `figure` computes one listing's."""

    clock: Clock
    mix: Mix
    shop: Shop
    compares: bool
    listings: dict[str, str]  # listing → article
    pull: Callable[[], None]
    figure: Callable[[str], Decimal | None]
    aimed: Callable[[str, Decimal], None]
    reads_back: bool = True
    states: dict[str, ListingState] = field(default_factory=dict)
    version: int = 0
    stale: bool = True
    _answers: dict[str, Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states = {listing: ListingState(listing) for listing in self.listings}

    def news(self, listing: str, lowered: int) -> None:
        self.states[listing] = note_news(self.states[listing], now=self.clock.now(), lowered=Decimal(lowered))

    def compute(self) -> None:
        """Work out what every listing should show."""
        self.stale, self.version = False, self.version + 1
        figures = {article: self.figure(article) for article in dict.fromkeys(self.listings.values())}
        for listing, article in self.listings.items():
            state = self.states[listing]
            self.states[listing] = owe(state, figures[article], self.version, now=self.clock.now())

    def sweep(self) -> None:
        """Read the figures of the whole channel."""
        for listing, state in self.states.items():
            shown = Decimal(self.shop.figures[listing])
            self.states[listing] = observe(state, shown, now=self.clock.now())

    def run(self) -> Process:
        """Push what is owed, for ever."""
        rng = self.clock.rng
        while True:
            yield rng.uniform(0.3, 1.5)
            if self.stale:
                self.compute()
            due = [name for name, state in self.states.items() if is_due(state, self.clock.now())]
            if due:
                rng.shuffle(due)
                yield from self._call(due[:PER_CALL])

    def _call(self, names: list[str]) -> Process:
        states, tokens = self.states, {}
        for name in names:
            states[name] = begin(states[name], now=self.clock.now(), lease=LEASE, longest_life=LONGEST_LIFE)
            tokens[name] = states[name].token
        yield self._wire()
        read = {name: Decimal(self.shop.figures[name]) for name in names}
        yield self._wire()
        pulled_at = self.clock.now()
        self.pull()
        self.compute()
        for name in names:
            states[name] = note_read(
                states[name], read[name], now=self.clock.now(), pulled_at=pulled_at,
                visible_within=VISIBLE_WITHIN,
            ).state  # fmt: skip
        outcomes: dict[str, Outcome] = {}
        for name in names:
            decision = decide_write(states[name], visible_within=VISIBLE_WITHIN)
            if not isinstance(decision, Write | AlreadyThere):
                later = decision.after if isinstance(decision, PullAgain) else self.clock.now() + SECOND
                states[name] = stand_down(states[name], tokens[name], until=later)
                continue
            states[name] = aim(states[name])
            outcomes[name] = Outcome.NOT_SENT
            if isinstance(decision, Write):
                self.aimed(name, decision.figure)
                outcomes[name] = self._send(name, decision)
        if not outcomes:
            return
        yield self._wire() + (3.0 if Outcome.AMBIGUOUS in outcomes.values() else 0.1)
        for name in outcomes:
            outcomes[name] = self._answers.pop(name, outcomes[name])
        back = {name: Decimal(self.shop.figures[name]) for name in outcomes}
        yield self._wire()
        if self.reads_back:
            self.pull()
        for name, outcome in outcomes.items():
            found, news = back[name], states[name].news
            flight = states[name].in_flight
            if not self.reads_back and flight is not None and flight.aim is not None:
                found, news = flight.aim.figure, flight.aim.news
            report = Report(tokens[name], outcome, found, news)
            settling = settle(states[name], report, now=self.clock.now(), longest_life=LONGEST_LIFE,
                              retry_in=SECOND)  # fmt: skip
            states[name] = settling.state

    def _send(self, name: str, write: Write) -> Outcome:
        """Put a write on the wire; it lands soon, late or never, and the answer may be lost."""
        draw, mix = self.clock.rng.random, self.mix
        if draw() < mix.request_lost:
            return Outcome.AMBIGUOUS
        late = draw() < mix.lands_late
        delay = self.clock.rng.uniform(3.0, LONGEST_LIFE_S - 1) if late else 0.05
        self.clock.after(delay, lambda: self._land(name, write, late))
        return Outcome.AMBIGUOUS if late or draw() < mix.answer_lost else Outcome.ACCEPTED

    def _land(self, name: str, write: Write, late: bool) -> None:
        if self.compares and self.shop.figures[name] != write.expected:
            if not late:
                self._answers[name] = Outcome.REFUSED
            return
        self.shop.write(name, int(write.figure), "", late=late)

    def _wire(self) -> float:
        return self.clock.rng.uniform(0.02, self.mix.latency_s)
