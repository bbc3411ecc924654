"""Sets of deliveries that people had applied again, and copies of deliveries that they edited."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0005_count_what_is_done_and_how_fresh_it_is")]

    operations = [
        migrations.CreateModel(
            name="EditedCopy",
            fields=[
                ("copy_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("origin_id", models.BigIntegerField(db_index=True)),
                ("edited_by", models.CharField(max_length=150)),
                ("at", models.DateTimeField()),
            ],
            options={"verbose_name_plural": "edited copies", "ordering": ["-copy_id"]},
        ),
        migrations.CreateModel(
            name="Replay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("filters", models.JSONField(default=dict, help_text="What was asked for, in words.")),
                (
                    "delivery_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        help_text="The set, oldest first; frozen.",
                        size=None,
                    ),
                ),
                (
                    "position",
                    models.PositiveIntegerField(default=0, help_text="So many of them were handed back."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "Running"), ("done", "Done"), ("cancelled", "Cancelled")],
                        default="running",
                        max_length=10,
                    ),
                ),
                ("per_minute", models.PositiveIntegerField(default=600)),
                ("asked_by", models.CharField(max_length=150)),
                ("reason", models.TextField()),
                ("run_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.AddIndex(
            model_name="replay",
            index=models.Index(
                condition=models.Q(("state", "running")), fields=["run_at"], name="replay_due"
            ),
        ),
    ]
