"""Every live check sees its invariant broken underneath; a healthy house passes all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from inventory_sync.cases.models import Case
from inventory_sync.domain.external import OrderStatus
from inventory_sync.pipeline.invariants import look, rounds
from inventory_sync.pipeline.invariants.look import Result, look_at
from inventory_sync.pipeline.invariants.registry import checks, chosen
from inventory_sync.pipeline.models import Verification
from inventory_sync.propagation.models import Listing
from tests import factories as make
from tests.pipeline.stories import Story

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def story() -> Story:
    """A healthy house: counted, sold, ordered, cancelled, computed, pushed and read back."""
    story = Story()
    for sku in ("MUG", "LID"):
        story.item(sku)
        for store in story.stores:
            story.count(sku, 10, store)
    story.kit("SET", {"MUG": 2, "LID": 1})
    story.wait()
    story.move("MUG", -1)
    story.move("MUG", 4, "ST-2", ago=0.5)
    story.order("1", "MUG", 2)
    story.order("2", "SET", 1)
    story.wait()
    story.order("2", "SET", 1, stamp=2, status=OrderStatus.CANCELLED)
    figures = story.compute()
    for sku in ("MUG", "LID", "SET"):
        figure = figures["shop", sku]
        assert figure is not None
        Listing.objects.filter(connection=story.shop, mapping__item=story.items[sku]).update(
            state="settled", desired=figure, observed=figure, acknowledged=figure,
            acknowledged_at=story.now, desired_version=1,
        )  # fmt: skip
        story.push(sku, int(figure))
    make.make_delivery(story.shop, state="done", finished_at=story.now)
    make.make_delivery(story.shop)
    return story


def results(*names: str) -> dict[str, Result]:
    found = look_at(chosen(names, now=make.NOON + HOUR), seconds=lambda: 0.0)
    return {each.check.name: each for each in found}


def break_it(*statements: str) -> None:
    """Change rows behind everybody's back: no trigger, no foreign key is asked."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)
            assert cursor.rowcount != 0, f"nothing was broken: {statement}"
        cursor.execute("SET LOCAL session_replication_role = origin")


MUG = "(SELECT id FROM catalog_item WHERE sku = 'MUG')"
ST1 = "(SELECT id FROM catalog_location WHERE code = 'ST-1')"
AT_ST1 = f"item_id = {MUG} AND location_id = {ST1}"
TRANSIT = "(SELECT id FROM catalog_location WHERE kind = 'transit')"
MOVE = (
    "INSERT INTO ledger_movement (event_id, recorded_at, item_id, source_id, destination_id, occurred_at,"
    f" quantity, kind, period, reference) SELECT e.id, e.recorded_at, {MUG}, {{}}, {{}}, e.occurred_at, {{}},"
    f" 'transfer', '2026-11', 'T-1' FROM ledger_event e WHERE e.item_id = {MUG} ORDER BY e.id LIMIT 1"
)
SHOP_MUG = f"item_id = {MUG} AND connection_id = (SELECT id FROM connections_connection WHERE code = 'shop')"
SHOP_LISTING = (
    "id = (SELECT l.id FROM propagation_listing l JOIN catalog_itemmapping m ON m.id = l.mapping_id"
    f" JOIN connections_connection c ON c.id = l.connection_id WHERE m.item_id = {MUG} AND c.code = 'shop')"
)

# ruff: noqa: ISC004 a statement is one string, over lines.
# The check, what is done to the tables, the subject it must name, and both numbers.
BROKEN: list[tuple[str, list[str], str, list[str]]] = [
    ("level_sum", [f"UPDATE ledger_stocklevel SET on_hand = on_hand + 5 WHERE {AT_ST1}"],
     "MUG @ ST-1", ["14", "9"]),
    ("level_reports",
     [f"UPDATE ledger_event SET quantity = quantity - 3 WHERE {AT_ST1} AND kind = 'delta'"],
     "MUG @ ST-1", ["9", "6"]),
    ("units_conserved", [f"UPDATE ledger_stocklevel SET on_hand = on_hand + 5 WHERE {AT_ST1}"],
     "MUG", ["28", "23"]),
    ("transfer_sum", [MOVE.format(ST1, TRANSIT, 2), MOVE.format(TRANSIT, ST1, 3)],
     "MUG transfer T-1", ["2", "3"]),
    ("demand_covered", [f"UPDATE ledger_allocation SET quantity = 90 WHERE item_id = {MUG} AND open"],
     "MUG @ ", ["90"]),
    ("event_key", [f"UPDATE ledger_eventkey SET revision = 7 WHERE event_id = (SELECT min(id)"
                   f" FROM ledger_event WHERE {AT_ST1})"],
     "till event-1/0", ["0", "7"]),
    ("newest_rules",
     [f"UPDATE ledger_stocklevel SET counted_at = counted_at - interval '2 days' WHERE {AT_ST1}"],
     "MUG @ ST-1", ["2026-11-21", "2026-11-23"]),
    ("newest_rules",
     ["INSERT INTO ledger_reservationchange (reservation_id, at, item_id, state, demand, fulfilled, stamp,"
      " reading, reason, allocations, correlation_id) SELECT reservation_id, at, item_id, state, demand,"
      " fulfilled, stamp - 1, reading, reason, allocations, '' FROM ledger_reservationchange"
      " ORDER BY id DESC LIMIT 1"],
     "shop order #2 line 1", ["2", "1"]),
    ("figure_versions",
     ["INSERT INTO availability_figurehistory (computed_at, connection_id, item_id, version, policy_version,"
      " figure, verdict, correlation_id, terms) SELECT computed_at + interval '1 minute', connection_id,"
      " item_id, version - 1, policy_version, figure, verdict, '', terms FROM availability_figurehistory"
      f" WHERE {SHOP_MUG}"],
     "shop MUG", ["1", "0"]),
    ("listing_versions", [f"UPDATE propagation_listing SET desired_version = 99 WHERE {SHOP_LISTING}"],
     "shop product:MUG", ["99", "1"]),
    ("known_was_told", [f"UPDATE ledger_stocklevel SET counted_at = NULL WHERE {AT_ST1}"],
     "MUG @ ST-1", ["9"]),
    ("unknown_not_zero",
     [f"UPDATE availability_channelfigure SET figure = 0, verdict = 'unknown' WHERE {SHOP_MUG}"],
     "shop MUG", ["0"]),
    ("unknown_not_sent",
     [f"UPDATE availability_channelfigure SET figure = NULL, verdict = 'unknown' WHERE {SHOP_MUG}",
      f"UPDATE propagation_listing SET desired = 0 WHERE {SHOP_LISTING}"],
     "shop product:MUG", ["0", "unknown"]),
    ("read_back", [f"UPDATE propagation_listing SET acknowledged = 3 WHERE {SHOP_LISTING}"],
     "shop product:MUG", ["21", "3"]),
    ("read_back", ["UPDATE propagation_pushattempt SET read_after = 4 WHERE listing_id ="
                   f" (SELECT id FROM propagation_listing WHERE {SHOP_LISTING})"],
     "shop product:MUG", ["21", "4"]),
    ("authority",
     ["UPDATE ledger_event SET connection_id = (SELECT id FROM connections_connection WHERE code = 'shop')"
      f" WHERE {AT_ST1} AND kind = 'delta'"],
     "shop event-", ["ST-1", "shop"]),
    ("delivery_fate", ["UPDATE intake_delivery SET state = 'lost' WHERE state = 'done'"],
     "delivery ", ["lost"]),
    ("delivery_fate", ["UPDATE intake_delivery SET state = 'parked' WHERE state = 'done'"],
     "delivery ", ["parked", "0 open lines"]),
    ("figure_reproduced",
     [f"UPDATE availability_channelfigure SET figure = figure + 4 WHERE {SHOP_MUG}"],
     "shop MUG", ["25", "21"]),
    ("terms_add_up",
     [f"UPDATE availability_figurehistory SET terms = '[[\"on_hand\", 7, \"ST-1\"]]' WHERE {SHOP_MUG}"],
     "shop MUG", ["21", "7"]),
    ("allotments_fit",
     ["INSERT INTO availability_allotment (created_at, updated_at, connection_id, item_id, quantity,"
      f" granted_at) SELECT now(), now(), id, {MUG}, 77, '2026-11-23' FROM connections_connection"
      " WHERE code = 'shop'"],
     "MUG", ["77", "23"]),
    ("mirror_sum",
     ["INSERT INTO propagation_mirrorplace (created_at, updated_at, connection_id, location_id, external_id,"
      " since, after_id) SELECT now(), now(), c.id, place.id, 'W', now(), 0 FROM connections_connection c,"
      " catalog_location place WHERE c.code = 'shop' AND place.code = 'ST-1'",
      "INSERT INTO propagation_mirrorlevel (place_id, item_id, upto_id)"
      f" SELECT id, {MUG}, (SELECT max(id) FROM ledger_movement) FROM propagation_mirrorplace"],
     "shop ST-1 MUG", ["say 0"]),
    ("exact", [f"UPDATE ledger_stocklevel SET unavailable = 'NaN' WHERE {AT_ST1}"], "MUG @ ST-1", ["NaN"]),
    ("append_only", ["ALTER TABLE ledger_movement DISABLE TRIGGER ledger_movement_append_only"],
     "ledger_movement_append_only", ["switched off"]),
]  # fmt: skip


def test_a_healthy_house_holds_every_invariant(story: Story) -> None:
    found = results()

    assert {name: each.violations for name, each in found.items() if not each.holds} == {}
    assert set(found) == {check.name for check in checks(now=make.NOON)}


@pytest.mark.parametrize(
    ("name", "statements", "subject", "numbers"),
    BROKEN,
    ids=[f"{row[0]}-{n}" for n, row in enumerate(BROKEN)],
)
def test_a_broken_invariant_is_seen_and_named_with_both_numbers(
    story: Story, name: str, statements: list[str], subject: str, numbers: list[str]
) -> None:
    break_it(*statements)

    violations = results(name)[name].violations

    assert violations
    assert violations[0].subject.startswith(subject)
    for number in numbers:
        assert number in violations[0].summary


def test_every_check_has_a_test_that_breaks_its_rule() -> None:
    assert {row[0] for row in BROKEN} == {check.name for check in checks(now=make.NOON)}


def test_the_rule_allows_a_shortage_that_somebody_owns(story: Story) -> None:
    break_it(f"UPDATE ledger_allocation SET quantity = 90 WHERE item_id = {MUG} AND open")
    rounds.go_on(clock=lambda: story.now, every=HOUR, until=lambda: False)

    found = results("demand_covered")["demand_covered"]

    assert found.holds
    assert len(found.owned) == 1


# ── rounds ──


def round_of(story: Story, until: Callable[[], bool] = lambda: False) -> dict[str, int]:
    return rounds.go_on(clock=lambda: story.now, every=HOUR, until=until)


def test_a_violation_opens_its_case_once_and_the_case_closes_when_it_is_gone(story: Story) -> None:
    break_it(f"UPDATE ledger_stocklevel SET on_hand = on_hand + 5 WHERE {AT_ST1}")
    round_of(story)
    story.wait(120)
    round_of(story)

    case = Case.objects.get(code="invariant.level_sum")
    assert (case.subject_kind, case.subject_id, case.state, case.times) == (
        "invariant",
        "MUG @ ST-1",
        "open",
        2,
    )

    break_it(f"UPDATE ledger_stocklevel SET on_hand = on_hand - 5 WHERE {AT_ST1}")
    story.wait(120)
    round_of(story)

    case.refresh_from_db()
    assert case.state == "resolved"


def test_a_round_stops_when_time_is_up_and_goes_on_where_it_was(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "SLICE_IDS", 1)
    slices_seen = 0
    while not Verification.objects.filter(finished_at__isnull=False).exists():
        done = round_of(story, until=lambda: True)
        assert done["slices"] <= 1
        slices_seen += done["slices"]

    row = Verification.objects.get()
    assert set(row.results) == {check.name for check in checks(now=make.NOON)}
    assert all("finished_at" in told for told in row.results.values())
    assert slices_seen > len(row.results)


def test_one_round_is_under_way_at_a_time_and_the_next_waits_its_turn(story: Story) -> None:
    Verification.objects.create(started_at=story.now, lease_until=story.now + HOUR)
    assert round_of(story) == {"nothing_due": 1}

    Verification.objects.update(lease_until=story.now - HOUR)
    round_of(story)
    assert not rounds.round_due(story.now + HOUR / 2, every=HOUR)
    assert rounds.round_due(story.now + HOUR, every=HOUR)


def test_a_thousand_violations_of_one_kind_are_not_a_thousand_cases(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "MOST_CASES", 1)
    break_it("UPDATE ledger_stocklevel SET on_hand = on_hand + 5")

    round_of(story)

    subjects = set(Case.objects.filter(code="invariant.level_sum").values_list("subject_id", flat=True))
    assert len(subjects) == 2
    assert "and more" in subjects


# ── the command ──


def verify(*arguments: str) -> str:
    out = StringIO()
    call_command("verify", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_says_that_all_hold(story: Story) -> None:
    assert "All 21 invariants hold." in verify()


def test_the_command_fails_and_names_what_is_wrong(story: Story) -> None:
    break_it(f"UPDATE ledger_stocklevel SET on_hand = on_hand + 5 WHERE {AT_ST1}")
    out = StringIO()

    with pytest.raises(CommandError, match="level_sum") as error:
        call_command("verify", "--only", "level_sum,exact", stdout=out)

    assert error.value.returncode == 1
    assert "MUG at ST-1: the level says 14, its movements add up to 9." in out.getvalue()
    assert "exact              holds" in out.getvalue()


def test_the_command_speaks_json(story: Story) -> None:
    told: list[dict[str, Any]] = json.loads(verify("--json", "--only", "level_sum,terms_add_up"))

    assert [(each["check"], each["holds"], each["violations"]) for each in told] == [
        ("level_sum", True, []),
        ("terms_add_up", True, []),
    ]


def test_a_check_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(CommandError, match="no check stock_ok") as error:
        call_command("verify", "--only", "stock_ok")

    assert error.value.returncode == 2
