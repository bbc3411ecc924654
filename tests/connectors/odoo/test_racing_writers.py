"""Somebody else acts between any two of our calls: a second client, or Odoo's own people.

The hub has one writer per connection; where that fails (a lease that ran out, a restored copy of the hub),
Odoo's unique names keep stock from moving twice.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

import pytest

from connectors.odoo.client import OdooClient
from inventory_sync.domain.commands import CopyState, DocumentState, Done
from inventory_sync.domain.errors import (
    CancelledThere,
    OutcomeUnknown,
    Rejected,
    RemoteRefused,
    Transient,
)
from inventory_sync.domain.external import Reason
from inventory_sync.domain.ports import LevelWrite, ListingRef
from tests.connectors.odoo.hall import Hall, book, copy_of, document, id_of, settle


@dataclass
class Scene:
    hall: Hall
    mug: str
    cup: str

    def order(self, mugs: int = 3, cups: int = 2):
        return copy_of(self.hall, "1001", ("1", self.mug, mugs), ("2", self.cup, cups))

    def documents(self):
        return [
            document(self.hall, "SYNC-a-1", (self.mug, 2), (self.cup, 1)),
            document(self.hall, "SYNC-a-2", (self.mug, 5), reason=Reason.RECEIPT, arrives=True),
        ]


def scene(version: int) -> Scene:
    hall = Hall(version)
    return Scene(hall, hall.product("MUG", stock=20), hall.product("CUP", stock=20))


def interrupted(hall: Hall, number: int, act: Callable[[], object]) -> None:
    """Have somebody act just before the call that is made `number` calls from now."""
    first = len(hall.calls) + number

    def hook(what: str, made: int) -> None:
        if made == first:
            hall.before_call = None
            act()

    hall.before_call = hook


def moments(version: int, act: Callable[[Scene], object]) -> range:
    """Return the moments between the calls of an errand."""
    one = scene(version)
    before = len(one.hall.calls)
    act(one)
    return range(len(one.hall.calls) - before)


def _book_into(done: list[Done], client: OdooClient, one: Scene) -> None:
    done += client.book_documents(one.documents())


def unless_put_off(act: Callable[[], object]) -> None:
    """Act once; an error that the hub would retry is fine."""
    with suppress(Transient):
        act()


# ── a second client with the same errand ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", [18, 19])
def test_two_clients_with_the_same_order_make_one(version):
    for number in moments(version, lambda one: settle(one.hall, one.order())):
        one = scene(version)
        other = one.hall.new_client()
        first, one.hall.client = one.hall.client, other

        def errand(one=one, other=other, first=first):
            one.hall.client = other
            settle(one.hall, one.order())
            one.hall.client = first

        one.hall.client = first
        interrupted(one.hall, number, errand)
        settle(one.hall, one.order())

        assert len(one.hall.orders()) == 1
        assert len(one.hall.orders()[0]["picking_ids"]) == 1
        assert (one.hall.reserved(one.mug), one.hall.reserved(one.cup)) == (3, 2)


@pytest.mark.parametrize("version", [18, 19])
def test_two_clients_that_lower_the_same_line_lower_it_once(version):
    def errand(one):
        settle(one.hall, one.order(mugs=1))

    def fresh():
        one = scene(version)
        settle(one.hall, one.order(mugs=6))
        move = one.hall.rows("stock.move", ("product_id", "=", id_of(one.mug)), ("state", "!=", "done"))[0]
        one.hall.write("stock.move", [move["id"]], product_uom_qty=9)
        return one

    first = fresh()
    before = len(first.hall.calls)
    errand(first)

    for number in range(len(first.hall.calls) - before):
        one = fresh()
        interrupted(one.hall, number, partial(errand, one))
        errand(one)

        seen = one.hall.client.read_copies([one.order(mugs=1)])[0]
        assert {line.item_ref: line.open for line in seen.lines} == {one.mug: 1, one.cup: 2}
        assert (one.hall.reserved(one.mug), one.hall.reserved(one.cup)) == (1, 2)


@pytest.mark.parametrize("version", [18, 19])
def test_two_clients_with_the_same_documents_move_stock_once(version):
    for number in moments(version, lambda one: one.hall.client.book_documents(one.documents())):
        one = scene(version)
        other = one.hall.new_client()
        theirs = []
        interrupted(
            one.hall,
            number,
            partial(_book_into, theirs, other, one),
        )

        ours = one.hall.client.book_documents(one.documents())

        assert [done.error for done in ours + theirs] == [None] * 4
        assert (one.hall.on_hand(one.mug), one.hall.on_hand(one.cup)) == (23, 19)
        for each in one.documents():
            assert len(one.hall.pickings(each.name)) == 1


@pytest.mark.parametrize("version", [18, 19])
def test_what_a_second_client_wrote_and_did_not_book_is_booked(version):
    """It was quicker with one document of the batch and died before it validated it."""
    one = scene(version)
    other = one.hall.new_client()
    seen: list[str] = []

    def half_done(what, made):
        if what == "stock.picking.create" and not seen:
            seen.append(what)
            one.hall.twin.faults.inject("timeout_lost", count=1, path="button_validate")
            with pytest.raises(OutcomeUnknown):
                other.book_documents(one.documents()[:1])

    one.hall.before_call = half_done
    results = one.hall.client.book_documents(one.documents())

    assert seen
    assert [done.error for done in results] == [None, None]
    assert (one.hall.on_hand(one.mug), one.hall.on_hand(one.cup)) == (23, 19)


@pytest.mark.parametrize("version", [18, 19])
def test_an_order_refused_because_somebody_else_wrote_it_is_read_again(version):
    one = scene(version)
    other = one.hall.new_client()
    write = one.hall.client.odoo.write

    def refused(model, method, **named):
        if method == "load":
            other.write_copies([one.order()])
            raise RemoteRefused("Odoo loaded nothing: duplicate key value violates unique constraint")
        return write(model, method, **named)

    one.hall.client.odoo.write = refused
    result = one.hall.client.write_copies([one.order()])[0]

    assert isinstance(result.error, Transient)
    assert len(one.hall.orders()) == 1


@pytest.mark.parametrize("version", [18, 19])
def test_six_clients_at_once_over_the_network_move_stock_once_and_make_one_order(version):
    one = scene(version)
    with one.hall.twin.serving() as served:
        clients = [
            one.hall.new_client(base_url=served.url, allow_insecure=True, network=True) for _ in range(6)
        ]

        def errand(client):
            for _ in range(10):
                try:
                    booked = client.book_documents(one.documents())
                    written = client.write_copies([one.order()])
                    confirmed = client.confirm_copies([one.order()])
                    return [done.error for done in (*booked, *written, *confirmed)]
                except Transient:
                    continue
            raise AssertionError("never done")

        with ThreadPoolExecutor(6) as pool:
            errors = [error for found in pool.map(errand, clients) for error in found]

    assert all(error is None or isinstance(error, Transient) for error in errors)
    assert (one.hall.on_hand(one.mug), one.hall.on_hand(one.cup)) == (23, 19)
    assert len(one.hall.orders()) == 1
    assert len(one.hall.orders()[0]["picking_ids"]) == 1
    assert (one.hall.reserved(one.mug), one.hall.reserved(one.cup)) == (3, 2)


@pytest.mark.parametrize("version", [18, 19])
def test_two_counts_at_once_leave_one_of_the_two_figures(version):
    def count(one, client, figure):
        write = LevelWrite(ListingRef(one.mug, location_ref=one.hall.place), Decimal(figure), "count")
        unless_put_off(lambda: client.write_levels([write]))

    for number in moments(version, lambda one: count(one, one.hall.client, 7)):
        one = scene(version)
        other = one.hall.new_client()
        interrupted(one.hall, number, partial(count, one, other, 9))

        count(one, one.hall.client, 7)

        assert one.hall.on_hand(one.mug) in (7, 9)


# ── Odoo's own people ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", [18, 19])
@pytest.mark.parametrize("act", ["action_confirm", "action_cancel"])
def test_staff_who_confirm_or_cancel_an_order_in_between_leave_one_order(version, act):
    def staff(hall):
        for row in hall.orders():
            if row["state"] in ("draft", "sent") or (act == "action_cancel" and row["state"] == "sale"):
                context = {"disable_cancel_warning": True}
                hall.twin.call("sale.order", act, [row["id"]], context=context)

    for number in moments(version, lambda one: settle(one.hall, one.order())):
        one = scene(version)
        interrupted(one.hall, number, partial(staff, one.hall))

        settle(one.hall, one.order())
        settle(one.hall, one.order())  # staff may have come after the last look

        assert len(one.hall.orders()) == 1
        assert one.hall.client.read_copies([one.order()])[0].state is CopyState.CONFIRMED
        assert (one.hall.reserved(one.mug), one.hall.reserved(one.cup)) == (3, 2)


@pytest.mark.parametrize("version", [18, 19])
@pytest.mark.parametrize("act", ["button_validate", "action_cancel", "unlink"])
def test_staff_who_act_on_a_document_in_between_never_have_it_booked_twice(version, act):
    """Validated by hand it is booked, cancelled it is said so, deleted it is written again."""

    def staff(hall):
        for row in hall.rows(
            "stock.picking", ("name", "like", "SYNC-"), ("state", "not in", ["done", "cancel"])
        ):
            hall.twin.call("stock.picking", act, [row["id"]])

    for number in moments(version, lambda one: one.hall.client.book_documents(one.documents())):
        one = scene(version)
        interrupted(one.hall, number, partial(staff, one.hall))

        unless_put_off(partial(one.hall.client.book_documents, one.documents()))
        results = book(one.hall, one.documents())

        states = one.hall.client.read_documents(["SYNC-a-1", "SYNC-a-2"])
        booked = [states[name] is DocumentState.BOOKED for name in ("SYNC-a-1", "SYNC-a-2")]
        assert [done.error is None for done in results] == booked
        assert all(done.error is None or isinstance(done.error, CancelledThere) for done in results)
        assert one.hall.on_hand(one.mug) == 20 - (2 if booked[0] else 0) + (5 if booked[1] else 0)
        assert one.hall.on_hand(one.cup) == 20 - (1 if booked[0] else 0)
        assert all(booked) or act == "action_cancel"


@pytest.mark.parametrize("version", [18, 19])
def test_a_delivery_validated_while_its_order_is_changed_is_kept(version):
    """Whatever left stays delivered, and nothing more leaves than is wanted or has left."""

    def deliver(hall):
        for row in hall.rows("stock.picking", ("state", "=", "assigned")):
            hall.twin.call("stock.picking", "button_validate", [row["id"]])

    def prepared():
        one = scene(version)
        settle(one.hall, one.order(mugs=5))
        return one

    first = prepared()
    before = len(first.hall.calls)
    first.hall.client.write_copies([first.order(mugs=2)])

    for number in range(len(first.hall.calls) - before):
        one = prepared()
        interrupted(one.hall, number, partial(deliver, one.hall))

        for _ in range(3):
            try:
                results = one.hall.client.write_copies([one.order(mugs=2)])
            except Transient:
                continue
            assert all(done.error is None or isinstance(done.error, Rejected) for done in results)

        seen = one.hall.client.read_copies([one.order(mugs=2)])[0]
        mugs = next(line for line in seen.lines if line.item_ref == one.mug)
        assert mugs.delivered in (2, 5)
        assert mugs.open == 0
        assert one.hall.on_hand(one.mug) == 20 - mugs.delivered
