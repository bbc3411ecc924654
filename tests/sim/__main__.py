"""Replay seeds by hand: python -m tests.sim --seed 17 --trace, or --seeds 1000 for many."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections import Counter

import django


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    arguments.add_argument("--seed", type=int, default=0, help="the first seed")
    arguments.add_argument("--seeds", type=int, default=1, help="how many")
    arguments.add_argument("--trace", action="store_true", help="print what happened, in order")
    arguments.add_argument("--stop", action="store_true", help="stop at the first seed that fails")
    options = arguments.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.check_settings")
    django.setup()
    logging.disable(logging.CRITICAL)
    from tests.sim.run import simulate

    started, failed = time.process_time(), []
    totals: Counter[str] = Counter()
    for seed in range(options.seed, options.seed + options.seeds):
        report = simulate(seed, trace=options.trace)
        totals.update(report.counts)
        for line in report.trace:
            print(line)
        if report.wrong:
            failed.append(seed)
            print(f"seed {seed} {report.faults}", flush=True)
            for line in report.wrong:
                print(f"    {line}")
            if options.stop:
                break
    print(f"{options.seeds} seeds, {len(failed)} failed {failed[:40]}, {time.process_time() - started:.1f} s")
    print(", ".join(f"{name} {count}" for name, count in sorted(totals.items())))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
