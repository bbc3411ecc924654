"""The inbox on a bad day: words of vendors that are code, two at once, forged forms, thousands of cases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from inventory_sync.cases import services
from inventory_sync.cases.models import Case, RetryRun
from inventory_sync.cases.runs import freeze_run
from inventory_sync.cases.services import open_case, snooze
from inventory_sync.console.admin import cases as page_of_cases
from inventory_sync.domain.failures import Failure
from inventory_sync.intake.ports import PARKED_KIND
from tests.console.conftest import Retailer

pytestmark = pytest.mark.django_db
EVIL = "<script>alert('x')</script>"
INBOX = "admin:cases_case_inbox"


def failed(*subjects: str, **values: Any) -> list[Case]:
    usual: dict[str, Any] = {"code": "push.refused", "connection_code": "shop"} | values
    code = usual.pop("code")
    noted = services.open_cases(
        [Failure(code, "listing", subject, "no", **usual) for subject in subjects], now=timezone.now()
    )
    return [Case.objects.get(pk=each.case_id) for each in noted]


def act(name: str, **asked: str) -> str:
    words = "&".join(f"{key}={value}" for key, value in asked.items())
    return f"{reverse('admin:cases_case_act', args=[name])}?{words}"


def asked_of(cases: list[Case]) -> str:
    return ",".join(str(case.pk) for case in cases)


def test_words_of_vendors_are_shown_and_never_run(boss: Client, retailer: Retailer) -> None:
    case = open_case(
        code="mapping.item_unknown", subject_kind=PARKED_KIND, subject_id=f"{retailer.shop.pk}:item:{EVIL}",
        summary=f"Nobody knows {EVIL}", connection_code="shop", item_sku=EVIL, order_ref=EVIL,
        correlation_id=EVIL[:40], now=timezone.now(),
    )  # fmt: skip
    run = freeze_run([case.pk], actor="boss", reason=EVIL, now=timezone.now())
    run.lines.update(state="failed", outcome=EVIL)

    for url in (
        reverse(INBOX),
        reverse("admin:cases_case_change", args=[case.pk]),
        reverse("admin:cases_case_changelist"),
        act("retry", ids=str(case.pk)),
        act("resolve", code=case.code, connection="shop"),
        reverse("admin:cases_retryrun_change", args=[run.pk]),
        reverse("admin:cases_retryrun_changelist"),
    ):
        answer = boss.get(url)
        assert answer.status_code == 200, url
        page = answer.content.decode()
        assert EVIL not in page, url
        assert "alert(&#x27;x&#x27;)" in page or "changelist" in str(answer.resolver_match), url


def test_a_form_that_was_not_ours_changes_nothing(retailer: Retailer) -> None:
    [case] = failed("7")
    forger = Client(enforce_csrf_checks=True)
    forger.force_login(get_user_model().objects.create_superuser("forged", password="x"))
    run = freeze_run([case.pk], actor="boss", reason="go", now=timezone.now())

    for url in (
        act("discard", ids=str(case.pk)),
        reverse("admin:cases_case_undo", args=[case.pk]),
        reverse("admin:cases_retryrun_cancel", args=[run.pk]),
        reverse("admin:pipeline_replay_new"),
    ):
        assert forger.post(url, {"reason": "because"}).status_code == 403, url

    case.refresh_from_db()
    assert case.state == "open"


def test_who_may_only_look_cannot_undo_cancel_or_replay(signed_in: Any) -> None:
    [case] = failed("7")
    services.discard([case.pk], actor="boss", reason="no", now=timezone.now())
    [other] = failed("8")
    run = freeze_run([other.pk], actor="boss", reason="go", now=timezone.now())
    client = signed_in("cases.view_case", "cases.view_retryrun", "pipeline.view_replay")

    for url in (
        reverse("admin:cases_case_undo", args=[case.pk]),
        reverse("admin:cases_retryrun_cancel", args=[run.pk]),
        reverse("admin:pipeline_replay_new"),
    ):
        assert client.post(url, {"reason": "let me"}).status_code == 403, url
    assert RetryRun.objects.get(pk=run.pk).state == "running"


def test_a_case_that_closed_itself_is_not_opened_again_by_hand(boss: Client) -> None:
    [case] = failed("7")
    services.resolve_case(case_id=case.pk, resolution="A later push succeeded.", now=timezone.now())

    boss.post(reverse("admin:cases_case_undo", args=[case.pk]))

    case.refresh_from_db()
    assert (case.state, case.resolution) == ("resolved", "A later push succeeded.")


# ── what is acted on is what was shown ──


def test_an_act_leaves_what_the_inbox_left_out(boss: Client) -> None:
    hidden, urgent, plain = failed("1", "2", "3")
    snooze(
        [hidden.pk], until=timezone.now() + timedelta(hours=4), actor="a", reason="later", now=timezone.now()
    )
    Case.objects.filter(pk=urgent.pk).update(severity="urgent")
    newest = str(plain.pk)

    page = boss.get(f"{reverse(INBOX)}?severity=urgent").content.decode()
    assert "severity=urgent" in page.partition("acts")[2]
    boss.post(
        act("resolve", code="push.refused", connection="shop", severity="urgent"),
        {"reason": "ok", "newest": newest},
    )
    assert set(Case.objects.filter(state="open")) == {hidden, plain}
    boss.post(act("resolve", code="push.refused", connection="shop"), {"reason": "ok", "newest": newest})
    assert set(Case.objects.filter(state="open")) == {hidden}


def test_an_address_that_names_nothing_chooses_nothing(boss: Client) -> None:
    failed("1")
    failed("2", connection_code="")

    assert "Nothing to do" in boss.get(act("discard")).content.decode()
    boss.post(act("discard"), {"reason": "all", "newest": "999999"})

    assert Case.objects.filter(state="open").count() == 2


def test_the_second_of_two_is_told_that_the_first_was_quicker(boss: Client) -> None:
    cases = failed("1", "2")
    ids = asked_of(cases)
    freeze_run([cases[0].pk], actor="anna", reason="mine", now=timezone.now())

    told = boss.post(
        act("retry", ids=ids), {"reason": "go", "per_minute": "60"}, follow=True
    ).content.decode()
    assert "1 of 2 cases" in told

    services.acknowledge([cases[0].pk], actor="anna", reason="seen", now=timezone.now())
    told = boss.post(act("acknowledge", ids=ids), {"reason": "seen"}, follow=True).content.decode()
    assert "Acknowledge: 1 of 2 cases" in told


def test_what_was_chosen_may_be_assigned_hidden_or_closed_from_the_same_page(boss: Client) -> None:
    ids = asked_of(failed("1", "2"))

    page = boss.get(act("retry", ids=ids)).content.decode()

    for name in ("assign", "snooze", "acknowledge", "resolve", "discard"):
        assert f"/act/{name}/?ids={ids.replace(',', '%2C')}" in page, name


def test_from_a_case_to_the_mapping_and_back(boss: Client, retailer: Retailer) -> None:
    """The parked line of the retailer waits for product:646."""
    case = open_case(
        code="mapping.item_unknown", subject_kind=PARKED_KIND, connection_code="shop", now=timezone.now(),
        subject_id=f"{retailer.shop.pk}:item:product:646", summary="Nobody knows product:646.",
    )  # fmt: skip
    own = reverse("admin:cases_case_change", args=[case.pk])

    page = boss.get(own).content.decode()
    assert "external_id=product%3A646" in page
    assert f'href="{own}"' in boss.get(reverse("admin:catalog_itemmapping_waiting")).content.decode()
    form = {
        "connection": retailer.shop.pk, "external_id": "product:646", "item": retailer.kit.pk,
        "kind": "variant", "numerator": "1", "denominator": "1", "reason": "the gift card",
        "label": "", "external_sku": "", "external_parent": "",
    }  # fmt: skip
    answer = boss.post(reverse("admin:catalog_itemmapping_add"), form, follow=True).content.decode()

    assert "1 parked line waited for this" in answer
    assert f'href="{own}">Its case</a>' in answer


# ── many ──


def test_the_inbox_asks_as_much_for_many_groups_as_for_two(boss: Client) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert boss.get(reverse(INBOX)).status_code == 200
        return len(seen)

    failed("1", "2", item_sku="TEA")
    failed("3", connection_code="mart")
    few = statements()
    for number in range(12):
        failed(*(f"{number}-{place}" for place in range(9)), connection_code=f"shop-{number}", item_sku="CUP")

    assert statements() == few


def test_the_list_of_runs_asks_as_much_for_many_as_for_one(boss: Client) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            page = boss.get(reverse("admin:cases_retryrun_changelist")).content.decode()
        assert "0 succeeded, 0 failed, 0 of 1 over" in page
        return len(seen)

    for case in failed("1"):
        freeze_run([case.pk], actor="anna", reason="r", now=timezone.now())
    few = statements()
    for case in failed(*map(str, range(2, 12))):
        freeze_run([case.pk], actor="anna", reason="r", now=timezone.now())

    assert statements() == few


def test_a_group_names_its_first_skus_and_counts_the_others(boss: Client) -> None:
    for number in range(20):
        failed(f"{number}", item_sku=f"SKU-{number:02}")
        failed(f"again-{number}", item_sku=f"SKU-{number:02}")

    page = boss.get(reverse(INBOX)).content.decode()

    assert "SKU-00, SKU-01, SKU-02, SKU-03, SKU-04 … (20)" in page
    assert "SKU-05" not in page


def test_more_than_an_address_can_name_are_not_taken_by_hand(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_of_cases, "MOST_CHOSEN", 2)
    cases = failed("1", "2", "3")
    url = reverse("admin:cases_case_changelist")
    chosen = {"action": "act_on_chosen", "_selected_action": [str(case.pk) for case in cases]}

    assert "Choose at most 2" in boss.post(url, chosen, follow=True).content.decode()
    chosen["_selected_action"] = [str(cases[0].pk)]
    assert f"/act/retry/?ids={cases[0].pk}" in boss.post(url, chosen).headers["Location"]
