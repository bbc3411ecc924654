"""A kit is sold from one location, unless it is declared that its components may be gathered."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0005_places_track_lots_and_owners"),
    ]

    operations = [
        migrations.AddField(
            model_name="item",
            name="kit_pooled",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="A kit whose components may come from several locations; else one must hold them all.",
            ),
        ),
    ]
