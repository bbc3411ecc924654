"""The command line of the measures: `make bench`.

    make bench                             everything but 100 M rows
    make bench ONLY=apply,hot_item         some
    make bench ONLY=landing                those whose names begin so
    make bench ARGS="--quick"              two pairs of each, for a look
    make bench ONLY=growth ARGS=--hundred-million

A run makes its own servers and data in a folder of its own and removes them. It needs a quiet machine; the
load before it is part of the result.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from subprocess import SubprocessError

import psycopg

from benchmarks import (
    calls,
    computing,
    events,
    flood,
    floor,
    freshness,
    intake,
    landing,
    lasting,
    requests,
    throttled,
)
from benchmarks.bench import Bench, Effort, Measure, sides
from benchmarks.figures import Figure, publish, save, table
from benchmarks.ground import commit, machine, stand
from benchmarks.sides import Failed
from benchmarks.world import ROOT, Size
from runner.processes import Trouble

MEASURES: dict[str, Measure] = {
    "deliveries": events.deliveries,
    "apply": events.apply,
    "hot_item": requests.hot_item,
    "spread": requests.spread,
    "availability": computing.availability,
    "landing_18": partial(landing.landing, version=18),
    "landing_19": partial(landing.landing, version=19),
    "growth": lasting.growth,
    "skew": events.skew,
    "memory": lasting.memory,
    "intake": intake.intake,
    "freshness": freshness.freshness,
    "calls": calls.calls,
    "flood": flood.flood,
    "twice_limit": throttled.twice_limit,
}
LATEST = ROOT / "benchmarks" / "results" / "latest.json"
PAGE = ROOT / "docs" / "performance.md"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    asked = [name.strip() for name in options.only.split(",") if name.strip()]
    chosen = [name for name in MEASURES if not asked or any(_is_of(name, family) for family in asked)]
    unknown = sorted(family for family in asked if not any(_is_of(name, family) for name in MEASURES))
    if unknown:
        print(f"Unknown: {', '.join(unknown)}. There are: {', '.join(MEASURES)}.", file=sys.stderr)
        return 2
    effort = Effort(
        pairs=options.pairs or (2 if options.quick else 5),
        scale=options.scale,
        seed=options.seed,
        hundred_million=options.hundred_million,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # asked to end, it still cleans up
    try:
        figures = run(chosen, effort, options.size, out=options.out, with_floor=not options.no_floor)
    except (Failed, Trouble) as trouble:
        print(f"\n{trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if options.out == LATEST:
        publish(LATEST, PAGE)
    print("\n" + table(figures))
    for figure in figures:
        if figure.details:
            print(
                f"\n{figure.name}: " + ", ".join(f"{name} {value}" for name, value in figure.details.items())
            )
        if figure.void:
            print(f"\n{figure.name} IS VOID: {figure.void}")
    return 1 if any(figure.void for figure in figures) else 0


def run(
    chosen: Sequence[str], effort: Effort, size: Size, *, out: Path | None = LATEST, with_floor: bool = True
) -> list[Figure]:
    """Measure and write the results as they come, so that a run cut short leaves what it has."""
    began = time.monotonic()
    about = {
        "machine": machine(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "seed": effort.seed,
    }

    def say(words: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {words}", flush=True)

    figures: list[Figure] = []
    with stand() as ground:
        about["postgres"] = ground.settings
        say(", ".join(f"{name} {value}" for name, value in ground.settings.items()))
        if with_floor:
            figures += floor.measure(ground, floor.Patience(max(1, int(4 * effort.scale))))
            say(", ".join(f"{figure.name} {figure.ours:,.0f}" for figure in figures))
        with sides(ground, effort, size, say) as bench:
            for name in chosen:
                say(name)
                figures += _measured(name, bench)
                if out is not None:
                    save(out, figures, about)
    say("done")
    return figures


def _is_of(name: str, family: str) -> bool:
    return name == family or name.startswith(f"{family}_")


def _measured(name: str, bench: Bench) -> list[Figure]:
    """Return a measure's figures; one that fails is void and its neighbours go on."""
    try:
        return MEASURES[name](bench)
    except (Failed, RuntimeError, OSError, SubprocessError, psycopg.Error) as error:
        return [Figure(name, "", 0, void=str(error)[-1500:])]


def _size(text: str) -> Size:
    return Size(*(int(part) for part in text.split(":")))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help=f"some of: {', '.join(MEASURES)}")
    parser.add_argument("--quick", action="store_true", help="two pairs of each instead of five")
    parser.add_argument("--pairs", type=int, default=0, help="so many pairs of each")
    parser.add_argument("--scale", type=float, default=1.0, help="this share of every count (1.0)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=_size, default=Size(), help="items:in stores:kits:parts of a kit")
    parser.add_argument("--hundred-million", action="store_true", help="growth at 100 million rows too")
    parser.add_argument("--no-floor", action="store_true", help="leave out pgbench, INSERT and COPY")
    parser.add_argument("--out", type=Path, default=LATEST, help="where the results go")
    return parser


if __name__ == "__main__":
    sys.exit(main())
