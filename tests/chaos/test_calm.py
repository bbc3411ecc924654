"""How a recovery without other faults is judged: by its limit, and by what the machine takes anyway."""

from __future__ import annotations

import pytest

from tests.chaos.calm import LIMITS_S, Calm


def calm(**taken: list[float]) -> Calm:
    return Calm([0.8, 2.0, 1.1], dict(taken))


@pytest.mark.parametrize("name", sorted(LIMITS_S))
def test_the_slowest_sale_of_the_same_run_is_allowed_on_top_and_no_more(name: str) -> None:
    limit = LIMITS_S[name]

    assert calm(**{name: [limit + 1.9]}).breaches() == []
    assert len(calm(**{name: [limit + 2.1, limit + 9]}).breaches()) == 1


def test_one_slow_time_is_the_machines_and_two_are_ours() -> None:
    assert calm(broker=[40.0, 3.0]).breaches() == []
    assert "40.0 s after the broker" in calm(broker=[40.0, 41.0]).breaches()[0]


def test_the_report_says_what_was_taken_and_what_was_allowed() -> None:
    assert calm(database=[4.0]).document() == {
        "sale_shown_s": [0.8, 2.0, 1.1],
        "after_database_s": {"taken": [4.0], "limit": 15.0, "allowed": 17.0},
    }
