"""./manage.py evidence: make the daily evidence of no oversell, show it, or check the whole chain."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from datetime import UTC, date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inventory_sync.pipeline import wiring
from inventory_sync.pipeline.evidence import keep
from inventory_sync.support.clock import utc_now


class Command(BaseCommand):
    help = (
        "Make the evidence of a day (UTC): figures published, orders taken, lines that no figure covered and "
        "why, the invariants, a digest of the ledger; sealed, signed if there is a key, chained to the day "
        "before. A day is sealed once. --verify checks every digest, signature, link and file instead, and "
        "exits with 1 when one is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--day", type=date.fromisoformat, help="e.g. 2026-11-22 (default: yesterday)")
        parser.add_argument("--verify", action="store_true", help="check the chain instead")

    def handle(self, *args: Any, **options: Any) -> None:
        seals, now = wiring.seals(), utc_now()
        if options["verify"]:
            faults = keep.verify(seals=seals)
            for fault in faults:
                self.stdout.write(f"{fault.day}: {fault.what}")
            if faults:
                raise CommandError(f"{len(faults)} faults in the chain of evidence.")
            self.stdout.write(self.style.SUCCESS("Every digest, signature, link and file is right."))
            return
        day = options["day"] or now.astimezone(UTC).date() - timedelta(days=1)
        try:
            row = keep.make(day, seals=seals, now=now, seconds=time.perf_counter)
        except (keep.NotOver, keep.OutOfTurn) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(row.document)
        self.stderr.write(f"sha256 {row.digest}" + (f", in {row.path}" if row.path else ""))
