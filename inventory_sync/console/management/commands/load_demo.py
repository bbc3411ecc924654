"""Load a demo retailer: items, places, mappings and two connections to the twins."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inventory_sync.console import demo, demo_connections
from inventory_sync.support.clock import utc_now


class Command(BaseCommand):
    help = "Load a demo retailer from FILE. What is there already stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the dataset, as runner.demo writes it")
        parser.add_argument("--woo-url", required=True, help="where the shop's twin answers")
        parser.add_argument("--till-url", required=True, help="where the till's twin answers")
        parser.add_argument("--hub-url", required=True, help="where this hub is reached by them")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            data = json.loads(options["file"].read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['file']} cannot be read as a dataset: {error}") from error
        accounts = demo_connections.Accounts.of(
            os.environ, woo_url=options["woo_url"], till_url=options["till_url"]
        )
        loaded = demo.load(data, accounts=accounts, now=utc_now())
        if not any(loaded.values()):
            self.stdout.write("The demo is there already.")
            return
        self.stdout.write("Loaded " + ", ".join(f"{many} {what}" for what, many in loaded.items() if many))
        for code in (demo_connections.WOO, demo_connections.TILL):
            self.stdout.write(f"{code} reports to {options['hub_url'].rstrip('/')}/hooks/{code}/")
