"""What the drain may rely on of the store of deliveries, whichever store it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_sync.domain.errors import FenceLost
from inventory_sync.intake.ports import (
    Claim,
    Outcome,
    Parking,
    Result,
)
from tests.intake.store_contract import LEASE, NOON, World, ids_of, keep, message, take


def finish(world: World, delivery_id: int, result: Result = Result.DONE, **values: object) -> None:
    with world.store.transaction():
        outcome = Outcome(delivery_id, world.shop, result, **values)  # type: ignore[arg-type]
        world.store.finish([outcome], now=NOON + timedelta(seconds=5))


def check(world: World, claim: Claim) -> None:
    with world.store.transaction():
        world.store.check_fence(claim)


# ── keeping ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_kept_once_per_connection_and_a_message_without_one_always(world: World) -> None:
    first = keep(world, message(world.shop, "a"), message(world.shop, "a"), message(world.shop, "b"))

    again = keep(
        world, message(world.shop, "a"), message(world.till, "a"), message(world.shop), message(world.shop)
    )

    assert [one is not None for one in first] == [True, False, True]
    assert [one is not None for one in again] == [False, True, True, True]


def test_a_key_is_remembered_after_its_delivery_is_done(world: World) -> None:
    (number,) = keep(world, message(world.shop, "a"))
    assert number is not None
    take(world)
    finish(world, number)

    assert keep(world, message(world.shop, "a")) == (None,)


def test_what_is_stored_in_a_transaction_that_fails_is_not_kept_and_its_key_is_free(world: World) -> None:
    def fail() -> None:
        with world.store.transaction():
            world.store.store([message(world.shop, "a")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert take(world) is None
    assert keep(world, message(world.shop, "a")) != (None,)


# ── claiming ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_claim_brings_one_objects_messages_in_turn_with_everything_about_them(world: World) -> None:
    numbers = keep(world, *(message(world.shop, body=f"{n}".encode(), reading=n) for n in range(3)))

    claim = take(world)

    assert claim is not None
    assert [one.id for one in claim.deliveries] == list(numbers)
    assert [one.delivery.body for one in claim.deliveries] == [b"0", b"1", b"2"]
    last = claim.deliveries[-1]
    assert (last.connection_id, last.connection_code, last.connector) == (world.shop, "shop", "woocommerce")
    assert (last.delivery.reading, last.delivery.headers, last.delivery.id) == (
        2,
        {"x-note": "kept"},
        last.id,
    )
    assert (last.delivery.source, last.correlation_id, last.attempts) == ("webhook", "c0ffee00", 1)


def test_a_shard_has_one_owner_until_its_lease_is_over_and_another_is_free_meanwhile(world: World) -> None:
    keep(world, message(world.shop, about="order:1"))
    first = take(world)

    keep(world, message(world.shop, about="order:1"))
    during = take(world, after_s=LEASE.total_seconds())
    after = take(world, after_s=LEASE.total_seconds() + 2)

    assert first is not None
    assert during is None
    assert after is not None
    assert (after.shard, after.token) == (first.shard, first.token + 1)


def test_two_objects_of_different_shards_are_owned_by_two(world: World) -> None:
    keep(world, *(message(world.shop, about=f"order:{number}") for number in range(40)))

    claims = [take(world), take(world)]

    assert all(claims)
    assert claims[0].shard != claims[1].shard  # type: ignore[union-attr]
    assert not set(ids_of(claims[0])) & set(ids_of(claims[1]))


def test_a_released_shard_is_free_at_once_but_an_old_owner_releases_nothing(world: World) -> None:
    keep(world, message(world.shop))
    old = take(world)
    assert old is not None
    world.store.release(old)

    new = take(world, after_s=2)
    world.store.release(old)

    assert new is not None
    assert take(world, after_s=3) is None


def test_the_fence_lets_the_newest_owner_through_and_nobody_else(world: World) -> None:
    keep(world, message(world.shop))
    old = take(world)
    new = take(world, after_s=LEASE.total_seconds() + 2)
    assert old is not None
    assert new is not None

    check(world, new)
    with pytest.raises(FenceLost):
        check(world, old)


def test_a_lease_that_is_renewed_keeps_others_out_and_can_be_renewed_again(world: World) -> None:
    keep(world, message(world.shop))
    claim = take(world)
    assert claim is not None
    later = LEASE.total_seconds() + 2

    claim = world.store.renew(claim, until=claim.lease_until + LEASE)

    assert take(world, after_s=later) is None
    check(world, claim)
    world.store.renew(claim, until=claim.lease_until)
    assert take(world, after_s=later + LEASE.total_seconds()) is not None


def test_a_lease_that_has_ended_is_renewed_only_while_nobody_has_taken_the_shard(world: World) -> None:
    keep(world, message(world.shop))
    old = take(world)
    assert old is not None
    old = world.store.renew(old, until=old.lease_until)
    new = take(world, after_s=LEASE.total_seconds() + 2)
    assert new is not None

    with pytest.raises(FenceLost):
        world.store.renew(old, until=new.lease_until + LEASE)

    check(world, new)
    assert take(world, after_s=3 * LEASE.total_seconds()) is not None, "the lease stayed the new owner's"


def test_a_shard_that_was_only_released_still_lets_its_last_owner_through(world: World) -> None:
    keep(world, message(world.shop))
    claim = take(world)
    assert claim is not None
    world.store.release(claim)

    check(world, claim)


def test_the_attempt_is_counted_when_it_is_claimed(world: World) -> None:
    keep(world, message(world.shop))

    claim = take(world)

    assert claim is not None
    assert claim.deliveries[0].attempts == 1


def test_a_row_whose_batch_died_twice_is_claimed_alone(world: World) -> None:
    numbers = keep(world, message(world.shop), message(world.shop))
    for after_s in (1, 100):
        assert ids_of(take(world, after_s=after_s)) == list(numbers)

    third = take(world, after_s=200)

    assert third is not None
    assert ids_of(third) == [numbers[0]]
    assert third.deliveries[0].attempts == 3


def test_its_neighbours_have_only_the_attempts_they_shared(world: World) -> None:
    numbers = keep(world, message(world.shop), message(world.shop))
    for after_s in (1, 100):
        take(world, after_s=after_s)
    alone = take(world, after_s=200)
    assert alone is not None
    finish(world, numbers[0] or 0, Result.PARKED)
    world.store.release(alone)

    neighbour = take(world, after_s=300)

    assert neighbour is not None
    assert ids_of(neighbour) == [numbers[1]]
    assert neighbour.deliveries[0].attempts == 3


def test_a_claim_takes_no_more_than_its_limit_the_oldest_first(world: World) -> None:
    numbers = keep(world, *(message(world.shop) for _ in range(3)))

    assert ids_of(take(world, limit=2)) == list(numbers[:2])


def test_only_the_tier_and_the_connection_asked_for_are_claimed(world: World) -> None:
    keep(world, message(world.shop, tier="standard"), message(world.till))

    assert take(world, connection_id=world.shop) is None
    assert take(world, connection_id=world.till) is not None
    assert take(world, tier="standard") is not None


def test_what_is_to_be_tried_later_is_not_claimed_before(world: World) -> None:
    (number,) = keep(world, message(world.shop))
    claim = take(world)
    assert claim is not None
    assert number is not None
    finish(world, number, Result.RETRY, run_at=NOON + timedelta(seconds=30))
    world.store.release(claim)

    assert take(world, after_s=29) is None
    assert ids_of(take(world, after_s=30)) == [number]


# ── finishing ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (Result.DONE, "done"),
        (Result.PARKED, "parked"),
        (Result.REJECTED, "rejected"),
        (Result.RETRY, "pending"),
    ],
)
def test_an_outcome_is_written_and_only_a_retry_waits_again(world: World, result: Result, state: str) -> None:
    (number,) = keep(world, message(world.shop))
    assert number is not None
    take(world)

    finish(world, number, result, code="some.code")

    kept = world.kept(number)
    assert (kept.state, kept.error_code) == (state, "some.code")
    assert (kept.finished_at is None) == (result is Result.RETRY)
    assert world.store.any_pending(world.shop, "critical") == (result is Result.RETRY)


def test_something_pending_is_seen_by_connection_and_tier(world: World) -> None:
    keep(world, message(world.shop, tier="standard"))

    assert world.store.any_pending(world.shop, "standard")
    assert not world.store.any_pending(world.shop, "critical")
    assert not world.store.any_pending(world.till, "standard")


def test_an_outcome_in_a_transaction_that_fails_leaves_the_delivery_pending(world: World) -> None:
    (number,) = keep(world, message(world.shop))
    assert number is not None

    def fail() -> None:
        with world.store.transaction():
            world.store.finish([Outcome(number, world.shop, Result.DONE)], now=NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert world.kept(number).state == "pending"


def test_a_parked_line_is_kept_once_and_closed_when_a_later_try_brings_it_through(world: World) -> None:
    (number,) = keep(world, message(world.shop))
    assert number is not None
    lines = (Parking("1/a", "x", "why", "item:a"), Parking("1/b", "x", "why", "item:b"))
    finish(world, number, Result.PARKED, parked=lines)
    finish(world, number, Result.PARKED, parked=lines)
    assert world.parked(number) == {"1/a": True, "1/b": True}

    finish(world, number, Result.PARKED, parked=lines[1:])

    assert world.parked(number) == {"1/a": False, "1/b": True}
    finish(world, number)
    assert world.parked(number) == {"1/a": False, "1/b": False}


def test_a_line_parked_again_is_open_again_and_a_retry_closes_none(world: World) -> None:
    (number,) = keep(world, message(world.shop))
    assert number is not None
    line = (Parking("1/a", "x", "why", "item:a"),)
    finish(world, number, Result.PARKED, parked=line)
    finish(world, number)

    finish(world, number, Result.PARKED, parked=line)
    finish(world, number, Result.RETRY, run_at=NOON)

    assert world.parked(number) == {"1/a": True}
