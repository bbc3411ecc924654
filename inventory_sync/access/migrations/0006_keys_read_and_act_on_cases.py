import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0005_keep_answers_and_let_keys_write_orders"),
    ]

    operations = [
        migrations.AlterField(
            model_name="apikey",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("stock:read", "Read items, locations and stock levels"),
                        ("availability:read", "Read availability per channel"),
                        ("deliveries:read", "Read deliveries and their outcome"),
                        ("orders:read", "Read orders and what they reserve"),
                        ("orders:write", "Report orders that happened, change and cancel them"),
                        ("cases:read", "Read what failed, who owns it and what was tried"),
                        ("cases:write", "Assign, hide, end and retry what failed"),
                        ("reservations:write", "Reserve stock, and read and change what was reserved"),
                    ],
                    max_length=40,
                ),
                default=list,
                size=None,
            ),
        ),
    ]
