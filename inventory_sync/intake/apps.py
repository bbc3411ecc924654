from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


def make_shards(using: str = "default", **_: Any) -> None:
    """Make one row per tier and shard; runs after every migrate, like Django's own permissions."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "INSERT INTO intake_shard (tier, number, token) SELECT tier, number, 0"
            " FROM unnest(ARRAY['critical', 'standard', 'bulk', 'replay']) AS tier,"
            " generate_series(0, 63) AS number ON CONFLICT DO NOTHING"
        )


class IntakeConfig(AppConfig):
    name = "inventory_sync.intake"
    label = "intake"

    def ready(self) -> None:
        post_migrate.connect(make_shards, sender=self)
