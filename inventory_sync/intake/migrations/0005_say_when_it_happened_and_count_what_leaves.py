"""A delivery says when its news happened; a shard counts what has left it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0004_part_deliveries_by_blocks"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="occurred_at",
            field=models.DateTimeField(
                blank=True, help_text="The first thing it told of, by its source's clock.", null=True
            ),
        ),
        migrations.AddField(
            model_name="shard",
            name="drained",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="Deliveries that have left it since the beginning."
            ),
        ),
    ]
