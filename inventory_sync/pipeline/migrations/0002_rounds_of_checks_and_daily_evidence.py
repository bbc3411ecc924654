"""How far the checks of the invariants are, and the daily evidence of no oversell."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pipeline", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Evidence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField(unique=True)),
                ("document", models.TextField(help_text="Canonical JSON; the digest is of these bytes.")),
                ("digest", models.CharField(max_length=64)),
                (
                    "previous",
                    models.CharField(blank=True, help_text="The digest of the file before.", max_length=64),
                ),
                ("signature", models.CharField(blank=True, max_length=64)),
                ("path", models.CharField(blank=True, max_length=400)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "evidence",
                "ordering": ["-day"],
            },
        ),
        migrations.CreateModel(
            name="Verification",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("position", models.PositiveSmallIntegerField(default=0, help_text="The check it is at.")),
                ("after", models.BigIntegerField(default=0, help_text="Ids up to here are checked.")),
                (
                    "upto",
                    models.BigIntegerField(
                        blank=True, help_text="The highest id when the check began.", null=True
                    ),
                ),
                ("results", models.JSONField(default=dict)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
    ]
