"""What stands is explained by what it stands on now, not by what it once came about with."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory_sync.domain.external import OrderStatus
from inventory_sync.pipeline.explain import explain_figure
from tests.pipeline.stories import Story
from tests.pipeline.test_explain import check_that_it_adds_up, sum_of

pytestmark = pytest.mark.django_db


def test_a_figure_that_stands_while_its_terms_move_is_explained_by_those_of_now() -> None:
    story = Story()
    mug = story.item("MUG")
    story.count("MUG", 5)
    story.count("MUG", 0, "ST-2")
    story.order("1", "MUG", 2)
    first = story.compute()
    story.wait()
    story.order("1", "MUG", 2, stamp=2, status=OrderStatus.CANCELLED)
    story.move("MUG", -2)
    assert story.compute() == first
    story.wait()

    now = explain_figure(connection=story.shop, item=mug, now=story.now)
    begun = explain_figure(connection=story.shop, item=mug, moment=story.now - timedelta(seconds=90))

    assert now is not None
    assert begun is not None
    assert now.figure == begun.figure == 3
    assert {term.name: term.quantity for term in now.terms if term.quantity} == {"on_hand": 3}
    assert {term.name: term.quantity for term in begun.terms if term.quantity} == {
        "on_hand": 5, "open_demand": -2,
    }  # fmt: skip
    check_that_it_adds_up(now)


def test_terms_that_make_another_figure_are_not_shown_before_it_is_computed() -> None:
    story = Story()
    mug = story.item("MUG")
    story.count("MUG", 5)
    story.count("MUG", 0, "ST-2")
    story.compute()
    story.order("1", "MUG", 2)

    now = explain_figure(connection=story.shop, item=mug, now=story.now)

    assert now is not None
    assert (now.figure, sum_of(now.terms)) == (5, 5)
    assert now.pending is not None
