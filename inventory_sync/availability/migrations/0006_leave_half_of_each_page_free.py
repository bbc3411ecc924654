"""A batch changes every figure of a page at once: with half of it free no index is touched."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("availability", "0005_keep_every_version_of_a_policy")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE availability_channelfigure SET (fillfactor = 50)",
            "ALTER TABLE availability_channelfigure SET (fillfactor = 75)",
        )
    ]
