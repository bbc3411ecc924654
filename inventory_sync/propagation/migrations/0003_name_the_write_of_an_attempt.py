"""An attempt names the write it sent, so that what a channel was told can be followed into its own logs."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("propagation", "0002_keep_each_call_once")]

    operations = [
        migrations.AddField(
            model_name="pushattempt",
            name="write_key",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="The write's idempotency key; empty: none was sent.",
                max_length=120,
            ),
        ),
    ]
