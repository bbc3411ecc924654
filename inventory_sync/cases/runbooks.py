"""The page an on-call engineer reads about a code: docs/runbooks/, as it lies beside the code.

The checkout is what runs, in an image too, so a page is there wherever its code is.
"""

from __future__ import annotations

from pathlib import Path

PAGES = Path(__file__).resolve().parents[2] / "docs" / "runbooks"
_NONE = "No page has been written for `{code}` yet. What it means stands in docs/errors.md.\n"


def page(code: str) -> str:
    """Return the page of a code as Markdown, without its head; one sentence if nobody has written it."""
    found = _path(code)
    if found is None:
        return _NONE.format(code=code)
    _, _, text = found.read_text(encoding="utf-8").partition("---\n")
    _, _, text = text.partition("---\n")
    return text.lstrip()


def has_page(code: str) -> bool:
    return _path(code) is not None


def head(code: str) -> dict[str, str]:
    """Return the head of a page: its code, team and severity."""
    found = _path(code)
    if found is None:
        return {}
    lines = found.read_text(encoding="utf-8").split("---\n")[1].splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def codes() -> list[str]:
    """Return the codes that have a page."""
    return sorted(path.stem for path in PAGES.glob("*.*.md"))


def _path(code: str) -> Path | None:
    """Return the page of a code. It comes from a row or an address, so it is looked up, never joined."""
    return next((path for path in PAGES.glob("*.*.md") if path.stem == code), None)
