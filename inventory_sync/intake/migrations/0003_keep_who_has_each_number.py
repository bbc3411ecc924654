"""Which message of a source has which of its numbers."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("connections", "0002_audited"),
        ("intake", "0002_reading_numbers"),
    ]

    operations = [
        migrations.CreateModel(
            name="SequenceNumber",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "connection_id",
                        "place",
                        "number",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("place", models.CharField(db_collation="C", max_length=120)),
                ("number", models.BigIntegerField()),
                ("said_by", models.CharField(max_length=220)),
                (
                    "connection",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="connections.connection",
                    ),
                ),
            ],
        ),
    ]
