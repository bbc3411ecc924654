"""`make drill`: every campaign there is, one after the other; with --smoke only the short one of faults.

    python -m tests.chaos.drill --smoke --seed 7
    python -m tests.chaos.drill --seed 7 --minutes 55 --report drill.json

All of them draw from the seed that is printed first. Ends 0 when all held.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Sequence

from runner.landscape import ROOT

SIMULATION_SEEDS = 10_000


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make drill ARGS=…", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="only the short campaign of faults")
    parser.add_argument("--seed", type=int, help="drawn and printed when left out")
    parser.add_argument("--minutes", type=float, default=55.0, help="how long the long campaign trades")
    parser.add_argument("--report", help="where the campaign of faults writes its JSON")
    options = parser.parse_args(argv)
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    failed = [name for name, command in commands(seed, options) if not _holds(name, command)]
    if failed:
        print(f"FAILED with seed {seed}: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def commands(seed: int, options: argparse.Namespace) -> list[tuple[str, list[str]]]:
    """Return what is run, in order."""
    chaos = ["tests.chaos", "--seed", str(seed)]
    if options.report:
        chaos += ["--report", options.report]
    if options.smoke:
        return [("faults, short", [*chaos, "--smoke"])]
    return [
        ("simulation", ["tests.sim", "--seed", str(seed), "--seeds", str(SIMULATION_SEEDS)]),
        ("campaigns", ["pytest", "--drill", "-m", "drill", "--drill-seed", str(seed)]),
        ("faults, long", [*chaos, "--minutes", str(options.minutes)]),
    ]


def _holds(name: str, command: list[str]) -> bool:
    began = time.monotonic()
    print(f"== {name}: python -m {' '.join(command)}", flush=True)
    code = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode
    print(f"== {name} ended with {code} after {(time.monotonic() - began) / 60:.1f} min", flush=True)
    return code == 0


if __name__ == "__main__":
    sys.exit(main())
