"""A place says whether each movement must name its lot, or whose stock it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_audit_tenures")]
    operations = [
        migrations.AddField(
            model_name="location",
            name="tracks_lots",
            field=models.BooleanField(
                default=False, help_text="Every movement here names its lot; one that does not is parked."
            ),
        ),
        migrations.AddField(
            model_name="location",
            name="tracks_owners",
            field=models.BooleanField(
                default=False,
                help_text="Every movement here names whose stock it is; one that does not is parked.",
            ),
        ),
    ]
