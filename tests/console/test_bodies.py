"""Bodies as people edit them: nobody's data is shown or lost, and no number changes by being shown."""

from __future__ import annotations

import json

import pytest

from inventory_sync.console.bodies import NotEditable, diff, editable, restored
from inventory_sync.console.markdown import rendered

BODY = b'{"id": 9007199254740993, "total": 2.50, "billing": {"email": "erika@example.org"}, "lines": [1, 2]}'


def test_people_are_masked_and_numbers_stand_as_they_were_written() -> None:
    text = editable(BODY)

    assert "erika" not in text
    assert "9007199254740993" in text
    assert "2.50" in text


def test_what_was_masked_comes_back_from_the_original() -> None:
    body = restored(editable(BODY).replace("2.50", "3.00"), BODY)

    assert b'"total":3.00' in body
    assert json.loads(body)["billing"] == {"email": "erika@example.org"}


@pytest.mark.parametrize(
    ("text", "original"),
    [
        ('{"a": 1', b"{}"),
        ('{"phone": "•••"}', b"{}"),
        ('[{"phone": "•••"}]', b'[{"phone": "1"}, {"phone": "2"}]'),
    ],
    ids=["no-json", "nothing-behind-it", "whose-is-it"],
)
def test_what_cannot_be_told_apart_is_refused(text: str, original: bytes) -> None:
    with pytest.raises(NotEditable):
        restored(text, original)


def test_a_body_that_is_no_json_is_edited_as_it_is() -> None:
    assert editable(b'{"id": 1,') == '{"id": 1,'
    assert restored('{"id": 1}', b'{"id": 1,') == b'{"id":1}'


def test_a_body_that_breaks_off_names_nobody_either() -> None:
    body = b'{"id": 1, "billing": {"first_name": "Erika", "email": "erika@exam'

    text = editable(body)

    assert text == '{"id": 1, "billing": {"first_name": "•••", "email": "•••"'
    with pytest.raises(NotEditable, match="write what it should be"):
        restored(text + "}}", body)


def test_a_diff_says_what_was_and_what_is() -> None:
    assert [line for kind, line in diff("a\nb\nc", "a\nx\nc") if kind == "was"] == ["b"]
    assert [line for kind, line in diff("a\nb\nc", "a\nx\nc") if kind == "is"] == ["x"]
    assert diff("a", "a") == []


def test_a_runbook_is_written_as_html_and_nothing_of_it_is_believed() -> None:
    page = rendered("# See\n\nUse `a <b>` and **now**.\n\n1. one\n   more\n2. two\n\n<script>x</script>")

    assert "<h3>See</h3>" in page
    assert "<ol><li>one more</li><li>two</li></ol>" in page
    assert "<strong>now</strong>" in page
    assert "a &lt;b&gt;" in page
    assert "<script>" not in page
