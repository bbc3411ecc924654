"""What a gap or a failed reading marked is found without reading every level: few are marked at any time."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0019_make_a_month_again_that_was_detached")]
    operations = [
        migrations.AddIndex(
            model_name="stocklevel",
            index=models.Index(
                condition=models.Q(("unknown_since__isnull", False)),
                fields=["unknown_since"],
                name="level_unknown",
            ),
        )
    ]
