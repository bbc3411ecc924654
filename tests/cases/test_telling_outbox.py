"""What happened is told once to whom it concerns, together where it came together; what did not is not."""

from __future__ import annotations

import json
import random
from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.utils import IntegrityError

from inventory_sync.cases import services as cases
from inventory_sync.cases.models import Case
from inventory_sync.cases.models_telling import Happening, Message, Notice, Route
from inventory_sync.cases.telling import composing, outbox, selectors
from inventory_sync.cases.telling.routes import save_route
from inventory_sync.domain.failures import Failure
from inventory_sync.domain.telling import Fact
from tests.cases.telling import Desk, make_route
from tests.factories import ACTOR, NOON

pytestmark = pytest.mark.django_db
SECRET = "whsec_" + "A" * 32
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def occasions() -> list[str]:
    return list(Happening.objects.order_by("id").values_list("occasion", flat=True))


# ── what happened is written down ────────────────────────────────────────────────────────────────────


def test_every_turn_of_a_case_is_written_with_it(desk: Desk) -> None:
    case = desk.fail(severity="normal")
    desk.fail(severity="urgent")
    Case.objects.filter(pk=case.pk).update(owner_team="stock")
    desk.heal()
    Case.objects.filter(pk=case.pk).update(state="open")

    assert occasions() == ["opened", "worsened", "handed_over", "closed", "reopened"]


def test_seeing_a_failure_again_is_no_news(desk: Desk) -> None:
    desk.fail()
    desk.fail()
    desk.fail(severity="low")

    assert occasions() == ["opened"]


def test_what_was_rolled_back_leaves_nothing_to_tell(desk: Desk) -> None:
    with transaction.atomic():
        desk.fail()
        transaction.set_rollback(True)

    assert occasions() == []


# ── who is told ──────────────────────────────────────────────────────────────────────────────────────


def test_each_route_is_told_what_it_takes(desk: Desk) -> None:
    make_route("support", team="support", addresses="a@shop.example")
    make_route("stock", team="stock", addresses="b@shop.example")
    make_route("urgent only", least_severity="urgent", addresses="c@shop.example")
    desk.fail(owner_team="stock", severity="normal")

    desk.tell()

    assert [letter.addresses for letter in desk.carried.letters] == [("b@shop.example",)]


def test_a_new_installation_says_that_nobody_is_told(desk: Desk) -> None:
    assert "no route yet" in selectors.nobody_is_told()

    route = make_route()
    assert selectors.nobody_is_told() == ""

    route.active = False
    save_route(route, actor=ACTOR, reason="a test", now=desk.now)
    assert "every route is switched off" in selectors.nobody_is_told()


def test_a_case_of_before_the_first_route_is_not_told_when_it_comes(desk: Desk) -> None:
    desk.fail(1)
    desk.tell()
    make_route()
    desk.fail(2)

    desk.tell()

    assert [letter.text.count("Listing") for letter in desk.carried.letters] == [1]
    assert "Listing 2" in desk.carried.letters[0].text


def test_a_preview_names_who_would_be_told_when_and_who_not(desk: Desk) -> None:
    make_route("day", digest="daily", digest_at=time(8))
    make_route("stock", team="stock")

    told, spared = selectors.prospects(
        Fact("support", "normal", "push.refused"), now=NOON, settle=timedelta(seconds=20)
    )

    assert (told.route.name, told.at) == ("day", NOON.replace(hour=8) + timedelta(days=1))
    assert (spared.route.name, spared.why_not) == ("stock", "it is for the team stock")


# ── how much ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_storm_is_one_message_that_says_how_many(desk: Desk) -> None:
    make_route()
    storm = [
        Failure(
            code="push.refused",
            subject_kind="listing",
            subject_id=str(each),
            summary=f"Listing {each} is refused.",
            connection_code="shop-de",
            units_at_risk=Decimal(2),
        )
        for each in range(5_000)
    ]
    cases.open_cases(storm, now=desk.now)

    desk.tell()

    [letter] = desk.carried.letters
    assert letter.subject == "[normal] 5,000 cases of push.refused at shop-de"
    assert "Units at risk: 10,000" in letter.text
    assert "and 4997 more" in letter.text
    assert Notice.objects.filter(state="told").count() == 5_000


def test_the_hourly_limit_holds_back_and_says_how_many(desk: Desk) -> None:
    make_route(per_hour=2)
    for each in range(1, 6):
        desk.fail(each)
        desk.tell(MINUTE)

    assert len(desk.carried.letters) == 2

    desk.tell(HOUR)

    assert len(desk.carried.letters) == 3
    assert "3 cases" in desk.carried.letters[-1].subject
    assert "3 of these were held back" in desk.carried.letters[-1].text
    assert Message.objects.get(held_back__gt=0).held_back == 3


def test_a_digest_gathers_what_is_not_urgent(desk: Desk) -> None:
    make_route(digest="hourly")
    for each, code in enumerate(["push.refused", "push.not_applied", "line.rejected", "kit.contains_itself"]):
        desk.fail(each, code=code, severity="normal")
    desk.fail(9, code="push.stuck", severity="urgent")

    desk.tell(MINUTE)
    assert [letter.subject[:8] for letter in desk.carried.letters] == ["[urgent]"]

    desk.tell(HOUR)
    assert desk.carried.subjects[1].endswith("and 3 more")


# ── what is no news any more ─────────────────────────────────────────────────────────────────────────


def test_what_heals_before_it_is_told_is_never_told(desk: Desk) -> None:
    make_route()
    desk.fail()
    desk.tell(timedelta(seconds=5))
    desk.heal()

    desk.tell(MINUTE)

    assert desk.carried.letters == []
    assert set(Notice.objects.values_list("state", flat=True)) <= {"dropped"}


def test_the_end_is_told_to_those_who_were_told_the_beginning(desk: Desk) -> None:
    make_route("told", team="support")
    make_route("says nothing of it", team="support", tells_closing=False)
    case = desk.fail(severity="normal", owner_team="support")
    desk.tell()
    make_route("came later")
    Case.objects.filter(pk=case.pk).update(severity="low")
    desk.heal()

    desk.tell()

    assert [letter.subject.split()[0] for letter in desk.carried.letters] == ["[normal]", "[normal]", "Over:"]


def test_what_somebody_acknowledged_or_snoozed_meanwhile_wakes_nobody(desk: Desk) -> None:
    make_route(quiet_begins=time(11), quiet_ends=time(14))
    seen = desk.fail(1, severity="normal")
    hidden = desk.fail(2, severity="normal")
    desk.fail(3, severity="normal")
    desk.tell()
    cases.acknowledge([seen.pk], actor="anna", reason="on it", now=desk.now)
    cases.snooze([hidden.pk], until=NOON + timedelta(days=1), actor="anna", reason="later", now=desk.now)

    desk.tell(2 * HOUR)

    [letter] = desk.carried.letters
    assert "Listing 3" in letter.text
    assert "Listing 1" not in letter.text
    assert "Listing 2" not in letter.text


def test_a_route_that_was_switched_off_tells_nothing_that_waited(desk: Desk) -> None:
    route = make_route(digest="daily")
    desk.fail(severity="normal")
    desk.tell()
    route.active = False
    save_route(route, actor=ACTOR, reason="a test", now=desk.now)

    desk.tell(timedelta(days=2))

    assert desk.carried.letters == []
    assert Notice.objects.get().why == "the route was switched off"


# ── nothing twice, nothing forgotten ─────────────────────────────────────────────────────────────────


def test_two_rounds_over_the_same_happenings_owe_them_once(desk: Desk) -> None:
    make_route()
    desk.fail()
    outbox.owe_notices(now=desk.now, settle=timedelta(0))
    Happening.objects.update(routed_at=None)  # as if the mark of the first had been lost

    outbox.owe_notices(now=desk.now, settle=timedelta(0))

    assert Notice.objects.count() == 1
    notice = Notice.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.create(happening=notice.happening, route=notice.route, due_at=NOON)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_in_whatever_order_all_news_is_told_once(seed: int) -> None:
    """Cases open, worsen, heal and open again while routes digest, limit, sleep and rounds break off."""
    dice, desk = random.Random(seed), Desk()
    manners: list[dict[str, Any]] = [
        {},
        {"per_hour": 2},
        {"digest": "hourly"},
        {"quiet_begins": time(13), "quiet_ends": time(15)},
        {"least_severity": "urgent"},
    ]
    made = [make_route(**each) for each in dice.sample(manners, 3)]
    for _ in range(40):
        act, subject = dice.random(), dice.randint(1, 6)
        if act < 0.4:
            desk.fail(subject, severity=dice.choice(["low", "normal", "urgent"]))
        elif act < 0.6:
            desk.heal(subject)
        elif act < 0.75:
            outbox.owe_notices(now=desk.now, settle=timedelta(seconds=20))
        elif act < 0.85:
            composing.compose(now=desk.now, new_id=desk.world.new_id, hub=desk.world.hub)
        else:
            desk.tell(timedelta(minutes=dice.choice([1, 7, 40])), until=lambda: dice.random() < 0.2)
    for _ in range(30):
        desk.tell(HOUR)

    assert not Happening.objects.filter(routed_at=None).exists()
    assert not Notice.objects.filter(state="waiting").exists()
    assert not Message.objects.exclude(state="sent").exists()
    keys = [letter.key for letter in desk.carried.letters]
    assert len(keys) == len(set(keys)) == Message.objects.count()
    for route in made:
        for case in Case.objects.all():
            told = Notice.objects.filter(route=route, case=case, state="told").order_by("happening_id")
            ends = [each.happening.occasion == "closed" for each in told.select_related("happening")]
            taken = Happening.objects.filter(case=case).exclude(occasion="closed")
            if route.least_severity == "urgent":
                taken = taken.filter(severity="urgent")
            if case.state == "open" and taken.exists():
                assert ends[-1:] == [False], "it is open, and the last word of it is not that"
            if case.state != "open":
                assert ends[-1:] in ([], [True]), "it was told, and its end was not"
            assert sum(ends) <= 1


def test_an_alert_is_told_like_a_case_and_stands_alone(desk: Desk) -> None:
    make_route(team="platform", least_severity="urgent")
    outbox.tell(
        subject="The critical tier is late",
        team="platform",
        severity="urgent",
        text="p99 is 4 s; the promise is 1 s.",
        code="tier.late",
        now=desk.now,
    )

    desk.tell()

    [letter] = desk.carried.letters
    assert letter.subject == "[urgent] The critical tier is late"
    assert "p99 is 4 s" in letter.text
    assert "/acknowledge/" in letter.text
    assert json.loads(letter.payload)["type"] == "alert"


def test_old_messages_are_forgotten_and_what_waits_is_not(desk: Desk) -> None:
    make_route("at once")
    desk.fail(1)
    desk.tell()
    slow = make_route("slow", digest="daily")
    desk.fail(2, severity="normal")
    desk.tell()

    outbox.forget(before=desk.now + timedelta(days=1))

    assert Message.objects.count() == 0
    assert list(Notice.objects.filter(state="waiting").values_list("route", flat=True)) == [slow.pk]


# ── routes ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("addresses", {"addresses": "not an address"}),
        ("addresses", {"addresses": ""}),
        ("url", {"kind": "webhook", "addresses": "", "url": "ftp://x", "secret": SECRET}),
        ("secret", {"kind": "webhook", "addresses": "", "url": "https://x.example"}),
        ("time_zone", {"time_zone": "Berlin"}),
        ("quiet_ends", {"quiet_begins": time(22)}),
        ("quiet_ends", {"quiet_begins": time(22), "quiet_ends": time(22)}),
        ("per_hour", {"per_hour": 0}),
        ("escalate_to", {"escalate_after_min": 5}),
    ],
)
def test_a_route_that_could_not_work_is_refused(field: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        make_route(**values)

    assert list(refused.value.message_dict) == [field]


def test_escalation_never_comes_back_to_where_it_began() -> None:
    third = make_route("third")
    second = make_route("second", escalate_to=third, escalate_after_min=5)
    make_route("first", escalate_to=second, escalate_after_min=5)
    third.escalate_to, third.escalate_after_min = Route.objects.get(name="first"), 5

    with pytest.raises(ValidationError, match="come back"):
        save_route(third, actor=ACTOR, reason="a test", now=NOON)
