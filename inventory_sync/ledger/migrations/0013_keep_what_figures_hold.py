"""What figures hold of order lines, the numbers a feed left out, and when a shipment happened."""

import django.db.models.deletion
from django.db import migrations, models

import inventory_sync.support.models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0005_places_track_lots_and_owners"),
        ("connections", "0002_audited"),
        ("ledger", "0012_keep_what_is_announced_and_close_periods"),
    ]

    operations = [
        migrations.AddField(
            model_name="fulfilment",
            name="occurred_at",
            field=models.DateTimeField(help_text="As of its event: which tenure it belongs to.", null=True),
        ),
        migrations.AlterField(
            model_name="stocklevel",
            name="last_known_free",
            field=inventory_sync.support.models.QuantityField(
                decimal_places=6,
                help_text="What was free when it became unknown, less what was taken since.",
                max_digits=20,
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="Gap",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sequence", models.BigIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("filled", "Filled"), ("lost", "Declared lost")],
                        default="open",
                        max_length=6,
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "reason",
                    models.CharField(blank=True, help_text="Why it was declared lost.", max_length=300),
                ),
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
                    "location",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gaps",
                        to="catalog.location",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "open")),
                        fields=["connection", "location", "sequence"],
                        name="gap_open",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("connection", "location", "sequence"), name="a_number_is_missing_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Holding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "source",
                    models.CharField(help_text="Code of the connection the order comes from.", max_length=60),
                ),
                ("order_ref", models.CharField(max_length=120)),
                ("line_ref", models.CharField(max_length=80)),
                (
                    "contained",
                    inventory_sync.support.models.QuantityField(decimal_places=6, default=0, max_digits=20),
                ),
                (
                    "delivered",
                    inventory_sync.support.models.QuantityField(decimal_places=6, default=0, max_digits=20),
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
                    models.Index(
                        condition=models.Q(("contained__gt", 0)),
                        fields=["item", "location"],
                        name="holding_of_level",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("source", "order_ref", "line_ref", "item", "location"),
                        name="one_holding_per_line_and_place",
                    )
                ],
            },
        ),
    ]
