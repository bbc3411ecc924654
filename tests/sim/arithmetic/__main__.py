"""Run schedules by hand: python -m tests.sim.arithmetic --seeds 10000, or --seed 17 --trace for one.

--without NAME takes a repair away and counts what comes back (--list says which there are).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter

import django


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.check_settings")
    django.setup()
    from tests.sim.arithmetic.repairs import NAMES, Repairs
    from tests.sim.arithmetic.run import simulate

    parser = argparse.ArgumentParser(prog="python -m tests.sim.arithmetic", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--without", choices=NAMES, help="take one repair away")
    parser.add_argument("--list", action="store_true", help="say which repairs there are")
    parser.add_argument("--real", action="store_true", help="on the real ledger, its store in memory")
    parser.add_argument("--trace", action="store_true", help="print what happened, in order")
    options = parser.parse_args()
    if options.list:
        print(*NAMES, sep="\n")
        return 0
    repairs = Repairs() if options.without is None else Repairs.without(options.without)
    started, kinds, totals = time.process_time(), Counter[str](), Counter[str]()
    for seed in range(options.seed, options.seed + options.seeds):
        report = simulate(seed, repairs, trace=options.trace, real=options.real)
        totals.update(report.counts)
        kinds.update(report.kinds())
        for line in report.trace:
            print(line)
        if report.wrong and sum(kinds.values()) <= 20:
            print(f"seed {seed}", *report.wrong, sep="\n    ", flush=True)
        if (seed + 1) % 500 == 0:
            print(f"… {seed + 1 - options.seed} schedules, wrong so far: {dict(kinds) or 'none'}", flush=True)
    spent = time.process_time() - started
    print(f"{options.seeds} schedules in {spent:.1f} s, wrong: {dict(kinds) or 'none'}")
    print(", ".join(f"{name} {count}" for name, count in sorted(totals.items())))
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
