"""Readers of the environment fail loudly and by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory_sync.support import env


def test_a_secret_may_be_a_file(monkeypatch, tmp_path: Path):
    (tmp_path / "key").write_text("s3cret\n")
    monkeypatch.setenv("A_KEY_FILE", str(tmp_path / "key"))

    assert env.text("A_KEY") == "s3cret"


def test_a_missing_variable_is_named(monkeypatch):
    monkeypatch.delenv("A_KEY", raising=False)

    with pytest.raises(env.BadEnvironment, match="A_KEY is not set"):
        env.text("A_KEY")


@pytest.mark.parametrize(("raw", "words"), [("many", "whole number"), ("0", "expected 1 to"), ("9", "to 8")])
def test_a_number_out_of_its_bounds_is_refused(monkeypatch, raw: str, words: str):
    monkeypatch.setenv("A_NUMBER", raw)

    with pytest.raises(env.BadEnvironment, match=words):
        env.integer("A_NUMBER", 3, low=1, high=8)


@pytest.mark.parametrize(("raw", "value"), [("1", True), ("Yes", True), ("off", False), ("", True)])
def test_a_flag_reads_the_usual_words(monkeypatch, raw: str, value: bool):
    monkeypatch.setenv("A_FLAG", raw)

    assert env.flag("A_FLAG", True) is value


def test_a_database_address_is_taken_apart(monkeypatch):
    monkeypatch.setenv("A_DATABASE", "postgresql://us%40er:p%2Fw@db.example:6543/stock")

    found = env.database("A_DATABASE")

    assert (found["USER"], found["PASSWORD"]) == ("us@er", "p/w")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.example", "6543", "stock")


def test_another_database_than_postgresql_is_refused(monkeypatch):
    monkeypatch.setenv("A_DATABASE", "mysql://x/y")

    with pytest.raises(env.BadEnvironment, match="only PostgreSQL"):
        env.database("A_DATABASE")
