"""Policies from a file: show what it would change, put it in force, or write down what is in force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import F

from inventory_sync.availability.models import Policy
from inventory_sync.availability.policy_files import read_policies, write_policies
from inventory_sync.availability.policy_plans import Blast, PolicyChange, apply, plan, values_of
from inventory_sync.availability.store import PostgresAvailability
from inventory_sync.domain.errors import BadPolicyFile
from inventory_sync.support.clock import utc_now


class Command(BaseCommand):
    help = (
        "plan: show what a file of policies would change, and how many figures would rise, fall or become "
        "zero. apply: put it in force, all or nothing. export: write the policies in force as such a file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True)
        planning = deeds.add_parser("plan", help="change nothing; say what the file would change")
        planning.add_argument("file", type=Path)
        applying = deeds.add_parser("apply", help="put the file in force")
        applying.add_argument("file", type=Path)
        applying.add_argument("--reason", required=True, help="why; kept with every version")
        applying.add_argument("--actor", default="command line", help="who; kept with every version")
        exporting = deeds.add_parser("export", help="write what is in force")
        exporting.add_argument("channel", nargs="*", help="only these channels")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["deed"] == "export":
            self._export(options["channel"])
            return
        if options["deed"] == "apply" and not options["reason"].strip():
            raise CommandError("A reason is needed: it is kept with every version.")
        try:
            stated = read_policies(options["file"].read_text(encoding="utf-8"))
            now = utc_now()
            if options["deed"] == "plan":
                planned = plan(stated, store=PostgresAvailability(), now=now)
                self._show(planned.changes)
                for channel, blast in planned.blast.items():
                    self._blast(channel, blast)
                return
            done = apply(stated, actor=options["actor"], reason=options["reason"].strip(), now=now)
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from None
        except BadPolicyFile as error:
            raise CommandError(f"{error.code}: {error}") from None
        self._show(done)

    def _export(self, channels: list[str]) -> None:
        rows = Policy.objects.select_related("connection", "item").order_by(
            "connection__code", F("item__sku").asc(nulls_first=True)
        )
        if channels:
            rows = rows.filter(connection__code__in=channels)
        stated = [(row.connection.code, row.item.sku if row.item else "", values_of(row)) for row in rows]
        self.stdout.write(write_policies(stated), ending="")

    def _show(self, changes: tuple[PolicyChange, ...]) -> None:
        if not changes:
            self.stdout.write("Nothing changes.")
        for each in changes:
            sign = "+" if each.before is None else "-" if each.after is None else "~"
            self.stdout.write(f"{sign} {each.subject}")
            for name, (old, new) in each.differences.items():
                self.stdout.write(f"    {name}: {_shown(old)} → {_shown(new)}")

    def _blast(self, channel: str, blast: Blast) -> None:
        self.stdout.write(
            f"{channel}: {blast.changing} of {blast.looked_at} figures change: {blast.rising} rise, "
            f"{blast.falling} fall, {blast.to_zero} of them to zero; {blast.unknown} become unknown"
        )
        for sku, now, then in blast.examples:
            self.stdout.write(f"    {sku}: {_shown(now)} → {_shown(then)}")


def _shown(value: Any) -> str:
    return "–" if value is None else format(value, "f") if hasattr(value, "as_tuple") else str(value)
