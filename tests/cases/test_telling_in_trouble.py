"""What is hard on telling: servers away for a night, limits reached, routes changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from inventory_sync.audit.models import Entry
from inventory_sync.cases import services as cases
from inventory_sync.cases.models import Case
from inventory_sync.cases.models_telling import Message, Notice, Route
from inventory_sync.cases.telling import mail, outbox, routes, selectors, wording
from inventory_sync.cases.telling.routes import save_route
from inventory_sync.cases.telling.sending import LEASE, Letter, Receipt
from inventory_sync.domain.errors import RemoteRefused, RemoteUnavailable
from inventory_sync.support.clock import utc_now
from tests.cases.receiving import Mailbox, mail_server
from tests.cases.telling import Desk, make_route
from tests.factories import ACTOR

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    with mail_server() as (box, port):
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        yield box


# ── the server is away for a night ───────────────────────────────────────────────────────────────────


def test_what_is_still_wrong_after_a_night_without_a_mail_server_is_told_and_what_is_over_is_not(
    desk: Desk,
) -> None:
    make_route()
    desk.carried.failing = RemoteUnavailable("The mail server cannot be reached: refused.")
    for subject in (1, 2, 3):
        desk.fail(subject)
        desk.tell(MINUTE)
    for _ in range(7):
        desk.tell(HOUR)
    desk.heal(2)
    for _ in range(14):
        desk.tell(HOUR)
    desk.carried.failing = None

    for _ in range(4):
        desk.tell(HOUR)

    told = "\n".join(letter.text for letter in desk.carried.letters)
    assert [subject for subject in (1, 2, 3) if f"Listing {subject} " in told] == [1, 3]
    assert len(desk.carried.letters) <= 4, "a night of failures is no flood in the morning"
    assert not Notice.objects.filter(state="waiting").exists()


def test_who_took_a_message_is_not_told_again_because_another_address_did_not(desk: Desk) -> None:
    def half(letter: Letter) -> Receipt:
        desk.carried.letters.append(letter)
        taken = tuple(each for each in letter.addresses if each.startswith("a@"))
        return Receipt(accepted=taken, later="b@shop.example: 452 mailbox full")

    desk.world.carriers["email"] = half
    make_route(addresses="a@shop.example b@shop.example")
    desk.fail()

    for _ in range(30):
        desk.tell(HOUR)

    assert (
        sum(
            "a@shop.example" in letter.addresses
            for letter in desk.carried.letters
            if "push.r" in letter.subject
        )
        == 1
    )
    assert Case.objects.filter(code="telling.failed", state="open").count() == 1


def test_what_a_wrong_address_swallowed_is_told_when_the_route_is_corrected(desk: Desk) -> None:
    route = make_route(kind="webhook", url="https://old.example", secret="whsec_" + "A" * 32, addresses="")
    desk.carried.failing = RemoteRefused("The receiver answered 410: it wants no more messages.", status=410)
    desk.fail(1)
    desk.fail(2)
    desk.tell()
    desk.heal(2)
    desk.carried.failing = None
    desk.tell(HOUR)
    assert desk.carried.letters == []

    route = Route.objects.get(pk=route.pk)
    route.url = "https://new.example"
    save_route(route, actor=ACTOR, reason="it moved", now=desk.now)
    desk.tell(MINUTE)

    [letter] = desk.carried.letters
    assert "Listing 1" in letter.text
    assert "Listing 2" not in letter.text


# ── a route is switched off, and on ──────────────────────────────────────────────────────────────────


def test_a_route_that_is_off_sends_nothing_that_was_written_before_and_tells_when_it_is_on_again(
    desk: Desk,
) -> None:
    route = make_route()
    desk.carried.failing = RemoteUnavailable("The mail server cannot be reached: refused.")
    desk.fail()
    desk.tell()
    desk.carried.failing = None
    route = Route.objects.get(pk=route.pk)
    route.active = False
    save_route(route, actor=ACTOR, reason="wrong people", now=desk.now)

    desk.tell(HOUR)
    assert desk.carried.letters == []
    assert not selectors.anything_due(desk.now), "nobody is woken for a route that is off"
    assert not Case.objects.filter(code="telling.failed").exists()

    route.active = True
    save_route(route, actor=ACTOR, reason="the right people", now=desk.now)
    desk.tell(MINUTE)
    assert len(desk.carried.letters) == 1


def test_a_route_is_tried_before_it_is_switched_on(desk: Desk) -> None:
    route = make_route("new", active=False)
    routes.send_test(
        route_id=route.pk, actor=ACTOR, reason="t", now=desk.now, new_id=desk.world.new_id, hub=desk.world.hub
    )

    desk.tell()

    assert desk.carried.subjects == ["Test of the route new"]


# ── limits and quiet hours ───────────────────────────────────────────────────────────────────────────


def test_what_is_urgent_is_not_held_back_by_what_is_not(desk: Desk) -> None:
    make_route(per_hour=2)
    for each in range(1, 5):
        desk.fail(each, severity="low", code=f"push.small_{each}")
        desk.tell(MINUTE)
    assert len(desk.carried.letters) == 2

    desk.fail(9, severity="urgent", code="push.stuck")
    desk.tell(MINUTE)

    assert desk.carried.subjects[2:] == [
        "[urgent] a case of push.stuck at shop-de: Listing 9 is refused: price missing."
    ]


def test_urgent_storms_have_a_limit_too_and_their_rest_comes_together(desk: Desk) -> None:
    make_route(per_hour=2)
    for each in range(1, 6):
        desk.fail(each, severity="urgent")
        desk.tell(MINUTE)
    assert len(desk.carried.letters) == 2

    desk.tell(HOUR)

    assert "3 cases" in desk.carried.letters[-1].subject
    assert len(desk.carried.letters) == 3


def test_what_a_limit_held_back_wakes_nobody_in_quiet_hours() -> None:
    desk = Desk(now=datetime(2026, 11, 23, 21, 30, tzinfo=UTC))
    make_route(per_hour=1, quiet_begins=time(22), quiet_ends=time(7))
    for each in (1, 2):
        desk.fail(each, severity="normal")
        desk.tell(MINUTE)
    assert len(desk.carried.letters) == 1

    desk.tell(HOUR)
    assert len(desk.carried.letters) == 1, "22:32 is quiet"

    desk.tell(9 * HOUR)
    assert len(desk.carried.letters) == 2


def test_an_old_case_handed_over_at_night_waits_for_the_morning() -> None:
    desk = Desk(now=datetime(2026, 11, 23, 12, tzinfo=UTC))
    make_route(team="stock", quiet_begins=time(22), quiet_ends=time(7))
    case = desk.fail(severity="normal", owner_team="support")
    desk.tell(11 * HOUR)
    Case.objects.filter(pk=case.pk).update(owner_team="stock")

    desk.tell(MINUTE)
    assert desk.carried.letters == []

    desk.tell(9 * HOUR)
    assert len(desk.carried.letters) == 1


def test_quiet_hours_that_were_set_meanwhile_hold() -> None:
    desk = Desk(now=datetime(2026, 11, 23, 12, tzinfo=UTC))
    route = make_route(digest="hourly")
    desk.fail(severity="normal")
    desk.tell()
    route = Route.objects.get(pk=route.pk)
    route.quiet_begins, route.quiet_ends = time(12, 30), time(15)
    save_route(route, actor=ACTOR, reason="a meeting", now=desk.now)

    desk.tell(HOUR)
    assert desk.carried.letters == []
    desk.tell(3 * HOUR)
    assert len(desk.carried.letters) == 1


# ── one that breaks keeps no other ───────────────────────────────────────────────────────────────────


def test_a_route_whose_words_cannot_be_written_keeps_no_other_from_being_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, _ = make_route("broken"), make_route("sound", addresses="b@shop.example")
    compose = wording.compose

    def words(route: Route, *args: Any, **kwargs: Any) -> Any:
        if route.pk == broken.pk:
            raise KeyError("a template that is not there")
        return compose(route, *args, **kwargs)

    monkeypatch.setattr(wording, "compose", words)
    desk.fail()

    desk.tell()

    assert [letter.addresses for letter in desk.carried.letters] == [("b@shop.example",)]
    assert not selectors.anything_due(desk.now), "it is tried again in a while, not at once and for ever"
    monkeypatch.undo()
    desk.tell(HOUR)
    assert len(desk.carried.letters) == 2


def test_a_mailbox_that_is_full_keeps_no_other_address_from_its_mail(mailbox: Mailbox) -> None:
    post = Desk(mail.carry)
    make_route(addresses="full@shop.example b@shop.example")
    mailbox.full = "full@shop.example"
    post.fail()

    post.tell()

    assert mailbox.rcpt == ["b@shop.example"]


def test_a_slow_server_and_many_addresses_end_before_somebody_else_takes_the_message(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(0, 10_000, 50))  # each look at the clock is most of a minute later
    monkeypatch.setattr(mail, "monotonic", lambda: float(next(seconds)))
    addresses = tuple(f"p{number}@shop.example" for number in range(20))
    letter = Letter("msg_1", utc_now(), "email", addresses, "", "", "s", "t", "h", b"")

    receipt = mail.carry(letter)

    assert 0 < len(receipt.accepted) < len(addresses)
    assert receipt.later
    assert receipt.accepted == tuple(mailbox.rcpt)
    assert LEASE.total_seconds() / 2 > mail.TOTAL_S


# ── the link ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["N" * 200, "Anna\x00", "\u202egro"])
def test_whatever_somebody_types_as_a_name_the_case_is_acknowledged(client: Client, name: str) -> None:
    desk = Desk(now=utc_now())
    make_route("r" * 60)
    desk.fail()
    desk.tell()
    [line] = [line for line in desk.carried.letters[-1].text.splitlines() if line.startswith("I HAVE IT")]

    answer = client.post(line.removeprefix("I HAVE IT: https://stock.example"), {"name": name})

    assert answer.status_code == 200
    case = Case.objects.get()
    assert case.acknowledged_at is not None
    assert case.acknowledged_by.isprintable()
    assert len(case.acknowledged_by) <= 150
    assert "(link of r" in case.acknowledged_by


# ── what could not work is said at once ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url", ["http://hooks.example/in", "https://user:pw@hooks.example/", "https://10.0.0.7/in", "https:///x"]
)
def test_an_address_that_will_never_be_posted_to_is_refused_in_the_form(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        make_route(kind="webhook", addresses="", url=url, secret="whsec_" + "A" * 32)

    assert list(refused.value.message_dict) == ["url"]


def test_two_rounds_at_once_never_wait_for_each_other(desk: Desk, django_assert_num_queries: Any) -> None:
    """Notices name their route: a lock on it that bars its key would stop whoever owes to it."""

    make_route()
    desk.fail()
    with CaptureQueriesContext(
        connection,
    ) as seen:
        desk.tell()

    locks = [each["sql"] for each in seen if '"cases_route"' in each["sql"] and "FOR " in each["sql"]]
    locks = [sql for sql in locks if 'FROM "cases_route"' in sql]
    assert locks
    assert all("FOR NO KEY UPDATE" in sql for sql in locks)


def test_an_acknowledged_case_is_not_told_again_though_its_mail_never_left(desk: Desk) -> None:
    make_route()
    desk.carried.failing = RemoteUnavailable("The mail server cannot be reached: refused.")
    case = desk.fail()
    for _ in range(6):
        desk.tell(HOUR)
    cases.acknowledge([case.pk], actor="anna", reason="seen in the inbox", now=desk.now)
    desk.carried.failing = None

    for _ in range(6):
        desk.tell(HOUR)

    told = [letter for letter in desk.carried.letters if "push.refused" in letter.text]
    assert len(told) <= 1
    assert Message.objects.filter(state="waiting").count() == 0


# ── alerts ───────────────────────────────────────────────────────────────────────────────────────────


def alert(desk: Desk) -> None:
    outbox.tell(
        subject="The critical tier is late", team="platform", severity="urgent", text="p99 is 90 s.",
        code="tier.late", now=desk.now,
    )  # fmt: skip


def test_an_alert_nobody_acknowledges_is_told_to_the_next(desk: Desk) -> None:
    second = make_route("second", team="none", addresses="b@shop.example")
    make_route("first", escalate_to=second, escalate_after_min=5)
    alert(desk)
    desk.tell()

    desk.tell(5 * MINUTE)

    assert desk.carried.subjects == [
        "[urgent] The critical tier is late",
        "[urgent] Nobody has acknowledged: The critical tier is late",
    ]
    assert desk.carried.letters[1].addresses == ("b@shop.example",)


def test_an_alert_somebody_has_is_told_to_nobody_further(client: Client) -> None:
    desk = Desk(now=utc_now())
    second = make_route("second", team="none", addresses="b@shop.example")
    make_route("first", escalate_to=second, escalate_after_min=5)
    alert(desk)
    desk.tell()
    [line] = [line for line in desk.carried.letters[-1].text.splitlines() if line.startswith("I HAVE IT")]
    address = line.removeprefix("I HAVE IT: https://stock.example")
    assert "I have it" in client.get(address).content.decode()

    client.post(address, {"name": "Anna"})
    desk.tell(HOUR)

    assert len(desk.carried.letters) == 1
    assert Notice.objects.get().why == "acknowledged by Anna (link of first)"
    assert Entry.objects.get(action="message.acknowledged").actor_name == "Anna (link of first)"
