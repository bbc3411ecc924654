"""A session takes the ids of the history of figures a hundred at a time, and so at a tenth of the price.

Nobody finds a row by its id; it parts rows of one figure, one version and one instant, which one session wrote.
"""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("availability", "0008_make_a_month_without_holding_up_the_others")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE availability_figurehistory ALTER COLUMN id SET CACHE 100",
            "ALTER TABLE availability_figurehistory ALTER COLUMN id SET CACHE 1",
        )
    ]
