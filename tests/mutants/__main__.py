"""Test the tests: seed each bug into a copy of the tree and see that somebody notices.

    python -m tests.mutants [--list] [--jobs 2] [NAME …]

Exit 1 when a mutant survives, when an edit no longer applies, or when the clean copy fails.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).resolve().parents[2]
TAKEN = ("inventory_sync", "connectors", "runner", "tests", "templates", "pyproject.toml", "manage.py")
TIMEOUT_S = 300
NOTHING_CHOSEN = 5  # pytest's exit code
# A failing example need not be made small here: that it fails is all there is to know.
UNSHRUNK = """
from hypothesis import Phase
PHASES = [Phase.explicit, Phase.generate]
settings.register_profile("unshrunk", settings.get_profile("project"), phases=PHASES)
settings.load_profile("unshrunk")
"""
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)|^(seed \d+) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    verdict: str  # caught, survived, does not apply
    seconds: float
    by: str = ""


def command_of(target: str) -> list[str]:
    if target.startswith("sim:"):
        return [sys.executable, "-m", "tests.sim", "--seeds", target[4:], "--seed", "1", "--stop"]
    path, _, chosen = target.partition(" -k ")
    choice = ["-k", chosen] if chosen else []
    return [sys.executable, "-m", "pytest", "-q", "-x", "--reuse-db", "-p", "no:cacheprovider", path, *choice]


def fails(tree: Path, target: str, slot: int) -> str:
    """Run one target; return the first thing that failed, or "" if all passed."""
    environment = os.environ | {"TEST_DATABASE_NAME": f"test_mutants_{slot}", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONPATH", None)
    try:
        done = subprocess.run(
            command_of(target),
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"{target} ran longer than {TIMEOUT_S} s, which proves nothing", flush=True)
        return ""
    if done.returncode == 0:
        return ""
    if done.returncode == NOTHING_CHOSEN:
        print(f"{target} chooses no test, which proves nothing", flush=True)
        return ""
    found = FAILED.search(done.stdout)
    return (found[1] or found[2]) if found else f"{target}: {(done.stderr or done.stdout).strip()[-200:]}"


def copy_tree(to: Path) -> Path:
    for name in TAKEN:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        elif source.exists():
            shutil.copy2(source, to / name)
    with (to / "tests" / "conftest.py").open("a") as conftest:
        conftest.write(UNSHRUNK)
    return to


def applied(tree: Path, mutant: Mutant) -> str | None:
    """Seed the bug and return the text as it was, or None when the edit no longer fits."""
    path = tree / mutant.path
    text = path.read_text()
    if text.count(mutant.before) != 1:
        return None
    path.write_text(text.replace(mutant.before, mutant.after))
    return text


def try_one(tree: Path, mutant: Mutant, slot: int) -> Result:
    started = time.monotonic()
    text = applied(tree, mutant)
    if text is None:
        return Result(mutant.name, "does not apply", 0.0, mutant.path)
    try:
        for target in mutant.caught_by:
            if by := fails(tree, target, slot):
                return Result(mutant.name, "caught", time.monotonic() - started, by)
        return Result(mutant.name, "survived", time.monotonic() - started)
    finally:
        (tree / mutant.path).write_text(text)


def clean_failures(tree: Path, mutants: list[Mutant]) -> list[str]:
    """Run every target on the untouched copy: what fails there catches nothing."""
    targets = {target for mutant in mutants for target in mutant.caught_by}
    seeds = [int(target[4:]) for target in targets if target.startswith("sim:")]
    chosen = sorted(target for target in targets if not target.startswith("sim:"))
    if seeds:
        chosen.append(f"sim:{max(seeds)}")
    return [failure for target in chosen if (failure := fails(tree, target, 0))]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="say what there is and why")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--skip-clean", action="store_true", help="trust that the clean tree passes")
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if not options.names or mutant.name in options.names]
    if unknown := set(options.names) - {mutant.name for mutant in MUTANTS}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if options.list:
        for mutant in chosen:
            print(f"{mutant.name:<42} {mutant.why}")
        return 0
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as place:
        trees: Queue[tuple[int, Path]] = Queue()
        for slot in range(options.jobs):
            trees.put((slot, copy_tree(Path(place) / str(slot))))
        if not options.skip_clean:
            slot, tree = trees.get()
            broken = clean_failures(tree, chosen)
            trees.put((slot, tree))
            if broken:
                print("the clean tree fails:", *broken, sep="\n    ")
                return 1

        def work(mutant: Mutant) -> Result:
            slot, tree = trees.get()
            try:
                result = try_one(tree, mutant, slot)
            finally:
                trees.put((slot, tree))
            print(f"{result.verdict:<15} {result.seconds:6.1f} s  {result.name:<42} {result.by}", flush=True)
            return result

        with ThreadPoolExecutor(options.jobs) as pool:
            results = list(pool.map(work, chosen))
    survived = [result.name for result in results if result.verdict != "caught"]
    print(f"{len(results) - len(survived)} of {len(results)} caught")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
