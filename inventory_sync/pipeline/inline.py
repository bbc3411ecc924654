"""The steps done by the dispatcher itself, while the broker is away or a queue is deaf.

One process does them one after the other, so nothing may keep it for long: what is urgent goes first and
whole, of the rest as much as fits into a few seconds, those that have waited longest for their turn first. A
step that fails keeps no other. When this is called for is the dispatcher's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection

from inventory_sync.pipeline import schedule, steps
from inventory_sync.pipeline.debts import Debt
from inventory_sync.support.logs import get_logger

log = get_logger(__name__)

STEP_S = 3.0
"""The longest one step may go on; what is left of it is due again in the next round."""
PATIENT_S = 3.0
"""How much of a round goes to queues that may wait."""
PATIENT = frozenset({"bulk", "replay"})

Turn = tuple[str, tuple[tuple[str, Any], ...]]
"""(task, arguments): what takes turns."""


def keep_house(at: str) -> dict[str, int]:
    return schedule.once("keep_house", at, steps.keep_house)


WORK: dict[str, Callable[..., dict[str, int]]] = {
    "pipeline.drain_intake": steps.drain_intake,
    "pipeline.compute": steps.compute_availability,
    "pipeline.push": steps.push_connection,
    "pipeline.mirror": steps.mirror_connection,
    "pipeline.follow_orders": steps.follow_orders,
    "pipeline.send_orders": steps.send_orders,
    "pipeline.tell_deliveries": steps.tell_deliveries,
    "pipeline.sweep": steps.sweep_stream,
    "pipeline.read_again": steps.read_again,
    "pipeline.retry_cases": steps.retry_cases,
    "pipeline.tell_people": steps.tell_people,
    "pipeline.keep_house": keep_house,
    "pipeline.verify": steps.verify,
    "pipeline.evidence": steps.seal_evidence,
}


@dataclass(slots=True)
class Inline:
    """Does debts here. Remembers who had a turn last, so that a stream of one kind starves no other."""

    turns: dict[Turn, int] = field(default_factory=dict)
    rounds: int = 0

    def work(self, debts: Sequence[Debt]) -> None:
        """Do what is urgent, and some of the rest. Raises only when the database is away."""
        self.rounds += 1
        patient = [debt for debt in debts if debt.queue in PATIENT]
        for debt in debts:
            if debt.queue not in PATIENT:
                _do(debt)
        had = {turn_of(debt): self.turns.get(turn_of(debt), 0) for debt in patient}
        self.turns = {turn: had_at for turn, had_at in had.items() if had_at}
        over = steps.deadline(PATIENT_S)
        for debt in sorted(patient, key=lambda debt: had[turn_of(debt)]):
            self.turns[turn_of(debt)] = self.rounds
            _do(debt)
            if over():
                return


def turn_of(debt: Debt) -> Turn:
    return debt.task, tuple(sorted(debt.arguments.items()))


def _do(debt: Debt) -> None:
    try:
        with steps.hurried(STEP_S):
            WORK[debt.task](**debt.arguments)
    except Exception:
        log.exception("dispatcher.step_failed", task=debt.task)
        if not database_answers():
            raise


def database_answers() -> bool:
    """Say whether there is a session that answers; a lost one is opened anew."""
    try:
        connection.ensure_connection()
        return connection.is_usable()
    except DatabaseError:
        return False
