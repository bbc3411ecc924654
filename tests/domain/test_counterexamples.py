"""The twelve schedules that broke an earlier, plausible version of these rules. Each is one story, retold.

A story ends with a figure its own knowledge contradicts when the sentence that closes it is taken away.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from inventory_sync.domain.availability import LocationTerms, OpenDemand, PolicyTerms, available, free
from inventory_sync.domain.containment import Allocation, Confirmation, contained
from inventory_sync.domain.external import OrderStatus
from inventory_sync.domain.levels import Mode
from inventory_sync.domain.order_versions import OrderVersion
from inventory_sync.domain.reports import BookFigure, BookReading, Counterpart, LineContained, figures_in
from inventory_sync.domain.reservations import (
    Applied,
    LineSnapshot,
    LineStatus,
    OrderSnapshot,
    Progress,
    RecordedOrder,
    books_say,
    decide,
    expire,
)
from inventory_sync.domain.routing import Part, ReserveMode, Want, reserve
from inventory_sync.domain.sandwich import Settled
from tests.domain.books import NOON, SmallLedger, delta, figure, minute
from tests.domain.model_channel import ANSWER_LOST, LONGEST_LIFE, Hub, Shop

BOTH = frozenset({"W1", "W2"})
PLAIN = PolicyTerms()


def sold(units: int, *, stamp: int = 1, status=OrderStatus.COMMITTED, recorded=None) -> RecordedOrder:
    """Return an order of one line of mugs, after one more version of it."""
    snapshot = OrderSnapshot(
        OrderVersion(stamp),
        fingerprint=f"{status}/{units}",
        status=status,
        lines=(LineSnapshot("line", "mug", Decimal(units)),),
        hold_until=NOON + timedelta(hours=1) if status is OrderStatus.UNPAID else None,
    )
    decision = decide(recorded, snapshot, now=NOON)
    assert isinstance(decision, Applied)
    return decision.order


def promised(order: RecordedOrder) -> Decimal:
    return sum((line.promised for line in order.lines.values()), Decimal(0))


def place(name: str, on_hand: int | Decimal, *demand: int | Decimal, **terms) -> LocationTerms:
    """Return a location whose open demand may be served from both warehouses."""
    owed = tuple(OpenDemand(Decimal(quantity), BOTH) for quantity in demand)
    return LocationTerms(name, Decimal(on_hand), open_demand=owed, **terms)


def shown(*places: LocationTerms, last: int | None = None, pool: frozenset[str] = BOTH) -> Decimal | None:
    published = None if last is None else Decimal(last)
    return available(places, PLAIN, pool=pool, last_published=published).figure


def test_01_a_book_figure_is_not_a_count():
    """The books hold 4, then +1 at minute 62.1; a reading begun just before holds the 5 already.

    The line arrives afterwards, dated later than the reading began. Added to the figure: 6 shown for 5.
    """
    ledger = SmallLedger(Mode.FIGURES)
    ledger.record(figure(1, 4))
    ledger.record(figure(2, 5))

    folded = ledger.record(delta("receipt", 1, minute(62.1)))

    assert ledger.state.on_hand == 5
    assert sum(posting.quantity for posting in folded.postings) == 0, "it explains, and is not added"
    assert ledger.totals()[Counterpart.CUSTOMER] == 1
    assert folded.read_again


def test_02_a_till_sale_stays_subtracted_until_the_figure_contains_its_session():
    """Sold at 15; the reading at 66 still holds the unit; the session posts it at 75, dated 15.

    Taken as older than the reading it would be absorbed, its line closed, and the unit sold again.
    """
    ledger = SmallLedger(Mode.FIGURES)
    sale, line = sold(1), Allocation("mug", "W1", Decimal(1))
    ledger.record(figure(1, 3))

    ledger.record(delta("session", -1, minute(15)))
    assert free(place("W1", ledger.state.on_hand, line.open)) == 2
    assert promised(sale) == 1

    holds = (LineContained("line", Decimal(1), Decimal(1)),)
    after = ledger.record(BookFigure("reading:2", 2, Decimal(2), contained=holds))
    assert after.contained is not None
    line = replace(line, contained=after.contained[0].contained)
    assert free(place("W1", ledger.state.on_hand, line.open)) == 2
    closed = books_say(sale, "line", now=NOON, delivered=after.contained[0].delivered).order
    assert closed.lines["line"].status is LineStatus.CLOSED


def test_03_a_shipment_notice_before_the_books_releases_nothing():
    """3 on hand by a reading; 2 are sold and shipped; the carrier's slow clock dates its notice before it.

    Believing the notice would close the line on a figure that still holds both units: 3 shown, 1 exists.
    """
    order = sold(2)

    noticed = books_say(order, "line", now=NOON, progress=Progress.SHIPPED).order
    completed = sold(2, stamp=2, status=OrderStatus.SHIPPED, recorded=noticed)

    for told in (noticed, completed):
        assert told.lines["line"].status is LineStatus.SHIPPED_AWAITING_BOOKS
        assert shown(place("W1", 3, promised(told)), place("W2", 0)) == 1


def test_04_containment_needs_a_confirmation_on_both_sides():
    """Assigned 1, confirmed; then a count takes the assignment away; the reading then shows reserved 0.

    The earlier confirmation alone would call the line contained, and nothing would be subtracted: 4 for 3.
    """
    before = Confirmation(assigned=Decimal(1), delivered=Decimal(0), move_version="36.3")
    after = Confirmation(assigned=Decimal(0), delivered=Decimal(0), move_version="45.2")
    unnoticed = replace(after, move_version=before.move_version)
    back_again = Confirmation(assigned=Decimal(1), delivered=Decimal(0), move_version="52.0")

    for other in (after, unnoticed, back_again):
        line = Allocation("mug", "W1", Decimal(1), contained=contained(before, other))

        assert free(place("W1", 4, line.open)) == 3


def test_05_every_line_is_routed_when_it_is_created():
    """3 units; B sells 2, then 1 more while nothing seems free for it. A draws on the same warehouse.

    A line left unrouted would count against B's pool only, and A would be shown 1 and sell it.
    """
    stock = {("mug", "W1"): Decimal(3)}
    demand = Decimal(0)

    for units in (2, 1):
        stock["mug", "W1"] = Decimal(3) - demand - 1  # a line not yet seen makes the last one short
        want = Want("line", Decimal(units), (Part("mug"),), ("W1", "W2"))
        placed = reserve([want], stock, ReserveMode.RECORD).placements
        assert sum(placement.quantity for placement in placed) == units
        demand += sum(placement.quantity for placement in placed if placement.location == "W1")

    assert shown(place("W1", 3, demand), pool=frozenset({"W1"})) == 0


def test_06_a_location_below_zero_still_owes_what_it_promised():
    """An order of 2; W1 has 1, W2 has 1; both are routed to W2, whose free becomes −1.

    Floored at zero the promise is forgotten, and W1 sells its unit again.
    """
    assert shown(place("W1", 1), place("W2", 1, 2)) == 0


def test_07_a_backordered_line_is_open_and_subtracted():
    """2 units; A sells 1; B sells 2 in the race; B's line is short. As an exit it would drop out: 1 for 0."""
    of_a = sold(1)
    of_b = books_say(sold(2), "line", now=NOON, short=True).order

    assert of_b.lines["line"].status is LineStatus.BACKORDERED
    assert shown(place("W1", 2, promised(of_a), promised(of_b)), place("W2", 0)) == 0


def test_08_a_newer_version_reopens_an_exit_and_the_same_one_does_not():
    """An unpaid hold expires; then the order is paid. A dead row found again would show 5 for 4, for ever.

    The unpaid version delivered once more must not revive the hold, nor may a cancelled order stay dead.
    """
    expired = expire(sold(1, status=OrderStatus.UNPAID), now=NOON + timedelta(hours=2)).order
    assert promised(expired) == 0

    again = decide(
        expired,
        OrderSnapshot(
            OrderVersion(1, reading=3),
            "unpaid/1",
            OrderStatus.UNPAID,
            (LineSnapshot("line", "mug", Decimal(1)),),
            hold_until=NOON + timedelta(hours=9),
        ),
        now=NOON + timedelta(hours=3),
    )
    assert not isinstance(again, Applied) or again.changes == ()

    paid = sold(1, stamp=2, recorded=expired)
    cancelled = sold(1, stamp=3, status=OrderStatus.CANCELLED, recorded=paid)
    processing = sold(1, stamp=4, recorded=cancelled)
    assert shown(place("W1", 5, promised(paid)), place("W2", 0)) == 4
    assert (promised(cancelled), promised(processing)) == (0, 1)


def test_09_holding_the_last_figure_still_lets_it_fall():
    """W2 is unknown; B sells 2 of W1. Held as it was, A would keep showing 3."""
    w2 = place("W2", 0, known=False, last_known_free=Decimal(0))

    assert shown(place("W1", 3), w2, last=3) == 3
    assert shown(place("W1", 3, 2), w2, last=3) == 1


def test_10_a_transfer_between_two_pages_is_not_in_both():
    """One unit moves from W2 to W1 between two pages of one sweep. Paged by row, it would stand in both.

    A reading is one call over all locations of its items, so the second one empties W2 as it fills W1; what
    a failed call held counts for nothing.
    """
    w1, w2 = SmallLedger(Mode.FIGURES), SmallLedger(Mode.FIGURES)

    def read(number: int, found_at: str, *, complete: bool = True) -> None:
        row = {("mug", found_at): figure(number, 1)}
        reading = BookReading(number, frozenset({"mug"}), BOTH, row, complete)
        for (_, location), found in figures_in(reading).items():
            (w1 if location == "W1" else w2).record(found)

    read(1, "W2")
    read(2, "W1", complete=False)
    assert (w1.state.on_hand, w2.state.on_hand) == (0, 1)

    read(3, "W1")
    assert (w1.state.on_hand, w2.state.on_hand) == (1, 0)


def test_11_equal_before_the_pull_is_not_settled():
    """The hub reads 4; a customer buys; the pull shows the order; the hub now wants 4, "equal already".

    The shop shows 3 by now: settled on the first reading it would stay wrong.
    """
    shop = Shop(shown=4, physical=5)
    hub = Hub(shop)
    moments = iter(["read", "buy"])

    def between() -> None:
        if next(moments, "") == "buy":
            shop.sell()
            shop.tick(4)

    verdict = hub.fly(between=between)

    assert (hub.state.desired, shop.shown) == (4, 3)
    assert not isinstance(verdict, Settled)
    for _ in range(20):
        shop.tick(5)
        hub.fly()
    assert shop.shown == 4
    assert hub.state.is_settled


def test_12_compare_and_set_is_no_immunity():
    """0 → 1 is written and the answer lost; a twin of the request is still on its way. The unit is sold.

    The figure is 0 again, as the twin expects, so it lands: 1 shown for 0. One reading back proved nothing:
    until the longest life of a request is over, the listing stays owed and is read again.
    """
    shop = Shop(shown=0, physical=0)
    hub = Hub(shop)
    hub.receive(1)
    hub.fly(ANSWER_LOST)
    shop.in_the_air.append((shop.now + LONGEST_LIFE - timedelta(seconds=1), 1))
    assert shop.shown == 1
    shop.tick(2)
    shop.sell()

    for _ in range(30):
        shop.tick(2)
        verdict = hub.fly()
        assert not (shop.in_the_air and isinstance(verdict, Settled))

    assert hub.state.is_settled
    assert shop.shown == hub.stock == shop.physical == 0
