"""Other systems find what failed, act on it once per name they give, and follow a group that is retried."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from inventory_sync.access.models import ApiKey
from inventory_sync.audit.models import Entry
from inventory_sync.cases import services
from inventory_sync.cases.models import Case, RetryRun
from inventory_sync.cases.runs import freeze_run
from inventory_sync.domain.failures import Failure
from inventory_sync.support.clock import utc_now
from tests import factories
from tests.api.conftest import Caller

WRITE = ApiKey.Scope.WRITE_CASES


def failed(subject: int, *, code: str = "push.refused", connection: str = "shop") -> int:
    failure = Failure(code, "listing", str(subject), "no", connection_code=connection, item_sku="TEA")
    [noted] = services.open_cases([failure], now=utc_now())
    return noted.case_id


def test_cases_are_paged_and_filtered(partner: APIClient) -> None:
    mine = [failed(n) for n in range(3)]
    failed(9, connection="mart")

    page = partner.get("/api/v1/cases?connection=shop&limit=2").json()
    rest = partner.get(page["next"]).json()

    assert [row["id"] for row in page["results"] + rest["results"]] == mine[::-1]
    assert rest["next"] is None
    assert page["results"][0]["item"] == "TEA"
    assert partner.get("/api/v1/cases?nonsense=1").json()["code"] == "request.invalid"


def test_groups_count_what_is_open(partner: APIClient) -> None:
    failed(1)
    failed(2)
    failed(3, code="push.stuck")

    worst, other = partner.get("/api/v1/cases/groups").json()

    assert (worst["code"], worst["severity"]) == ("push.stuck", "urgent")
    assert (other["cases"], other["sku_count"], sum(other["trend"])) == (2, 1, 2)


def test_a_case_says_what_a_retry_would_do_and_what_the_page_of_its_code_says(partner: APIClient) -> None:
    told = partner.get(f"/api/v1/cases/{failed(1)}").json()

    assert told["retry"]["possible"] is False  # there is no such listing
    assert told["attempts"] == []
    assert "push.refused" in told["runbook"]


@pytest.mark.parametrize("act", ["resolve", "discard"])
def test_an_end_is_audited_under_the_name_of_the_key(partner: APIClient, act: str) -> None:
    case = failed(1)

    answer = partner.post(f"/api/v1/cases/{case}/{act}", {"reason": "seen to"}, format="json")
    again = partner.post(f"/api/v1/cases/{case}/{act}", {"reason": "seen to"}, format="json")

    assert (answer.status_code, answer.json()["closed_by"]) == (200, "a partner")
    assert (again.status_code, again.json()["code"]) == (409, "case.over")
    assert Entry.objects.filter(subject_table="cases_case", actor_name="a partner").count() == 1


def test_a_request_is_done_once_under_its_name(partner: APIClient) -> None:
    case, body = failed(1), {"reason": "seen to"}
    headers = {"Idempotency-Key": "abc"}

    first = partner.post(f"/api/v1/cases/{case}/resolve", body, format="json", headers=headers)
    second = partner.post(f"/api/v1/cases/{case}/resolve", body, format="json", headers=headers)
    other = partner.post(f"/api/v1/cases/{case}/discard", body, format="json", headers=headers)

    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert second.headers["Idempotency-Replayed"] == "true"
    assert other.json()["code"] == "request.idempotency_key_reused"


def test_a_refused_request_leaves_its_name_free(partner: APIClient) -> None:
    case, headers = failed(1), {"Idempotency-Key": "abc"}
    wrong = {"reason": "later", "until": "2001-01-01T00:00:00Z"}
    right = {"reason": "later", "until": "2901-01-01T00:00:00Z"}
    address = f"/api/v1/cases/{case}/snooze"

    assert partner.post(address, wrong, format="json", headers=headers).status_code == 400
    assert partner.post(address, right, format="json", headers=headers).json()["hidden"] is True


def test_a_group_is_frozen_and_its_lines_are_told(partner: APIClient) -> None:
    mine = [failed(1), failed(2)]
    failed(3, connection="mart")
    body = {"code": "push.refused", "connection": "shop", "reason": "put right", "per_minute": 5}

    run = partner.post("/api/v1/cases/retry", body, format="json")
    failed(4)
    lines = partner.get(f"/api/v1/retry-runs/{run.json()['id']}/lines").json()["results"]

    assert (run.status_code, run.json()["progress"]["waiting"], run.json()["per_minute"]) == (202, 2, 5)
    assert [line["case"] for line in lines] == mine
    stopped = partner.post(
        f"/api/v1/retry-runs/{run.json()['id']}/cancel", {"reason": "no"}, format="json"
    ).json()
    assert (stopped["state"], stopped["progress"]["cancelled"]) == ("cancelled", 2)


def test_a_retry_names_cases_or_a_group_and_not_both(partner: APIClient) -> None:
    case = failed(1)

    both = partner.post("/api/v1/cases/retry", {"cases": [case], "code": "x.y", "reason": "r"}, format="json")
    neither = partner.post("/api/v1/cases/retry", {"reason": "r"}, format="json")
    one = partner.post(f"/api/v1/cases/{case}/retry", {"reason": "r"}, format="json")

    assert (both.status_code, neither.status_code, one.status_code) == (400, 400, 202)
    assert RetryRun.objects.get().lines.get().case_id == case


def test_a_key_of_one_channel_sees_and_touches_no_others(caller: Caller) -> None:
    client = caller()
    factories.change(ApiKey.objects.get(), channels=["shop"])
    mine, other = failed(1), failed(2, connection="mart")
    run = freeze_run([mine, other], actor="anna", reason="r", now=utc_now())

    assert [row["id"] for row in client.get("/api/v1/cases").json()["results"]] == [mine]
    assert [group["connection"] for group in client.get("/api/v1/cases/groups").json()] == ["shop"]
    assert client.get(f"/api/v1/cases/{other}").status_code == 404
    assert client.get(f"/api/v1/retry-runs/{run.pk}").status_code == 404
    assert client.post(f"/api/v1/cases/{other}/resolve", {"reason": "r"}, format="json").status_code == 404
    assert Case.objects.get(pk=other).state == "open"


def test_staff_need_the_permission_of_each_act(db: Any) -> None:
    user, client, case = factories.make_user(), APIClient(), failed(1)
    view = Permission.objects.get(content_type__app_label="cases", codename="view_case")
    user.user_permissions.add(view)
    client.force_login(user)
    address, body = f"/api/v1/cases/{case}/discard", {"reason": "r"}

    assert client.post(address, body, format="json").status_code == 403
    may = Permission.objects.get(content_type__app_label="cases", codename="discard_case")
    user.user_permissions.add(may)
    assert client.post(address, body, format="json").json()["closed_by"] == user.get_username()


def test_an_act_nobody_knows_is_not_there(caller: Caller) -> None:
    answer = caller(WRITE).post(f"/api/v1/cases/{failed(1)}/explode", {"reason": "r"}, format="json")

    assert answer.status_code == 404
