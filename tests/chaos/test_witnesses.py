"""The witnesses are strangers to the platform, and count by their own clock."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from connectors.woocommerce.twin import WooTwin
from runner.landscape import ROOT
from tests.chaos.faults import CHANNEL
from tests.chaos.remote import Remote
from tests.chaos.twins import Limit

STRANGERS = ("tests.chaos.twins", "tests.chaos.trade", "tests.chaos.judge", "tests.chaos.schedule")


@pytest.mark.parametrize("module", STRANGERS)
def test_a_witness_imports_nothing_of_the_platform(module: str) -> None:
    asked = (
        f"import sys, {module}; print([name for name in sys.modules if name.startswith('inventory_sync')])"
    )

    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "[]"


def test_a_limit_counts_what_comes_above_burst_and_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    limit = Limit(per_s=2, burst=3)

    at_once = [limit.take() for _ in range(5)]
    now += 1.0
    a_second_later = [limit.take() for _ in range(3)]

    assert at_once == [False, False, False, False, True]
    assert a_second_later == [False, False, True]
    assert (limit.calls, limit.over) == (8, 2)


@pytest.mark.parametrize("kind", sorted(CHANNEL))
def test_the_shop_takes_every_fault_of_the_schedule(kind: str) -> None:
    twin = WooTwin()
    with twin.serving(ticking=False):
        Remote(twin.url).inject(**CHANNEL[kind])

    (active,) = twin.faults.active()
    assert CHANNEL[kind].items() <= active.items()
