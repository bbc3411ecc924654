"""What a retry means for each kind of case: foreseen, owed again by its room, followed to the end."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from inventory_sync.cases.models import Case
from inventory_sync.cases.services import open_case
from inventory_sync.connections.models import Connection, Cursor
from inventory_sync.intake.models import ParkedLine
from inventory_sync.intake.ports import DELIVERY_KIND, PARKED_KIND
from inventory_sync.ledger.models import DirtyItem
from inventory_sync.pipeline.invariants.look import SUBJECT_KIND
from inventory_sync.pipeline.remedies.registry import REMEDIES, remedy_for
from inventory_sync.pipeline.remedies.types import Asked, Manner, Untried
from inventory_sync.pipeline.wake import Waker
from inventory_sync.propagation.models import PushAttempt, PushCall
from tests.factories import NOON, make_item, make_listing, map_item
from tests.house.source import ROOT, Source, parsed
from tests.pipeline.hub import HandClock, Hub, open_hub
from tests.pipeline.malformed import malformed

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(minutes=1)


@pytest.fixture
def quiet() -> Waker:
    return Waker(lambda task, queue, arguments: None)


@pytest.fixture
def shop_hub(clock: HandClock) -> Hub:
    return open_hub(clock=clock)


def case_of(kind: str, subject: object, **values: Any) -> Case:
    usual = {"code": "push.refused", "summary": "It failed.", "now": NOON}
    return open_case(subject_kind=kind, subject_id=subject, **{**usual, **values})


def asked(quiet: Waker) -> Asked:
    return Asked(actor="ada", reason="it is put right", now=SOON, wake=quiet)


# ── every kind ──


OPENS = {"open": 1, "open_case": 1, "Failure": 1, "close": 0, "resolve_cases": 0}
"""Where the kind of the subject stands among the arguments, if it is not named."""


def kinds_named(source: Source) -> Iterator[str]:
    """Yield the kinds of subjects for which a file opens or closes cases: words, or constants of the file."""
    constants = {
        target.id: node.value.value
        for node in source.nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    } | {"DELIVERY_KIND": DELIVERY_KIND, "PARKED_KIND": PARKED_KIND, "SUBJECT_KIND": SUBJECT_KIND}
    for node in source.nodes:
        if not isinstance(node, ast.Call):
            continue
        owner, _, name = ast.unparse(node.func).rpartition(".")
        if name not in OPENS or (name in ("open", "close") and not owner.endswith("cases")):
            continue
        named = [each.value for each in node.keywords if each.arg == "subject_kind"]
        for given in named or node.args[OPENS[name] : OPENS[name] + 1]:
            for part in ast.walk(given):
                word = (
                    part.value if isinstance(part, ast.Constant) else constants.get(getattr(part, "id", ""))
                )
                if isinstance(word, str):
                    yield word


def test_every_kind_of_subject_that_cases_are_opened_for_has_a_remedy_or_says_why_not() -> None:
    texts = ((path, path.read_text(encoding="utf-8")) for path in (ROOT / "inventory_sync").rglob("*.py"))
    opening = [(path, text) for path, text in texts if "cases" in text and path.parent.name != "remedies"]
    kinds = {kind for path, text in opening for kind in kinds_named(parsed(str(path), text))}

    assert {"listing", "delivery", "order_copy", "mirror_document", "connection", "invariant"} <= kinds
    assert kinds - set(REMEDIES) == set()


def test_a_remedy_that_retries_nothing_says_what_ends_the_case_instead() -> None:
    silent = [each for each in REMEDIES.values() if isinstance(each, Untried)]

    assert silent
    for each in silent:
        assert each.why.endswith("."), each
        seen = each.foresee(Case(subject_kind=each.kinds[0], subject_id="7"), now=NOON)
        assert (seen.possible, seen.sentence) == (False, each.why)


def test_a_kind_nobody_knows_is_not_guessed_at() -> None:
    seen = remedy_for(Case(subject_kind="dream", subject_id="7")).foresee(
        Case(subject_kind="dream", subject_id="7"), now=NOON
    )

    assert (seen.possible, "runbook" in seen.sentence) == (False, True)


@pytest.mark.parametrize("kind", sorted(REMEDIES))
def test_a_subject_that_is_gone_is_said_to_be_gone(kind: str) -> None:
    case = Case(subject_kind=kind, subject_id="999999")
    seen = remedy_for(case).foresee(case, now=NOON)

    assert seen.sentence
    assert not seen.possible or kind == "order_followed"


# ── pushes ──


def failed_listing(hub: Hub, **values: Any) -> Any:
    item = make_item("MUG", name="Blue mug")
    usual = {"state": "failed", "desired": Decimal(7), "observed": Decimal(9), "error_detail": "No."}
    return make_listing(map_item(hub.shop, item, "product:101"), **{**usual, **values})


def test_a_push_is_computed_anew_and_the_preview_shows_both_figures(shop_hub: Hub, quiet: Waker) -> None:
    row = failed_listing(shop_hub)
    case = case_of("listing", row.pk)

    seen = remedy_for(case).foresee(case, now=NOON)

    assert seen.manner is Manner.RECOMPUTED
    assert {("Would send", "7"), ("Channel shows", "9"), ("Item", "MUG")} <= set(seen.facts)
    remedy_for(case).begin(case, asked(quiet))
    row.refresh_from_db()
    assert (row.state, row.attempts, row.run_at) == ("owed", 0, SOON)


def test_after_a_lost_answer_the_channel_is_read_first(shop_hub: Hub) -> None:
    row = failed_listing(shop_hub, ambiguous_until=NOON + timedelta(minutes=5))
    case = case_of("listing", row.pk)

    seen = remedy_for(case).foresee(case, now=NOON)

    assert (seen.manner, "12:05:00" in seen.sentence) == (Manner.READ_FIRST, True)


def test_an_unknown_figure_is_never_sent(shop_hub: Hub) -> None:
    case = case_of("listing", failed_listing(shop_hub, desired=None).pk)

    assert remedy_for(case).foresee(case, now=NOON).manner is Manner.NOTHING


def test_a_paused_connection_is_said_to_hold_the_retry_back(shop_hub: Hub) -> None:
    row = failed_listing(shop_hub)
    row.connection.state = Connection.State.PAUSED
    Connection.objects.filter(pk=row.connection_id).update(writing="shadow")
    case = case_of("listing", row.pk)

    assert "shadow" in remedy_for(case).foresee(case, now=NOON).waits


def test_the_attempts_of_a_push_tell_request_and_answer(shop_hub: Hub) -> None:
    row = failed_listing(shop_hub)
    exchange = {"method": "POST", "path": "/batch", "status": 400, "answer": "no"}
    call = PushCall.objects.create(connection=row.connection, at=NOON, exchanges=[exchange])
    PushAttempt.objects.create(
        listing=row, at=NOON, call=call, outcome="refused", wanted=Decimal(7), read_before=Decimal(9),
        error_detail="The shop said no.",
    )  # fmt: skip
    case = case_of("listing", row.pk)

    [tried] = remedy_for(case).tries(case)

    assert (tried.what, tried.error) == ("wanted 7, read 9", "The shop said no.")
    assert list(tried.exchanges) == [exchange]


@pytest.mark.parametrize(
    ("state", "ends"), [("settled", True), ("failed", False), ("owed", None)], ids=["shown", "again", "owed"]
)
def test_a_push_ended_when_its_listing_did(shop_hub: Hub, state: str, ends: bool | None) -> None:
    row = failed_listing(shop_hub, state=state)
    case = case_of("listing", row.pk)

    fate = remedy_for(case).fate(case, since=SOON)

    assert (fate.good if fate else None) is ends


# ── deliveries ──


def test_a_delivery_is_replayed_as_it_came(shop_hub: Hub, quiet: Waker) -> None:
    row, case = malformed(shop_hub)
    remedy = remedy_for(case)

    seen = remedy.foresee(case, now=NOON)
    remedy.begin(case, asked(quiet))

    assert (seen.manner, seen.delivery_id) == (Manner.IDENTICAL, row.pk)
    row.refresh_from_db()
    assert row.state == "pending"
    assert remedy.fate(case, since=SOON) is None
    shop_hub.clock.now = SOON
    shop_hub.drain()
    fate = remedy.fate(case, since=SOON)
    assert fate is not None
    assert not fate.good


def test_a_name_is_retried_with_every_message_that_waits_for_it(shop_hub: Hub, quiet: Waker) -> None:
    hub = shop_hub
    for order in (482, 483):
        hub.order(order, (91, 646, 2))
    hub.drain()
    line = ParkedLine.objects.first()
    assert line is not None
    case = case_of("parked", f"{hub.shop.pk}:{line.waits_on}", code=line.code)
    remedy = remedy_for(case)
    assert {("Lines", "2"), ("Messages", "2")} <= set(remedy.foresee(case, now=NOON).facts)

    remedy.begin(case, asked(quiet))
    waits = remedy.fate(case, since=SOON)
    hub.clock.now = SOON
    hub.drain()
    still = remedy.fate(case, since=SOON)
    map_item(hub.shop, make_item("GIFT"), "product:646")
    remedy.begin(case, asked(quiet))
    hub.drain()
    over = remedy.fate(case, since=SOON)

    assert waits is None
    assert still is not None
    assert (still.good, still.words.startswith("2 lines still wait for item:product:646")) == (False, True)
    assert over is not None
    assert over.good
    assert remedy.foresee(case, now=NOON).manner is Manner.NOTHING


# ── what runs by itself ──


def test_a_misconfigured_connection_is_resumed_and_read_first(shop_hub: Hub, quiet: Waker) -> None:
    shop = shop_hub.shop
    Connection.objects.filter(pk=shop.pk).update(state="misconfigured", state_reason="401")
    Cursor.objects.create(connection=shop, stream="orders", run_at=NOON + timedelta(hours=1))
    case = case_of("connection", shop.pk, code="connection.misconfigured")

    assert remedy_for(case).foresee(case, now=NOON).manner is Manner.READ_FIRST
    remedy_for(case).begin(case, asked(quiet))

    shop.refresh_from_db()
    assert shop.state == "active"
    assert Cursor.objects.get().run_at == SOON


def test_a_connection_that_staff_paused_is_not_resumed_by_a_retry(shop_hub: Hub) -> None:
    Connection.objects.filter(pk=shop_hub.shop.pk).update(state="paused")
    case = case_of("connection", shop_hub.shop.pk)

    assert not remedy_for(case).foresee(case, now=NOON).possible


def test_a_stream_and_a_feed_are_read_at_once(shop_hub: Hub, quiet: Waker) -> None:
    shop = shop_hub.shop
    for name in ("orders", "products"):
        Cursor.objects.create(connection=shop, stream=name, run_at=NOON + timedelta(hours=1))

    stream = case_of("stream", f"{shop.code}/orders", code="stream.page_skipped")
    remedy_for(stream).begin(stream, asked(quiet))
    assert Cursor.objects.get(run_at=SOON).stream == "orders"
    feed = case_of("feed", f"{shop.pk}:1", code="feed.number_missing")
    remedy_for(feed).begin(feed, asked(quiet))
    assert Cursor.objects.filter(run_at=SOON).count() == 2


def test_figures_that_failed_are_computed_again_at_once(shop_hub: Hub, quiet: Waker) -> None:
    item = make_item("MUG")
    case = case_of("item", item.pk, code="availability.failed")

    remedy_for(case).begin(case, asked(quiet))

    row = DirtyItem.objects.get(item=item)
    assert row.urgent
    assert row.not_before == SOON


def test_as_far_as_only_its_case_tells_a_retry_fails_when_it_is_seen_again() -> None:
    case = case_of("order_followed", 7, code="order.not_followed")
    remedy = remedy_for(case)
    assert remedy.fate(case, since=NOON) is None

    again = case_of("order_followed", 7, code="order.not_followed", summary="Not again!", now=SOON)

    fate = remedy.fate(again, since=NOON)
    assert fate is not None
    assert (fate.good, fate.words) == (False, "Not again!")
