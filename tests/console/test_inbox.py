"""The inbox: groups, a case told whole, acts shown before they are done, each with its own permission."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from inventory_sync.audit.models import Entry
from inventory_sync.cases.models import Case, RetryRun
from inventory_sync.cases.services import open_case
from inventory_sync.intake.models import Delivery
from inventory_sync.pipeline.models import EditedCopy, Replay
from inventory_sync.propagation.models import PushAttempt, PushCall
from tests import factories as make
from tests.console.conftest import Retailer

pytestmark = pytest.mark.django_db
VIEW = "cases.view_case"


@pytest.fixture
def case(retailer: Retailer) -> Case:
    call = PushCall.objects.create(
        connection=retailer.shop,
        at=make.NOON,
        exchanges=[{"method": "POST", "path": "/products/batch", "status": 400, "answer": "stock is locked"}],
    )
    PushAttempt.objects.filter(listing=retailer.listing).update(call=call, error_detail="The shop said no.")
    return opened(retailer, retailer.listing.pk)


def opened(retailer: Retailer, listing_id: int, **values: Any) -> Case:
    usual: dict[str, Any] = {
        "code": "push.refused",
        "summary": "shop does not take the figure of product:92: The shop said no.",
        "item_sku": "MUG-BLUE",
        "units_at_risk": Decimal(2),
        "correlation_id": "c0ffee0000000001",
    }
    return open_case(
        subject_kind="listing",
        subject_id=listing_id,
        connection_code="shop",
        now=timezone.now(),
        **usual | values,
    )


def act(name: str, *cases: Case) -> str:
    ids = ",".join(str(case.pk) for case in cases)
    return f"{reverse('admin:cases_case_act', args=[name])}?ids={ids}"


GROUP = "?code=push.refused&connection=shop"


def test_the_inbox_groups_what_waits_with_its_weight(boss: Client, retailer: Retailer, case: Case) -> None:
    opened(retailer, 999)

    page = boss.get(reverse("admin:cases_case_inbox")).content.decode()

    assert "2 open cases in 1 group" in page
    for told in ("push.refused", "MUG-BLUE", "Retry all 2", "Retry one first", ">4<"):
        assert told in page, told
    assert page.count("<rect") == 24


def test_an_empty_inbox_says_that_nothing_waits(boss: Client) -> None:
    assert "Nothing waits for anybody" in boss.get(reverse("admin:cases_case_inbox")).content.decode()


def test_a_case_is_told_whole_on_one_page(boss: Client, case: Case) -> None:
    page = boss.get(reverse("admin:cases_case_change", args=[case.pk])).content.decode()

    for told in (
        "The shop said no.", "What a retry would do: recomputed", "Would send", "Channel shows",
        "stock is locked", "/products/batch", "Why MUG-BLUE shows what it shows", "Trail, from the door",
        "Runbook: push.refused", "nobody yet",
    ):  # fmt: skip
        assert told in page, told


def test_a_retry_is_shown_then_frozen_into_a_run_with_its_outcome_page(boss: Client, case: Case) -> None:
    page = boss.get(act("retry", case)).content.decode()
    assert "Would send" in page
    assert RetryRun.objects.count() == 0

    answer = boss.post(act("retry", case), {"reason": "the shop is back"}, follow=True)

    run = RetryRun.objects.get()
    assert (run.asked_by, run.reason, run.lines.get().case) == ("boss", "the shop is back", case)
    assert "Every outcome" in answer.content.decode()
    assert 'http-equiv="refresh"' in answer.content.decode()
    assert Entry.objects.filter(action="retry_run.started").count() == 1


def test_a_group_is_frozen_as_it_was_shown(boss: Client, retailer: Retailer, case: Case) -> None:
    second = opened(retailer, 998)
    url = reverse("admin:cases_case_act", args=["retry"]) + GROUP
    shown = boss.get(url).content.decode()
    newest = re.search(r'name="newest" value="(\d+)"', shown)
    assert newest is not None
    opened(retailer, 999)

    boss.post(url, {"reason": "all", "per_minute": "30", "newest": newest[1]})

    run = RetryRun.objects.get()
    assert set(run.lines.values_list("case_id", flat=True)) == {case.pk, second.pk}
    assert (run.per_minute, run.code, run.connection_code) == (30, "push.refused", "shop")


def test_one_first_retries_the_oldest_alone_and_then_offers_the_rest(
    boss: Client, retailer: Retailer, case: Case
) -> None:
    opened(retailer, 998)
    url = reverse("admin:cases_case_act", args=["retry-one"]) + GROUP

    boss.post(url, {"reason": "try one", "newest": str(Case.objects.latest("pk").pk)})

    run = RetryRun.objects.get()
    assert [line.case for line in run.lines.all()] == [case]
    run.lines.update(state="succeeded", outcome="shop shows 7, read back.")
    Case.objects.filter(pk=case.pk).update(state="resolved")
    page = boss.get(reverse("admin:cases_retryrun_change", args=[run.pk])).content.decode()
    assert "Retry the other 1" in page
    assert 'http-equiv="refresh"' not in page


def test_the_rest_of_a_run_can_be_cancelled_with_a_reason(boss: Client, case: Case) -> None:
    boss.post(act("retry", case), {"reason": "the shop is back"})
    run = RetryRun.objects.get()
    cancel = reverse("admin:cases_retryrun_cancel", args=[run.pk])

    boss.post(cancel, {"reason": ""})
    run.refresh_from_db()
    assert run.state == "running"
    boss.post(cancel, {"reason": "wrong group"})

    run.refresh_from_db()
    assert (run.state, run.lines.get().state) == ("cancelled", "cancelled")


def test_a_case_is_assigned_hidden_shown_again_closed_and_opened_again(boss: Client, case: Case) -> None:
    undo = reverse("admin:cases_case_undo", args=[case.pk])

    def after(name: str, **given: str) -> Case:
        boss.post(act(name, case), {"reason": "because", **given})
        case.refresh_from_db()
        return case

    assert after("assign", to="boss").assigned_to == "boss"
    assert after("acknowledge").acknowledged_by == "boss"
    until = after("snooze", hours="4").snoozed_until
    assert until is not None
    assert timedelta(hours=3) < until - timezone.now() < timedelta(hours=5)
    boss.post(undo)
    case.refresh_from_db()
    assert case.snoozed_until is None
    assert after("discard").state == "discarded"
    boss.post(undo)
    case.refresh_from_db()
    assert case.state == "open"
    assert after("resolve").closed_by == "boss"
    assert set(Entry.objects.filter(subject_id=str(case.pk)).values_list("action", flat=True)) >= {
        "case.assigned", "case.acknowledged", "case.snoozed", "case.shown_again", "case.discarded",
        "case.reopened", "case.resolved",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["retry", "retry-one", "assign", "acknowledge", "snooze", "resolve", "discard"]
)
def test_each_act_needs_its_own_permission(name: str, signed_in: Any, case: Case) -> None:
    client = signed_in(VIEW)
    assert client.get(reverse("admin:cases_case_change", args=[case.pk])).status_code == 200

    assert client.get(act(name, case)).status_code == 403
    assert client.post(act(name, case), {"reason": "let me"}).status_code == 403


def test_without_a_reason_nothing_is_done(boss: Client, case: Case) -> None:
    boss.post(act("resolve", case), {"reason": " "})

    case.refresh_from_db()
    assert case.state == "open"


# ── editing ──


@pytest.fixture
def refused(retailer: Retailer) -> Case:
    Delivery.objects.filter(pk=retailer.delivery.pk).update(
        state="rejected", error_detail="quantity is no number"
    )
    return open_case(
        code="payload.malformed", subject_kind="delivery", subject_id=retailer.delivery.pk,
        connection_code="shop", summary="It is refused.", now=timezone.now(),
    )  # fmt: skip


def test_an_edit_shows_its_diff_and_is_applied_as_a_copy_of_its_own(
    boss: Client, retailer: Retailer, refused: Case
) -> None:
    url = reverse("admin:cases_case_edit", args=[refused.pk])
    page = boss.get(url).content.decode()
    assert "Erika" not in page
    assert "•••" in page
    [text] = re.findall(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    text = text.replace("&quot;", '"').replace('"quantity": 2', '"quantity": 3')

    seen = boss.post(url, {"body": text, "look": "1"}).content.decode()
    assert "console-was" in seen
    assert Delivery.objects.count() == 1
    [shown] = re.findall(r'name="shown" value="(\d+)"', page)
    other = {"body": text, "apply": "1", "reason": "three", "shown": "999999"}
    assert "edited it after it was shown" in boss.post(url, other).content.decode()
    assert Delivery.objects.count() == 1
    boss.post(url, {"body": text, "apply": "1", "reason": "three, says the customer", "shown": shown})

    copy = EditedCopy.objects.get()
    body = bytes(Delivery.objects.get(pk=copy.copy_id).body)
    assert copy.origin_id == retailer.delivery.pk
    assert b'"quantity":3' in body
    assert b"erika@example.org" in body, "what was masked is as it was"
    retailer.delivery.refresh_from_db()
    assert b'"quantity": 2' in bytes(retailer.delivery.body)
    assert Entry.objects.get(action="delivery.edited").reason == "three, says the customer"


def test_editing_needs_a_permission_of_its_own(signed_in: Any, refused: Case) -> None:
    url = reverse("admin:cases_case_edit", args=[refused.pk])

    assert signed_in(VIEW, "cases.retry_case").get(url).status_code == 403
    assert signed_in(VIEW, "cases.retry_case", "console.edit_delivery").get(url).status_code == 200


# ── replays ──


def test_a_stretch_is_previewed_then_frozen(boss: Client, retailer: Retailer) -> None:
    at = retailer.delivery.received_at
    asked = {
        "since": (at - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S"),
        "until": (at + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S"),
        "per_minute": "60",
    }
    url = reverse("admin:pipeline_replay_new")
    seen = boss.post(url, asked).content.decode()
    up_to = re.search(r'name="up_to" value="(\d+)"', seen)
    assert up_to is not None
    assert "1 delivery" in seen
    assert Replay.objects.count() == 0

    answer = boss.post(url, {**asked, "up_to": up_to[1], "reason": "a mapping was wrong"}, follow=True)

    row = Replay.objects.get()
    assert (row.delivery_ids, row.asked_by) == ([retailer.delivery.pk], "boss")
    assert "0 of 1 handed back" in answer.content.decode()
    assert Entry.objects.get(action="replay.started").reason == "a mapping was wrong"


def test_replaying_needs_its_permission(signed_in: Any) -> None:
    assert signed_in("pipeline.view_replay").get(reverse("admin:pipeline_replay_new")).status_code == 403
