"""The pages that say why a number is what it is, or was, and what happened to an item."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from inventory_sync.availability.models import ChannelFigure
from inventory_sync.console.sheets import compared
from inventory_sync.console.waterfall import bars
from inventory_sync.domain.external import OrderStatus
from inventory_sync.ledger.models import Order, StockLevel
from inventory_sync.pipeline.explain.types import Term
from inventory_sync.propagation.models import Listing
from tests.factories import NOON
from tests.pipeline.stories import Story

pytestmark = pytest.mark.django_db


@pytest.fixture
def story() -> Story:
    """Ten mugs, three of them sold an hour later, one order cancelled; the shop was told 10."""
    story = Story(now=NOON - timedelta(days=2))
    story.item("MUG")
    story.count("MUG", 10)
    story.count("MUG", 0, "ST-2")
    story.compute()
    story.push("MUG", 10)
    story.wait(60)
    story.order("482", "MUG", 3)
    story.order("483", "MUG", 1)
    story.wait()
    story.order("483", "MUG", 1, stamp=2, status=OrderStatus.CANCELLED)
    story.compute()
    return story


def page(client: Client, name: str = "explain", **asked: str) -> str:
    answer = client.get(reverse(f"admin:catalog_item_{name}"), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_figure_is_shown_as_a_waterfall_whose_bars_lead_to_their_documents(
    boss: Client, story: Story
) -> None:
    shown = page(boss, sku="MUG", channel="shop")

    order = Order.objects.get(order_ref="482")
    assert "Why MUG is what it is" in shown
    assert 'aria-label="Sold, not yet in the books at ST-1: \u22123, leaves 7"' in shown
    anchors = set(re.findall(r'href="#(t1-[\w-]+)"', shown))
    assert anchors
    assert anchors <= set(re.findall(r'id="(t1-[\w-]+)"', shown))
    assert f'href="{reverse("admin:ledger_order_change", args=[order.pk])}"' in shown
    assert "3 at ST-1 are sold and not yet out of the books (shop order #482, line 1)." in shown


def test_two_instants_stand_side_by_side_with_what_changed(boss: Client, story: Story) -> None:
    then = (story.now - timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%S")

    shown = page(boss, sku="MUG", channel="shop", at=then, versus=story.now.isoformat())

    assert "What changed: \u22123" in shown
    assert shown.count("Who decides") == 2


def test_the_permalink_shows_the_same_to_everybody(boss: Client, story: Story) -> None:
    then = story.now - timedelta(minutes=30)

    shown = page(boss, sku="MUG", channel="shop", at=then.strftime("%Y-%m-%dT%H:%M:%S"))
    link = re.search(r'href="http://testserver([^"]+at=[^"]+)"', shown)
    assert link is not None
    again = boss.get(link.group(1).replace("&amp;", "&")).content.decode()

    assert "shop might sell, at 2026-11-21 12:31:00 UTC" in shown
    assert "shop might sell, at 2026-11-21 12:31:00 UTC" in again


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "Name an item and a channel"),
        ({"sku": "CUP"}, "There is no item &#x27;CUP&#x27;."),
        ({"sku": "MUG", "channel": "shop", "at": "yesterday"}, "is no instant"),
        ({"sku": "MUG", "channel": "shop", "at": "2999-01-01T00:00:00"}, "has not come yet"),
        ({"sku": "MUG", "channel": "shop", "at": "2020-01-01T00:00:00"}, "No figure of MUG on shop"),
        ({"sku": "MUG", "at": "2020-01-01T00:00:00"}, "Nothing was recorded of MUG by then"),
        ({"sku": "MUG"}, "What places hold"),
        ({"channel": "shop"}, "Sells from"),
        ({"location": "ST-1"}, "Unknown or below zero"),
        ({"sku": "MUG", "location": "ST-1"}, "free at ST-1"),
    ],
)
def test_each_question_has_its_page_and_a_wrong_one_an_answer_in_words(
    boss: Client, story: Story, asked: dict[str, str], says: str
) -> None:
    assert says in page(boss, **asked)


def test_the_life_of_an_item_is_one_list_in_the_order_the_hub_learned_of_it(
    boss: Client, story: Story
) -> None:
    shown = page(boss, "timeline", sku="MUG")

    kinds = re.findall(r'<tr class="kind-(\w+)"', shown)
    assert set(kinds) == {"movement", "order", "figure", "push"}
    times = re.findall(r'<td class="console-muted">(\d{4}-[^<]+)</td>', shown)
    assert times == sorted(times, reverse=True)
    assert "Order #483, line 1: cancelled" in shown


def test_the_life_of_an_item_is_filtered_by_kind_and_channel(boss: Client, story: Story) -> None:
    pushes = page(boss, "timeline", sku="MUG", kind="push")
    market = page(boss, "timeline", sku="MUG", channel="market")

    assert set(re.findall(r'<tr class="kind-(\w+)"', pushes)) == {"push"}
    assert set(re.findall(r'<tr class="kind-(\w+)"', market)) == {"figure"}


def test_an_item_nothing_happened_to_says_so(boss: Client, story: Story) -> None:
    story.item("NEW")

    assert "Nothing of this kind is recorded" in page(boss, "timeline", sku="NEW")
    assert "No place has ever reported this item." in page(boss, sku="NEW")


def test_items_figures_listings_and_levels_lead_to_their_explanation(boss: Client, story: Story) -> None:
    rows = {
        "catalog_item": story.items["MUG"].pk,
        "availability_channelfigure": ChannelFigure.objects.get(connection=story.shop).pk,
        "propagation_listing": Listing.objects.get(connection=story.shop).pk,
        "ledger_stocklevel": StockLevel.objects.get(location=story.stores["ST-1"]).pk,
    }
    link = reverse("admin:catalog_item_explain") + "?sku=MUG"

    for name, pk in rows.items():
        assert link in boss.get(reverse(f"admin:{name}_change", args=[pk])).content.decode(), name


def test_who_may_not_see_figures_sees_no_explanation(signed_in, story: Story) -> None:
    client = signed_in("catalog.view_item")

    for name in ("explain", "timeline"):
        assert client.get(reverse(f"admin:catalog_item_{name}"), {"sku": "MUG"}).status_code == 403


# ── the pure parts ──


def term(name: str, quantity: int, total: int) -> Term:
    return Term(name, name, Decimal(quantity), Decimal(total), "ST-1")


def test_each_bar_begins_where_the_one_before_it_ended() -> None:
    found = bars([term("a", 10, 10), term("b", -4, 6)], result="Left", figure=Decimal(6), key="t")

    assert [(bar.left, bar.width, bar.tone) for bar in found] == [
        ("0.000%", "100.000%", "more"),
        ("60.000%", "40.000%", "less"),
        ("0.000%", "60.000%", "sum"),
    ]


def test_a_sum_below_zero_has_its_zero_line_inside() -> None:
    found = bars([term("a", 5, 5), term("b", -20, -15)], result="Left", figure=Decimal(-15), key="t")

    assert found[0].zero == "75.000%"
    assert (found[1].left, found[1].width) == ("0.000%", "100.000%")


def test_terms_of_two_instants_meet_by_name_and_place_and_the_changed_come_first() -> None:
    found = compared(
        [term("on_hand", 10, 10), term("cap", -1, 9)], [term("on_hand", 10, 10), term("sold", -3, 7)]
    )

    assert [(line.label, line.left, line.right, line.change) for line in found.lines] == [
        ("cap", "\u22121", "—", "+1"),
        ("sold", "—", "\u22123", "\u22123"),
        ("on_hand", "+10", "+10", ""),
    ]
    assert found.change == "\u22122"
