"""What connections say of stock they do not decide: kept to be compared."""

import django.db.models.deletion
from django.db import migrations, models

import inventory_sync.support.models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0005_places_track_lots_and_owners"),
        ("connections", "0002_audited"),
        ("ledger", "0013_keep_what_figures_hold"),
    ]

    operations = [
        migrations.CreateModel(
            name="Observation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=200)),
                ("revision", models.IntegerField(default=0)),
                ("kind", models.CharField(max_length=10)),
                ("quantity", inventory_sync.support.models.QuantityField(decimal_places=6, max_digits=20)),
                ("occurred_at", models.DateTimeField()),
                ("reading", models.BigIntegerField(null=True)),
                ("delivery_id", models.BigIntegerField(null=True)),
                ("recorded_at", models.DateTimeField()),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="connections.connection",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.item",
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.location",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["item", "location", "occurred_at"], name="observation_history")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("connection", "key", "revision"), name="an_observation_is_kept_once"
                    )
                ],
            },
        ),
    ]
