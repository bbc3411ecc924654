"""Keep what every shipment takes off an order line, and let the database say that one revision counts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_append_only")]

    operations = [
        migrations.RenameModel("EarlyFulfilment", "Fulfilment"),
        migrations.RenameIndex("Fulfilment", new_name="fulfilment_line", old_name="early_fulfilment_line"),
        migrations.RemoveField("Fulfilment", "used"),
        migrations.AlterField(
            "Fulfilment",
            "source",
            models.CharField(max_length=60, help_text="Code of the connection the order comes from."),
        ),
        migrations.AddConstraint(
            "Event",
            models.UniqueConstraint(
                fields=["connection", "key"],
                condition=models.Q(effective=True),
                name="one_revision_counts",
            ),
        ),
        migrations.AlterField("StockLevel", "count_key", models.CharField(max_length=220, blank=True)),
        migrations.AddField(
            "Order",
            "seen",
            models.BooleanField(default=True, help_text="False while only a shipment has named it."),
        ),
        migrations.AddField(
            "Order",
            "gone",
            models.BigIntegerField(
                null=True, help_text="The reading that found it missing at its source; 0 when announced."
            ),
        ),
    ]
