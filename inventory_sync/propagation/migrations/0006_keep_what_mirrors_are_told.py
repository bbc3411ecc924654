"""Since when a location is mirrored, how far each level was told, and the documents that tell it."""

import django.db.models.deletion
from django.db import migrations, models

import inventory_sync.support.models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0008_places_may_be_mirrored"),
        ("connections", "0003_take_turns_at_writing"),
        ("propagation", "0005_find_listings_by_one_index_each"),
    ]

    operations = [
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("code", models.CharField(max_length=12)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="there_is_one_installation")
                ],
            },
        ),
        migrations.CreateModel(
            name="MirrorPlace",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("external_id", models.CharField(max_length=120)),
                ("since", models.DateTimeField()),
                ("after_id", models.BigIntegerField()),
                ("until", models.DateTimeField(blank=True, null=True)),
                ("upto_id", models.BigIntegerField(blank=True, null=True)),
                (
                    "compared_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When all its levels were last compared with the ledger.",
                        null=True,
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mirror_places",
                        to="connections.connection",
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mirror_places",
                        to="catalog.location",
                    ),
                ),
            ],
            options={
                "verbose_name": "mirrored location",
            },
        ),
        migrations.CreateModel(
            name="MirrorLevel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "upto_id",
                    models.BigIntegerField(help_text="The last movement that is in a document.", null=True),
                ),
                ("due_since", models.DateTimeField(null=True)),
                ("run_at", models.DateTimeField(null=True)),
                ("error_code", models.CharField(blank=True, db_default="", max_length=60)),
                ("error_detail", models.TextField(blank=True, db_default="")),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="catalog.item"
                    ),
                ),
                (
                    "place",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="levels",
                        to="propagation.mirrorplace",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MirrorDocument",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=60, unique=True)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("sale", "sale"),
                            ("return", "return"),
                            ("receipt", "receipt"),
                            ("shipment", "shipment"),
                            ("transfer_out", "transfer out"),
                            ("transfer_in", "transfer in"),
                            ("adjustment", "adjustment"),
                            ("scrap", "scrap"),
                        ],
                        max_length=20,
                    ),
                ),
                ("arrives", models.BooleanField(help_text="Stock comes to the place; otherwise it leaves.")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("owed", "Owed"),
                            ("unknown", "Sent: its outcome is not known"),
                            ("booked", "Booked"),
                            ("refused", "Refused: waits for a person"),
                            ("split", "Replaced by others"),
                            ("given_up", "Given up by staff"),
                        ],
                        default="owed",
                        max_length=10,
                    ),
                ),
                ("made_at", models.DateTimeField()),
                ("run_at", models.DateTimeField()),
                (
                    "attempts",
                    models.PositiveIntegerField(
                        default=0, help_text="How often it was sent; the fence of each."
                    ),
                ),
                ("sent_at", models.DateTimeField(null=True)),
                (
                    "ambiguous_until",
                    models.DateTimeField(help_text="Until then the last request may still land.", null=True),
                ),
                ("booked_at", models.DateTimeField(null=True)),
                ("target_name", models.CharField(blank=True, db_default="", max_length=80)),
                ("error_code", models.CharField(blank=True, db_default="", max_length=60)),
                ("error_detail", models.TextField(blank=True, db_default="")),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mirror_documents",
                        to="connections.connection",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        help_text="It was split into this.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="parts",
                        to="propagation.mirrordocument",
                    ),
                ),
                (
                    "place",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="propagation.mirrorplace",
                    ),
                ),
            ],
            options={
                "verbose_name": "mirrored document",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="MirrorLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("quantity", inventory_sync.support.models.QuantityField(decimal_places=6, max_digits=20)),
                ("item_ref", models.CharField(max_length=120)),
                ("told", inventory_sync.support.models.QuantityField(decimal_places=6, max_digits=20)),
                ("lot", models.CharField(blank=True, db_default="", max_length=80)),
                ("after_id", models.BigIntegerField()),
                ("upto_id", models.BigIntegerField()),
                ("movements", models.PositiveIntegerField(help_text="How many movements it sums.")),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="propagation.mirrordocument",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="catalog.item"
                    ),
                ),
            ],
            options={
                "verbose_name": "mirrored line",
                "ordering": ["id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gt", 0)), name="a_mirrored_line_is_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("upto_id__gt", models.F("after_id"))),
                        name="a_mirrored_line_sums_some",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="mirrorplace",
            constraint=models.UniqueConstraint(
                condition=models.Q(("until__isnull", True)),
                fields=("connection", "location"),
                name="one_mirror_of_a_location_at_a_time",
            ),
        ),
        migrations.AddIndex(
            model_name="mirrorlevel",
            index=models.Index(
                condition=models.Q(("due_since__isnull", False)),
                fields=["due_since"],
                name="mirror_level_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="mirrorlevel",
            constraint=models.UniqueConstraint(fields=("place", "item"), name="one_mark_per_mirrored_level"),
        ),
        migrations.AddIndex(
            model_name="mirrordocument",
            index=models.Index(
                condition=models.Q(("state__in", ("owed", "unknown"))),
                fields=["connection", "run_at"],
                name="mirror_document_open",
            ),
        ),
        migrations.AddIndex(
            model_name="mirrordocument",
            index=models.Index(fields=["connection", "state"], name="mirror_document_state"),
        ),
    ]
