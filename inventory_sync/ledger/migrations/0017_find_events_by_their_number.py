"""Whether a number of a feed came, and what came after it, is found without reading the feed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0016_mark_what_a_gap_holds")]
    operations = [
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("sequence__isnull", False)),
                fields=["connection", "location", "sequence"],
                name="event_number",
            ),
        )
    ]
