"""A delivery notes the last reading that had begun when it was stored: a later one shows it, or newer."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("intake", "0005_say_when_it_happened_and_count_what_leaves")]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="begun",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="The last reading that had begun when it was stored."
            ),
        ),
    ]
