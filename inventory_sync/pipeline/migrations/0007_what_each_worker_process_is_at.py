"""A row per worker process: that it lives, and what it is at."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0006_replay_stretches_and_edited_copies")]

    operations = [
        migrations.CreateModel(
            name="Worker",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("host", models.CharField(max_length=120)),
                ("pid", models.IntegerField(help_text="The process that does the work.")),
                (
                    "parent",
                    models.IntegerField(help_text="The worker that started it and takes messages for it."),
                ),
                ("queues", models.CharField(help_text="Comma-separated.", max_length=120)),
                ("started_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                (
                    "task",
                    models.CharField(
                        blank=True, help_text="What it is at; nothing when it waits.", max_length=80
                    ),
                ),
                ("arguments", models.CharField(blank=True, max_length=200)),
                ("task_id", models.CharField(blank=True, help_text="As Flower knows it.", max_length=60)),
                ("since", models.DateTimeField(help_text="Since when it is at it, or waits.", null=True)),
                ("taken", models.PositiveBigIntegerField(default=0, help_text="Tasks since it started.")),
            ],
        ),
        migrations.AddConstraint(
            model_name="worker",
            constraint=models.UniqueConstraint(fields=("host", "pid"), name="a_process_has_one_row"),
        ),
    ]
