"""What a message takes from a runbook page."""

from __future__ import annotations

from inventory_sync.cases import runbooks
from inventory_sync.cases.telling.wording import steps_in

PAGE = """# a.code: it failed

## What to do

1. Open *Parked lines* and read
   what it waits for.
2. Retry: see [the page](x.md), `now`.

## What not to do

1. Wait.
"""


def test_the_steps_are_whole_sentences_of_their_own_section_without_markup() -> None:
    assert steps_in(PAGE) == ("Open Parked lines and read what it waits for.", "Retry: see the page, now.")


def test_a_paragraph_is_one_step_and_a_page_without_the_section_has_none() -> None:
    assert steps_in("## What to do\n\nTell the\nvendor.\n") == ("Tell the vendor.",)
    assert steps_in("# nothing\n") == ()


def test_every_runbook_page_gives_whoever_is_told_something_to_do() -> None:
    assert [code for code in runbooks.codes() if not steps_in(runbooks.page(code))] == []
