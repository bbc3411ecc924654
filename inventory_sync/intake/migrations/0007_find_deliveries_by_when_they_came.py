import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0006_note_how_many_readings_had_begun"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="delivery",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["received_at"], name="delivery_received", pages_per_range=32
            ),
        ),
    ]
