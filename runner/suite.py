"""`make test`: all tests, in two parts that both run to the end; what failed in either is said last.

The first part shares the cores: each of its processes has a database of its own. The second has the whole
machine to itself, one test after the other: walks of the platform's real processes and of a browser.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence

from runner.landscape import ROOT

TOGETHER = "not walk and not browser"
ALONE = "walk or browser"
FAILED = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
NOTHING_CHOSEN = 5  # pytest's word for it


def main(arguments: Sequence[str]) -> int:
    """Run both parts, or what the arguments choose in one go; return 1 when a test failed."""
    if arguments:
        return _pytest(arguments)
    began = time.monotonic()
    codes = [
        _pytest(["--cache-clear", "-n", "auto", "--dist", "worksteal", "-m", TOGETHER]),
        _pytest(["-m", ALONE]),
    ]
    failed = [code for code in codes if code not in (0, NOTHING_CHOSEN)]
    spent = f"{(time.monotonic() - began) / 60:.0f} min"
    if not failed:
        print(f"\nmake test: all passed, {spent}.")
        return 0
    print(f"\nmake test: failed, {spent}.")
    for name in sorted(_named()):
        print(f"  {name}")
    return 1


def _pytest(arguments: Sequence[str]) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode


def _named() -> list[str]:
    """Return the tests that failed, as pytest keeps them across the parts."""
    try:
        return list(json.loads(FAILED.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return []


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
