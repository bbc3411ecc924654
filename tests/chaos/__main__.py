"""Break everything by schedule and compare the books: python -m tests.chaos --smoke --seed 7

Ends 0 when every promise held, 1 when one did not, 2 when the campaign itself failed. Prints its seed first.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from runner import keys
from tests.chaos.journal import Doc
from tests.chaos.schedule import SMOKE, long

AROUND_S = 900
"""What bringing up, settling and judging may take beside the trade, on the slowest machine."""
SHOWN = (
    "faults_played", "sales", "landed", "lost", "doubled", "unapplied", "books_differ", "ledger_differs",
    "audit_differs", "oversold", "oversold_inherent", "regressed", "written_over", "over_limit",
    "converged_after_s",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="more than a hundred faults within minutes")
    parser.add_argument("--seed", type=int, help="the schedule, to have it again; drawn when left out")
    parser.add_argument("--minutes", type=float, default=55.0, help="how long the long one trades")
    parser.add_argument("--report", type=Path, help="where to write the report as JSON")
    parser.add_argument("--keep", action="store_true", help="keep logs and journals of a good run too")
    parser.add_argument("--naive", action="store_true", help="the naive build too; the long one always does")
    options = parser.parse_args(argv)
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    size = SMOKE if options.smoke else long(options.minutes)
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
    say(f"chaos {size.name}, seed {seed} (again: --seed {seed}), logs in {folder}")
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(int(size.trade_s + AROUND_S))
    _set_up_django(folder)
    from tests.chaos.naive import naive_losses
    from tests.chaos.run import campaign

    began = time.monotonic()
    try:
        report = campaign(seed, size, folder, say).report
        if options.naive or not options.smoke:
            report["naive"] = naive_losses(seed, size, folder, say)
    except BaseException:
        traceback.print_exc()
        say(f"The campaign itself failed; seed {seed}, logs in {folder}")
        return 2
    report["minutes"] = round((time.monotonic() - began) / 60, 2)
    path = options.report or folder / "report.json"
    path.write_text(json.dumps(report, indent=2, default=str) + "\n", encoding="utf-8")
    _print(report)
    if report["breaches"] or options.keep or options.report is None:
        say(f"Report {path}, logs and journals in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if report["breaches"] else 0


def _stop(number: int, _: object) -> None:
    """End in good order: nothing that was started stays behind."""
    raise TimeoutError(f"stopped by {signal.Signals(number).name}")


def say(text: str) -> None:
    print(text, flush=True)


def _print(report: Doc) -> None:
    for name in SHOWN:
        say(f"  {name:<18} {report[name]}")
    for kind, one in report["recovery_s"].items():
        say(f"  recovery {kind:<28} p50 {one['p50']:6.2f} s  max {one['max']:6.2f} s")
    for line in (*report["details"], *(f"BREACH {one}" for one in report["breaches"])):
        say(f"  {line}")


def _set_up_django(folder: Path) -> None:
    """Give this process the keys and settings its children will have; the database is opened later."""
    fresh = keys.make()
    for name in ("SECRET_KEY", "SYNC_SECRETS_KEY"):
        os.environ[name] = fresh[name]
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
        "DATABASE_URL": "postgresql://none:none@127.0.0.1:1/none",
        "BROKER_URL": "redis://127.0.0.1:1/0",
        "SYNC_EGRESS_ALLOWED_HOSTS": "127.0.0.1",
    }
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    import django

    django.setup()


if __name__ == "__main__":
    sys.exit(main())
