"""What the authority holds back, and room on each page so that an update stays there and touches no index."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import inventory_sync.support.models

ROOM = """
ALTER TABLE ledger_stocklevel SET (fillfactor = 70);
ALTER TABLE ledger_allocation SET (fillfactor = 80);
ALTER TABLE ledger_reservation SET (fillfactor = 80);
ALTER TABLE ledger_dirtyitem SET (
    fillfactor = 70,
    -- A queue: as many rows die as are made, whatever its size.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0
);
"""
BACK = """
ALTER TABLE ledger_stocklevel RESET (fillfactor);
ALTER TABLE ledger_allocation RESET (fillfactor);
ALTER TABLE ledger_reservation RESET (fillfactor);
ALTER TABLE ledger_dirtyitem RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
    autovacuum_analyze_scale_factor, autovacuum_analyze_threshold, autovacuum_vacuum_cost_delay);
"""


def quantity(said: str) -> inventory_sync.support.models.QuantityField:
    return inventory_sync.support.models.QuantityField(
        db_default=0, decimal_places=6, default=0, help_text=said, max_digits=20
    )


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0002_audited"),
        ("ledger", "0008_part_keys_from_events_by_month"),
    ]

    operations = [
        migrations.AddField(
            "stocklevel", "reserved", quantity("Held back by the authority in its own books.")
        ),
        migrations.AddField(
            "stocklevel",
            "unassigned",
            quantity("The authority's own demand that it has not assigned yet."),
        ),
        migrations.AddField(
            "stocklevel",
            "unknown_since",
            models.BigIntegerField(
                help_text="The reading number at which a fault was noticed; only a later one cures it.",
                null=True,
            ),
        ),
        migrations.AlterField(
            "stocklevel",
            "item",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="levels",
                to="catalog.item",
            ),
        ),
        migrations.RunSQL(ROOM, BACK),
    ]
