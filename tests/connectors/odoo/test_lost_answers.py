"""Every call of every writing path loses its answer once, in every way: what the hub does next ends right.

A call may be applied without an answer, lost, applied much later, killed with its worker, or meet a server
that restarts. The hub then waits, reads and goes on (`settle`, `book`); where it does not wait, a late call
may undo a step for a moment, and the next reading mends it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from inventory_sync.domain.commands import CopyState, DocumentState
from inventory_sync.domain.errors import RemoteRefused, SyncError, Transient
from inventory_sync.domain.external import Reason
from inventory_sync.domain.ports import LevelWrite, ListingRef
from tests.connectors.odoo.hall import Hall, book, copy_of, document, id_of, is_write, settle

KINDS = ("timeout_applied", "timeout_lost", "late_landing", "worker_killed", "restart")
READ = "a reading"
LANDS_AFTER = 200


@dataclass
class Store(Hall):
    """A hall with goods of its own; `asked`: how often a poisoned product was asked for."""

    mug: str = ""
    cup: str = ""
    milk: str = ""
    asked: int = 0


def fault_on(hall: Store, number: int, kind: str) -> None:
    """Put a fault on the call that is made `number` calls from now."""
    first = len(hall.calls) + number

    def hook(what: str, made: int) -> None:
        if made == first:
            hall.before_call = None
            hall.twin.faults.inject("timeout_lost" if kind == READ else kind, count=1, seconds=LANDS_AFTER)

    hall.before_call = hook


def calls_of(prepare: Callable[[], Store], act: Callable[[Store], object], kind: str) -> list[int]:
    """Return which calls of the path are tried: those that change something, or the readings.

    A reading without an answer is the same whatever became of it.
    """
    hall = prepare()
    before = len(hall.calls)
    act(hall)
    made = hall.calls[before:]
    assert made
    writes = {number for number, what in enumerate(made) if is_write(what)}
    return [number for number in range(len(made)) if (number in writes) == (kind != READ)]


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────


def order(hall: Store, mugs: int, cups: int = 2):
    return copy_of(hall, "1001", ("1", hall.mug, mugs), ("2", hall.cup, cups))


def prepared(version: int, *steps: Callable[[Store], object]) -> Store:
    hall = Store(version)
    hall.mug, hall.cup = hall.product("MUG", stock=20), hall.product("CUP", stock=20)
    for step in steps:
        step(hall)
    return hall


ORDER_PATHS = {
    "a new order": ((), lambda hall: order(hall, 3)),
    "more of a line": ((lambda hall: settle(hall, order(hall, 3)),), lambda hall: order(hall, 5)),
    "less of a line": ((lambda hall: settle(hall, order(hall, 5)),), lambda hall: order(hall, 3)),
    "a line less": ((lambda hall: settle(hall, order(hall, 5)),), lambda hall: order(hall, 5, 0)),
    "a line more": ((lambda hall: settle(hall, order(hall, 5, 0)),), lambda hall: order(hall, 5)),
    "cancelled": (
        (lambda hall: settle(hall, order(hall, 5)),),
        lambda hall: replace(order(hall, 5), cancelled=True),
    ),
    "wanted again": (
        (
            lambda hall: settle(hall, order(hall, 5)),
            lambda hall: settle(hall, replace(order(hall, 5), cancelled=True)),
        ),
        lambda hall: order(hall, 4),
    ),
    "moves too high": (
        (
            lambda hall: settle(hall, order(hall, 5)),
            lambda hall: raise_move(hall, 9),
        ),
        lambda hall: order(hall, 5),
    ),
}


def raise_move(hall: Store, quantity: int) -> None:
    move = hall.rows("stock.move", ("product_id", "=", id_of(hall.mug)), ("state", "!=", "done"))[0]
    hall.write("stock.move", [move["id"]], product_uom_qty=quantity)


def assert_exactly(hall: Store, wanted) -> None:
    """One order, its open moves and its reservations are what is wanted, and nothing else is."""
    assert len(hall.orders()) == 1
    seen = hall.client.read_copies([wanted])[0]
    quantities = {line.item_ref: Decimal(0 if wanted.cancelled else line.quantity) for line in wanted.lines}
    assert seen.state is (CopyState.CANCELLED if wanted.cancelled else CopyState.CONFIRMED)
    assert {line.item_ref: line.open for line in seen.lines if line.open} == {
        item: quantity for item, quantity in quantities.items() if quantity
    }
    for item, quantity in quantities.items():
        assert hall.reserved(item) == quantity
        assert hall.on_hand(item) == 20


@pytest.mark.parametrize("version", [18, 19])
@pytest.mark.parametrize(
    ("path", "kind"),
    [(path, kind) for path in ORDER_PATHS for kind in KINDS]
    + [("a new order", READ), ("moves too high", READ)],
)
def test_an_order_ends_as_wanted_whichever_answer_is_lost(version, path, kind):
    steps, want = ORDER_PATHS[path]
    made = calls_of(lambda: prepared(version, *steps), lambda hall: settle(hall, want(hall)), kind)

    for number in made:
        hall = prepared(version, *steps)
        fault_on(hall, number, kind)
        settle(hall, want(hall))

        hall.clock.advance(2 * LANDS_AFTER)
        hall.twin.tick()
        assert_exactly(hall, want(hall))


@pytest.mark.parametrize("version", [18, 19])
@pytest.mark.parametrize("path", ["a new order", "more of a line", "less of a line", "a line more"])
def test_a_step_repeated_at_once_finds_the_first_even_if_that_lands_later(version, path):
    steps, want = ORDER_PATHS[path]
    kind = "late_landing"
    made = calls_of(lambda: prepared(version, *steps), lambda hall: settle(hall, want(hall)), kind)

    for number in made:
        hall = prepared(version, *steps)
        fault_on(hall, number, kind)
        settle(hall, want(hall), patient=False)
        hall.clock.advance(2 * LANDS_AFTER)
        hall.twin.tick()
        settle(hall, want(hall))

        assert_exactly(hall, want(hall))


# ── documents ────────────────────────────────────────────────────────────────────────────────────────────


def three_documents(hall: Store):
    return [
        document(hall, "SYNC-a-1", (hall.mug, 2), (hall.cup, 1)),
        document(hall, "SYNC-a-2", (hall.mug, 5), reason=Reason.RECEIPT, arrives=True),
        document(hall, "SYNC-a-3", (hall.cup, 3), reason=Reason.ADJUSTMENT),
    ]


@pytest.mark.parametrize("version", [18, 19])
@pytest.mark.parametrize("patient", [True, False], ids=["waits", "goes on at once"])
@pytest.mark.parametrize("kind", [*KINDS, READ])
def test_documents_are_booked_once_whichever_answer_is_lost(version, kind, patient):
    made = calls_of(lambda: prepared(version), lambda hall: book(hall, three_documents(hall)), kind)

    for number in made:
        hall = prepared(version)
        fault_on(hall, number, kind)
        results = book(hall, three_documents(hall), patient=patient, tries=2 * LANDS_AFTER)

        hall.clock.advance(2 * LANDS_AFTER)
        hall.twin.tick()
        assert [done.error for done in results] == [None] * 3
        assert (hall.on_hand(hall.mug), hall.on_hand(hall.cup)) == (23, 16)
        assert (hall.reserved(hall.mug), hall.reserved(hall.cup)) == (0, 0)
        for each in three_documents(hall):
            assert [row["state"] for row in hall.pickings(each.name)] == ["done"]


@pytest.mark.parametrize("version", [18, 19])
@pytest.mark.parametrize("kind", [*KINDS, READ])
def test_of_a_refused_document_nothing_is_left_whichever_answer_is_lost(version, kind):
    def poisoned() -> Store:
        hall = prepared(version)
        hall.milk = hall.product("MILK", stock=20)
        hall.asked = 0
        product = hall.rows("product.product", ("id", "=", id_of(hall.milk)))[0]

        def tracked(model, method, **named):
            if method == "button_validate":  # staff set the tracking once the batch is written
                with hall.twin.env() as env:
                    env.write("product.template", [product["product_tmpl_id"]], {"tracking": "lot"})
            return write(model, method, **named)

        write = hall.client.odoo.write
        hall.client.odoo.write = tracked
        return hall

    def documents(hall: Store):
        return [*three_documents(hall), document(hall, "SYNC-a-4", (hall.milk, 1))]

    made = calls_of(poisoned, lambda hall: book(hall, documents(hall)), kind)

    for number in made:
        hall = poisoned()
        fault_on(hall, number, kind)
        results = book(hall, documents(hall))

        hall.clock.advance(2 * LANDS_AFTER)
        hall.twin.tick()
        assert [isinstance(done.error, RemoteRefused) for done in results] == [False, False, False, True]
        assert (hall.on_hand(hall.mug), hall.on_hand(hall.cup), hall.on_hand(hall.milk)) == (23, 16, 20)
        assert hall.client.read_documents(["SYNC-a-4"])["SYNC-a-4"] in (
            DocumentState.ABSENT,
            DocumentState.CANCELLED,
        )
        assert hall.reserved(hall.milk) == 0


@pytest.mark.parametrize("version", [18, 19])
@pytest.mark.parametrize("kind", [*KINDS, READ])
def test_a_lot_is_made_once_whichever_answer_is_lost(version, kind):
    def fresh() -> Store:
        hall = prepared(version)
        hall.milk = hall.product("MILK", tracking="lot")
        return hall

    def receipt(hall: Store):
        return [document(hall, "SYNC-a-1", (hall.milk, 4, "L1"), reason=Reason.RECEIPT, arrives=True)]

    made = calls_of(fresh, lambda hall: book(hall, receipt(hall)), kind)

    for number in made:
        hall = fresh()
        fault_on(hall, number, kind)
        book(hall, receipt(hall))

        hall.clock.advance(2 * LANDS_AFTER)
        hall.twin.tick()
        assert [row["name"] for row in hall.rows("stock.lot")] == ["L1"]
        assert hall.on_hand(hall.milk) == 4


# ── counts ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", [18, 19])
@pytest.mark.parametrize("kind", [*KINDS, READ])
def test_a_count_ends_at_its_figure_whichever_answer_is_lost(version, kind):
    def count(hall: Store) -> None:
        writes = [
            LevelWrite(ListingRef(item, location_ref=hall.place), Decimal(figure), "count")
            for item, figure in ((hall.mug, 7), (hall.cup, 31))
        ]
        for _ in range(5):
            try:
                results = hall.client.write_levels(writes)
            except Transient:
                hall.clock.advance(2 * LANDS_AFTER)
                continue
            assert [result.error for result in results] == [None, None]
            return
        raise AssertionError("never counted")

    made = calls_of(lambda: prepared(version), count, kind)

    for number in made:
        hall = prepared(version)
        fault_on(hall, number, kind)
        count(hall)

        hall.clock.advance(2 * LANDS_AFTER)
        hall.twin.tick()
        assert (hall.on_hand(hall.mug), hall.on_hand(hall.cup)) == (7, 31)


# ── what an error says ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", [18, 19])
@pytest.mark.parametrize("kind", [*KINDS, READ])
def test_whatever_happens_on_the_way_is_transient(version, kind):
    """A lost answer is never a refusal: nobody opens a case or splits a document for it."""
    made = calls_of(lambda: prepared(version), lambda hall: book(hall, three_documents(hall)), kind)

    for number in made:
        hall = prepared(version)
        fault_on(hall, number, kind)
        try:
            hall.client.read_documents(["SYNC-a-1"])
            errors = [done.error for done in hall.client.book_documents(three_documents(hall))]
        except SyncError as error:
            errors = [error]

        assert all(error is None or isinstance(error, Transient) for error in errors)
