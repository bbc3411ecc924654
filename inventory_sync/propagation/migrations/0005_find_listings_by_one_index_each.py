"""A listing becomes owed and settled again all day, and each time every index of its row is written."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0007_keep_every_recipe_of_a_kit"),
        ("connections", "0002_audited"),
        ("propagation", "0004_leave_half_of_each_page_free"),
    ]

    operations = [
        migrations.AlterField(
            model_name="listing",
            name="connection",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="listings",
                to="connections.connection",
            ),
        ),
        migrations.AlterField(
            model_name="listing",
            name="mapping",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="listings",
                to="catalog.itemmapping",
            ),
        ),
    ]
