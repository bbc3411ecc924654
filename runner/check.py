"""`make check`: every judge that needs no running platform, one after the other, to the end."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from runner import keys
from runner.embedded import services
from runner.landscape import ROOT

BIN = Path(sys.executable).parent


def judges() -> list[tuple[str, list[str]]]:
    python = sys.executable
    return [
        ("linter", [python, "-m", "ruff", "check", "."]),
        ("format", [python, "-m", "ruff", "format", "--check", "--quiet", "."]),
        ("rooms", [str(BIN / "lint-imports"), "--no-cache"]),
        ("types", [python, "-m", "mypy"]),
        ("migrations", [python, "manage.py", "makemigrations", "--check", "--dry-run"]),
        ("house", [python, "-m", "pytest", "-q", "tests/house"]),
    ]


def main(names: Sequence[str]) -> int:
    """Run the named judges, or all; return 1 when one of them objects."""
    chosen = [judge for judge in judges() if not names or judge[0] in names]
    unknown = set(names) - {name for name, _ in judges()}
    if unknown:
        print(f"No such check: {', '.join(sorted(unknown))}. There are: {', '.join(n for n, _ in judges())}.")
        return 2
    objected = []
    with tempfile.TemporaryDirectory(prefix="sync-check-") as folder:
        secrets = keys.make()
        told = os.environ | {name: secrets[name] for name in ("SECRET_KEY", "SYNC_SECRETS_KEY")}
        for name, command in chosen:
            began = time.monotonic()
            if name == "migrations":
                with services(Path(folder), durable=False, broker=False) as running:
                    done = _judge(command, told | running.environment)
            else:
                done = _judge(command, told)
            print(f"{'ok  ' if done else 'FAIL'}  {name} ({time.monotonic() - began:.1f} s)", flush=True)
            if not done:
                objected.append(name)
    if objected:
        print(f"\nmake check: {', '.join(objected)} failed.")
    return 1 if objected else 0


def _judge(command: list[str], environment: dict[str, str]) -> bool:
    """Run one; show what it says only when it objects, for a page of praise hides the one complaint."""
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode != 0:
        sys.stdout.buffer.write(done.stdout)
        sys.stdout.flush()
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
