"""Orders in any order of arrival, any number of times: one state, the newest version's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.order_versions import OrderVersion
from inventory_sync.domain.reservations import (
    EXITS,
    Applied,
    Ignored,
    LineSnapshot,
    LineStatus,
    NeedsReading,
    OrderSnapshot,
    Progress,
    RecordedLine,
    RecordedOrder,
    books_say,
    decide,
    expire,
    leave,
    vanish,
    wanted,
)
from tests.domain.books import NOON

AN_HOUR = timedelta(hours=1)


def order(
    stamp: int,
    status: OrderStatus = OrderStatus.COMMITTED,
    *,
    reading: int = 0,
    begun: int = 0,
    parked: tuple[str, ...] = (),
    hold: timedelta | None = AN_HOUR,
    **lines: int,
) -> OrderSnapshot:
    """Return a version of an order; a line and its item share a name."""
    hold_until = NOON + hold if status is OrderStatus.UNPAID and hold is not None else None
    return OrderSnapshot(
        OrderVersion(stamp, reading, begun),
        fingerprint=f"{status}:{hold_until}:{sorted(lines.items())}",
        status=status,
        lines=tuple(LineSnapshot(k, k, Decimal(q)) for k, q in lines.items() if k not in parked),
        parked=frozenset(parked),
        hold_until=hold_until,
    )


def listed(snapshot: OrderSnapshot) -> OrderSnapshot:
    return replace(snapshot, listed=True)


def recorded(*snapshots: OrderSnapshot, now=NOON) -> RecordedOrder:
    state = None
    for snapshot in snapshots:
        decision = decide(state, snapshot, now=now)
        if isinstance(decision, Applied):
            state = decision.order
    assert state is not None
    return state


def statuses(state: RecordedOrder) -> dict[str, LineStatus]:
    return {name: line.status for name, line in state.lines.items()}


def promised(state: RecordedOrder) -> dict[str, Decimal]:
    return {name: line.promised for name, line in state.lines.items() if line.promised}


# ── any arrival, one result ─────────────────────────────────────────────────────────────────────────


@dataclass
class Shop:
    """A shop whose order changed several times, within the same second too; it answers readings."""

    history: list[OrderSnapshot]
    readings: int = 0

    def read(self) -> OrderSnapshot:
        self.readings += 1
        last = self.history[-1]
        return replace(last, version=OrderVersion(last.version.stamp, self.readings))


contents = st.builds(
    lambda status, lines, hold: (
        lambda stamp: order(stamp, status, hold=timedelta(hours=hold) if hold else None, **lines)
    ),
    st.sampled_from(OrderStatus),
    st.dictionaries(st.sampled_from(["mug", "cap", "bag"]), st.integers(0, 4), max_size=3),
    st.sampled_from([-1, 0, 1]),
)
histories = st.lists(st.tuples(st.integers(0, 1), contents), min_size=1, max_size=6)


def play(steps: list, draw: st.DataObject) -> tuple[list[OrderSnapshot], RecordedOrder | None]:
    """Deliver every version at least once in any order, settling equal stamps by readings."""
    stamp, history = 100, []
    for gap, content in steps:
        stamp += gap
        history.append(content(stamp))
    shop = Shop(history)
    twice = draw.draw(st.lists(st.sampled_from(history), max_size=4))
    state = None
    for snapshot in draw.draw(st.permutations([*history, *twice])):
        decision = decide(state, snapshot, now=NOON)
        if isinstance(decision, NeedsReading):
            decision = decide(state, shop.read(), now=NOON)
        if isinstance(decision, Applied):
            state = decision.order
        if state is not None and draw.draw(st.booleans()):
            state = expire(state, now=NOON).order
    return history, state


def oracle_of(history: list[OrderSnapshot]) -> dict[str, Decimal]:
    """Sort the versions, take the last, and read off what it promises."""
    last = max(enumerate(history), key=lambda row: (row[1].version.stamp, row[0]))[1]
    lives = last.status in {OrderStatus.COMMITTED, OrderStatus.SHIPPED} or (
        last.status is OrderStatus.UNPAID and last.hold_until is not None and last.hold_until > NOON
    )
    return {line.line: line.quantity for line in last.lines if lives and line.quantity}


@given(steps=histories, draw=st.data())
def test_an_order_promises_what_its_newest_version_asks_whatever_the_arrival(steps, draw):
    history, state = play(steps, draw)

    assert state is not None
    assert promised(state) == oracle_of(history)


@given(steps=histories, draw=st.data())
def test_repeating_any_old_version_changes_no_line(steps, draw):
    history, state = play(steps, draw)

    for snapshot in history:
        decision = decide(state, snapshot, now=NOON)

        assert isinstance(decision, Ignored | NeedsReading) or decision.changes == ()


@given(
    delivered=st.lists(st.integers(0, 5), max_size=4),
    notices=st.lists(st.sampled_from(Progress), max_size=4),
    draw=st.data(),
)
def test_news_from_books_and_fulfilment_may_come_in_any_order(delivered, notices, draw):
    state = recorded(order(1, mug=4))
    total = Decimal(max(delivered, default=0))
    news: list[tuple[str, object]] = [("progress", n) for n in notices] + [("delivered", total)]

    for kind, value in draw.draw(st.permutations(news)):
        state = books_say(state, "mug", now=NOON, **{kind: value}).order

    furthest = max(notices, default=Progress.NONE)
    waiting = {
        Progress.NONE: LineStatus.COMMITTED,
        Progress.ACKNOWLEDGED: LineStatus.ACKNOWLEDGED,
        Progress.PICKED: LineStatus.PICKED,
        Progress.SHIPPED: LineStatus.SHIPPED_AWAITING_BOOKS,
    }[furthest]
    assert statuses(state) == {"mug": LineStatus.CLOSED if total >= 4 else waiting}


# ── versions ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("why", "before", "after", "believed"),
    [
        ("more is wanted", order(5, mug=1), order(5, mug=2), True),
        ("less is wanted", order(5, mug=2), order(5, mug=1), False),
        ("a line is gone", order(5, mug=1, cap=1), order(5, mug=1), False),
        ("paid by now", order(5, OrderStatus.UNPAID, mug=1), order(5, mug=1), True),
        ("unpaid again", order(5, mug=1), order(5, OrderStatus.UNPAID, mug=1), False),
        ("released", order(5, mug=1), order(5, OrderStatus.RELEASED, mug=1), False),
        ("less, a second later", order(5, mug=2), order(6, mug=1), True),
    ],
)
def test_what_a_list_of_orders_says_of_the_same_second_is_believed_if_it_asks_for_more(
    why, before, after, believed
):
    later = replace(after, version=OrderVersion(after.version.stamp, 9))
    said = decide(recorded(before), listed(later), now=NOON)

    assert isinstance(said, Applied if believed else NeedsReading)
    assert isinstance(decide(recorded(before), later, now=NOON), Applied), "read by its id it is"


@given(steps=histories, draw=st.data())
def test_no_list_lowers_what_a_reading_by_id_has_shown(steps, draw):
    history, state = play(steps, draw)
    assert state is not None

    for number, snapshot in enumerate(draw.draw(st.permutations(history)), start=1000):
        old = replace(snapshot, version=OrderVersion(snapshot.version.stamp, number), listed=True)
        decision = decide(state, old, now=NOON)
        if isinstance(decision, Applied):
            before, after = promised(state), promised(decision.order)
            assert all(after.get(name, 0) >= quantity for name, quantity in before.items())
            state = decision.order


def test_a_changed_quantity_is_a_difference_and_a_new_line_is_created():
    state = recorded(order(1, mug=2))

    decision = decide(state, order(2, mug=5, cap=1), now=NOON)

    assert isinstance(decision, Applied)
    assert [(c.after.line, c.promised, c.before is None) for c in decision.changes] == [
        ("cap", 1, True),
        ("mug", 3, False),
    ]


def test_the_same_version_creates_a_line_that_was_parked_and_touches_no_other():
    state = recorded(order(1, mug=2, cap=1, parked=("cap",)))
    assert promised(state) == {"mug": 2}

    decision = decide(state, order(1, mug=2, cap=1), now=NOON)

    assert isinstance(decision, Applied)
    assert [change.after.line for change in decision.changes] == ["cap"]
    assert promised(decision.order) == {"mug": 2, "cap": 1}


def test_a_parked_line_of_a_newer_version_is_left_as_it_is_not_released():
    state = recorded(order(1, mug=2, cap=1), order(2, mug=2, cap=1, parked=("cap",)))

    assert promised(state) == {"mug": 2, "cap": 1}


def test_a_line_a_newer_version_no_longer_names_is_released():
    state = recorded(order(1, mug=2, cap=1), order(2, mug=2))

    assert statuses(state) == {"mug": LineStatus.COMMITTED, "cap": LineStatus.RELEASED}


def test_a_line_whose_item_was_exchanged_promises_the_new_item_whole():
    state = recorded(order(1, mug=2))
    exchanged = replace(
        order(2, mug=2), fingerprint="exchanged", lines=(LineSnapshot("mug", "cap", Decimal(2)),)
    )

    decision = decide(state, exchanged, now=NOON)

    assert isinstance(decision, Applied)
    (change,) = decision.changes
    assert change.item_changed
    assert change.promised == 2


# ── holds, exits, shipments ─────────────────────────────────────────────────────────────────────────


def test_a_hold_expires_by_time_alone_and_only_then():
    state = recorded(order(1, OrderStatus.UNPAID, mug=2))

    assert expire(state, now=NOON + AN_HOUR - timedelta(seconds=1)).changes == ()
    ended = expire(state, now=NOON + AN_HOUR).order

    assert statuses(ended) == {"mug": LineStatus.EXPIRED}
    assert promised(ended) == {}


def test_an_unpaid_order_without_a_hold_promises_nothing():
    assert statuses(recorded(order(1, OrderStatus.UNPAID, hold=None, mug=2))) == {"mug": LineStatus.REQUESTED}


def test_an_unpaid_snapshot_read_again_does_not_revive_its_expired_hold():
    unpaid = order(1, OrderStatus.UNPAID, mug=2)
    later = NOON + 2 * AN_HOUR
    state = expire(recorded(unpaid), now=later).order

    again = decide(state, replace(unpaid, version=OrderVersion(1, reading=8)), now=NOON)

    assert isinstance(again, Applied)
    assert again.changes == ()
    assert statuses(again.order) == {"mug": LineStatus.EXPIRED}


@pytest.mark.parametrize("exit_as", sorted(EXITS))
def test_a_strictly_newer_version_reopens_every_exit_and_the_same_version_none(exit_as):
    state = leave(recorded(order(1, mug=2)), ["mug"], exit_as).order
    assert promised(state) == {}

    assert isinstance(decide(state, order(1, mug=2), now=NOON), Ignored)
    reopened = decide(state, order(2, mug=2), now=NOON)

    assert isinstance(reopened, Applied)
    assert reopened.changes[0].reopened
    assert promised(reopened.order) == {"mug": 2}


def test_only_an_exit_can_be_left_through():
    with pytest.raises(ValueError, match="not an exit"):
        leave(recorded(order(1, mug=2)), ["mug"], LineStatus.CLOSED)


def test_a_backordered_line_is_open_and_subtracted():
    state = books_say(recorded(order(1, mug=2)), "mug", now=NOON, short=True).order

    assert statuses(state) == {"mug": LineStatus.BACKORDERED}
    assert promised(state) == {"mug": 2}


def test_a_shipment_notice_releases_nothing_until_the_books_hold_the_delivery():
    state = recorded(order(1, mug=2), order(2, OrderStatus.SHIPPED, mug=2))
    assert statuses(state) == {"mug": LineStatus.SHIPPED_AWAITING_BOOKS}
    assert promised(state) == {"mug": 2}

    partly = books_say(state, "mug", now=NOON, delivered=Decimal(1)).order
    assert statuses(partly) == {"mug": LineStatus.SHIPPED_AWAITING_BOOKS}

    assert statuses(books_say(partly, "mug", now=NOON, delivered=Decimal(2)).order) == {
        "mug": LineStatus.CLOSED
    }


def test_a_closed_line_opens_when_a_newer_version_asks_for_more():
    closed = books_say(recorded(order(1, mug=2)), "mug", now=NOON, delivered=Decimal(2)).order

    state = decide(closed, order(2, mug=3), now=NOON)

    assert isinstance(state, Applied)
    assert statuses(state.order) == {"mug": LineStatus.COMMITTED}


def test_an_order_gone_without_a_word_is_closed_short_and_an_announced_one_cancelled():
    state = recorded(order(1, mug=2))

    assert statuses(vanish(state, announced=False).order) == {"mug": LineStatus.CLOSED_SHORT}
    assert statuses(vanish(state, announced=True).order) == {"mug": LineStatus.CANCELLED}


@pytest.mark.parametrize(
    ("why", "ordered", "refunded", "returned", "demand"),
    [
        ("nothing refunded", 3, 0, 0, 3),
        ("one undelivered unit refunded", 3, 1, 0, 2),
        ("one delivered unit came back: it lowers no demand", 3, 1, 1, 3),
        ("one of each", 3, 2, 1, 2),
        ("all refunded undelivered", 3, 3, 0, 0),
        ("more refunded than ordered", 3, 4, 0, 0),
    ],
)
def test_what_a_refund_leaves_of_a_demand(why, ordered, refunded, returned, demand):
    assert wanted(Decimal(ordered), Decimal(refunded), Decimal(returned)) == demand


def test_a_fully_refunded_line_is_released():
    assert statuses(recorded(order(1, mug=2), order(2, mug=0))) == {"mug": LineStatus.RELEASED}


def test_only_open_statuses_subtract():
    line = RecordedLine("mug", "mug", Decimal(2), LineStatus.REQUESTED)

    subtracting = {status for status in LineStatus if replace(line, status=status).promised}

    assert subtracting == {
        LineStatus.HELD,
        LineStatus.COMMITTED,
        LineStatus.ACKNOWLEDGED,
        LineStatus.PICKED,
        LineStatus.SHIPPED_AWAITING_BOOKS,
        LineStatus.BACKORDERED,
    }
