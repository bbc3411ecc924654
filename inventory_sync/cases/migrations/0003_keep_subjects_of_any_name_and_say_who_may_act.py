from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0002_say_who_owns_a_case_and_retry_groups"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="case",
            options={
                "ordering": ["-last_seen_at"],
                "permissions": [
                    ("assign_case", "Can say who works on a case"),
                    ("snooze_case", "Can hide a case for a while"),
                    ("acknowledge_case", "Can say that a case was seen"),
                    ("discard_case", "Can give a case up"),
                    ("retry_case", "Can retry what a case is about"),
                ],
            },
        ),
        migrations.AlterField(
            model_name="case",
            name="subject_id",
            field=models.CharField(max_length=240),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(condition=models.Q(("state", "open")), fields=["-id"], name="case_open"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("state", "open")), fields=["item_sku"], name="case_open_item"
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(fields=["created_at"], name="case_opened"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("state", "open"), _negated=True), fields=["resolved_at"], name="case_over"
            ),
        ),
    ]
