"""An order knows when its newest version came in, by readings, and whether its stamps went back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0022_keep_what_is_named_instead_of_asking_for_it")]

    operations = [
        migrations.AlterField(
            model_name="order",
            name="reading",
            field=models.BigIntegerField(default=0, help_text="The last reading by its id that showed it."),
        ),
        migrations.AddField(
            model_name="order",
            name="begun",
            field=models.BigIntegerField(
                db_default=0,
                default=0,
                help_text="Readings begun when it last came in.",
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="set_back",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Its stamps went back once; only readings tell since.",
            ),
        ),
    ]
