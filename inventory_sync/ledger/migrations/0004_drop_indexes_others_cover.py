"""Every insert into the ledger paid for single-column indexes that longer ones already cover."""

import django.db.models.deletion
from django.db import migrations, models

COVERED = [
    ("event", "connection", "connections.connection"),
    ("event", "item", "catalog.item"),
    ("event", "location", "catalog.location"),
    ("movement", "item", "catalog.item"),
    ("movement", "source", "catalog.location"),
    ("movement", "destination", "catalog.location"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0001_initial"),
        ("connections", "0001_initial"),
        ("ledger", "0003_keep_every_fulfilment"),
    ]

    operations = [
        migrations.AlterField(
            model,
            name,
            models.ForeignKey(
                to, on_delete=django.db.models.deletion.PROTECT, related_name="+", db_index=False
            ),
        )
        for model, name, to in COVERED
    ]
