"""A connection may keep a copy of the stock of a place that others decide."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0007_keep_every_recipe_of_a_kit"),
        ("connections", "0003_take_turns_at_writing"),
    ]

    operations = [
        migrations.AddField(
            model_name="locationmapping",
            name="mirrors",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="The connection keeps a copy of the stock here: it is told every movement from now on.",
            ),
        ),
        migrations.AddConstraint(
            model_name="locationmapping",
            constraint=models.UniqueConstraint(
                condition=models.Q(("mirrors", True)),
                fields=("connection", "external_id"),
                name="an_external_place_mirrors_one_location",
                violation_error_message="That place keeps the copy of another location already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="locationmapping",
            constraint=models.UniqueConstraint(
                condition=models.Q(("mirrors", True)),
                fields=("connection", "location"),
                name="a_location_is_mirrored_once_by_a_connection",
                violation_error_message="The connection keeps its copy of this location elsewhere already.",
            ),
        ),
    ]
