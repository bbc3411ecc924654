"""Messages on real wires: an SMTP server that takes and refuses, a receiver that checks signatures."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.base import posting
from connectors.base.posting import post_signed
from inventory_sync.audit.models import Entry
from inventory_sync.cases.models import Case
from inventory_sync.cases.models_telling import Happening, Message, Route
from inventory_sync.cases.telling import mail, routes, sending
from inventory_sync.cases.telling.sending import Letter, Receipt
from inventory_sync.domain.errors import Misconfigured, RemoteUnavailable
from inventory_sync.support.clock import utc_now
from tests.cases.receiving import Mailbox, dripping_receiver, mail_server, text_of, webhook_receiver
from tests.cases.telling import Desk, make_route
from tests.factories import ACTOR

pytestmark = pytest.mark.django_db
SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes for the webhook").decode()
HOUR = timedelta(hours=1)


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = "Stock <stock@shop.example>"
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    with mail_server() as (box, port):
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        yield box


@pytest.fixture(autouse=True)
def _loopback_may_be_posted_to(settings: Any) -> None:
    settings.INVENTORY_SYNC = settings.INVENTORY_SYNC | {"EGRESS_ALLOWED_HOSTS": ["127.0.0.1"]}


@pytest.fixture
def post() -> Desk:
    return Desk(mail.carry)


# ── e-mail ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_mail_says_what_since_when_how_many_where_to_look_and_how_to_take_it(
    mailbox: Mailbox, post: Desk
) -> None:
    second = make_route("second line", addresses="b@shop.example", least_severity="urgent", team="nobody")
    make_route(
        "first line", addresses="a@shop.example", escalate_to=second, escalate_after_min=10, team="support"
    )
    post.fail(1, severity="urgent", owner_team="support", units_at_risk=7)
    post.fail(2, severity="urgent", owner_team="support", units_at_risk=5)

    assert post.tell()["sent"] == 1

    [mail_in] = mailbox.mails
    text = text_of(mail_in)
    assert mail_in["subject"] == "[urgent] 2 cases of push.refused at shop-de"
    assert (mail_in["from"], mail_in["to"]) == ("Stock <stock@shop.example>", "a@shop.example")
    assert mail_in["auto-submitted"] == "auto-generated"
    assert "How many: 2 cases" in text
    assert "Units at risk: 12" in text
    assert "Since: Mon 23 Nov, 12:00 UTC (0 min ago)" in text
    assert "https://stock.example/admin/cases/case/" in text
    assert "I HAVE IT: https://stock.example/acknowledge/" in text
    assert "within 10 minutes, second line is told" in text
    html = mail_in.get_body(("html",))
    assert html is not None
    assert "width=device-width" in html.get_content()


def test_what_a_vendor_wrote_neither_breaks_a_header_nor_becomes_markup(mailbox: Mailbox, post: Desk) -> None:
    make_route()
    post.fail(1, summary="<b>bad</b>\r\nBcc: thief@evil.example\r\n\r\n<script>")

    post.tell()

    [mail_in] = mailbox.mails
    assert mail_in["bcc"] is None
    assert mailbox.rcpt == ["desk@shop.example"]
    html = mail_in.get_body(("html",))
    assert html is not None
    assert "&lt;b&gt;bad&lt;/b&gt;" in html.get_content()


def test_a_refused_address_keeps_no_other_from_its_mail_and_is_somebodys_case(
    mailbox: Mailbox, post: Desk
) -> None:
    make_route("desk", addresses="gone@shop.example\na@shop.example")
    mailbox.refuse["gone@shop.example"] = "550 no such user"
    post.fail()

    post.tell()

    assert mailbox.rcpt == ["a@shop.example"]
    message = Message.objects.get(cases=1)
    assert (message.state, message.accepted) == ("sent", ["a@shop.example"])
    case = Case.objects.get(code="telling.failed")
    assert "gone@shop.example: 550 no such user" in case.summary


def test_an_address_that_is_busy_gets_its_mail_later_and_the_others_only_one(
    mailbox: Mailbox, post: Desk
) -> None:
    make_route(addresses="a@shop.example b@shop.example")
    mailbox.refuse["b@shop.example"] = "451 try again"
    post.fail()
    assert post.tell()["put_off"] == 1
    mailbox.refuse.clear()

    assert post.tell(timedelta(minutes=1))["sent"] == 1

    assert mailbox.rcpt == ["a@shop.example", "b@shop.example"]
    first, second = mailbox.mails
    assert first["message-id"] == second["message-id"]


def test_without_a_mail_server_the_message_waits_and_says_why(post: Desk, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = ""
    make_route()
    post.fail()

    post.tell()

    message = Message.objects.get()
    assert (message.state, message.error) == (
        "waiting",
        "EMAIL_URL is not set: there is no server to send e-mail by.",
    )


def test_a_worker_that_dies_after_sending_has_the_same_mail_sent_again(mailbox: Mailbox, post: Desk) -> None:
    class Killed(BaseException):
        """What a kill is to the code: nothing after it runs."""

    def dies_after(letter: Letter) -> Receipt:
        mail.carry(letter)
        raise Killed

    make_route()
    post.fail()
    dying = Desk(dies_after, now=post.now)
    with pytest.raises(Killed):
        dying.tell()

    post.tell(sending.LEASE / 2)
    assert len(mailbox.mails) == 1, "its lease is not over"
    assert post.tell(sending.LEASE)["sent"] == 1

    first, again = mailbox.mails
    assert first["message-id"] == again["message-id"]
    assert first["subject"] == again["subject"]
    assert text_of(first) == text_of(again)
    assert Message.objects.get().state == "sent"


def test_who_comes_back_after_its_lease_marks_nothing(post: Desk) -> None:
    make_route()
    post.fail()
    post.tell(timedelta(seconds=20), until=lambda: False)
    Message.objects.update(state="waiting", run_at=post.now, lease_until=None)
    slow = sending.claim(now=post.now)
    assert slow is not None
    post.now += sending.LEASE + timedelta(seconds=1)
    other = sending.claim(now=post.now)
    assert other is not None

    assert sending.settle(slow, Receipt(later="too late"), now=post.now, jitter=0.5) == ""
    assert sending.settle(other, Receipt(accepted=("a",)), now=post.now, jitter=0.5) == "sent"
    assert Message.objects.get().error == ""


# ── giving up ────────────────────────────────────────────────────────────────────────────────────────


def test_a_route_that_fails_for_hours_is_a_case_told_by_the_others_and_closed_by_the_next_success() -> None:
    desk = Desk()
    broken = make_route("broken", team="support")
    make_route("platform", team="platform", addresses="ops@shop.example")
    desk.fail(owner_team="support")
    carry = desk.carried

    def carrier(letter: Letter) -> Receipt:
        if letter.addresses == ("desk@shop.example",) and carry.failing:
            raise carry.failing
        carry.letters.append(letter)
        return Receipt(accepted=letter.addresses)

    desk.world.carriers["email"] = carrier
    carry.failing = RemoteUnavailable("The mail server cannot be reached: refused.")
    for _ in range(12):
        desk.tell(HOUR)

    case = Case.objects.get(code="telling.failed")
    assert (case.state, case.subject_id) == ("open", str(broken.pk))
    [letter] = carry.letters
    assert (letter.addresses, "telling.failed" in letter.subject) == (("ops@shop.example",), True)

    carry.failing = None
    desk.fail(2, owner_team="support")
    desk.tell()
    case.refresh_from_db()
    assert case.state == "resolved"


def test_telling_that_telling_fails_never_ends_in_a_circle() -> None:
    desk = Desk()
    desk.carried.failing = RemoteUnavailable("Nothing goes out at all.")
    for name in ("one", "two", "three"):
        make_route(name)
    desk.fail()

    for _ in range(24):
        desk.tell(HOUR)

    assert Case.objects.filter(code="telling.failed").count() == 3
    assert Happening.objects.count() == 4
    assert Message.objects.count() <= 3 * 2 * 24 / 2, (
        "a few tries an evening, and what failed is tried together"
    )


def test_a_message_given_up_is_sent_again_when_somebody_asks() -> None:
    desk = Desk()
    make_route()
    desk.fail()
    desk.carried.failing = Misconfigured("The mail server refuses the user or password of EMAIL_URL.")
    for _ in range(10):
        desk.tell(HOUR)
    desk.carried.failing = None
    message = Message.objects.get()
    assert message.state == "failed"

    assert routes.send_again(message_id=message.pk, actor=ACTOR, reason="mended", now=desk.now)
    desk.tell()

    message.refresh_from_db()
    assert message.state == "sent"
    assert Entry.objects.filter(action="message.sent_again").count() == 1
    assert not routes.send_again(message_id=message.pk, actor=ACTOR, reason="again", now=desk.now)


# ── webhooks ─────────────────────────────────────────────────────────────────────────────────────────


def webhooks(desk: Desk, hosts: tuple[str, ...] = ("127.0.0.1",)) -> Desk:
    """Have the desk post for real."""

    def carry(letter: Letter) -> Receipt:
        post_signed(
            letter.url,
            secret=letter.secret,
            message_id=letter.key,
            body=letter.payload,
            now=desk.now,
            private_hosts=hosts,
        )
        return Receipt(accepted=("webhook",))

    desk.world.carriers["webhook"] = carry
    return desk


def test_a_webhook_is_signed_and_says_what_a_mail_says() -> None:
    desk = webhooks(Desk())
    with webhook_receiver(SECRET) as (receiver, url):
        make_route("hook", kind="webhook", url=url, secret=SECRET, addresses="")
        case = desk.fail(severity="urgent", units_at_risk=7)
        desk.tell()

    assert receiver.authentic == [True]
    body = json.loads(receiver.bodies[0])
    assert body["type"] == "case.opened"
    [group] = body["data"]["groups"]
    assert (group["code"], group["case_ids"], group["units_at_risk"]) == ("push.refused", [case.pk], "7")
    assert body["data"]["acknowledge_url"].startswith("https://stock.example/acknowledge/")


def test_a_lost_answer_brings_the_same_id_and_the_same_bytes_again_signed_anew() -> None:
    desk = webhooks(Desk())
    with webhook_receiver(SECRET) as (receiver, url):
        receiver.answers = [(500, {}), (503, {"retry-after": "600"})]
        make_route(kind="webhook", url=url, secret=SECRET)
        desk.fail()
        desk.tell()
        desk.tell(timedelta(minutes=2))
        desk.tell(timedelta(minutes=5))
        assert len(receiver.bodies) == 2, "it asked for ten minutes"
        desk.tell(timedelta(minutes=10))

    assert len({headers["webhook-id"] for headers in receiver.headers}) == 1
    assert len({headers["webhook-timestamp"] for headers in receiver.headers}) == 3
    assert len(set(receiver.bodies)) == 1
    assert receiver.authentic == [True, True, True]
    assert Message.objects.get().state == "sent"


def test_a_receiver_that_says_gone_is_not_asked_again() -> None:
    desk = webhooks(Desk())
    with webhook_receiver(SECRET) as (receiver, url):
        receiver.answers = [(410, {})]
        make_route(kind="webhook", url=url, secret=SECRET)
        desk.fail()
        desk.tell()
        desk.tell(HOUR)

    assert len(receiver.bodies) == 1
    assert Message.objects.get(cases=1).state == "failed"


def test_a_webhook_reaches_no_private_address_that_was_not_allowed() -> None:
    desk = webhooks(Desk(), hosts=())
    with webhook_receiver(SECRET) as (receiver, url):
        make_route("plain", kind="webhook", url=url, secret=SECRET)
        make_route("tls", kind="webhook", url=url.replace("http:", "https:"), secret=SECRET)
        desk.fail()
        desk.tell()

    assert receiver.bodies == []
    assert sorted(Message.objects.values_list("error", flat=True)) == [
        "The base URL is plain http; allow it expressly or use https://.",
        "The host 127.0.0.1 leads to 127.0.0.1, which is not a public address.",
    ]


def test_a_receiver_that_drips_its_answer_does_not_hold_whoever_posts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(posting, "TOTAL_S", 1.0)
    began = time.monotonic()

    with dripping_receiver() as (begun, url):
        with pytest.raises(RemoteUnavailable):
            post_signed(
                url, secret=SECRET, message_id="msg_1", body=b"{}", now=utc_now(), private_hosts=["127.0.0.1"]
            )
        took = time.monotonic() - began
        assert begun.is_set()

    assert took < 8, "the answer alone drips for ten"


def test_a_secret_is_kept_sealed_and_opens_for_its_own_route_alone() -> None:
    route = make_route(kind="webhook", url="https://x.example", secret=SECRET)
    other = make_route(kind="webhook", url="https://y.example", secret=SECRET)
    assert SECRET.encode() not in bytes(route.ciphertext or b"")
    shown = Entry.objects.filter(subject_table="cases_route").values_list("before", "after")
    assert SECRET not in str(list(shown))

    other.ciphertext = route.ciphertext
    message = Message(route=other, key="msg_1", at=route.created_at, payload="{}", accepted=[])

    with pytest.raises(Misconfigured, match="webhook secret"):
        sending.letter_of(message)


def test_a_test_message_goes_out_in_quiet_hours_and_opens_no_case(mailbox: Mailbox, post: Desk) -> None:
    route = make_route("night", quiet_begins="00:00", quiet_ends="23:59", quiet_breaks="never")
    route = Route.objects.get(pk=route.pk)
    routes.send_test(
        route_id=route.pk,
        actor=ACTOR,
        reason="does it work?",
        now=post.now,
        new_id=post.world.new_id,
        hub=post.world.hub,
    )

    post.tell()

    [mail_in] = mailbox.mails
    assert mail_in["subject"] == "Test of the route night"
    assert "Nothing is wrong" in text_of(mail_in)
