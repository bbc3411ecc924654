"""A batch may change every row of a page: half of it stays free, so that all of them stay and touch no index."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0014_keep_what_observers_say")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} SET (fillfactor = 50)", f"ALTER TABLE {table} SET (fillfactor = 70)"
        )
        for table in ("ledger_stocklevel", "ledger_dirtyitem")
    ]
