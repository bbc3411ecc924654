"""A policy, a lease and what was set aside are cited as they were at the instant that is explained."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from inventory_sync.availability.models import Allotment, Policy
from inventory_sync.availability.services import change_policy
from inventory_sync.pipeline.explain import (
    explain_figure,
)
from tests import factories as make
from tests.pipeline.stories import Story

pytestmark = pytest.mark.django_db
ZERO = Decimal(0)


def test_a_policy_is_cited_with_who_set_it_and_why() -> None:
    story = Story()
    story.item("MUG")
    story.count("MUG", 10)
    story.count("MUG", 0, "ST-2")
    change_policy(
        connection=story.shop,
        item=None,
        values={"buffer": Decimal(2)},
        actor="ina",
        reason="Black Friday",
        now=story.now,
    )
    story.compute()

    found = explain_figure(connection=story.shop, item=story.items["MUG"])

    assert found is not None
    (policy,) = (each for term in found.terms if term.name == "buffer" for each in term.documents)
    assert policy.pk == Policy.objects.get(connection=story.shop).pk
    assert "buffer 2" in policy.detail
    assert "ina: Black Friday" in policy.detail
    assert found.why_not_higher == ("2 are kept back as a buffer, by the policy.",)


def test_a_past_figure_cites_the_policy_of_then() -> None:
    story = Story()
    mug = story.item("MUG")
    story.count("MUG", 10)
    story.count("MUG", 0, "ST-2")
    for buffer in (2, 5):
        change_policy(
            connection=story.shop,
            item=None,
            values={"buffer": Decimal(buffer)},
            actor="ina",
            reason=f"Try {buffer}.",
            now=story.now,
        )
        story.compute()
        story.wait()

    past = explain_figure(connection=story.shop, item=mug, moment=story.now - timedelta(seconds=90))

    assert past is not None
    (policy,) = (each for term in past.terms if term.name == "buffer" for each in term.documents)
    assert "buffer 2" in policy.detail
    assert "Try 2." in policy.detail


def test_what_is_set_aside_for_another_channel_is_cited_with_its_lease() -> None:
    story = Story()
    mug = story.item("MUG")
    story.count("MUG", 10)
    story.count("MUG", 0, "ST-2")
    granted = Allotment(
        connection=story.market,
        item=mug,
        quantity=Decimal(4),
        granted_at=story.now,
        expires_at=story.now + timedelta(days=1),
    )
    make.saved(granted, "allotment.granted")
    story.compute()

    found = explain_figure(connection=story.shop, item=mug)

    assert found is not None
    (term,) = (term for term in found.terms if term.name == "allotted:market")
    assert (term.quantity, [each.pk for each in term.documents]) == (-4, [granted.pk])
    assert found.why_not_higher == ("4 are set aside for market.",)
