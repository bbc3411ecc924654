"""What staff may declare beyond a buffer: percentages, packs, allowances, safety, allotments, ages."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import inventory_sync.support.models


class Migration(migrations.Migration):
    dependencies = [
        ("availability", "0003_figure_history"),
        ("catalog", "0006_kits_may_be_pooled"),
        ("connections", "0002_audited"),
    ]

    operations = [
        migrations.AddField(
            model_name="policy",
            name="backorder_allowance",
            field=inventory_sync.support.models.QuantityField(
                decimal_places=6,
                default=0,
                help_text="May be sold beyond what is there.",
                max_digits=20,
                validators=[django.core.validators.MinValueValidator(Decimal(0))],
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="buffer_percent",
            field=models.DecimalField(
                decimal_places=2,
                default=Decimal(0),
                help_text="Kept back of the share; the greater of the two buffers counts.",
                max_digits=5,
                validators=[
                    django.core.validators.MinValueValidator(Decimal(0)),
                    django.core.validators.MaxValueValidator(Decimal(100)),
                ],
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="pack",
            field=inventory_sync.support.models.QuantityField(
                blank=True,
                decimal_places=6,
                help_text="Sold only in multiples of this many base units; the rest is shown as a remainder.",
                max_digits=20,
                null=True,
                validators=[django.core.validators.MinValueValidator(Decimal("0.000001"))],
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="preorder_allowance",
            field=inventory_sync.support.models.QuantityField(
                decimal_places=6,
                default=0,
                help_text="May be sold of what is confirmed to come in.",
                max_digits=20,
                validators=[django.core.validators.MinValueValidator(Decimal(0))],
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="preorder_days",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="How far ahead what comes in may be sold."
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="shrink_percent",
            field=models.DecimalField(
                decimal_places=2,
                default=Decimal(50),
                help_text="What a place in doubt still counts of its last known stock, if it is to shrink.",
                max_digits=5,
                validators=[
                    django.core.validators.MinValueValidator(Decimal(0)),
                    django.core.validators.MaxValueValidator(Decimal(100)),
                ],
            ),
        ),
        migrations.AlterField(
            model_name="policy",
            name="buffer",
            field=inventory_sync.support.models.QuantityField(
                decimal_places=6,
                default=0,
                help_text="Kept back, in base units.",
                max_digits=20,
                validators=[django.core.validators.MinValueValidator(Decimal(0))],
            ),
        ),
        migrations.AlterField(
            model_name="policy",
            name="cap",
            field=inventory_sync.support.models.QuantityField(
                blank=True,
                decimal_places=6,
                help_text="Never show more than this.",
                max_digits=20,
                null=True,
                validators=[django.core.validators.MinValueValidator(Decimal(0))],
            ),
        ),
        migrations.AlterField(
            model_name="policy",
            name="safety_stock",
            field=inventory_sync.support.models.QuantityField(
                decimal_places=6,
                default=0,
                help_text="Kept back at each location.",
                max_digits=20,
                validators=[django.core.validators.MinValueValidator(Decimal(0))],
            ),
        ),
        migrations.AlterField(
            model_name="policy",
            name="threshold",
            field=inventory_sync.support.models.QuantityField(
                decimal_places=6,
                default=0,
                help_text="Show 0 below this.",
                max_digits=20,
                validators=[django.core.validators.MinValueValidator(Decimal(0))],
            ),
        ),
        migrations.CreateModel(
            name="Freshness",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "max_age_s",
                    models.PositiveIntegerField(
                        help_text="In seconds.", validators=[django.core.validators.MinValueValidator(1)]
                    ),
                ),
                ("newest_report_at", models.DateTimeField(blank=True, null=True)),
                ("stale", models.BooleanField(default=False)),
                (
                    "location",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="freshness",
                        to="catalog.location",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "freshness",
                "ordering": ["location"],
            },
        ),
        migrations.CreateModel(
            name="Allotment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "quantity",
                    inventory_sync.support.models.QuantityField(
                        decimal_places=6, help_text="Set aside, in base units.", max_digits=20
                    ),
                ),
                ("granted_at", models.DateTimeField()),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, help_text="Empty: until it is withdrawn.", null=True),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="allotments",
                        to="connections.connection",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="allotments",
                        to="catalog.item",
                    ),
                ),
            ],
            options={
                "ordering": ["-granted_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=["expires_at"],
                        name="allotment_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gt", 0)), name="an_allotment_is_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__isnull", True),
                            ("expires_at__gt", models.F("granted_at")),
                            _connector="OR",
                        ),
                        name="a_lease_lasts",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PolicyVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("values", models.JSONField(default=dict)),
                ("valid_from", models.DateTimeField()),
                ("actor", models.CharField(max_length=150)),
                ("reason", models.TextField(blank=True)),
                (
                    "connection",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="connections.connection",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="catalog.item",
                    ),
                ),
            ],
            options={
                "ordering": ["connection", "item", "-version"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("connection", "item", "version"),
                        name="one_policy_version",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SafetyStock",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "quantity",
                    inventory_sync.support.models.QuantityField(
                        decimal_places=6,
                        help_text="Kept back, in base units.",
                        max_digits=20,
                        validators=[django.core.validators.MinValueValidator(Decimal(0))],
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="safety_stocks",
                        to="catalog.item",
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="safety_stocks",
                        to="catalog.location",
                    ),
                ),
            ],
            options={
                "ordering": ["location", "item"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("location", "item"), name="one_safety_stock_per_place", nulls_distinct=False
                    )
                ],
            },
        ),
    ]
