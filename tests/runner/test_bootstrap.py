"""Making the environment: sentences for the machine that lacks something, the user's own package index."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from runner import bootstrap
from runner.landscape import ROOT


def test_an_old_python_is_told_which_one_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))

    with pytest.raises(bootstrap.Stop, match=r"3\.11 or later is needed, and this is 3\.9.*make PYTHON="):
        bootstrap.main("base")


def test_a_missing_venv_module_names_debians_package(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_ensurepip(name: str, *rest: object, **more: object) -> object:
        if name == "ensurepip":
            raise ImportError(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without_ensurepip)

    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    with pytest.raises(bootstrap.Stop, match=f"apt-get install python{version}-venv"):
        bootstrap.make_environment()


def test_uv_is_told_what_only_pip_was_configured_with(monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        "global.index-url='https://mirror.example/simple'\n"
        "global.extra-index-url='https://a.example/s\\nhttps://b.example/s'\n"
        ":env:.index-url='https://nearer.example/simple'\n"
        "global.timeout='60'\n"
    )
    for name in (*bootstrap.UV_OWN, *bootstrap.TRANSLATED.values()):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "exists", lambda path: False)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=said.encode()))

    assert bootstrap.from_pip_to_uv() == {
        "UV_DEFAULT_INDEX": "https://nearer.example/simple",
        "UV_INDEX": "https://a.example/s https://b.example/s",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_uvs_own_configuration_wins_over_pips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://own.example/simple")

    assert bootstrap.from_pip_to_uv() == {}


def test_a_changed_lock_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tools", "base"):
        (tmp_path / f"{name}.txt").write_text("a==1\n")
    monkeypatch.setattr(bootstrap, "requirements", lambda name: str(tmp_path / f"{name}.txt"))
    before = bootstrap.locked("base")

    (tmp_path / "base.txt").write_text("a==2\n")

    assert bootstrap.locked("base") != before


@pytest.mark.parametrize("name", ["base", "dev", "tools"])
def test_the_lock_files_are_hashed_and_record_no_address_and_no_path(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()

    pinned = [line for line in text.splitlines() if line and line[0].isalnum()]
    assert pinned
    assert all("==" in line and line.endswith("\\") for line in pinned)
    assert "://" not in text
    assert "index" not in text
    assert not [line for line in text.splitlines() if " /" in line]


@pytest.mark.parametrize("name", ["base", "dev", "tools"])
def test_every_direct_dependency_says_why_it_is_there(name: str) -> None:
    lines = (ROOT / "requirements" / f"{name}.in").read_text().splitlines()

    unexplained = [line for line in lines if line and line[0] not in "#-" and " # " not in line]

    assert unexplained == []


def test_make_alone_prints_every_target() -> None:
    said = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout

    for target in ("run", "test", "check", "mutants", "replay", "fmt", "lock", "clean"):
        assert f"make {target} " in said
