"""What our code imports is asked for by name: what another package happens to bring may leave with it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"benchmarks", "connectors", "inventory_sync", "manage", "runner", "tests"}
RUNNING = ("connectors", "inventory_sync", "runner")
FOR_TESTS = ROOT / "connectors/base/contract.py"  # the suite that connectors are held against


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(*files: str) -> set[str]:
    """Return the packages these files name, as registries spell them."""
    lines = [line for file in files for line in (ROOT / "requirements" / file).read_text().splitlines()]
    names = [re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line) for line in lines]
    return {normal(name.group()) for name in names if name}


def imported(*folders: str) -> Iterator[tuple[Path, str]]:
    """Yield every import of a package that is neither Python's nor ours, with the file it is in."""
    for path in sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            else:
                continue
            for name in {each.partition(".")[0] for each in names} - OURS - sys.stdlib_module_names:
                yield path, name


def missing(folders: tuple[str, ...], asked: set[str]) -> list[str]:
    brought_by = packages_distributions()
    return sorted(
        {
            f"{path.relative_to(ROOT)} imports {name}"
            for path, name in imported(*folders)
            if path != FOR_TESTS and not {normal(each) for each in brought_by.get(name, (name,))} & asked
        }
    )


def test_what_the_platform_imports_is_in_base() -> None:
    assert missing(RUNNING, asked_for("base.in")) == []


def test_what_tests_and_benchmarks_import_is_in_base_or_dev() -> None:
    assert missing(("tests", "benchmarks"), asked_for("base.in", "dev.in")) == []


@pytest.mark.parametrize("package", ["pyyaml", "django", "psycopg"])
def test_a_package_nobody_asks_for_is_noticed(package: str) -> None:
    assert missing(RUNNING, asked_for("base.in") - {package})
