"""What is announced, what arrived and was picked of it; accounting periods, closed by audited acts."""

import django.db.models.deletion
from django.db import migrations, models

import inventory_sync.support.models

AUDITED = """
CREATE CONSTRAINT TRIGGER ledger_period_audited AFTER INSERT OR UPDATE OR DELETE ON ledger_period
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION audit_require_entry();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_guard"),
        ("catalog", "0005_places_track_lots_and_owners"),
        ("connections", "0002_audited"),
        ("ledger", "0011_keep_what_is_owed"),
    ]

    operations = [
        migrations.CreateModel(
            name="Period",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "code",
                    models.CharField(
                        help_text="Year and month (UTC), e.g. 2026-11.", max_length=7, unique=True
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("closed", "Closed")], default="open", max_length=6
                    ),
                ),
                ("changed_by", models.CharField(max_length=150)),
                ("changed_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=300)),
            ],
            options={
                "ordering": ["-code"],
            },
        ),
        migrations.CreateModel(
            name="Expectation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ref", models.CharField(max_length=120)),
                ("version", models.BigIntegerField(default=-1)),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("purchase", "Purchase order"),
                            ("advice", "Despatch advice"),
                            ("transfer", "Transfer"),
                            ("return", "Return"),
                            ("production", "Production"),
                            ("", "Not announced"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("open", "Open"),
                            ("closed", "Closed"),
                            ("cancelled", "Cancelled"),
                            ("", "Not announced"),
                        ],
                        max_length=9,
                    ),
                ),
                ("due_at", models.DateTimeField(null=True)),
                ("reference", models.CharField(blank=True, max_length=120)),
                (
                    "differs",
                    models.BooleanField(default=False, help_text="What arrived is not what was announced."),
                ),
                ("over", models.BooleanField(default=False, help_text="Nothing more will come of it.")),
                ("delivery_id", models.BigIntegerField(null=True)),
                ("correlation_id", models.CharField(blank=True, max_length=40)),
                ("changed_at", models.DateTimeField()),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="connections.connection",
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.location",
                    ),
                ),
                (
                    "origin",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalog.location",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ExpectationLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("line_ref", models.CharField(max_length=80)),
                ("quantity", inventory_sync.support.models.QuantityField(decimal_places=6, max_digits=20)),
                (
                    "arrived",
                    inventory_sync.support.models.QuantityField(decimal_places=6, default=0, max_digits=20),
                ),
                (
                    "open",
                    inventory_sync.support.models.QuantityField(decimal_places=6, default=0, max_digits=20),
                ),
                ("due_at", models.DateTimeField(null=True)),
                (
                    "expectation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="ledger.expectation",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="catalog.item"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LatePosting",
            fields=[
                ("event_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("event_key", models.CharField(max_length=200)),
                ("origin", models.CharField(help_text="The period it happened in.", max_length=7)),
                ("period", models.CharField(help_text="The period it is posted in.", max_length=7)),
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
        ),
        migrations.CreateModel(
            name="Pick",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event_key", models.CharField(db_collation="C", max_length=200)),
                ("revision", models.IntegerField()),
                (
                    "source",
                    models.CharField(help_text="Code of the connection the order comes from.", max_length=60),
                ),
                ("order_ref", models.CharField(max_length=120)),
                ("line_ref", models.CharField(max_length=80)),
                ("quantity", inventory_sync.support.models.QuantityField(decimal_places=6, max_digits=20)),
                (
                    "short",
                    inventory_sync.support.models.QuantityField(decimal_places=6, default=0, max_digits=20),
                ),
                ("occurred_at", models.DateTimeField()),
                ("correlation_id", models.CharField(blank=True, max_length=40)),
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
        ),
        migrations.CreateModel(
            name="Arrival",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event_key", models.CharField(db_collation="C", max_length=200)),
                ("revision", models.IntegerField()),
                ("ref", models.CharField(max_length=120)),
                ("quantity", inventory_sync.support.models.QuantityField(decimal_places=6, max_digits=20)),
                ("damaged", models.BooleanField(default=False)),
                (
                    "paper",
                    inventory_sync.support.models.QuantityField(
                        decimal_places=6,
                        help_text="What the sender's paper said would come.",
                        max_digits=20,
                        null=True,
                    ),
                ),
                ("final", models.BooleanField(default=False)),
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
                (
                    "source",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="connections.connection",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["source", "ref"], name="arrival_of")],
                "constraints": [
                    models.UniqueConstraint(fields=("connection", "event_key"), name="an_arrival_counts_once")
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="expectation",
            constraint=models.UniqueConstraint(fields=("connection", "ref"), name="one_expectation_per_ref"),
        ),
        migrations.AddIndex(
            model_name="expectationline",
            index=models.Index(
                condition=models.Q(("open__gt", 0)), fields=["item", "due_at"], name="expected_item"
            ),
        ),
        migrations.AddConstraint(
            model_name="expectationline",
            constraint=models.UniqueConstraint(
                fields=("expectation", "line_ref"), name="one_line_per_expectation"
            ),
        ),
        migrations.AddIndex(
            model_name="lateposting",
            index=models.Index(fields=["origin"], name="late_of_period"),
        ),
        migrations.AddIndex(
            model_name="pick",
            index=models.Index(fields=["source", "order_ref", "line_ref"], name="pick_line"),
        ),
        migrations.AddConstraint(
            model_name="pick",
            constraint=models.UniqueConstraint(fields=("connection", "event_key"), name="a_pick_counts_once"),
        ),
        migrations.RunSQL(AUDITED, "DROP TRIGGER ledger_period_audited ON ledger_period"),
    ]
