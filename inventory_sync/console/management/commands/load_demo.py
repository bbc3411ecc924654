"""Load a demo retailer: items, places, mappings and the connections to the twins."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inventory_sync.connections.models import Connection
from inventory_sync.console import demo, demo_connections
from inventory_sync.support.clock import utc_now


class Command(BaseCommand):
    help = "Load a demo retailer from FILE. What is there already stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the dataset, as runner.demo writes it")
        parser.add_argument("--woo-url", required=True, help="where the shop's twin answers")
        parser.add_argument("--till-url", required=True, help="where the till's twin answers")
        parser.add_argument("--odoo-url", required=True, help="where Odoo's twin answers")
        parser.add_argument("--hub-url", required=True, help="where this hub is reached by them")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            data = json.loads(options["file"].read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['file']} cannot be read as a dataset: {error}") from error
        accounts = demo_connections.Accounts.of(
            os.environ,
            woo_url=options["woo_url"],
            till_url=options["till_url"],
            odoo_url=options["odoo_url"],
            customer_id=data["odoo"]["customers"][0]["id"],
        )
        loaded = demo.load(data, accounts=accounts, now=utc_now())
        if not Connection.objects.filter(code=demo_connections.ODOO).exists():
            self.stdout.write(
                "The tills decide what is in the warehouses here, as they did before the demo had an Odoo. "
                "It is left out; remove the data folder for a demo with it."
            )
        if not any(loaded.values()):
            self.stdout.write("The demo is there already.")
            return
        self.stdout.write("Loaded " + ", ".join(f"{many} {what}" for what, many in loaded.items() if many))
        for code in (demo_connections.WOO, demo_connections.TILL, demo_connections.ODOO):
            if Connection.objects.filter(code=code).exists():
                self.stdout.write(f"{code} reports to {options['hub_url'].rstrip('/')}/hooks/{code}/")
