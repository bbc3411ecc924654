"""Somebody says “I have it”, or the next one is told: once per step, whatever was restarted in between."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from django.test import Client

from inventory_sync.audit.models import Entry
from inventory_sync.cases import services as cases
from inventory_sync.cases.models import Case
from inventory_sync.cases.models_telling import Message, Notice, Route
from inventory_sync.cases.telling import acknowledging, escalating
from inventory_sync.cases.telling.routes import save_route
from inventory_sync.domain.errors import RemoteUnavailable
from inventory_sync.support.clock import utc_now
from tests.cases.telling import Desk, make_route
from tests.factories import ACTOR

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk() -> Desk:
    return Desk(now=utc_now())


@pytest.fixture
def chain() -> list[Route]:
    """Three routes, each the next resort of the one before."""
    third = make_route("third", team="none", addresses="c@shop.example")
    second = make_route(
        "second", team="none", addresses="b@shop.example", escalate_to=third, escalate_after_min=10
    )
    first = make_route("first", addresses="a@shop.example", escalate_to=second, escalate_after_min=5)
    return [first, second, third]


def told(desk: Desk) -> str:
    """Return who was told, in order, by the first letter of the address."""
    return "".join(letter.addresses[0][0] for letter in desk.carried.letters)


def link_of(desk: Desk) -> str:
    [line] = [line for line in desk.carried.letters[-1].text.splitlines() if line.startswith("I HAVE IT")]
    return line.removeprefix("I HAVE IT: https://stock.example")


# ── escalation ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("chain")
def test_who_is_not_answered_tells_the_next_after_so_many_minutes(desk: Desk) -> None:
    desk.fail(severity="urgent")
    desk.tell()
    assert told(desk) == "a"

    desk.tell(4 * MINUTE)
    assert told(desk) == "a"
    desk.tell(MINUTE)
    assert told(desk) == "ab"
    assert desk.carried.subjects[-1].startswith("[urgent] Nobody has acknowledged a case of push.refused")
    desk.tell(10 * MINUTE)
    assert told(desk) == "abc"
    for _ in range(5):
        desk.tell(timedelta(hours=1))
    assert told(desk) == "abc"


@pytest.mark.usefixtures("chain")
def test_a_step_is_taken_once_however_often_it_is_looked_at(desk: Desk) -> None:
    desk.fail()
    desk.tell()
    desk.now += 5 * MINUTE

    assert [escalating.escalate(now=desk.now) for _ in range(3)] == [1, 0, 0]
    assert Notice.objects.filter(step=1).count() == 1


@pytest.mark.usefixtures("chain")
def test_acknowledging_stops_it_at_any_step(desk: Desk) -> None:
    case = desk.fail()
    desk.tell()
    desk.tell(5 * MINUTE)
    cases.acknowledge([case.pk], actor="anna", reason="on it", now=desk.now)

    desk.tell(timedelta(hours=1))

    assert told(desk) == "ab"
    assert Notice.objects.get(route__name="second").why == "acknowledged by anna"


@pytest.mark.usefixtures("chain")
def test_what_is_over_is_not_escalated(desk: Desk) -> None:
    desk.fail()
    desk.tell()
    desk.heal()

    desk.tell(timedelta(hours=1))

    assert told(desk) == "aa"
    assert desk.carried.subjects[-1].startswith("Over:")


@pytest.mark.usefixtures("chain")
def test_it_is_escalated_even_if_the_first_message_never_got_through(desk: Desk) -> None:
    def carry(letter: object) -> object:
        if getattr(letter, "addresses", ())[:1] == ("a@shop.example",):
            raise RemoteUnavailable("The mail server cannot be reached: refused.")
        return desk.carried(letter)  # type: ignore[arg-type]

    desk.world.carriers["email"] = carry  # type: ignore[assignment]
    desk.fail()
    desk.tell()

    desk.tell(5 * MINUTE)

    assert told(desk) == "b"


def test_a_route_that_is_switched_off_is_passed_over(desk: Desk, chain: list[Route]) -> None:
    chain[1].active = False
    save_route(chain[1], actor=ACTOR, reason="on holiday", now=desk.now)
    desk.fail()
    desk.tell()

    desk.tell(5 * MINUTE)

    assert told(desk) == "ac"


def test_the_minutes_run_from_when_it_was_told_not_from_the_night_before() -> None:
    desk = Desk()  # noon
    boss = make_route("boss", team="none", addresses="b@shop.example")
    make_route(
        "desk",
        addresses="a@shop.example",
        quiet_begins=time(11),
        quiet_ends=time(14),
        escalate_to=boss,
        escalate_after_min=30,
    )
    desk.fail(severity="normal")
    desk.tell(timedelta(hours=1))
    assert told(desk) == ""

    desk.tell(timedelta(hours=1))
    assert told(desk) == "a"
    desk.tell(29 * MINUTE)
    assert told(desk) == "a"
    desk.tell(MINUTE)
    assert told(desk) == "ab"


# ── the link ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("chain")
def test_looking_at_the_link_changes_nothing_posting_acknowledges_all_of_the_message(
    desk: Desk, client: Client
) -> None:
    for each in (1, 2):
        desk.fail(each)
    desk.tell()
    address = link_of(desk)

    page = client.get(address)
    assert page.status_code == 200
    assert "I have all 2" in page.content.decode()
    assert Case.objects.filter(acknowledged_at=None).count() == 2

    page = client.post(address, {"name": "Anna  M."})

    assert "Acknowledged by" in page.content.decode()
    by = "Anna M. (link of first)"
    assert set(Case.objects.values_list("acknowledged_by", flat=True)) == {by}
    assert Entry.objects.filter(action="case.acknowledged", actor_name=by).count() == 2
    desk.tell(timedelta(hours=1))
    assert told(desk) == "a"


@pytest.mark.usefixtures("chain")
def test_a_link_acts_once(desk: Desk, client: Client) -> None:
    desk.fail()
    desk.tell()
    address = link_of(desk)
    client.post(address, {"name": "Anna"})
    Case.objects.update(acknowledged_at=None, acknowledged_by="")  # a person takes it back

    page = client.post(address, {"name": "Ben"})

    assert "Anna (link of first)" in page.content.decode()
    assert Case.objects.get().acknowledged_at is None


@pytest.mark.usefixtures("chain")
def test_a_link_that_is_altered_or_old_opens_nothing(desk: Desk, client: Client) -> None:
    desk.fail()
    desk.tell()
    address = link_of(desk)
    altered = address.replace("/acknowledge/", "/acknowledge/x")

    assert client.get(altered).status_code == 404
    assert client.post(altered).status_code == 404
    token = address.split("/")[2]
    week_on = utc_now() + acknowledging.GOOD_FOR + MINUTE
    assert acknowledging.message_of(token, now=week_on) is None
    assert acknowledging.message_of(token, now=utc_now()) == Message.objects.get()


@pytest.mark.usefixtures("chain")
def test_the_page_does_not_give_its_address_away(desk: Desk, client: Client) -> None:
    desk.fail()
    desk.tell()

    page = client.get(link_of(desk))

    assert page["Referrer-Policy"] == "same-origin"
    assert "no-store" in page["Cache-Control"]
