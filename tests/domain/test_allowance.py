"""What a credential may call, in every shape a vendor sets limits in: never above, and nothing wasted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.allowance import Allowance, Shape, current, give_back, heed, pay, room
from inventory_sync.domain.budget import Bucket, Told
from tests.domain.books import NOON

TIERS = ("critical", "standard", "bulk")
RATE, BURST = 2, 10
steps = st.lists(st.tuples(st.integers(0, 2_500), st.sampled_from(TIERS), st.integers(1, 4)), max_size=60)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def full(capacity: int = BURST, per_s: int = RATE, tokens: int | None = None) -> Allowance:
    left = Decimal(capacity if tokens is None else tokens)
    return Allowance(Bucket(Decimal(capacity), Decimal(per_s), left, NOON))


def made(allowance: Allowance, shape: Shape, tier: str, most: int, now: datetime = NOON) -> int:
    """Make calls until one would have to wait; return how many there were."""
    for number in range(most):
        paid = pay(allowance, shape, now, tier=tier)
        if paid.wait_s:
            return number
        allowance = paid.allowance
    return most


@given(steps=steps)
def test_no_stretch_of_time_sees_more_calls_than_the_vendors_own_bucket_allows(
    steps: list[tuple[int, str, int]],
) -> None:
    shape, ours, now, at = Shape(), full(), NOON, []

    for wait_ms, tier, calls in steps:
        now += timedelta(milliseconds=wait_ms)
        paid = pay(ours, shape, now, tier=tier, calls=calls)
        ours = paid.allowance
        at += [now] * (0 if paid.wait_s else calls)

    for first, start in enumerate(at):
        for last in range(first, len(at)):
            assert last - first + 1 <= BURST + RATE * (at[last] - start).total_seconds() + 1e-6


@given(steps=steps)
def test_the_wait_that_is_told_is_enough_and_no_shorter_one_is(steps: list[tuple[int, str, int]]) -> None:
    shape = Shape(window_calls=8, window=timedelta(seconds=7))
    ours, now = full(), NOON

    for wait_ms, tier, calls in steps:
        now += timedelta(milliseconds=wait_ms)
        paid = pay(ours, shape, now, tier=tier, calls=calls)
        ours = paid.allowance
        if paid.wait_s:
            enough = now + timedelta(seconds=float(paid.wait_s), microseconds=2)
            too_early = now + timedelta(seconds=float(paid.wait_s)) * 0.9
            assert not pay(ours, shape, enough, tier=tier, calls=calls).wait_s
            assert pay(ours, shape, too_early, tier=tier, calls=calls).wait_s


@given(steps=steps, most=st.integers(1, 6))
def test_no_window_ever_holds_more_calls_than_it_may(steps: list[tuple[int, str, int]], most: int) -> None:
    window = timedelta(seconds=3)
    shape, ours, now, at = Shape(window_calls=most, window=window), full(1000, 1000), NOON, []

    for wait_ms, tier, _ in steps:
        now += timedelta(milliseconds=wait_ms)
        paid = pay(ours, shape, now, tier=tier)
        ours = paid.allowance
        at += [] if paid.wait_s else [now]

    for end in at:
        assert sum(end - window < each <= end for each in at) <= most


@given(steps=st.lists(st.tuples(st.integers(0, 900), st.sampled_from(TIERS), st.booleans()), max_size=60))
def test_no_more_calls_run_at_once_than_the_vendor_takes(steps: list[tuple[int, str, bool]]) -> None:
    shape = Shape(parallel=3, slot_life=timedelta(seconds=4))
    ours, now, running = full(1000, 1000), NOON, {}

    for number, (wait_ms, tier, ends) in enumerate(steps):
        now += timedelta(milliseconds=wait_ms)
        running = {holder: until for holder, until in running.items() if until > now}
        if ends and running:
            holder = min(running)
            ours, running = give_back(ours, holder), {k: v for k, v in running.items() if k != holder}
        paid = pay(ours, shape, now, tier=tier, holder=f"w{number:03}")
        ours = paid.allowance
        if not paid.wait_s:
            running[f"w{number:03}"] = now + shape.slot_life
        assert len(running) <= 3
        assert paid.wait_s == 0 or len(running) >= (3 if tier == "critical" else 2)


def test_a_fifth_of_every_limit_is_left_to_the_critical_tier() -> None:
    tokens = Shape()
    window = Shape(window_calls=20, window=timedelta(seconds=60))

    assert made(full(), tokens, "standard", 99) == 8
    assert made(full(), tokens, "critical", 99) == 10
    assert made(full(1000), window, "bulk", 99) == 16
    assert made(full(1000), window, "critical", 99) == 20


def test_a_vendor_that_allows_one_call_allows_it_to_everybody() -> None:
    one = Shape(window_calls=1, window=timedelta(seconds=1), parallel=1)

    assert not pay(full(1), one, NOON, tier="bulk", holder="w").wait_s


def test_a_killed_workers_slot_comes_back_when_its_lease_ends() -> None:
    shape = Shape(parallel=1, slot_life=timedelta(seconds=30))
    taken = pay(full(), shape, NOON, tier="critical", holder="killed").allowance

    assert pay(taken, shape, after(29), tier="critical", holder="next").wait_s
    assert not pay(taken, shape, after(30), tier="critical", holder="next").wait_s


def test_a_call_that_was_cheaper_than_paid_for_gives_the_rest_back_and_a_dearer_one_takes_more() -> None:
    points = Shape(cost=Decimal(10))
    paid = pay(full(1000, 50), points, NOON, tier="standard").allowance

    assert heed(paid, points, Told(cost=4), NOON).bucket.tokens == 996
    assert heed(paid, points, Told(cost=60), NOON).bucket.tokens == 940


def test_a_vendor_that_has_less_left_than_we_thought_is_believed_and_one_that_has_more_is_not() -> None:
    ours = full(tokens=6)

    assert heed(ours, Shape(), Told(remaining=2), NOON).bucket.tokens == 2
    assert heed(ours, Shape(), Told(remaining=9), NOON) is ours


def test_an_answer_that_says_nothing_new_changes_nothing() -> None:
    ours = full(40, 2, tokens=30)

    assert heed(ours, Shape(), Told(remaining=32, capacity=40, restore_per_s=2), after(1)) is ours


def test_limits_the_vendor_states_are_learnt() -> None:
    learnt = heed(full(), Shape(), Told(capacity=80, restore_per_s=4), NOON).bucket

    assert (learnt.capacity, learnt.per_s) == (80, 4)


def test_a_refusal_shuts_for_as_long_as_asked_and_halves_the_pace_which_grows_back() -> None:
    refused = Told(refused=True, too_many=True, retry_after_s=30)

    told = heed(full(), Shape(), refused, NOON)
    meanwhile = heed(told, Shape(), refused, after(1))

    assert room(told, Shape(), NOON, tier="critical", calls=1) == 30
    assert (meanwhile.eased, told.eased) == (Decimal("0.5"), Decimal("0.5"))
    drained = replace(told, bucket=replace(told.bucket, shut_until=None))
    assert current(drained, Shape(), after(1)).bucket.tokens == 1
    much_later = replace(drained, bucket=replace(drained.bucket, as_of=after(300)))
    assert current(much_later, Shape(), after(301)).bucket.tokens == 2


def test_a_vendor_in_trouble_is_waited_for_and_not_called_any_slower_afterwards() -> None:
    told = heed(full(), Shape(), Told(refused=True, retry_after_s=7), NOON)

    assert room(told, Shape(), NOON, tier="critical", calls=1) == 7
    assert told.eased == 1


def test_a_window_that_is_used_up_is_shut_until_it_resets() -> None:
    told = heed(full(), Shape(), Told(remaining=0, resets_in_s=12), NOON)

    assert room(told, Shape(), after(5), tier="critical", calls=1) == 7


@pytest.mark.parametrize(
    "told",
    [Told(capacity=1e300), Told(restore_per_s=1e-9), Told(restore_per_s=1e300), Told(cost=1e300)],
)
def test_a_limit_that_is_garbage_stops_nobody_for_long(told: Told) -> None:
    shape = Shape(per_s=Decimal(RATE), burst=Decimal(BURST))

    after_it = heed(full(), shape, told, NOON)

    assert room(after_it, shape, NOON, tier="bulk", calls=1) <= BURST
    assert room(after_it, shape, NOON, tier="critical", calls=BURST) <= BURST / RATE


def test_one_refusal_after_the_other_slows_it_for_two_minutes_at_the_most() -> None:
    refused, ours = Told(refused=True, too_many=True, retry_after_s=1), full()
    for second in range(0, 40, 2):
        ours = heed(ours, Shape(), refused, after(second))

    much_later = current(ours, Shape(), after(38 + 90))

    assert ours.eased >= Decimal("0.25")
    assert current(much_later, Shape(), after(38 + 91)).bucket.tokens == 10
    emptied = replace(much_later, bucket=replace(much_later.bucket, tokens=Decimal(0)))
    assert current(emptied, Shape(), after(38 + 92)).bucket.tokens == 4  # two seconds at the whole rate


def test_a_window_slots_and_a_refusal_outlive_no_clock_that_was_set_back() -> None:
    shape = Shape(window_calls=1, window=timedelta(seconds=60), parallel=1)
    ahead = pay(replace(full(), bucket=replace(full().bucket, as_of=after(7200))), shape, after(7200),
                tier="critical", holder="killed").allowance  # fmt: skip
    ahead = heed(ahead, shape, Told(refused=True, retry_after_s=30), after(7200))

    paid = pay(ahead, shape, NOON, tier="critical", holder="next")

    assert 30 <= paid.wait_s <= 60
    assert not pay(paid.allowance, shape, after(121), tier="critical", holder="next").wait_s


def test_after_the_clock_was_set_back_tokens_come_back_from_then_on() -> None:
    ahead = replace(full(tokens=0), bucket=replace(full(tokens=0).bucket, as_of=after(3600)))

    set_back = pay(ahead, Shape(), NOON, tier="critical").allowance

    assert current(set_back, Shape(), after(1)).bucket.tokens == 2
