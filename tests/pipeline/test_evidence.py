"""The daily evidence counts what was sold and what no figure covered, and nobody can change it unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from inventory_sync.domain.external import OrderStatus
from inventory_sync.ledger.models import Order
from inventory_sync.pipeline.evidence.keep import NotOver, OutOfTurn, Seals, day_due, make, verify
from inventory_sync.pipeline.evidence.seal import canonical, digest_of, faults, seal
from inventory_sync.pipeline.models import Evidence
from tests.pipeline.stories import Story

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 22)
MORNING = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
NEXT_DAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SEALS = Seals(directory="", key="", software="1.2.3")


@pytest.fixture
def story() -> Story:
    """Five mugs; both channels were told 5 and rightly so."""
    story = Story(now=MORNING)
    story.item("MUG")
    story.count("MUG", 5)
    story.count("MUG", 0, "ST-2")
    story.compute()
    for channel in (story.shop, story.market):
        story.push("MUG", 5, channel=channel)
    story.wait()
    return story


def seal_day(day: date = DAY, *, now: datetime = NEXT_DAY, seals: Seals = SEALS) -> Evidence:
    return make(day, seals=seals, now=now, seconds=lambda: 0.0)


def content(row: Evidence) -> Any:
    return json.loads(row.document)


def test_a_quiet_day_has_its_evidence_too() -> None:
    told = content(seal_day())

    assert told["total"]["lines_taken"] == 0
    assert told["invariants"]["hold"] is True
    assert told["software"] == "1.2.3"


def test_what_was_shown_and_sold_is_counted_by_channel(story: Story) -> None:
    story.order("1", "MUG", 2)
    story.wait()
    story.order("2", "MUG", 1, channel=story.market)
    story.compute()
    story.wait()
    story.order("2", "MUG", 1, stamp=2, channel=story.market, status=OrderStatus.CANCELLED)

    told = content(seal_day())

    shop, market = told["channels"]["shop"], told["channels"]["market"]
    assert (shop["figures_published"], shop["orders_taken"], shop["lines_not_covered"]) == (1, 1, 0)
    assert (market["orders_taken"], market["lines_cancelled"]) == (1, 1)
    assert (told["total"]["orders_taken"], told["oversells"]) == (2, [])
    assert told["ledger"]["movements"] == 1


def test_two_channels_that_sell_the_last_ones_at_once_oversell_inherently(story: Story) -> None:
    """Both showed 5, and rightly: the second one's sale came before it could be told."""
    story.order("1", "MUG", 4)
    story.wait(0.1)
    story.order("2", "MUG", 4, channel=story.market)
    story.compute()

    told = content(seal_day())

    (oversell,) = told["oversells"]
    assert (oversell["kind"], oversell["channel"], oversell["sold"]) == ("inherent", "market", "4")
    assert (oversell["covered"], oversell["told"], oversell["below_zero"]) == ("1", "5", True)
    assert told["total"]["oversells"]["inherent"] == 1
    assert told["total"]["recorded_below_zero"] == 1


def test_a_channel_that_sells_more_than_it_was_told_did_so_itself(story: Story) -> None:
    story.order("1", "MUG", 9)

    (oversell,) = content(seal_day())["oversells"]

    assert (oversell["kind"], oversell["told"], oversell["covered"]) == ("beyond_shown", "5", "5")


def test_an_item_the_channel_was_never_told_a_figure_of_is_untold(story: Story) -> None:
    story.item("LID")
    story.order("1", "LID", 1)

    (oversell,) = content(seal_day())["oversells"]

    assert (oversell["kind"], oversell["covered"], oversell["told"]) == ("untold", None, None)


def test_a_figure_higher_than_the_ledger_knew_is_our_own_fault(story: Story) -> None:
    """The figure says 9 on hand where the ledger had recorded 5: that is what must never be."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            'UPDATE availability_figurehistory SET figure = 9, terms = \'[["on_hand", 9, "ST-1"]]\''
            " WHERE connection_id = %s",
            [story.shop.pk],
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
    story.push("MUG", 9)
    story.wait()
    story.order("1", "MUG", 6, channel=story.market)
    story.order("2", "MUG", 8)

    told = {each["channel"]: each["kind"] for each in content(seal_day())["oversells"]}

    assert told == {"market": "beyond_shown", "shop": "arithmetic"}


def test_a_line_that_comes_to_want_more_is_held_against_the_rest(story: Story) -> None:
    story.order("1", "MUG", 3)
    story.wait()
    story.compute()
    story.push("MUG", 2)
    story.wait()
    story.order("1", "MUG", 5, stamp=2)

    assert content(seal_day())["oversells"] == []


def test_an_order_is_judged_by_what_was_shown_when_it_was_placed(story: Story) -> None:
    """It was placed while 5 were shown, and reached us after 1 was told."""
    placed = story.now
    story.wait()
    story.order("1", "MUG", 4)
    story.compute()
    story.push("MUG", 1, channel=story.market)
    story.wait()
    story.order("2", "MUG", 3, channel=story.market)
    Order.objects.filter(order_ref="2").update(placed_at=placed)

    (oversell,) = content(seal_day())["oversells"]

    assert (oversell["kind"], oversell["told"]) == ("inherent", "5")


# ── kits ──


@pytest.fixture
def boxes(story: Story) -> Story:
    """Two mugs and a lid make a box; there are 5 mugs and 9 lids, and the shop was told so of everything."""
    story.item("LID")
    story.kit("BOX", {"MUG": 2, "LID": 1})
    story.count("LID", 9)
    story.count("LID", 0, "ST-2")
    assert story.compute()["shop", "BOX"] == 2
    story.push("BOX", 2)
    story.push("LID", 9)
    story.wait()
    return story


def test_a_kit_that_is_sold_takes_its_components(boxes: Story) -> None:
    boxes.order("1", "BOX", 2)
    boxes.wait(0.1)
    boxes.order("2", "MUG", 3)
    boxes.order("3", "LID", 7)

    told = content(seal_day())

    (oversell,) = told["oversells"]
    assert (oversell["sku"], oversell["sold"], oversell["covered"]) == ("MUG", "3", "1")
    assert (oversell["kind"], oversell["components"]) == ("inherent", {})
    assert (told["total"]["kits_taken"], told["total"]["lines_taken"]) == (1, 3)


def test_components_that_were_sold_leave_fewer_kits(boxes: Story) -> None:
    boxes.order("1", "MUG", 2)
    boxes.wait(0.1)
    boxes.order("2", "BOX", 2)

    (oversell,) = content(seal_day())["oversells"]

    assert (oversell["sku"], oversell["covered"], oversell["kind"]) == ("BOX", "1", "inherent")
    assert oversell["components"] == {"LID": "2", "MUG": "4"}


def test_components_of_which_there_are_more_than_kits_need_may_be_sold_too(boxes: Story) -> None:
    boxes.order("1", "LID", 7)
    boxes.order("2", "MUG", 1)
    boxes.wait(0.1)
    boxes.order("3", "BOX", 2)

    assert content(seal_day())["oversells"] == []


def test_the_last_kits_are_sold_once(boxes: Story) -> None:
    boxes.push("BOX", 2, channel=boxes.market)
    boxes.wait(0.1)
    boxes.order("1", "BOX", 1)
    boxes.wait(0.1)
    boxes.order("2", "BOX", 1)
    boxes.wait(0.1)
    boxes.order("3", "BOX", 1, channel=boxes.market)

    (oversell,) = content(seal_day())["oversells"]

    assert (oversell["order"], oversell["covered"], oversell["channel"]) == ("#3", "0", "market")


# ── sealed ──


def test_a_day_is_sealed_once_and_chained_to_the_day_before(story: Story) -> None:
    first = seal_day()
    second = seal_day(DAY + timedelta(days=1), now=NEXT_DAY + timedelta(days=1))

    assert seal_day(now=NEXT_DAY + timedelta(hours=5)).digest == first.digest
    assert first.digest == hashlib.sha256(first.document.encode()).hexdigest()
    assert content(second)["previous"] == second.previous == first.digest
    assert verify(seals=SEALS) == []


def test_a_day_that_is_not_over_or_out_of_turn_is_not_sealed() -> None:
    with pytest.raises(NotOver):
        seal_day(now=MORNING)
    seal_day()
    with pytest.raises(OutOfTurn):
        seal_day(DAY - timedelta(days=1))


def test_yesterday_is_due_half_an_hour_after_midnight_and_once() -> None:
    midnight = datetime(2026, 11, 23, tzinfo=UTC)

    assert day_due(midnight + timedelta(minutes=29)) == DAY - timedelta(days=1)
    assert day_due(midnight + timedelta(minutes=31)) == DAY
    seal_day()
    assert day_due(midnight + timedelta(minutes=31)) is None


def test_nobody_edits_what_was_sealed() -> None:
    seal_day()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Evidence.objects.update(digest="0" * 64)


def falsify(**values: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for name, value in values.items():
            cursor.execute(f"UPDATE pipeline_evidence SET {name} = %s WHERE day = %s", [value, DAY])
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            lambda row: {"document": row.document.replace('"movements":0', '"movements":1')},
            "not what its digest",
        ),
        (lambda row: {"digest": "0" * 64}, "not what its digest"),
        (lambda row: {"signature": "0" * 64}, "not ours"),
        (lambda row: {"signature": ""}, "not signed"),
        (lambda row: {"previous": "0" * 64}, "does not follow"),
    ],
)
def test_every_way_to_falsify_it_is_seen(values: Callable[[Evidence], dict[str, str]], says: str) -> None:
    seals = Seals(directory="", key="a key", software="")
    row = seal_day(seals=seals)
    assert verify(seals=seals) == []

    falsify(**values(row))

    assert any(says in fault.what for fault in verify(seals=seals))


def test_a_day_resealed_behind_everybodys_back_breaks_the_link_of_the_next() -> None:
    row = seal_day()
    seal_day(DAY + timedelta(days=1), now=NEXT_DAY + timedelta(days=1))
    other = row.document.replace('"movements":0', '"movements":1')

    falsify(document=other, digest=digest_of(other))

    assert [(fault.day, fault.what) for fault in verify(seals=SEALS)] == [
        (DAY + timedelta(days=1), "it does not follow the one before")
    ]


def test_the_file_beside_the_row_is_checked_too(tmp_path: Path) -> None:
    seals = Seals(directory=str(tmp_path / "evidence"), key="", software="")
    row = seal_day(seals=seals)
    path = Path(row.path)

    assert canonical(json.loads(path.read_text())["document"]) == row.document
    assert verify(seals=seals) == []

    path.write_text(path.read_text().replace('"lines_taken": 0', '"lines_taken": 1'))
    assert [fault.what for fault in verify(seals=seals)] == [f"its file {path.name} says something else"]
    path.unlink()
    assert [fault.what for fault in verify(seals=seals)] == [f"its file {path.name} is gone"]


def test_equal_content_has_one_way_to_be_written_and_no_floats() -> None:
    assert canonical({"b": 1, "a": ["é"]}) == '{"a":["é"],"b":1}'
    with pytest.raises(TypeError):
        canonical({"a": [0.1]})
    assert faults(seal({}, previous="", key="k"), previous="", key="k") == []


def test_the_command_makes_prints_and_checks_it(story: Story, settings: Any, tmp_path: Path) -> None:
    settings.INVENTORY_SYNC = {**settings.INVENTORY_SYNC, "EVIDENCE_DIR": str(tmp_path)}
    day = timezone.now().date() - timedelta(days=1)
    out = StringIO()

    call_command("evidence", "--day", day.isoformat(), stdout=out, stderr=StringIO())
    assert json.loads(out.getvalue())["day"] == day.isoformat()
    call_command("evidence", "--verify", stdout=out)
    assert "Every digest, signature, link and file is right." in out.getvalue()

    next(tmp_path.iterdir()).unlink()
    with pytest.raises(CommandError, match="1 faults"):
        call_command("evidence", "--verify", stdout=StringIO())
    with pytest.raises(CommandError, match="not over"):
        call_command("evidence", "--day", timezone.now().date().isoformat())


def test_the_sum_of_the_channels_is_the_total(story: Story) -> None:
    for number in range(4):
        story.order(str(number), "MUG", 2, channel=(story.shop, story.market)[number % 2])

    told = content(seal_day())

    for name in ("lines_taken", "lines_not_covered", "recorded_below_zero"):
        assert told["total"][name] == sum(each[name] for each in told["channels"].values())
    assert Decimal(told["total"]["lines_not_covered"]) == len(told["oversells"])
