"""Files are short, say what they hold, and know nothing of the machine they were written on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command

from tests.house.source import ROOT, assert_none, sources, tracked

LONGEST = 400
OURS = ("inventory_sync", "connectors", "runner", "tests", "benchmarks")
TEXT = (
    ".py",
    ".md",
    ".toml",
    ".in",
    ".txt",
    ".yml",
    ".yaml",
    ".html",
    ".css",
    ".js",
    ".json",
    ".sql",
    ".cfg",
    ".sh",
    ".patch",
    ".diff",
)
PLAIN_NAMES = ("Makefile", "Dockerfile", ".gitignore", ".editorconfig", "run")

# Written in pieces, so that this file does not hold what it looks for.
FORBIDDEN = (
    (r"(?<![\w.])/" + r"work/", "a path of one machine; make it relative to the checkout"),
    (r"(?<![\w.])/" + r"root/", "a path of one machine; make it relative to the checkout"),
    (r"/tmp/" + r"(?:brief|bash_jobs|env\.sh)", "a path of one machine"),
    (r"(?<![\w.])/" + r"home/(?!www\b|<)\w+/", "a path of one machine"),
    (r"\.\./" + r"shared\b", "a folder outside the checkout; take the path as an argument"),
    (r"(?i)\bissue[ #]" + r"2\b", "how the work was ordered; say what it is for"),
    (r"(?i)\b(?:cl" + r"aude|anthr" + r"opic|chat" + r"gpt|open" + r"ai|cop" + r"ilot)\b", "who wrote it"),
    (r"(?i)\b(?:written|made|generated|built) by (?:an? )?(?:A" + r"I|LLM|assistant)\b", "who wrote it"),
)
ADDRESSES = re.compile(r"(?i)(https?://|--(?:extra-)?index-url|--find-links|--trusted-host)")


def complaints(name: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, why in FORBIDDEN:
            if found := re.search(pattern, line):
                yield f"{name}:{number}: {found.group(0)!r} is {why}."


def readable() -> Iterator[tuple[str, str]]:
    for name in tracked():
        if (name.endswith(TEXT) or name.split("/")[-1] in PLAIN_NAMES) and "/payloads/" not in name:
            yield name, (ROOT / name).read_text(encoding="utf-8", errors="replace")


def test_no_file_is_longer_than_one_sitting():
    assert_none(
        f"{name}:{lines}: {lines} lines; {LONGEST} is the limit. Part it by idea."
        for name in tracked()
        if name.endswith(".py") and name.split("/")[0] in OURS and "/migrations/" not in name
        if (lines := (ROOT / name).read_text(encoding="utf-8").count("\n")) > LONGEST
    )


def test_every_module_says_what_lives_in_it():
    assert_none(
        f"{source.path}:1: no module docstring. Say what lives here, and what does not."
        for source in sources("inventory_sync", "connectors", "runner")
        if source.tree.body and not ast.get_docstring(source.tree) and not source.path.endswith("/apps.py")
    )


def test_nothing_tells_of_the_machine_or_the_making():
    checked = list(readable())

    assert len(checked) > 100
    assert_none(words for name, text in checked for words in complaints(name, text))


def test_requirements_record_no_download_address():
    files = [name for name in tracked() if name.startswith("requirements/")]

    assert len(files) >= 4
    assert_none(
        f"{name}:{number}: records an address; the index is the machine's business."
        for name in files
        for number, line in enumerate((ROOT / name).read_text().splitlines(), start=1)
        if ADDRESSES.search(line)
    )


@pytest.mark.django_db
def test_no_migration_is_missing():
    out = StringIO()
    try:
        call_command("makemigrations", "--check", "--dry-run", stdout=out, stderr=out)
    except SystemExit:
        pytest.fail(
            f"Models and migrations differ. Run ./manage.py makemigrations -n what_it_does.\n{out.getvalue()}"
        )


@pytest.mark.parametrize(
    ("line", "caught"),
    [
        ("open('/" + "work/main/x')", True),
        ("cd /" + "root/x", True),
        ("see .." + "/shared/DESIGN.md", True),
        ("as Issue " + "2 wants", True),
        ("the framework/ folder", False),
        ("issue 20 at the vendor", False),
        ("network/x and artwork/", False),
    ],
)
def test_the_guard_sees_what_it_is_for(line: str, caught: bool):
    assert bool(list(complaints("x", line))) is caught
