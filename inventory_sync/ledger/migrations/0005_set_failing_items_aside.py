"""An item whose computation fails waits aside, so that it does not hold up the others."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_drop_indexes_others_cover")]

    operations = [
        migrations.AddField(
            model_name="dirtyitem",
            name="not_before",
            field=models.DateTimeField(
                blank=True, help_text="It failed; nobody tries until then.", null=True
            ),
        ),
    ]
