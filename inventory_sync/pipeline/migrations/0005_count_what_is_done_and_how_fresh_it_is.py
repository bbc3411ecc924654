"""Counters of flights, freshness and refusals, and samples of depths. Rows survive restarts."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("connections", "0005_say_whether_a_connection_is_written_to"),
        ("pipeline", "0004_refuse_to_empty_evidence"),
    ]

    operations = [
        migrations.CreateModel(
            name="DoorTally",
            fields=[
                ("code", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("count", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Sample",
            fields=[
                ("at", models.DateTimeField(primary_key=True, serialize=False)),
                ("figures", models.JSONField()),
            ],
        ),
        migrations.CreateModel(
            name="FlightTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("outcome", models.CharField(max_length=40)),
                ("count", models.BigIntegerField()),
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
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("connection", "outcome"), name="one_flight_tally_per_outcome"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FreshnessTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tier", models.CharField(max_length=10)),
                (
                    "part",
                    models.CharField(
                        choices=[
                            ("occurred", "Since it happened"),
                            ("received", "Since its delivery was received"),
                            ("owed", "Since the figure was owed"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "grain",
                    models.CharField(
                        choices=[
                            ("ever", "Since the beginning"),
                            ("hour", "One hour"),
                            ("minutes", "Ten minutes"),
                        ],
                        max_length=10,
                    ),
                ),
                ("slot", models.DateTimeField()),
                ("count", models.BigIntegerField()),
                ("sum_s", models.FloatField()),
                (
                    "buckets",
                    django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                ),
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
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("grain", "slot", "part", "tier", "connection"),
                        name="one_freshness_tally_per_slot",
                    )
                ],
            },
        ),
    ]
