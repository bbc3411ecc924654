"""Evidence and rounds of checks are read by people: in words first, the sealed document beneath."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from inventory_sync.pipeline.evidence.keep import Seals, make
from inventory_sync.pipeline.models import Evidence, Verification
from tests.factories import NOON
from tests.pipeline.stories import Story

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 20)


def seal(now: datetime = NOON) -> Evidence:
    return make(DAY, seals=Seals("", "a key", "1.2.3"), now=now, seconds=lambda: 0.0)


def page(client: Client, row: Evidence | Verification) -> str:
    name = f"admin:pipeline_{type(row).__name__.lower()}_change"
    answer = client.get(reverse(name, args=[row.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_quiet_day_says_that_every_sale_was_covered(boss: Client) -> None:
    assert "Every sale of the day was covered" in page(boss, seal())


def test_an_oversell_is_told_in_words_and_leads_to_its_explanation(boss: Client) -> None:
    story = Story(now=datetime.combine(DAY, datetime.min.time(), tzinfo=NOON.tzinfo) + timedelta(hours=8))
    story.item("MUG")
    story.count("MUG", 5)
    story.count("MUG", 0, "ST-2")
    story.compute()
    story.push("MUG", 5, channel=story.market)
    story.wait()
    story.order("1", "MUG", 4)
    story.wait()
    story.order("2", "MUG", 4, channel=story.market)

    shown = page(boss, seal())

    assert "sold from a figure that was right when shown; recorded below zero" in shown
    assert f"{reverse('admin:catalog_item_explain')}?sku=MUG&amp;channel=market&amp;at=2026-11-20" in shown
    listed = boss.get(reverse("admin:pipeline_evidence_changelist")).content.decode()
    assert "1 inherent" in listed


def test_a_round_of_checks_is_shown_check_by_check(boss: Client) -> None:
    row = Verification.objects.create(
        started_at=NOON, finished_at=NOON, results={"level_sum": {"violations": 3, "finished_at": "2026"}}
    )

    shown = page(boss, row)

    assert "level_sum" in shown
    assert "Finished" in shown


def test_nobody_edits_evidence_in_the_admin(boss: Client) -> None:
    row = seal()

    assert boss.get(reverse("admin:pipeline_evidence_add")).status_code == 403
    boss.post(reverse("admin:pipeline_evidence_change", args=[row.pk]), {"digest": "0"})
    row.refresh_from_db()
    assert row.digest != "0"
