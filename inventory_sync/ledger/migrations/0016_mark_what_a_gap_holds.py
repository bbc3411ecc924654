"""A gap marks the levels it holds by a reading number of its own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0015_leave_half_of_each_page_free")]
    operations = [
        migrations.AddField(
            model_name="gap",
            name="since",
            field=models.BigIntegerField(
                default=0, help_text="The reading number that marks the levels it holds."
            ),
            preserve_default=False,
        )
    ]
