"""One more thing staff may do: say who decides what is at a place."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("console", "0001_permissions")]
    operations = [
        migrations.AlterModelOptions(
            name="deed",
            options={
                "default_permissions": (),
                "managed": False,
                "permissions": [
                    ("replay_delivery", "Can have a delivery applied again"),
                    ("resolve_parked", "Can close a parked line without applying it"),
                    ("retry_push", "Can have a figure pushed again"),
                    ("map_items", "Can say what a vendor's id means"),
                    ("pause_connection", "Can pause and resume a connection"),
                    ("rotate_token", "Can make a new hook token"),
                    ("resolve_case", "Can close a case"),
                    ("revoke_key", "Can revoke an API key"),
                    ("assign_authority", "Can change who decides what is at a place"),
                ],
            },
        ),
    ]
