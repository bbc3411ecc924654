"""The life of each order line, so that what was owed at a past instant can be told."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import inventory_sync.support.models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0002_audited"),
        ("ledger", "0005_set_failing_items_aside"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReservationChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("held", "Held until it expires"),
                            ("committed", "Committed"),
                            ("acknowledged", "Acknowledged"),
                            ("picked", "Picked"),
                            ("shipped", "Shipped, awaiting books"),
                            ("backordered", "Backordered"),
                            ("closed", "Closed: the books hold it"),
                            ("rejected", "Rejected"),
                            ("released", "Released"),
                            ("expired", "Expired"),
                            ("cancelled", "Cancelled"),
                            ("closed_short", "Closed short"),
                        ],
                        max_length=12,
                    ),
                ),
                ("demand", inventory_sync.support.models.QuantityField(decimal_places=6, max_digits=20)),
                (
                    "fulfilled",
                    inventory_sync.support.models.QuantityField(decimal_places=6, default=0, max_digits=20),
                ),
                ("stamp", models.BigIntegerField(default=0)),
                ("reading", models.BigIntegerField(default=0)),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("allocations", models.JSONField(default=list)),
                ("correlation_id", models.CharField(blank=True, max_length=40)),
                (
                    "item",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="catalog.item",
                    ),
                ),
                (
                    "reservation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="changes",
                        to="ledger.reservation",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["reservation", "at", "id"], name="reservation_history"),
                    models.Index(fields=["at"], name="reservation_change_at"),
                ],
            },
        ),
    ]
