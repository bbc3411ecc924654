"""Keys kept for a second: how often the database is asked, by how many, and what a revoked key opens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from inventory_sync.access import keyring
from inventory_sync.access.keyring import KeyRing

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Asked:
    """Stands for the database: which keys were asked for, and whether they are still good."""

    good: bool = True
    keys: list[str] = field(default_factory=list)
    meanwhile: Callable[[], Any] = lambda: None

    def __call__(self, raw_key: str, *, now: datetime) -> Any:
        self.keys.append(raw_key)
        self.meanwhile()
        known = SimpleNamespace(
            pk=1, consumer="app", scopes=["reservations:write"], channels=[], expires_at=None
        )
        return known if self.good else None


@pytest.fixture
def asked(monkeypatch) -> Asked:
    made = Asked()
    monkeypatch.setattr(keyring, "verify", made)
    return made


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def ring(clock: list[float]) -> KeyRing:
    return KeyRing(ttl_s=1.0, monotonic=lambda: clock[0])


def test_a_key_that_is_asked_for_again_within_the_second_is_not_looked_up(ring, asked, clock):
    for at in (0.0, 0.1, 0.5):
        clock[0] = at
        assert ring("k", now=NOW) is not None

    assert asked.keys == ["k"]


def test_a_revoked_key_opens_nothing_a_second_later(ring, asked, clock):
    assert ring("k", now=NOW) is not None
    asked.good = False
    clock[0] = 1.0

    assert ring("k", now=NOW) is None
    assert ring("k", now=NOW) is None


def test_one_looks_again_before_the_second_is_over_and_the_others_do_not_wait_for_it(ring, asked, clock):
    ring("k", now=NOW)
    clock[0] = 0.7
    others: list[Any] = []
    asked.meanwhile = lambda: others.append(ring("k", now=NOW))

    assert ring("k", now=NOW) is not None
    assert others[0] is not None
    assert asked.keys == ["k", "k"]
    clock[0] = 1.2
    assert ring("k", now=NOW) is not None
    assert len(asked.keys) == 2, "It was looked at half a second ago."


def test_a_revoked_key_that_is_looked_at_early_is_refused_at_once(ring, asked, clock):
    ring("k", now=NOW)
    asked.good = False
    clock[0] = 0.7

    assert ring("k", now=NOW) is None
    assert ring("k", now=NOW) is None


def test_many_threads_with_a_key_that_is_too_old_ask_once(ring, asked, clock):
    ring("k", now=NOW)
    clock[0] = 2.0
    asking, go = threading.Event(), threading.Event()

    def meanwhile() -> None:
        asking.set()
        assert go.wait(10)

    asked.meanwhile = meanwhile
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(ring, "k", now=NOW)
        assert asking.wait(10)
        others = [pool.submit(ring, "k", now=NOW) for _ in range(7)]
        go.set()
        assert all(each.result(10) is not None for each in (first, *others))

    assert asked.keys == ["k", "k"]


def test_when_the_lookup_fails_the_next_one_asks_for_itself(ring, asked, clock):
    ring("k", now=NOW)
    clock[0] = 2.0

    def fail() -> None:
        raise ConnectionError("the database is away")

    asked.meanwhile = fail
    for _ in range(2):
        with pytest.raises(ConnectionError):
            ring("k", now=NOW)

    assert asked.keys == ["k", "k", "k"]


def test_a_key_looked_up_just_now_is_known_without_asking_and_no_longer_when_it_is_due(ring, asked, clock):
    assert ring.kept("k", now=NOW) is None

    ring("k", now=NOW)
    clock[0] = 0.5
    assert ring.kept("k", now=NOW) is not None
    clock[0] = 0.7

    assert ring.kept("k", now=NOW) is None
    assert asked.keys == ["k"]
