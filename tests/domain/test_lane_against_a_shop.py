"""The lane and its sandwich write against a model shop that sells, answers late, lets requests land late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.sandwich import (
    Settled,
)
from tests.domain.model_channel import (
    ANSWER_LOST,
    ANSWERED,
    CRASHED,
    LANDS_LATE,
    REFUSED,
    Hub,
    Shop,
)

FATES = [ANSWERED, ANSWER_LOST, LANDS_LATE, REFUSED, CRASHED]
moments = st.lists(st.sampled_from(["sell", "tick", "pull", ""]), max_size=6)
schedules = st.lists(
    st.tuples(st.sampled_from(FATES), moments, st.integers(0, 12), st.sampled_from([0, 0, 0, 1, 2])),
    max_size=12,
)


def run(schedule) -> Hub:
    shop = Shop(shown=5, physical=5)
    hub = Hub(shop)
    for fate, what_happens, pause, received in schedule:
        if received:
            hub.receive(received)
        happenings = iter(what_happens)

        def between(happenings=happenings):
            match next(happenings, ""):
                case "sell":
                    shop.sell()
                case "tick":
                    shop.tick()
                case "pull":
                    hub.pull()

        verdict = hub.fly(fate, between)

        if isinstance(verdict, Settled):
            assert shop.in_the_air == [], "settled while a request could still land"
            assert shop.shown <= verdict.figure
        shop.tick(pause)
    return hub


@given(schedule=schedules)
def test_when_trade_rests_the_shop_shows_what_is_there_whatever_landed_late(schedule):
    hub = run(schedule)

    for _ in range(60):
        hub.pull()
        hub.fly()
        hub.shop.tick(3)

    assert hub.state.is_settled
    assert hub.shop.shown == hub.stock == hub.shop.physical


@given(schedule=schedules)
def test_two_different_writes_never_share_an_idempotency_key(schedule):
    writes = run(schedule).writes

    by_key = {write.write_key: (write.figure, write.news) for write in writes}
    assert all(by_key[write.write_key] == (write.figure, write.news) for write in writes)
