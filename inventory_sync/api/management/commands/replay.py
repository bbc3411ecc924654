"""Replay recorded transactions through the door and compare the stock that comes out."""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inventory_sync.api.hooks.wiring import make_door
from inventory_sync.api.replay import run as replay
from inventory_sync.api.replay import trade
from inventory_sync.api.replay.chaos import Killer
from inventory_sync.api.replay.progress import Bar
from inventory_sync.api.replay.setup import prepare
from inventory_sync.ledger.selectors import verify
from inventory_sync.pipeline import steps
from inventory_sync.support.clock import utc_now


def share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ArgumentTypeError("expected a share between 0 and 1")
    return value


class Command(BaseCommand):
    help = (
        "Feed each line of a transaction file as a signed till delivery through the door, wait until it is "
        "applied, and compare stock on hand per SKU. Ends non-zero if there is a difference."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, help="CSV or CSV.gz: InvoiceNo, StockCode, Quantity, InvoiceDate"
        )
        parser.add_argument("--expect", type=Path, help="CSV of what must come out per upper-cased SKU")
        parser.add_argument("--limit", type=int, help="only the first N lines")
        parser.add_argument("--speed", type=float, default=0, help="times real time; 0: as fast as possible")
        parser.add_argument("--duplicate", type=share, default=0.0, help="share of deliveries sent again")
        parser.add_argument(
            "--shuffle-window", type=int, default=0, help="lines out of order by up to N places"
        )
        parser.add_argument("--counts", type=int, default=0, help="true counts of random SKUs, early or late")
        parser.add_argument("--kill-workers", type=int, default=0, help="SIGKILL this many workers meanwhile")
        parser.add_argument("--corrupt", type=int, default=0, help="falsify N lines; must end non-zero")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--run", default="", help="name of the run; by default the time")
        parser.add_argument(
            "--inline", action="store_true", help="apply in this process too, without workers"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.replay(options)
        except (ValueError, OSError, replay.NotTaken) as error:
            raise CommandError(str(error)) from error

    def replay(self, options: dict[str, Any]) -> None:
        lines = list(trade.read_lines(options["file"], limit=options["limit"]))
        if not lines:
            raise CommandError(f"{options['file']} holds no line.")
        known = trade.read_expected(options["expect"]) if options["expect"] else {}
        whole = options["expect"] is not None and options["limit"] is None
        expected = known if whole else trade.expected_of(lines, known)
        opening = {sku: one.opening for sku, one in expected.items()}
        plan = trade.Plan(
            duplicate=options["duplicate"],
            shuffle_window=options["shuffle_window"],
            counts=options["counts"],
            corrupt=options["corrupt"],
            seed=options["seed"],
        )
        run = options["run"] or utc_now().strftime("%m%d%H%M%S")
        stage = prepare(run, sorted(opening), now=utc_now())
        bodies = trade.events(lines, opening, plan, store_of=stage.store_of)
        self._say_services(expected)

        var_dir = Path(os.environ.get("SYNC_VAR_DIR", "var"))
        killer = Killer(var_dir, options["kill_workers"], seed=options["seed"])
        began = time.monotonic()
        bar = Bar(sys.stderr, "sent", len(bodies), on_step=lambda done: killer.step(done / len(bodies)))
        replay.send(
            make_door(), stage, bodies, progress=bar.add, pace=trade.Pace(bodies, options["speed"]).wait
        )
        bar.end()
        sent_s = time.monotonic() - began

        def work() -> None:
            if options["inline"]:
                for tier in ("critical", "standard", "bulk", "replay"):
                    steps.drain_intake(tier)

        waiting = Bar(sys.stderr, "to apply", 0)
        replay.wait_until_applied(stage, work=work, progress=waiting.left)
        waiting.end()
        self._report(stage, expected, bodies, sent_s, time.monotonic() - began, killer, run)

    def _say_services(self, expected: dict[str, trade.Expected]) -> None:
        services = replay.services_in(expected, trade.is_service)
        if services:
            self.stdout.write(
                f"Counted like goods, though a retailer would exclude them: {', '.join(services)}."
            )

    def _report(
        self,
        stage: Any,
        expected: dict[str, trade.Expected],
        bodies: list[bytes],
        sent_s: float,
        total_s: float,
        killer: Killer,
        run: str,
    ) -> None:
        stuck = replay.stuck(stage)
        differences = replay.compare(stage, expected)
        unbalanced = verify()
        for difference in differences:
            self.stdout.write(str(difference))
        self.stdout.write(
            f"Run {run}: {len(bodies):,} deliveries of {len(expected):,} SKUs in {total_s:.1f} s"
            f" ({len(bodies) / total_s:,.0f}/s from the door to the ledger; the door alone took"
            f" {sent_s:.1f} s, {len(bodies) / sent_s:,.0f}/s)."
        )
        if killer.killed:
            self.stdout.write(f"Workers killed: {killer.killed}.")
        if stuck:
            self.stdout.write(f"Not applied: {stuck}.")
        self.stdout.write(
            f"Differences: {len(differences)}."
            f" Levels that are not the sum of their movements: {len(unbalanced)}."
        )
        if differences or unbalanced or stuck:
            raise CommandError("The replay does not agree with what was expected.")
        if settings.DEBUG:
            self.stdout.write("DEBUG is on: Django keeps every query, so the figures above are slow.")
