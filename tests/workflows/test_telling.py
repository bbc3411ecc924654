"""What has left for an order is told to its channel: every rise once, the newest state, to the end."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inventory_sync.domain.errors import Misconfigured, OutcomeUnknown, RemoteRefused, RemoteUnavailable
from inventory_sync.domain.external import OrderStatus
from inventory_sync.ledger.models import Order
from inventory_sync.pipeline import outgoing
from inventory_sync.workflows import services
from inventory_sync.workflows.models import DeliveryTold
from tests.factories import change
from tests.workflows.retailer import Retailer


def told(retailer: Retailer) -> list[tuple[int, bool, dict[str, int]]]:
    return [
        (each.version, each.complete, {line: int(quantity) for line, quantity in each.lines.items()})
        for each in retailer.channel.told
    ]


def sold(retailer: Retailer) -> None:
    retailer.order("1", ("a", "MUG", 3), ("b", "CUP", 1))
    retailer.run()


def test_what_left_is_told_part_by_part_and_the_last_completes_it(retailer: Retailer) -> None:
    sold(retailer)
    assert told(retailer) == []

    retailer.books("MUG", 98, held={("1", "a"): (3, 2)})
    retailer.run()
    retailer.books("MUG", 97, held={("1", "a"): (3, 3)})
    retailer.books("CUP", 99, held={("1", "b"): (1, 1)})
    retailer.run()

    assert told(retailer) == [(1, False, {"a": 2}), (2, True, {"a": 3, "b": 1})]
    row = retailer.told("1")
    assert (row.state, row.told_version, row.document) == ("told", 2, "noted")


def test_nothing_is_told_twice_however_often_the_order_is_touched(retailer: Retailer) -> None:
    sold(retailer)
    retailer.books("MUG", 98, held={("1", "a"): (3, 2)})
    retailer.run()
    services.touch(Order.objects.values_list("pk", flat=True))

    retailer.run()

    assert len(told(retailer)) == 1


def test_an_order_cancelled_after_a_part_had_left_is_complete_with_that_part(retailer: Retailer) -> None:
    sold(retailer)
    retailer.books("MUG", 98, held={("1", "a"): (2, 2)})
    retailer.run()

    retailer.order("1", ("a", "MUG", 2), ("b", "CUP", 0))
    retailer.run()

    assert told(retailer)[-1] == (2, True, {"a": 2})


def test_an_order_is_complete_once_its_last_unknown_line_turns_out_to_be_none_of_ours(
    retailer: Retailer,
) -> None:
    retailer.order("1", ("a", "MUG", 3), parked=frozenset({"b"}))
    retailer.books("MUG", 97, held={("1", "a"): (3, 3)})
    retailer.run()
    assert told(retailer) == [(1, False, {"a": 3})]

    retailer.order("1", ("a", "MUG", 3))
    retailer.run()

    assert told(retailer)[-1] == (2, True, {"a": 3})


def test_an_order_that_ended_with_nothing_left_is_not_spoken_of(retailer: Retailer) -> None:
    sold(retailer)
    retailer.order("1", ("a", "MUG", 3), ("b", "CUP", 1), status=OrderStatus.CANCELLED)

    retailer.run()

    assert told(retailer) == []
    assert not DeliveryTold.objects.exists()


def test_quantities_are_told_in_the_channels_unit(retailer: Retailer) -> None:
    nut = retailer.item("NUT", mapped="product:7")
    change(retailer.shop.item_mappings.get(item=nut), numerator=6)
    retailer.order("1", ("a", "NUT", 18))
    retailer.books("NUT", 50, held={("1", "a"): (18, 13)})

    retailer.run()

    assert told(retailer) == [(1, False, {"a": 2})]


def test_a_channel_that_did_not_ask_for_it_is_told_nothing(db: None, connectors: None) -> None:
    retailer = Retailer(tell_deliveries=False)
    retailer.item("MUG", mapped="product:1")
    retailer.order("1", ("a", "MUG", 3))
    retailer.books("MUG", 97, held={("1", "a"): (3, 3)})

    retailer.run()

    assert told(retailer) == []


def test_after_a_lost_answer_it_is_told_again_only_when_the_first_can_no_longer_land(
    retailer: Retailer,
) -> None:
    sold(retailer)
    retailer.books("MUG", 98, held={("1", "a"): (3, 2)})
    retailer.channel.errors = [OutcomeUnknown("timed out")]
    retailer.run()
    retailer.wait(60)
    assert retailer.tell() == {}

    retailer.wait(100)
    retailer.tell()

    assert told(retailer) == [(1, False, {"a": 2})]


def test_a_killed_worker_holds_its_order_for_as_long_as_its_call_may_land(retailer: Retailer) -> None:
    sold(retailer)
    retailer.books("MUG", 98, held={("1", "a"): (3, 2)})
    retailer.follow()

    class Killed(BaseException):
        pass

    def die(_: object) -> None:
        raise Killed

    retailer.channel.tell_delivered = die  # type: ignore[method-assign,assignment]
    with pytest.raises(Killed):
        retailer.tell()
    del retailer.channel.tell_delivered
    assert retailer.tell() == {}
    retailer.wait(151)
    retailer.tell()

    assert told(retailer) == [(1, False, {"a": 2})]


def test_a_channel_that_is_away_is_tried_again_later_each_time(retailer: Retailer) -> None:
    sold(retailer)
    retailer.books("MUG", 98, held={("1", "a"): (3, 2)})
    retailer.channel.errors = [RemoteUnavailable("down") for _ in range(5)]
    retailer.run()
    tries = 0
    while retailer.channel.errors:
        tries += 1
        retailer.wait(1)
        retailer.tell()
    retailer.wait(60)
    retailer.tell()

    assert tries > 8
    assert told(retailer) == [(1, False, {"a": 2})]
    assert retailer.cases() == []


def test_a_refusal_is_a_case_and_a_retry_closes_it(retailer: Retailer) -> None:
    sold(retailer)
    retailer.books("MUG", 98, held={("1", "a"): (3, 2)})
    retailer.channel.errors = [RemoteRefused("the order is not paid")]
    retailer.run()
    row = retailer.told("1")
    assert (row.state, row.error_code) == ("refused", "push.refused")
    assert retailer.cases() == [("push.refused", "delivery_told")]

    services.retry(DeliveryTold, [row.pk], actor="anna", reason="paid by now", now=retailer.now)
    retailer.run()

    assert told(retailer) == [(1, False, {"a": 2})]
    assert retailer.cases() == []


def test_what_was_given_up_stays_untold(retailer: Retailer) -> None:
    sold(retailer)
    retailer.books("MUG", 98, held={("1", "a"): (3, 2)})
    retailer.channel.errors = [RemoteRefused("the order is not paid")]
    retailer.run()
    services.give_up(
        DeliveryTold, [retailer.told("1").pk], actor="anna", reason="told by phone", now=retailer.now
    )

    retailer.books("MUG", 97, held={("1", "a"): (3, 3)})
    retailer.run()

    assert told(retailer) == []
    assert retailer.cases() == []


def test_what_leaves_while_the_channel_is_told_is_told_next(retailer: Retailer) -> None:
    sold(retailer)
    retailer.books("MUG", 98, held={("1", "a"): (3, 2)})
    retailer.follow()
    tell = retailer.channel.tell_delivered

    def meanwhile(given):  # type: ignore[no-untyped-def]
        if given.version == 1:
            retailer.books("MUG", 97, held={("1", "a"): (3, 3)})
            retailer.follow()
        return tell(given)

    retailer.channel.tell_delivered = meanwhile  # type: ignore[method-assign]
    retailer.tell()

    assert [lines for _, _, lines in told(retailer)] == [{"a": 2}, {"a": 3}]
    assert retailer.told("1").state == "told"


def test_wrong_keys_pause_the_connection_and_cost_nothing(retailer: Retailer) -> None:
    sold(retailer)
    retailer.books("MUG", 98, held={("1", "a"): (3, 2)})
    retailer.follow()
    retailer.channel.errors = [Misconfigured("the key was revoked")]

    counts = outgoing.tell(retailer.account(retailer.shop.pk), ports=retailer.ports, until=lambda: False)

    retailer.shop.refresh_from_db()
    assert counts["misconfigured"] == 1
    assert retailer.shop.state == "misconfigured"
    assert retailer.told("1").state == "owed"
    assert Decimal(retailer.told("1").lines["a"]) == 2
