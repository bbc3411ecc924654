"""The pages of who is told: a route made and tried, what went out, who would be told, and that nobody is."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from inventory_sync.audit.models import Entry
from inventory_sync.cases.models_telling import Message, Route
from tests.cases.telling import Desk, make_route

pytestmark = pytest.mark.django_db
SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes for the webhook").decode()
NOBODY = "Nobody is told of new cases: there is no route yet."
FORM = {
    "name": "on call",
    "active": "on",
    "team": "support",
    "least_severity": "urgent",
    "code_prefix": "",
    "connection_code": "",
    "kind": "webhook",
    "addresses": "",
    "url": "https://hooks.example/in",
    "secret": SECRET,
    "digest": "at_once",
    "digest_at": "08:00",
    "per_hour": "12",
    "time_zone": "Europe/Berlin",
    "quiet_begins": "22:00",
    "quiet_ends": "07:00",
    "quiet_breaks": "urgent",
    "tells_closing": "on",
    "escalate_after_min": "",
    "escalate_to": "",
    "reason": "the night shift begins",
}


def page(answer: Any) -> str:
    return str(answer.content.decode())


def test_a_route_is_made_with_a_reason_and_its_secret_is_on_no_page(boss: Client) -> None:
    answer = boss.post(reverse("admin:cases_route_add"), FORM)

    assert answer.status_code == 302, page(answer)
    route = Route.objects.get()
    assert Entry.objects.get(action="route.created").reason == "the night shift begins"
    edited = boss.get(reverse("admin:cases_route_change", args=[route.pk]))
    assert SECRET not in page(edited)
    boss.post(reverse("admin:cases_route_change", args=[route.pk]), FORM | {"secret": "", "team": "stock"})
    kept, route = bytes(route.ciphertext or b""), Route.objects.get()
    assert (route.team, bytes(route.ciphertext or b"")) == ("stock", kept)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"secret": "short"}, "whsec_"),
        ({"url": ""}, "beginning with https://"),
        ({"time_zone": "Berlin"}, "Europe/Berlin"),
        ({"reason": ""}, "required"),
    ],
)
def test_what_could_not_work_is_a_sentence_in_the_form(
    boss: Client, wrong: dict[str, str], said: str
) -> None:
    answer = boss.post(reverse("admin:cases_route_add"), FORM | wrong)

    assert answer.status_code == 200
    assert said in str(answer.context["adminform"].form.errors)
    assert not Route.objects.exists()


def test_a_test_message_is_a_deed_with_a_reason(boss: Client) -> None:
    route = make_route("desk")
    address = reverse("admin:cases_route_deed", args=["test"]) + f"?ids={route.pk}"
    assert "No case is opened" in page(boss.get(address))

    boss.post(address, {"reason": "new address"})

    message = Message.objects.get(is_test=True)
    assert (message.route, message.state) == (route, "waiting")
    assert Entry.objects.get(action="route.tested").reason == "new address"
    assert "Waiting to be sent" in page(boss.get(f"{address}&done=1"))


def test_a_message_that_was_given_up_says_why_and_is_sent_again(boss: Client) -> None:
    desk = Desk()
    make_route("desk")
    desk.fail(severity="low")
    desk.tell()
    Message.objects.update(state="failed", attempts=10, error="The mail server refuses the user or password.")
    message = Message.objects.get()
    shown = page(boss.get(reverse("admin:cases_message_change", args=[message.pk])))
    assert "refuses the user or password" in shown
    assert "push.refused" in shown
    assert "/acknowledge/" not in shown

    address = reverse("admin:cases_message_deed", args=["again"]) + f"?ids={message.pk}"
    boss.post(address, {"reason": "password corrected"})

    message.refresh_from_db()
    assert (message.state, message.attempts) == ("waiting", 0)


def test_the_preview_says_who_would_be_told_and_who_not_and_why(boss: Client) -> None:
    make_route("desk", team="support")
    make_route("stock", team="stock")
    address = reverse("admin:cases_route_who")

    shown = page(boss.get(address, {"code": "push.refused", "team": "support", "severity": "urgent"}))
    assert "in seconds" in shown
    assert "Not told: it is for the team stock." in shown

    shown = page(boss.get(address, {"code": "push.refused", "team": "platform", "severity": "urgent"}))
    assert "Nobody would be told" in shown


def test_that_nobody_is_told_is_said_plainly(boss: Client) -> None:
    names = ("admin:cases_route_changelist", "admin:cases_case_inbox", "admin:index")
    pages = [reverse(name) for name in names]
    assert [address for address in pages if NOBODY not in page(boss.get(address))] == []

    make_route()

    assert [address for address in pages if NOBODY in page(boss.get(address))] == []


def test_who_may_not_change_routes_sends_no_test(signed_in: Any) -> None:
    route = make_route()
    clerk = signed_in("cases.view_route")

    answer = clerk.post(
        reverse("admin:cases_route_deed", args=["test"]) + f"?ids={route.pk}", {"reason": "curious"}
    )

    assert answer.status_code == 403
    assert not Message.objects.exists()
