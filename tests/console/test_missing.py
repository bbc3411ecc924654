"""Staff see which numbers a feed left out, and say which will not come."""

from __future__ import annotations

import pytest
from django.urls import reverse

from inventory_sync.audit.models import Entry
from inventory_sync.console.theme import UNFOLD
from inventory_sync.ledger.models import Gap, StockLevel
from inventory_sync.support.clock import utc_now

pytestmark = pytest.mark.django_db
LIST = "admin:ledger_gap_changelist"
FILTERED = {"Failed deliveries", "Owed pushes", "Failed pushes", "Missing numbers"}


@pytest.fixture
def gap(retailer):
    StockLevel.objects.create(
        item=retailer.mug, location=retailer.site, on_hand=5, known=False, unknown_since=9,
        count_key=f"{retailer.till.pk}:c", count_quantity=5, counted_at=utc_now(), count_sequence=1,
    )  # fmt: skip
    return Gap.objects.create(
        connection=retailer.till, location=retailer.site, sequence=90017, since=9, opened_at=utc_now()
    )


def deed(gap) -> str:
    return f"{reverse('admin:ledger_gap_deed', args=['lost'])}?ids={gap.pk}"


def test_the_list_says_who_left_out_what_where(boss, gap, retailer) -> None:
    page = boss.get(reverse(LIST)).content.decode()

    assert all(word in page for word in ("90017", str(retailer.till), "WH-HAM"))


def test_an_empty_list_says_that_no_number_is_missing(boss) -> None:
    page = boss.get(reverse(LIST)).content.decode()

    assert "No number is missing" in page
    assert "Nothing fits this search." not in page


def test_a_search_that_finds_nothing_does_not_say_that_all_came(boss, gap) -> None:
    for question in ("?q=4711", "?state__exact=lost"):
        page = boss.get(reverse(LIST) + question).content.decode()

        assert "Nothing fits this search." in page
        assert "No number is missing" not in page


def test_a_page_the_menu_opens_with_a_filter_says_what_its_emptiness_means(boss) -> None:
    groups = UNFOLD["SIDEBAR"]["navigation"]
    links = [item["link"](None) for group in groups for item in group["items"] if item["title"] in FILTERED]

    assert len(links) == len(FILTERED)
    for link in links:
        page = boss.get(str(link)).content.decode()
        assert "Nothing fits this search." not in page, link
        assert "Show all" in page, link


def test_without_own_rules_of_routing_the_page_says_which_hold(boss) -> None:
    page = boss.get(reverse("admin:ledger_requestterms_changelist")).content.decode()

    assert "By default: the whole order at one location, then" in page


def test_other_empty_lists_have_words_too(boss) -> None:
    assert "Nothing is here yet." in boss.get(reverse("admin:ledger_lateposting_changelist")).content.decode()


def test_a_number_is_declared_lost_with_a_reason_after_its_effect_was_shown(boss, gap) -> None:
    shown = boss.get(deed(gap)).content.decode()
    assert "1 item" in shown

    boss.post(deed(gap), {"reason": ""})
    gap.refresh_from_db()
    assert gap.state == "open"
    boss.post(deed(gap), {"reason": "the till was replaced"})

    gap.refresh_from_db()
    assert (gap.state, StockLevel.objects.get().known) == ("lost", True)
    entry = Entry.objects.get(action="gap.declared_lost")
    assert (entry.actor_name, entry.reason) == ("boss", "the till was replaced")


def test_who_may_only_look_declares_nothing_lost(signed_in, gap) -> None:
    client = signed_in("ledger.view_gap")
    client.post(deed(gap), {"reason": "why not"})

    gap.refresh_from_db()
    assert gap.state == "open"
