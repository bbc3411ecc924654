"""Staff say how a channel's requests are routed and how long they may hold."""

from __future__ import annotations

import pytest
from django.urls import reverse

from inventory_sync.audit.models import Entry
from inventory_sync.ledger.models import RequestTerms
from tests import factories

pytestmark = pytest.mark.django_db
LIST = "admin:ledger_requestterms_changelist"


@pytest.fixture
def shop():
    return factories.make_channel("shop")


def declare(boss, shop, **values):
    given = {"connection": shop.pk, "first": "whole_line", "second": "rank", "hold_max": 30, "review_max": 90}
    return boss.post(reverse("admin:ledger_requestterms_add"), {**given, "reason": "tills", **values})


def test_rules_and_windows_are_declared_from_the_page(boss, shop):
    assert declare(boss, shop).status_code == 302

    row = RequestTerms.objects.get()
    assert (row.rules, row.hold_max_s, row.review_max_s) == (["whole_line", "rank"], 1800, 5400)
    assert Entry.objects.filter(action="request_terms.set", reason="tills").exists()


def test_the_same_rule_twice_is_refused_where_it_was_named(boss, shop):
    page = declare(boss, shop, second="whole_line").content.decode()

    assert "This rule is tried already." in page
    assert not RequestTerms.objects.exists()


def test_a_change_shows_what_is_declared_and_keeps_its_channel(boss, shop):
    declare(boss, shop)
    where = reverse("admin:ledger_requestterms_change", args=[RequestTerms.objects.get().pk])
    form = boss.get(where).context["adminform"].form

    assert [form.fields[place].initial for place in ("first", "second", "third")] == [
        "whole_line",
        "rank",
        "",
    ]
    boss.post(where, {"first": "rank", "hold_max": 5, "review_max": 5, "reason": "shorter"})

    row = RequestTerms.objects.get()
    assert (row.connection_id, row.rules, row.hold_max_s) == (shop.pk, ["rank"], 300)


def test_a_channel_goes_back_to_the_defaults_after_a_look(boss, shop):
    declare(boss, shop)
    where = (
        f"{reverse('admin:ledger_requestterms_deed', args=['defaults'])}?ids={RequestTerms.objects.get().pk}"
    )

    assert "the whole order at one location" in boss.get(where).content.decode()
    boss.post(where, {"reason": ""})
    assert RequestTerms.objects.exists()

    boss.post(where, {"reason": "season over"})
    assert not RequestTerms.objects.exists()
    assert Entry.objects.filter(action="request_terms.cleared", reason="season over").exists()


def test_the_list_says_the_rules_in_words(boss, shop):
    assert boss.get(reverse(LIST)).status_code == 200
    declare(boss, shop)

    page = boss.get(reverse(LIST)).content.decode()

    assert "a line whole at one location, then what there is, in ranked order" in page
    assert "30 min" in page
