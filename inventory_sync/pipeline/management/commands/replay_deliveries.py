"""`manage.py replay_deliveries`: shows what a stretch holds; with --go it is applied again."""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inventory_sync.catalog.models import Item
from inventory_sync.connections.models import Connection
from inventory_sync.pipeline.replaying import Wanted, found, start
from inventory_sync.support.clock import utc_now


class Command(BaseCommand):
    help = "Apply deliveries again by time, connection, topic or item. Without --go it only shows them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", required=True, type=_instant, help="2026-11-22T14:00:00+00:00")
        parser.add_argument("--until", required=True, type=_instant)
        parser.add_argument("--connection", default="", help="its code")
        parser.add_argument("--topic", default="")
        parser.add_argument("--sku", default="")
        parser.add_argument("--state", default="", choices=["", "done", "parked", "rejected"])
        parser.add_argument("--per-minute", type=int, default=600)
        parser.add_argument("--reason", default="")
        parser.add_argument("--go", action="store_true", help="have them applied again")

    def handle(self, *args: Any, **given: Any) -> None:
        wanted = Wanted(
            since=given["since"],
            until=given["until"],
            connection=_named(Connection, "code", given["connection"]),
            topic=given["topic"],
            item=_named(Item, "sku", given["sku"]),
            state=given["state"],
        )
        seen = found(wanted)
        for code, topic, state, many in seen.kinds:
            self.stdout.write(f"{many:8} {code} {topic} {state}")
        self.stdout.write(f"{seen.total} deliveries.")
        if not given["go"]:
            return
        if not given["reason"]:
            raise CommandError("Say why with --reason: it is kept in the audit.")
        if seen.too_many:
            raise CommandError("Choose a shorter stretch.")
        row = start(
            wanted,
            up_to=seen.last_id,
            actor=f"command by {getpass.getuser()}",
            reason=given["reason"],
            now=utc_now(),
            per_minute=given["per_minute"],
        )
        self.stdout.write(f"Replay #{row.pk} began; its page in the admin tells how it goes.")


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("An instant needs its zone, such as +00:00.")
    return at


def _named(model: Any, field: str, value: str) -> Any:
    if not value:
        return None
    row = model.objects.filter(**{field: value}).first()
    if row is None:
        raise CommandError(f"There is no {model._meta.verbose_name} {value}.")
    return row
