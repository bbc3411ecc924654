"""`manage.py replay`: a small file of trade goes through the door and comes out exact, or it fails."""

from __future__ import annotations

import csv
import random
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from inventory_sync.intake.models import Delivery
from inventory_sync.ledger.selectors import verify

pytestmark = pytest.mark.usefixtures("lone_session")
LINES = 300


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, Path]:
    """A file of trade and what must come out: sales, returns and losses, with ties in the minute."""
    chance = random.Random(5)
    skus = [f"{20_000 + number}{chance.choice(('', 'a', 'B'))}" for number in range(12)]
    at = datetime(2010, 12, 1, 8, 26)
    stock, lowest = dict.fromkeys(skus, 0), dict.fromkeys(skus, 0)
    trade = tmp_path / "trade.csv"
    with trade.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "Country"])
        for number in range(LINES):
            at += timedelta(minutes=chance.choice((0, 0, 1, 7)))
            sku, quantity = chance.choice(skus), chance.choice((1, 2, 6, 12, -1, -3))
            invoice = f"{'C' if quantity < 0 and chance.random() < 0.5 else ''}{536_365 + number // 3}"
            writer.writerow([invoice, sku, "A thing", quantity, at.isoformat(sep=" "), "Germany"])
            stock[sku] -= quantity
            lowest[sku] = min(lowest[sku], stock[sku])
    expected = tmp_path / "expected.csv"
    with expected.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sku_upper", "opening_stock_to_stay_nonnegative", "net_change"])
        writer.writerows([sku.upper(), -lowest[sku], stock[sku]] for sku in skus)
    return trade, expected


def replay(trade: Path, *arguments: str) -> str:
    said = StringIO()
    call_command("replay", str(trade), "--inline", *arguments, stdout=said)
    return said.getvalue()


def test_a_recorded_day_comes_out_exact(recorded: tuple[Path, Path]) -> None:
    trade, expected = recorded

    said = replay(trade, "--expect", str(expected))

    assert "Differences: 0. Levels that are not the sum of their movements: 0." in said
    assert Delivery.objects.filter(state="done").count() == LINES + 12


def test_duplicates_disorder_and_counts_change_nothing(recorded: tuple[Path, Path]) -> None:
    trade, expected = recorded
    trouble = ("--duplicate", "0.3", "--shuffle-window", "60", "--counts", "40", "--seed", "7")

    said = replay(trade, "--expect", str(expected), *trouble)

    assert "Differences: 0." in said
    assert Delivery.objects.count() > LINES + 12
    assert verify() == []


def test_one_falsified_line_is_found_and_the_command_fails(
    recorded: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    trade, expected = recorded

    with pytest.raises(CommandError, match="does not agree"):
        call_command("replay", str(trade), "--inline", "--expect", str(expected), "--corrupt", "1")

    assert "Differences: 1." in capsys.readouterr().out


def test_a_part_of_the_file_can_be_replayed(recorded: tuple[Path, Path]) -> None:
    trade, expected = recorded

    assert "Differences: 0." in replay(trade, "--expect", str(expected), "--limit", "50")


def test_a_file_that_holds_no_trade_is_refused_in_words(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("InvoiceNo,Quantity\n1,2\n", encoding="utf-8")

    with pytest.raises(CommandError, match="lacks the columns InvoiceDate, StockCode"):
        replay(empty)
