from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from inventory_sync.ledger import partitions
from inventory_sync.ledger.rows import execute


def make_partitions(**_: Any) -> None:
    """Have the months ahead after every migration; by the database's clock, for nobody hands one in here."""
    ((ready, now),) = execute("SELECT to_regproc('ledger_make_partition') IS NOT NULL, now()")
    if ready:
        partitions.make_ahead(now=now)


class LedgerConfig(AppConfig):
    name = "inventory_sync.ledger"
    label = "ledger"

    def ready(self) -> None:
        post_migrate.connect(make_partitions, sender=self)
