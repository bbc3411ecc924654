"""Storing and claiming deliveries on PostgreSQL: kept once, one owner per shard, each object in turn."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection

from inventory_sync.connections.models import Connection
from inventory_sync.domain.errors import FenceLost
from inventory_sync.intake.models import Delivery
from inventory_sync.intake.ports import Claim, NewDelivery, Outcome, Result
from inventory_sync.intake.selectors import due_tiers, oldest_due, pending_count
from inventory_sync.intake.store import PostgresIntake
from tests.factories import NOON, make_channel
from tests.sessions import end_other_sessions

LEASE = timedelta(seconds=60)
store = PostgresIntake()


def receive(shop: Connection, *keys: str, object_key: str = "", tier: str = "critical") -> list[int | None]:
    return list(
        store.store(
            [
                NewDelivery(
                    shop.pk, "order.updated", {"a": "b"}, b"{}", key, object_key or f"order:{key}", tier,
                    "webhook", NOON, "0123456789abcdef",
                )
                for key in keys
            ]
        ).ids
    )  # fmt: skip


def claim(now: datetime = NOON, *, limit: int = 100, connection_id: int | None = None) -> Claim | None:
    return store.claim("critical", now=now, lease=LEASE, limit=limit, connection_id=connection_id)


def ids(one: Claim | None) -> list[int]:
    return [] if one is None else [delivery.id for delivery in one.deliveries]


@pytest.fixture
def shop(db: None) -> Connection:
    return make_channel("woo")


# ── storing ──


def test_a_message_is_kept_once_per_connection_and_key_within_a_batch_and_between(shop: Connection) -> None:
    first, again, other = receive(shop, "a", "a", "b")
    assert (first is not None, again, other is not None) == (True, None, True)

    assert receive(shop, "a", "c")[0] is None
    assert None not in receive(make_channel("outlet"), "a")
    assert Delivery.objects.count() == 4


def test_a_vendor_that_can_prove_no_key_has_every_message_kept(shop: Connection) -> None:
    assert None not in receive(shop, "", "", "")


def test_a_message_is_known_again_after_its_delivery_was_dropped(shop: Connection) -> None:
    receive(shop, "a")
    Delivery.objects.all().delete()

    assert receive(shop, "a") == [None]


# ── claiming ──


def test_one_objects_messages_are_claimed_together_and_in_turn(shop: Connection) -> None:
    stored = receive(shop, *"abcdefgh", object_key="order:482")

    assert ids(claim()) == stored
    assert claim() is None, "its shard has an owner"


def test_a_shard_in_hand_is_nobody_elses_and_is_free_again_when_given_back(shop: Connection) -> None:
    receive(shop, *"ab", object_key="order:482")
    first = claim(limit=1)
    assert first is not None
    assert claim() is None

    store.release(first)

    assert ids(claim()) == [*ids(first), first.deliveries[0].id + 1]


def test_a_lease_that_ran_out_frees_the_shard_with_a_higher_token(shop: Connection) -> None:
    receive(shop, "a")
    dead = claim()
    assert dead is not None

    heir = claim(NOON + LEASE + timedelta(seconds=1))

    assert heir is not None
    assert (heir.shard, heir.token) == (dead.shard, dead.token + 1)
    store.check_fence(heir)
    with pytest.raises(FenceLost):
        store.check_fence(dead)


def test_a_batch_whose_owner_died_has_been_tried(shop: Connection) -> None:
    receive(shop, "a", "b", object_key="order:482")
    dead = claim()
    assert dead is not None
    assert [one.attempts for one in dead.deliveries] == [1, 1]

    heir = claim(NOON + LEASE + timedelta(seconds=1))

    assert heir is not None
    assert [one.attempts for one in heir.deliveries] == [2, 2]


def test_what_came_after_a_dead_batch_has_not_been_tried(shop: Connection) -> None:
    (first,) = receive(shop, "a", object_key="order:482")
    assert ids(claim()) == [first]
    receive(shop, "b", object_key="order:482")

    heir = claim(NOON + LEASE + timedelta(seconds=1))

    assert heir is not None
    assert [one.attempts for one in heir.deliveries] == [2, 1]


def test_a_batch_that_died_twice_is_claimed_row_by_row(shop: Connection) -> None:
    stored = receive(shop, *"abcd", object_key="order:482")
    now = NOON
    for _ in range(2):
        assert ids(claim(now)) == stored
        now += LEASE + timedelta(seconds=1)

    suspect = claim(now)

    assert ids(suspect) == stored[:1]
    assert suspect is not None
    assert suspect.deliveries[0].attempts == 3
    now += LEASE + timedelta(seconds=1)
    again = claim(now)
    assert again is not None
    assert [one.attempts for one in again.deliveries] == [4]


def test_what_must_wait_is_not_claimed_before_its_time(shop: Connection) -> None:
    (one,) = receive(shop, "a")
    first = claim()
    assert first is not None
    later = NOON + timedelta(seconds=30)
    store.finish([Outcome(one or 0, shop.pk, Result.RETRY, run_at=later)], now=NOON)
    store.release(first)

    assert claim(later - timedelta(seconds=1)) is None
    assert ids(claim(later)) == [one]


def test_a_claim_for_one_connection_leaves_the_others_alone(shop: Connection) -> None:
    outlet = make_channel("outlet")
    receive(shop, *"abcdef")
    stored = receive(outlet, *"abcdef")

    found: list[int] = []
    while one := claim(connection_id=outlet.pk):
        found += ids(one)

    assert sorted(found) == stored


def test_shards_take_turns(shop: Connection) -> None:
    receive(shop, *(f"key-{number}" for number in range(64)))

    turns = []
    for _ in range(12):
        one = claim(limit=1)
        assert one is not None
        store.finish([Outcome(one.deliveries[0].id, shop.pk, Result.DONE)], now=NOON)
        store.release(one)
        turns.append(one.shard)

    assert len(set(turns)) == 12


def test_what_is_due_is_known_by_tier_and_age(shop: Connection) -> None:
    receive(shop, "a", tier="bulk")
    receive(shop, "b", tier="critical")

    assert due_tiers(NOON) == {"bulk", "critical"}
    assert due_tiers(NOON - timedelta(seconds=1)) == set()
    assert (oldest_due(NOON), pending_count()) == (NOON, 2)


@pytest.fixture
def committed(transactional_db: None) -> Iterator[Connection]:
    yield make_channel("woo")
    end_other_sessions()


def test_claimers_at_the_same_moment_never_share_a_shard_or_a_delivery(committed: Connection) -> None:
    stored = receive(committed, *(f"key-{number}" for number in range(200)))
    together = Barrier(8)

    def work(_: int) -> list[Claim]:
        mine = []
        together.wait(30)
        while one := claim(limit=5):
            mine.append(one)
        connection.close()
        return mine

    with ThreadPoolExecutor(8) as pool:
        claims = [one for mine in pool.map(work, range(8)) for one in mine]

    shards = [one.shard for one in claims]
    assert len(shards) == len(set(shards)) > 8
    taken = [delivery for one in claims for delivery in ids(one)]
    assert len(taken) == len(set(taken))
    assert set(taken) <= set(stored)


def test_the_same_message_stored_by_many_at_the_same_moment_is_kept_once(committed: Connection) -> None:
    together = Barrier(6)

    def work(_: int) -> int:
        together.wait(30)
        kept = sum(1 for one in receive(committed, *(f"key-{number}" for number in range(50))) if one)
        connection.close()
        return kept

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(work, range(6))) == 50
    assert Delivery.objects.count() == 50
