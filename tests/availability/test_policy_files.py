"""Policies from a file: what it says, what it would change, and what it does."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from inventory_sync.audit.models import Entry
from inventory_sync.availability import services
from inventory_sync.availability.models import ChannelFigure, Policy, PolicyVersion
from inventory_sync.availability.policy_files import DEFAULTS, read_policies, write_policies
from inventory_sync.availability.policy_plans import apply, plan
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection
from inventory_sync.domain.errors import (
    BadPolicyFile,
    BadPolicyValue,
    UnknownPolicyChannel,
    UnknownPolicyField,
    UnknownPolicyItem,
)
from tests.availability.worlds import NOON, PostgresWorld, recompute_all

FILE = """\
policies:
  shop:
    all:
      buffer: 2
      share_percent: 80%
    MUG: {cap: 5, fallback: shrink}
"""


@pytest.fixture
def world(db: None) -> PostgresWorld:
    """Ten mugs, one cap and a pair of mugs as a kit, sold by one shop."""
    world = PostgresWorld()
    world.location("W1")
    world.channel("shop", sells=["W1"])
    for sku, on_hand in (("MUG", 10), ("CAP", 1)):
        world.item(sku)
        world.level(sku, "W1", on_hand)
        world.offer("shop", sku)
        world.mark(sku)
    world.kit("PAIR", {"MUG": 2})
    world.offer("shop", "PAIR")
    recompute_all(world)
    return world


def applied(text: str = FILE, reason: str = "Christmas"):
    return apply(read_policies(text), actor="tests", reason=reason, now=NOON)


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_policy_is_stated_whole_and_knows_its_line():
    general, mug = read_policies(FILE)

    assert (general.channel, general.sku, general.line, general.channel_line) == ("shop", "", 3, 2)
    assert general.values == {**DEFAULTS, "buffer": Decimal(2), "share_percent": Decimal(80)}
    assert (mug.sku, mug.line) == ("MUG", 6)
    assert mug.values == {**DEFAULTS, "cap": Decimal(5), "fallback": "shrink"}


@pytest.mark.parametrize(
    ("why", "text", "error", "line"),
    [
        ("nothing in it", "", BadPolicyFile, 0),
        ("no YAML", "policies: [", BadPolicyFile, 1),
        ("something else", "policies: {}\nprices: {}", BadPolicyFile, 2),
        ("a list", "policies:\n  - shop", BadPolicyFile, 2),
        ("twice", "policies:\n  shop:\n    MUG: {}\n    MUG: {}", BadPolicyFile, 4),
        ("a field nobody knows", "policies:\n  shop:\n    all:\n      bufer: 2", UnknownPolicyField, 4),
        ("no number", "policies:\n  shop:\n    all:\n      buffer: many", BadPolicyValue, 4),
        ("not finite", "policies:\n  shop:\n    all: {buffer: .inf}", BadPolicyValue, 3),
        ("a percentage of nothing", "policies:\n  shop:\n    all:\n      cap: 5%", BadPolicyValue, 4),
        ("half a day", "policies:\n  shop:\n    all:\n      preorder_days: 1.5", BadPolicyValue, 4),
    ],
)
def test_a_file_at_fault_is_refused_with_its_line(why, text, error, line):
    with pytest.raises(error) as caught:
        read_policies(text)

    assert (type(caught.value), caught.value.line) == (error, line), why


@pytest.mark.parametrize(
    ("why", "text", "error", "line"),
    [
        ("no such channel", "policies:\n  shoop:\n    all: {}", UnknownPolicyChannel, 2),
        ("no such item", "policies:\n  shop:\n    all: {}\n    MOG: {}", UnknownPolicyItem, 4),
        ("more than all", "policies:\n  shop:\n    all: {share_percent: 101}", BadPolicyValue, 3),
        ("below nothing", "policies:\n  shop:\n    all: {buffer: -1}", BadPolicyValue, 3),
        ("no such fallback", "policies:\n  shop:\n    all: {fallback: guess}", BadPolicyValue, 3),
    ],
)
def test_what_names_nobody_or_makes_no_sense_is_refused_with_its_line(world, why, text, error, line):
    with pytest.raises(error) as caught:
        applied(text)

    assert caught.value.line == line, why
    assert not Policy.objects.exists()


def test_a_written_file_reads_back_as_the_same():
    values = {**DEFAULTS, "buffer": Decimal("0.25"), "cap": Decimal(7), "fallback": "shrink"}

    [again] = read_policies(write_policies([("shop", "MUG", values)]))

    assert (again.channel, again.sku, again.values) == ("shop", "MUG", values)


# ── planning ────────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_tells_what_would_change_and_changes_nothing(world):
    before = list(ChannelFigure.objects.order_by("pk").values())

    planned = plan(read_policies(FILE), store=PostgresAvailability(), now=NOON)

    assert [(each.subject, each.line) for each in planned.changes] == [
        ("shop (all other items)", 3),
        ("shop MUG", 6),
    ]
    blast = planned.blast["shop"]
    # MUG 10 → 5 by its cap; CAP 1 → 0 and PAIR 5 → 2 by share and buffer
    assert (blast.looked_at, blast.falling, blast.to_zero, blast.rising) == (3, 3, 1, 0)
    assert [example[0] for example in blast.examples] == ["MUG", "PAIR", "CAP"]
    assert blast.examples[0] == ("MUG", 10, 5)
    assert not Policy.objects.exists()
    assert list(ChannelFigure.objects.order_by("pk").values()) == before
    assert world.dirty() == set()


def test_the_figures_of_a_plan_are_those_that_come_of_it(world):
    planned = plan(read_policies(FILE), store=PostgresAvailability(), now=NOON)

    applied()
    recompute_all(world)

    for sku, _, then in planned.blast["shop"].examples:
        assert world.shown("shop", sku).figure == then


# ── applying ────────────────────────────────────────────────────────────────────────────────────────


def test_applying_twice_changes_nothing_the_second_time(world):
    assert len(applied()) == 2
    recompute_all(world)
    entries = Entry.objects.count()

    assert applied() == ()

    assert Entry.objects.count() == entries
    assert PolicyVersion.objects.count() == 2
    assert world.dirty() == set()


def test_a_file_applies_whole_or_not_at_all(world):
    with pytest.raises(UnknownPolicyItem):
        applied("policies:\n  shop:\n    MUG: {cap: 1}\n    NOBODY: {cap: 1}")

    assert not Policy.objects.exists()


def test_absent_takes_a_policy_away_and_what_is_not_named_stays(world):
    applied()

    applied("policies:\n  shop:\n    MUG: absent", reason="over")

    assert list(Policy.objects.values_list("item__sku", flat=True)) == [None]
    assert Entry.objects.filter(action="policy.removed", reason="over").exists()


def test_every_version_is_kept_and_a_number_is_used_once(world):
    mug, shop = Item.objects.get(sku="MUG"), Connection.objects.get(code="shop")
    applied()
    applied(FILE.replace("cap: 5", "cap: 6"), reason="more came")
    applied("policies:\n  shop:\n    MUG: absent", reason="over")
    applied(reason="again")

    versions = list(services.versions_of(connection=shop, item=mug))

    assert [each.version for each in versions] == [4, 3, 2, 1]
    assert [each.reason for each in versions] == ["again", "over", "more came", "Christmas"]
    assert [each.values.get("cap") for each in versions] == ["5", None, "6", "5"]
    assert Policy.objects.get(item=mug).version == 4


def test_nobody_edits_a_version(world):
    applied()

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        PolicyVersion.objects.update(reason="I never said that")


# ── the command ─────────────────────────────────────────────────────────────────────────────────────


def test_the_command_plans_applies_and_exports(world, tmp_path: Path, capsys):
    file = tmp_path / "policies.yaml"
    file.write_text(FILE)

    call_command("policy", "plan", file)
    planned = capsys.readouterr().out
    call_command("policy", "apply", file, reason="Christmas")
    capsys.readouterr()
    call_command("policy", "export", "shop")
    exported = capsys.readouterr().out
    call_command("policy", "plan", file)

    assert "+ shop MUG" in planned
    assert "cap: – → 5" in planned
    assert "3 of 3 figures change: 0 rise, 3 fall, 1 of them to zero" in planned
    assert capsys.readouterr().out == "Nothing changes.\n"
    assert read_policies(exported)[1].values == read_policies(FILE)[1].values


def test_the_command_names_code_and_line_of_what_it_refuses(world, tmp_path: Path):
    file = tmp_path / "policies.yaml"
    file.write_text("policies:\n  shop:\n    all: {bufer: 1}")

    with pytest.raises(CommandError, match=r"policy\.field_unknown: Line 3"):
        call_command("policy", "plan", file)
    with pytest.raises(CommandError, match="reason"):
        call_command("policy", "apply", file, reason=" ")
