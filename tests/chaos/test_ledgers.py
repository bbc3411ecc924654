"""What is held against ledger and audit, from journals and entries written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from inventory_sync.ledger.models import Event
from inventory_sync.support.clock import utc_now
from tests.chaos.journal import Doc
from tests.chaos.ledgers import CLOSED, OPENED, Trouble, compare_audit, compare_ledger, judge_breakers
from tests.factories import make_item
from tests.pipeline.hub import Hub, open_hub

SKU = "LIVE-1"
AILING = Trouble("woo", 100, 130)


def event(name: str, kind: str, quantity: str, *, store: str = "ST-1", sku: str = SKU) -> Doc:
    return {
        "what": "event",
        "id": name,
        "type": kind,
        "store": store,
        "lines": [{"sku": sku, "quantity": quantity}],
    }


@pytest.fixture
def hub(db: Any) -> Hub:
    hub = open_hub()
    hub.stocked(SKU, 9)
    hub.till_says("sale", (SKU, "2"))
    hub.drain()
    return hub


def name_of(sequence: int) -> str:
    return sorted(Event.objects.values_list("key", flat=True))[sequence].partition("/")[0]


def books(hub: Hub) -> list[Doc]:
    return [event(name_of(0), "count", "9"), event(name_of(1), "sale", "2")]


def test_a_ledger_that_holds_each_event_once_agrees(hub: Hub) -> None:
    assert compare_ledger(books(hub)) == []


def test_an_event_that_is_missing_counted_otherwise_or_invented_is_named(hub: Hub) -> None:
    count, sale = books(hub)

    missing = compare_ledger([count, sale, event("S-9", "receipt", "1")])
    otherwise = compare_ledger([count, event(sale["id"], "sale", "3")])
    invented = compare_ledger([count])

    assert missing == [f"event S-9/ST-1/{SKU}: the till wrote 1, the ledger nothing"]
    assert otherwise == [f"event {sale['id']}/ST-1/{SKU}: the till wrote -3, the ledger [-2.0]"]
    assert invented == [f"event {sale['id']}/ST-1/{SKU}: in the ledger, and not in the till's book"]


def test_two_errors_that_make_up_for_each_other_are_two_findings(hub: Hub) -> None:
    """The sums agree: one sale of one is lost, another counted as two."""
    count, sale = books(hub)

    found = compare_ledger([count, event(sale["id"], "sale", "1"), event("S-9", "sale", "1")])

    assert len(found) == 2


def test_what_nobody_did_has_no_place_in_the_audit(hub: Hub) -> None:
    since = utc_now()
    assert compare_audit(since, ()) == []

    make_item("LATER")

    (found,) = compare_audit(since, ())
    assert "item.created" in found


def test_a_breaker_that_opened_in_trouble_and_closed_again_is_told_rightly() -> None:
    entries = [(OPENED, "woo", 110.0), (CLOSED, "woo", 125.0)]

    assert judge_breakers(entries, [AILING], {"woo": "closed"}) == []
    assert judge_breakers(entries[:1], [AILING], {"woo": "open"}) == []


@pytest.mark.parametrize(
    ("entries", "troubles", "phases", "words"),
    [
        ([(OPENED, "woo", 300.0)], [AILING], {"woo": "open"}, "nothing ailed it"),
        ([(OPENED, "outlet", 110.0)], [AILING], {"outlet": "open"}, "nothing ailed it"),
        ([(OPENED, "woo", 110.0), (OPENED, "woo", 111.0)], [AILING], {"woo": "open"}, "opened twice"),
        ([(CLOSED, "woo", 110.0)], [AILING], {"woo": "closed"}, "without having opened"),
        ([(OPENED, "woo", 110.0)], [AILING], {"woo": "closed"}, "says otherwise"),
        ([], [AILING], {"woo": "open"}, "says otherwise"),
        ([], [Trouble("woo", 100, 120, whole=True)], {}, "no breaker opened"),
    ],
)
def test_a_breaker_without_reason_and_a_story_with_a_hole_are_findings(
    entries: list[tuple[str, str, float]], troubles: list[Trouble], phases: dict[str, str], words: str
) -> None:
    (found,) = judge_breakers(entries, troubles, phases)

    assert words in found
