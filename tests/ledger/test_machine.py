"""A long life of the ledger on PostgreSQL, by rules that Hypothesis chooses: nothing it does may surprise us.

`make drill` plays ten times as many lives as the suite does; the seed is printed, and names the same lives
again: make drill ARGS="--drill-seed 7".
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.drill import Drill
from tests.ledger.acts_books import BooksActs
from tests.ledger.acts_orders import OrderActs
from tests.ledger.acts_requests import RequestActs
from tests.ledger.acts_stock import StockActs
from tests.ledger.stage import Stage

LIVES, STEPS, PARTS = 200, 50, 4


@pytest.mark.drill
@pytest.mark.timeout(3600)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens_in_whatever_order_the_rows_say_what_the_facts_say(part: int, drill: Drill) -> None:
    class Machine(StockActs, OrderActs, RequestActs, BooksActs):
        stage = Stage()
        acts: Counter[str] = Counter()

    seed(drill.seed * PARTS + part)(Machine)
    lives = drill.of(LIVES) // PARTS
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert len(Machine.acts) >= 30, "some rule was never chosen"
    assert Machine.acts.total() > lives * STEPS // 4
    drill.say(f"{lives} lives, {Machine.acts.total()} acts: {dict(Machine.acts.most_common())}")
