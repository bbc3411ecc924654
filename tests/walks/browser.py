"""Headless Chromium for the browser walks, driven by playwright; pictures go to var/screenshots/."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections
from playwright.sync_api import Page, expect, sync_playwright

PICTURES = Path(__file__).resolve().parents[2] / "var" / "screenshots"
CHROMIUM = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
# Small machines and root: no sandbox of its own, no GPU, no shared memory, one process for pages.
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--no-first-run",
]
PATIENCE_MS = 20_000


def chromium() -> str:
    """Return Chromium's path; without it skip, saying why, or fail where CI=true promises it."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found:
        return found
    why = "no Chromium found (apt-get install chromium): the browser walks are not walked"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"CI=true, but {why}")
    pytest.skip(why)


@contextmanager
def browsing(base_url: str) -> Iterator[Page]:
    """Open one page of a fresh browser; errors of the page's own scripts fail the walk."""
    broken: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=SWITCHES)
        try:
            context = browser.new_context(
                base_url=base_url, viewport={"width": 1440, "height": 900}, color_scheme="light"
            )
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            expect.set_options(timeout=PATIENCE_MS)
            page.on("pageerror", lambda error: broken.append(str(error)))
            yield page
        finally:
            connections.close_all()  # those of playwright's event loop: Django keeps them apart
            browser.close()
    assert not broken, f"the pages' scripts failed: {broken}"


def picture(page: Page, name: str, *, whole: bool = False) -> Path:
    """Keep a picture of the page as it is; `whole` also what one must scroll to."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path, full_page=whole)
    return path
