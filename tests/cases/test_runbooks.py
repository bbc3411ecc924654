"""Every code that becomes a case has an owner and a page, and the two say the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from inventory_sync.cases import runbooks
from inventory_sync.cases.owners import OWNERS, RANK, owner_of, team_of
from inventory_sync.domain.errors import Misconfigured, Parked, Rejected, SyncError
from inventory_sync.pipeline.invariants.registry import checks
from tests.factories import NOON
from tests.house.source import dotted, sources

ROOT = Path(__file__).resolve().parents[2]
HEADINGS = [
    "What it means",
    "What the retailer sees",
    "Where to look",
    "What to do",
    "What not to do",
    "When it closes",
]
OPENERS = {"open", "open_case", "Failure"}
# Refused before anything is kept: somebody waits for the answer, so nobody else has to own it.
ANSWERED_AT_ONCE = ("policy.", "explain.")


def opened() -> set[str]:
    """Return the codes that a case is opened with by name, anywhere in the platform."""
    found = set()
    for source in sources("inventory_sync"):
        for node in source.nodes:
            if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] in OPENERS:
                given = [*node.args[:1], *(each.value for each in node.keywords if each.arg == "code")]
                words = [
                    part.value for each in given for part in ast.walk(each) if isinstance(part, ast.Constant)
                ]
                found |= {
                    word for word in words if isinstance(word, str) and re.fullmatch(r"[a-z]+\.[a-z_]+", word)
                }
    return found


def below(parent: type[SyncError]) -> set[str]:
    return {parent.code} | {code for child in parent.__subclasses__() for code in below(child)}


EVERY = sorted({*OWNERS, *(check.code for check in checks(now=NOON))})


def test_whatever_can_become_a_case_has_an_owner() -> None:
    can = opened() | below(Parked) | below(Rejected) | {Misconfigured.code}
    can = {code for code in can if not code.startswith(ANSWERED_AT_ONCE)}

    assert can - set(EVERY) == set()
    assert "shipment.odd" in can  # the search sees something


@pytest.mark.parametrize("code", EVERY)
def test_a_code_has_a_page_that_names_its_owner_and_has_every_part(code: str) -> None:
    owner, head, text = owner_of(code), runbooks.head(code), runbooks.page(code)

    assert head == {"code": code, "team": owner.team, "severity": owner.severity}
    assert text.startswith(f"# {code}: ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    assert owner.severity in RANK


@pytest.mark.parametrize("code", EVERY)
def test_a_page_leads_nowhere_that_is_not_there(code: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", runbooks.page(code))

    assert [link for link in links if "://" not in link and not (runbooks.PAGES / link).exists()] == []


def test_no_page_is_left_of_a_code_that_is_gone_and_the_table_of_errors_leads_to_each() -> None:
    table = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| \[`(.*?)`\]\(runbooks/(.*?)\.md\) \| .+ \| (\w+) \| (\w+) \|$", table, re.MULTILINE
    )

    assert runbooks.codes() == EVERY
    assert [(code, team, severity) for code, _, team, severity in rows] == [
        (code, owner_of(code).team, owner_of(code).severity) for code in EVERY
    ]
    assert [code for code, page, _, _ in rows if code != page] == []


def test_a_code_nobody_wrote_about_says_so_and_reaches_no_other_file() -> None:
    assert "has been written" in runbooks.page("no.such_code")
    assert "has been written" in runbooks.page("../errors")
    assert runbooks.head("no.such_code") == {}


def test_the_team_of_a_connection_keeps_its_cases_and_the_usual_team_does_not_take_others() -> None:
    assert team_of("pick.short", of_connection="marketplaces") == "marketplaces"
    assert team_of("pick.short", of_connection="support") == "stock"
