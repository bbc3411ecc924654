"""A batch of figures changes every listing of a page at once: with half of it free few indexes are touched."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("propagation", "0003_name_the_write_of_an_attempt")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE propagation_listing SET (fillfactor = 50)",
            "ALTER TABLE propagation_listing RESET (fillfactor)",
        )
    ]
