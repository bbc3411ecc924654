"""./manage.py verify: look whether every invariant holds, now, as of one instant and without a lock."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inventory_sync.domain.invariants import Violation
from inventory_sync.pipeline.invariants.look import Result, look_at
from inventory_sync.pipeline.invariants.registry import chosen
from inventory_sync.support.clock import utc_now

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Check that the platform's invariants hold: levels are sums of movements, terms add up to figures, "
        "nothing unknown is shown as 0, … Exits with 1 when one is violated, and names each item, place or "
        "line with both numbers. Reads only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", default="", metavar="NAMES", help="comma-separated names; see --list")
        parser.add_argument(
            "--figures",
            type=int,
            metavar="N",
            help="compute at most N items' figures again (default: every one)",
        )
        parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
        parser.add_argument("--list", action="store_true", help="name the checks and their rules, and stop")

    def handle(self, *args: Any, **options: Any) -> None:
        names = [name.strip() for name in options["only"].split(",") if name.strip()]
        try:
            wanted = chosen(names, now=utc_now(), figures=options["figures"])
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from error
        if options["list"]:
            for check in wanted:
                self.stdout.write(f"{check.name:18} {check.rule}")
            return
        tell = (lambda _: None) if options["json"] else self._tell
        results = look_at(wanted, seconds=time.perf_counter, tell=tell)
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(each) for each in results], indent=2, ensure_ascii=False))
        violated = [each for each in results if not each.holds]
        if violated:
            raise CommandError(
                f"{len(violated)} of {len(results)} invariants are violated: "
                + ", ".join(each.check.name for each in violated)
            )
        if not options["json"]:
            self.stdout.write(self.style.SUCCESS(f"All {len(results)} invariants hold."))

    def _tell(self, result: Result) -> None:
        held = "holds" if result.holds else f"VIOLATED {len(result.violations)} times"
        owned = f", {len(result.owned)} more have an open case" if result.owned else ""
        self.stdout.write(f"{result.check.name:18} {held}{owned} ({result.seconds:.2f} s)")
        for each in result.violations[:SHOWN]:
            self.stdout.write(f"    {each.summary}")
        if len(result.violations) > SHOWN:
            self.stdout.write(f"    … and {len(result.violations) - SHOWN} more; --json tells all")


def _as_json(result: Result) -> dict[str, Any]:
    return {
        "check": result.check.name,
        "rule": result.check.rule,
        "holds": result.holds,
        "seconds": round(result.seconds, 3),
        "violations": [_violation(each) for each in result.violations],
        "owned": [_violation(each) for each in result.owned],
    }


def _violation(each: Violation) -> dict[str, str]:
    return {
        "subject": each.subject,
        "summary": each.summary,
        "expected": each.expected,
        "found": each.found,
    }
