"""Docs that cannot drift: settings, error codes, event names, commands and links."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from django.conf import settings

from inventory_sync.api.problems import KINDS
from inventory_sync.domain.errors import all_errors
from inventory_sync.domain.events.types import EventType
from tests.house.source import ROOT, Source, assert_none, dotted, parsed, sources, tracked

LOGGERS = {"log", "logger"}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
EVENT = re.compile(r"[a-z]+(?:_[a-z]+)*\.[a-z]+(?:_[a-z]+)*")
READERS = {"text", "integer", "flag", "choice", "listing", "parsed", "database"}


def doc(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def documented(name: str) -> set[str]:
    """Return what a page explains: the code words that open the rows of its tables, and its headings."""
    rows = re.findall(r"^\|\s*`([^`]+)`", doc(name), re.MULTILINE)
    heads = re.findall(r"^#+ .*?`([^`]+)`", doc(name), re.MULTILINE)
    return {*rows, *heads}


def environment_names(source: Source) -> Iterator[tuple[str, int]]:
    """Yield every variable read by one of env's readers, or straight from os.environ."""
    for node in source.nodes:
        name: object = None
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            owner = ast.unparse(node.func.value)
            if (owner == "env" and node.func.attr in READERS) or owner == "os.environ":
                name = getattr(node.args[0], "value", None)
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            name = getattr(node.slice, "value", None)
        if isinstance(name, str):
            yield name, line


def logged(source: Source) -> Iterator[tuple[str, int]]:
    """Yield the event of every log line; one that is no constant as its source text."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            owner = ast.unparse(node.func.value).split("(")[0].split(".")[0]
            if node.func.attr in LEVELS and owner in LOGGERS:
                first = node.args[0]
                yield str(first.value) if isinstance(first, ast.Constant) else ast.unparse(first), node.lineno


def keywords(source: Source, *names: str) -> Iterator[tuple[str, int]]:
    """Yield every constant that is handed on under one of these names and reads like a.b."""
    for node in source.nodes:
        if isinstance(node, ast.keyword) and node.arg in names:
            for part in ast.walk(node.value):
                value = getattr(part, "value", None) if isinstance(part, ast.Constant) else None
                if isinstance(value, str) and EVENT.fullmatch(value):
                    yield value, node.value.lineno


def assigned(source: Source, name: str) -> Iterator[tuple[str, int]]:
    """Yield every constant that reads like a.b and is given to a variable of this name first."""
    for node in source.nodes:
        if isinstance(node, ast.Assign) and any(dotted(target) == name for target in node.targets):
            for part in ast.walk(node.value):
                value = getattr(part, "value", None) if isinstance(part, ast.Constant) else None
                if isinstance(value, str) and EVENT.fullmatch(value):
                    yield value, node.lineno


def codes(source: Source) -> Iterator[tuple[str, int]]:
    """Yield codes that are no class: of cases, rows and the door's answers."""
    yield from keywords(source, "code", "error_code")
    for node in source.nodes:
        if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] in ("open", "Answered"):
            for argument in node.args[:2]:
                for part in ast.walk(argument):
                    value = getattr(part, "value", None) if isinstance(part, ast.Constant) else None
                    if isinstance(value, str) and EVENT.fullmatch(value):
                        yield value, node.lineno


def test_every_variable_the_platform_reads_is_explained():
    known = documented("docs/settings.md")
    assert_none(
        f"{source.path}:{line}: {name} is read and not explained. Add a row to docs/settings.md."
        for source in sources("inventory_sync")
        for name, line in environment_names(source)
        if name not in known
    )


def test_every_knob_is_explained_and_no_explained_knob_is_gone():
    read = {name for source in sources("inventory_sync", "runner") for name, _ in environment_names(source)}
    text = doc("docs/settings.md")

    assert_none(
        f"docs/settings.md: {key} of INVENTORY_SYNC is not mentioned."
        for key in settings.INVENTORY_SYNC
        if f"`{key}`" not in text
    )
    assert_none(
        f"docs/settings.md: {name} is explained but nothing reads it. Remove its row."
        for name in documented("docs/settings.md")
        if name.startswith("SYNC_") and name not in read
    )


def test_every_error_code_is_explained_and_no_explained_code_is_gone():
    known = documented("docs/errors.md")
    classes = {error.code for error in all_errors()} | set(KINDS)
    used = {code: (f"{s.path}:{line}") for s in sources("inventory_sync") for code, line in codes(s)}

    assert_none(
        f"inventory_sync: {code} is not explained. Add it to docs/errors.md." for code in classes - known
    )
    assert_none(
        f"{place}: {code} is not explained. Add it to docs/errors.md."
        for code, place in used.items()
        if code not in known
    )
    assert_none(
        f"docs/errors.md: {code} is explained but nothing raises it. Remove its row."
        for code in known - classes - set(used)
    )


def test_every_event_name_is_explained_and_spelt_as_a_noun_and_a_past_verb():
    known = documented("docs/events.md")
    said = {(name, f"{s.path}:{line}") for s in sources("inventory_sync") for name, line in logged(s)}
    recorded = {
        (name, f"{s.path}:{line}")
        for s in sources("inventory_sync")
        for name, line in (*keywords(s, "action"), *assigned(s, "action"))
    }
    nouns = tuple(
        str(node.value.value)
        for s in sources("inventory_sync")
        for node in s.nodes
        if isinstance(node, ast.keyword) and node.arg == "noun" and isinstance(node.value, ast.Constant)
    )
    used = {name for name, _ in said | recorded} | set(EventType)

    assert_none(
        f"{place}: {name!r} is no event name; write noun.past_verb."
        for name, place in said
        if not EVENT.fullmatch(name)
    )
    assert_none(
        f"{place}: {name} is not explained. Add it to docs/events.md."
        for name, place in said | recorded
        if name not in known and EVENT.fullmatch(name)
    )
    assert_none(
        f"docs/events.md: {name} is explained but nothing says it. Remove its row."
        for name in known - used
        if not name.startswith(nouns)
    )


def test_nothing_is_logged_that_was_written_into_the_sentence():
    """An f-string as event name hides the values; they belong in keywords."""
    assert_none(
        f"{source.path}:{node.lineno}: a log line made of an f-string; name the event, pass the values."
        for source in sources("inventory_sync", "connectors")
        for node in source.nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and ast.unparse(node.func.value) in LOGGERS
        and node.args
        and isinstance(node.args[0], ast.JoinedStr)
    )


def test_the_commands_in_the_readme_exist():
    targets = set(re.findall(r"^([a-z][\w-]*)\s*:(?!=)", doc("Makefile"), re.MULTILINE))
    builtin = {
        "migrate",
        "makemigrations",
        "shell",
        "check",
        "spectacular",
        "help",
        "createsuperuser",
        "collectstatic",
    }
    commands = builtin | {path.stem for path in ROOT.glob("inventory_sync/*/management/commands/*.py")}
    pages = [name for name in tracked() if re.fullmatch(r"(docs/.*|connectors/.*|README)\.md", name)]

    assert_none(
        f"{name}:{number}: `make {target}` is not in the Makefile."
        for name in pages
        for number, line in enumerate(doc(name).splitlines(), start=1)
        for target in re.findall(r"(?:^|`)(?:[A-Z_]+=\S+ )*make ([a-z][\w-]*)", line)
        if target not in targets
    )
    assert_none(
        f"{name}:{number}: there is no ./manage.py {command}."
        for name in pages
        for number, line in enumerate(doc(name).splitlines(), start=1)
        for command in re.findall(r"manage\.py ([a-z]\w+)", line)
        if command not in commands
    )


def test_links_between_pages_lead_somewhere():
    pages = [name for name in tracked() if name.endswith(".md") and "/payloads/" not in name]

    assert_none(
        f"{name}:{number}: the link to {target} leads nowhere."
        for name in pages
        for number, line in enumerate(doc(name).splitlines(), start=1)
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line)
        if "://" not in target
        and not target.startswith("mailto:")
        and not ((ROOT / name).parent / target).exists()
    )


def test_decisions_are_numbered_without_gaps_and_have_their_four_parts():
    pages = sorted(name for name in tracked() if name.startswith("docs/decisions/0"))
    numbers = [int(name.rsplit("/", 1)[1][:4]) for name in pages]

    assert numbers == list(range(1, len(pages) + 1))
    assert_none(
        f"{name}: no '## {part}'."
        for name in pages
        for part in ("Status", "Context", "Decision", "Consequences")
        if f"\n## {part}\n" not in doc(name)
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('log.info("stock.posted", movements=2)', ["stock.posted"]),
        ('log.bind(x=1).warning("push.failed")', ["push.failed"]),
        ("log.info(words)", ["words"]),
        ('x.info("stock.posted")', []),
    ],
)
def test_log_names_are_found(text: str, names: list[str]):
    assert [name for name, _ in logged(parsed("x.py", text))] == names


def test_codes_and_actions_are_found():
    source = parsed(
        "x.py",
        'f(code="a.b")\nports.cases.open(e.code if e else "c.d", "order")\n'
        'raise Answered(404, "e.f", "No.")\n'
        'audit.record(action="g.h" if new else "i.j")\n',
    )

    assert {code for code, _ in codes(source)} == {"a.b", "c.d", "e.f"}
    assert {action for action, _ in keywords(source, "action")} == {"g.h", "i.j"}
