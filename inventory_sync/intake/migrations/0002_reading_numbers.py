"""The sequence of the hub's own reading numbers: order without a clock."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("intake", "0001_initial")]
    operations = [migrations.RunSQL("CREATE SEQUENCE intake_reading", "DROP SEQUENCE intake_reading")]
