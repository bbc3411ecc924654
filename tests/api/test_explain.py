"""GET /api/v1/explain: any figure, now or at an instant, with what it was made of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.factories import NOON
from tests.pipeline.stories import Story

pytestmark = pytest.mark.django_db
URL = "/api/v1/explain"


@pytest.fixture
def story() -> Story:
    """Ten mugs at noon; three sold at one; told to the shop in between."""
    story = Story(now=NOON - timedelta(days=1))
    story.item("MUG")
    story.count("MUG", 10)
    story.count("MUG", 0, "ST-2")
    story.compute()
    story.push("MUG", 10)
    story.wait(60)
    story.order("482", "MUG", 3)
    story.compute()
    return story


def ask(partner: APIClient, **query: str) -> Any:
    return partner.get(URL, query)


def test_a_figure_is_explained_with_its_documents_and_what_the_channel_was_told(
    partner: APIClient, story: Story
) -> None:
    answer = ask(partner, sku="MUG", channel="shop")

    body = answer.json()
    assert answer.status_code == 200
    figure = body["figure"]
    assert (figure["figure"], figure["verdict"], body["unit"], body["at"]) == ("7", "known", "C62", None)
    sold = next(term for term in figure["terms"] if term["name"] == "open_demand")
    assert (sold["quantity"], sold["total"]) == ("-3", "7")
    (line,) = sold["documents"]
    assert (line["title"], line["quantity"]) == ("shop order #482, line 1", "-3")
    assert partner.get(line["resource"]).json()["number"] == "#482"
    assert figure["told"][0]["wrote"] == "10"
    assert figure["why_not_higher"][0].startswith("3 at ST-1 are sold")


def test_the_same_question_about_a_past_instant_is_answered_from_what_was_known_then(
    partner: APIClient, story: Story
) -> None:
    then = (story.now - timedelta(minutes=30)).isoformat()

    body = ask(partner, sku="MUG", channel="shop", at=then).json()

    assert body["figure"]["figure"] == "10"
    assert [term["name"] for term in body["figure"]["terms"]] == ["on_hand", "on_hand"]
    assert body["figure"]["until"] is not None


@pytest.mark.parametrize(
    ("query", "filled"),
    [
        ({"sku": "MUG"}, "item"),
        ({"sku": "MUG", "location": "ST-1"}, "level"),
        ({"location": "ST-1"}, "place"),
        ({"channel": "shop"}, "channel_as_a_whole"),
    ],
)
def test_an_item_a_place_and_a_channel_are_explained_too(
    partner: APIClient, story: Story, query: dict[str, str], filled: str
) -> None:
    body = ask(partner, **query).json()

    kinds = ("figure", "level", "item", "place", "channel_as_a_whole")
    assert [kind for kind in kinds if body[kind] is not None] == [filled]


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({"sku": "MUG", "channel": "shp"}, 404, "There is no channel 'shp'."),
        ({"sku": "MUG", "channel": "till"}, 404, "There is no channel 'till'."),
        ({"sku": "CUP", "channel": "shop"}, 404, "There is no item 'CUP'."),
        ({"sku": "MUG", "location": "ST-9"}, 404, "There is no location 'ST-9'."),
        ({"sku": "MUG", "channel": "shop", "at": "2026-11-22T12:00:00"}, 400, "needs its zone"),
        ({"sku": "MUG", "channel": "shop", "at": "yesterday"}, 400, "Not an instant"),
        ({"sku": "MUG", "channel": "shop", "at": "2999-01-01T00:00:00Z"}, 400, "has not come yet"),
        ({"sku": "MUG", "channel": "shop", "at": "2020-01-01T00:00:00Z"}, 422, "No figure of MUG"),
        ({"sku": "MUG", "at": "2020-01-01T00:00:00Z"}, 422, "Nothing was recorded of MUG"),
        ({}, 400, "Name an item"),
        ({"sku": "MUG", "channel": "shop", "location": "ST-1"}, 400, "not both"),
        ({"sku": "MUG", "chanel": "shop"}, 400, "Unknown parameter"),
    ],
)
def test_what_cannot_be_explained_is_said_clearly(
    partner: APIClient, story: Story, query: dict[str, str], status: int, says: str
) -> None:
    answer = ask(partner, **query)

    assert answer.status_code == status
    assert says in answer.json()["detail"]


def test_an_offset_is_taken_as_it_is(partner: APIClient, story: Story) -> None:
    then = story.now - timedelta(minutes=30)
    with_offset = (then + timedelta(hours=2)).replace(tzinfo=None).isoformat() + "+02:00"

    body = ask(partner, sku="MUG", channel="shop", at=with_offset).json()

    assert body["figure"]["figure"] == "10"


def test_who_holds_the_answer_is_told_that_it_is_still_right(partner: APIClient, story: Story) -> None:
    first = ask(partner, sku="MUG", channel="shop")

    again = partner.get(URL, {"sku": "MUG", "channel": "shop"}, headers={"If-None-Match": first["ETag"]})

    assert again.status_code == 304
