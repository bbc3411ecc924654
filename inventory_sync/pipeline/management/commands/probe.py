"""./manage.py probe CODE: look at the system behind a connection and say what is missing. Reads only."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inventory_sync.connections.models import Connection
from inventory_sync.domain.errors import SyncError
from inventory_sync.domain.ports import Client
from inventory_sync.pipeline.wiring import open_account


class Command(BaseCommand):
    help = (
        "Ask the system behind a connection who we are there, which places it has and what we lack. "
        "With --listings also what it sells or keeps, under the ids that mappings name. Exits with 1 when "
        "something is missing. Reads only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code", help="the connection's code")
        parser.add_argument("--listings", action="store_true", help="its items too: id, SKU, GTIN, name")

    def handle(self, *args: Any, **options: Any) -> None:
        row = Connection.objects.filter(code=options["code"]).first()
        if row is None:
            known = ", ".join(Connection.objects.order_by("code").values_list("code", flat=True))
            raise CommandError(f"There is no connection {options['code']!r}; there are: {known or 'none'}.")
        try:
            client = open_account(row.pk, held_too=True).client
            problems = self._look(client)
            if options["listings"]:
                self._list(client)
        except SyncError as error:
            raise CommandError(f"{row.label}: {error.detail}") from error
        if problems:
            raise CommandError(f"{row.label} lacks: " + " ".join(problems))
        self.stdout.write(self.style.SUCCESS(f"{row.label} lacks nothing."))

    def _look(self, client: Client) -> list[str]:
        found = client.probe()
        for name, fact in found.facts.items():
            self.stdout.write(f"{name:20} {fact}")
        return list(found.problems)

    def _list(self, client: Client) -> None:
        for each in client.listings():
            self.stdout.write(f"{each.ref.external_id}\t{each.sku}\t{each.gtin}\t{each.name}")
