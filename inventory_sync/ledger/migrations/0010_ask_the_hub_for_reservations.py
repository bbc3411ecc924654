"""Requests the hub may refuse: what was asked, how it was routed, and the terms of each channel."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import inventory_sync.support.models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0002_audited"),
        ("connections", "0002_audited"),
        ("ledger", "0009_keep_more_of_a_level_and_update_in_place"),
    ]

    operations = [
        migrations.CreateModel(
            name="Owed",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "item_id",
                        "location_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
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
                    "location",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="catalog.location",
                    ),
                ),
                ("quantity", inventory_sync.support.models.QuantityField(decimal_places=6, max_digits=20)),
            ],
            options={
                "verbose_name_plural": "owed",
            },
        ),
        migrations.CreateModel(
            name="RequestTerms",
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
                    "rules",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("whole_order", "whole_order"),
                                ("nearest_kit", "nearest_kit"),
                                ("whole_line", "whole_line"),
                                ("fewest_splits", "fewest_splits"),
                                ("rank", "rank"),
                            ],
                            max_length=16,
                        ),
                        help_text="Tried in this order; the first that can serve a line decides.",
                        size=None,
                    ),
                ),
                (
                    "hold_max_s",
                    models.PositiveIntegerField(
                        default=86400,
                        help_text="How long after its first request stock may be held, in seconds.",
                    ),
                ),
                (
                    "review_max_s",
                    models.PositiveIntegerField(
                        default=259200, help_text="How long a request may wait for approval, in seconds."
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "request terms",
            },
        ),
        migrations.AddField(
            model_name="order",
            name="mode",
            field=models.CharField(db_default="record", default="record", max_length=16),
        ),
        migrations.AddField(
            model_name="order",
            name="requested",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Asked of the hub, which may refuse it."
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="review",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Stock is kept; no sale before somebody approves."
            ),
        ),
        migrations.AddField(
            model_name="reservation",
            name="asked",
            field=inventory_sync.support.models.QuantityField(
                decimal_places=6,
                help_text="What a request asked for; empty for orders of channels.",
                max_digits=20,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="reservation",
            name="routing",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="JSON: the rule that routed it, the ranking, what was passed over.",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("requested", True)), fields=["id"], name="order_requested"
            ),
        ),
        migrations.AddIndex(
            model_name="reservation",
            index=models.Index(
                condition=models.Q(("state", "backordered")), fields=["id"], name="reservation_waits"
            ),
        ),
        migrations.AddField(
            model_name="requestterms",
            name="connection",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="request_terms",
                to="connections.connection",
            ),
        ),
    ]
